using Vlc.Anchors;
using Vlc.Compute;
using Vlc.Numerics.Memory;
using Vlc.Scanning;
using Vlc.Storage;

namespace Vlc.Codecs;

/// <summary>Takes bytes that have a place; they are the caller's again afterwards.</summary>
internal delegate void PlaceBytes(ReadOnlySpan<byte> bytes, long offset);

/// <summary>
/// What a codec has learned, and all that it does with it: it writes and opens its sections, codes rows, scans the codes of any segment
/// against a query, gives vectors back, and brings codes to a device. One subclass is one codec, in a folder of its own. Immutable; scratch
/// memory belongs to the query.
/// </summary>
internal abstract class CodecModel : IDisposable
{
    /// <summary>Which codec.</summary>
    public abstract CodecKind Kind { get; }

    /// <summary>d.</summary>
    public abstract int Dimension { get; }

    /// <summary>m.</summary>
    public abstract int AnchorCount { get; }

    /// <summary>Inverted lists of each cell; lists of a cell follow one another.</summary>
    public virtual int ListsPerCell => 1;

    /// <summary>Inverted lists.</summary>
    public int ListCount => AnchorCount * ListsPerCell;

    /// <summary>Coded axes of a residual, of the list that has most; 0 where there is no code.</summary>
    public abstract int CodedDimension { get; }

    /// <summary>Bits in which a segment stores the list of a row; null for a u32.</summary>
    public virtual int? AssignmentBits => null;

    /// <summary>Bytes of the lists of rows in so many bits each.</summary>
    public static long AssignmentBytes(long rows, int bits) => ((rows * bits) + 7) / 8;

    /// <summary>True where a segment's codes lie list behind list; false where they lie in the order of its rows.</summary>
    public virtual bool CodesAreByList => false;

    /// <summary>Whether a scan gains by having the codes of a list in several segments copied one behind the other first.</summary>
    public virtual bool GathersSegments => CodesAreByList;

    /// <summary>Bytes behind the codes of a segment that belong to no row.</summary>
    public virtual int CodesPadding => 0;

    /// <summary>Element type of the codes.</summary>
    public virtual SectionElement CodeElement => SectionElement.Bytes;

    /// <summary>Bytes of the code of a row of a list.</summary>
    public abstract int CodeBytes(int list);

    /// <summary>Bytes of the codes of a segment.</summary>
    /// <param name="listCounts">Rows of each list.</param>
    public long CodeBytes(ReadOnlySpan<int> listCounts)
    {
        long bytes = CodesPadding;
        for (int list = 0; list < listCounts.Length; list++) bytes += (long)CodeBytes(list) * listCounts[list];
        return bytes;
    }

    /// <summary>The anchors as a search has them: row-major, m x d, in scaled units.</summary>
    public abstract float[] DecodeAnchors();

    /// <summary>Writes the sections that every search needs.</summary>
    public abstract void WriteModel(SectionWriter writer);

    /// <summary>What coding further rows needs besides the model; empty where it needs nothing.</summary>
    public virtual byte[] WriteEncoderState() => [];

    /// <summary>False where the index was written without what coding further rows needs.</summary>
    public virtual bool CanEncode => true;

    /// <summary>Adds everything that codes follow from to a digest.</summary>
    public abstract void AddTo(InputDigest digest);

    /// <summary>Readies the coding of rows.</summary>
    /// <param name="backend">Where the heavy part runs.</param>
    /// <param name="threads">Threads to use.</param>
    /// <exception cref="InvalidOperationException"><see cref="CanEncode"/> is false.</exception>
    public abstract RowEncoder CreateEncoder(IComputeBackend backend, int threads);

    /// <summary>Opens the codes of a segment.</summary>
    /// <param name="reader">The files.</param>
    /// <param name="segment">Number of the segment.</param>
    /// <param name="lists">Its rows by list.</param>
    /// <exception cref="VlcFormatException">The section is not what the model and the lists say.</exception>
    public abstract SegmentCodes OpenCodes(SectionReader reader, int segment, InvertedLists lists);

    /// <summary>Takes the code of a row out of its list, as <see cref="RowEncoder"/> made it.</summary>
    /// <param name="codes">The list's codes.</param>
    /// <param name="list">The list.</param>
    /// <param name="position">The row's place in the list.</param>
    /// <param name="code">Receives <see cref="CodeBytes(int)"/> bytes.</param>
    public virtual void TakeCode(CodeRows codes, int list, int position, Span<byte> code) => codes.Row(position).CopyTo(code);

    /// <summary>Says where the codes of rows that follow one another lie in their list.</summary>
    /// <param name="list">The list.</param>
    /// <param name="count">Rows of the whole list.</param>
    /// <param name="first">Place of the first of these rows.</param>
    /// <param name="codes">Their codes as <see cref="RowEncoder"/> made them, one behind the other.</param>
    /// <param name="write">Gets every byte of them once, with its offset from the list's first.</param>
    public virtual void PlaceCodes(int list, int count, int first, ReadOnlySpan<byte> codes, PlaceBytes write) =>
        write(codes, (long)first * CodeBytes(list));

    /// <summary>
    /// Distances of a query to rows of a list, smaller is nearer: squared Euclidean for l2 and cosine, the negative product for inner
    /// product, in scaled units.
    /// </summary>
    /// <param name="query">The prepared query.</param>
    /// <param name="list">The list.</param>
    /// <param name="anchor">The cell's anchor, d floats.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="distances">Receives one float a row.</param>
    public abstract void Score(QueryScratch query, int list, ReadOnlySpan<float> anchor, ListRows rows, Span<float> distances);

    /// <summary>
    /// Puts the rows of a list that are near enough among the query's nearest; those that cannot be among them may be left out.
    /// </summary>
    /// <param name="query">The prepared query.</param>
    /// <param name="list">The list.</param>
    /// <param name="anchor">The cell's anchor, d floats.</param>
    /// <param name="rows">The rows.</param>
    public virtual void Scan(QueryScratch query, int list, ReadOnlySpan<float> anchor, ListRows rows)
    {
        Span<float> distances = query.RowDistances.AsSpan(0, rows.Count);
        Score(query, list, anchor, rows, distances);
        query.MeasuredRows += rows.Count;
        query.Nearest.Push(distances, rows.Rows, rows.FirstRow);
    }

    /// <summary>Most queries that gain by scanning a list together; 1 where none does.</summary>
    public virtual int SharedQueries => 1;

    /// <summary><see cref="Scan"/> for several queries, which may share what is worked out for the rows.</summary>
    /// <param name="queries">The prepared queries.</param>
    /// <param name="list">The list.</param>
    /// <param name="anchor">The cell's anchor, d floats.</param>
    /// <param name="rows">The rows.</param>
    public virtual void ScanShared(ReadOnlySpan<QueryScratch> queries, int list, ReadOnlySpan<float> anchor, ListRows rows)
    {
        foreach (QueryScratch query in queries) Scan(query, list, anchor, rows);
    }

    /// <summary>Adds the decoded residual of a row to <paramref name="vector"/>, which holds its anchor.</summary>
    /// <param name="codes">The codes of the row's segment.</param>
    /// <param name="row">Row number within the segment.</param>
    /// <param name="list">The row's list.</param>
    /// <param name="position">Its place in the list.</param>
    /// <param name="vector">d floats, in scaled units.</param>
    public abstract void AddResidual(SegmentCodes codes, int row, int list, int position, Span<float> vector);

    /// <summary>What the codec keeps for a query while it runs; null where it keeps nothing.</summary>
    public virtual IQueryState? CreateQueryState() => null;

    /// <summary>Floats by which a device knows a query.</summary>
    public abstract int CoordinateCount { get; }

    /// <summary>Groups of cells of which a device needs an offset for each query.</summary>
    public virtual int GroupCount => 0;

    /// <summary>Brings the codes of a segment to a device.</summary>
    /// <param name="backend">Where to.</param>
    /// <param name="codes">The codes.</param>
    /// <param name="lists">Rows of each list.</param>
    /// <param name="metric">The metric of the index.</param>
    /// <param name="anchors">m x d, in scaled units.</param>
    public abstract ICodeScanner LoadOnto(
        ICodeScanBackend backend, SegmentCodes codes, InvertedLists lists, Metric metric, ReadOnlyMemory<float> anchors);

    /// <summary>What a device needs of a query: see <see cref="QueryBatch"/>.</summary>
    /// <param name="query">The prepared query.</param>
    /// <param name="cells">The cells to be scanned; null for all.</param>
    /// <param name="coordinates">Receives <see cref="CoordinateCount"/> floats.</param>
    /// <param name="offsets">Receives <see cref="GroupCount"/> floats.</param>
    /// <param name="squared">Receives ‖q‖².</param>
    public abstract void Describe(QueryScratch query, int[]? cells, Span<float> coordinates, Span<float> offsets, out float squared);

    public virtual void Dispose()
    {
    }
}
