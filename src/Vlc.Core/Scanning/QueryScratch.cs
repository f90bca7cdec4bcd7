using Vlc.Numerics.Memory;

namespace Vlc.Scanning;

/// <summary>What one running query needs; reused, so that a search allocates nothing but its result.</summary>
internal sealed class QueryScratch(Metric metric, int dimension, int cellCount, int largestList, IQueryState? codecState) : IDisposable
{
    private readonly AlignedBuffer<float> _vector = new(dimension);
    private AlignedBuffer<float> _coded = new(0);
    private NativeBytes? _gathered;
    private CodeRows? _gatheredCodes;

    public Metric Metric { get; } = metric;

    /// <summary>The query as the codecs want it: unit length for cosine, in scaled units.</summary>
    public Span<float> Vector => _vector.Span;

    /// <summary>The query minus the centre, for ranking anchors.</summary>
    public float[] Centred { get; } = new float[dimension];

    /// <summary>The cells, nearest first.</summary>
    public ProbeQueue Cells { get; } = new(cellCount);

    /// <summary>‖query - centre‖².</summary>
    public float CentredSquared { get; set; }

    /// <summary>‖query - anchor‖² of a cell that has its score, ‖anchor - centre‖²/2 - ⟨query - centre, anchor - centre⟩.</summary>
    public float SquaredDistance(int cell) => (2 * Cells.Scores[cell]) + CentredSquared;

    public float[] RowDistances { get; } = new float[largestList];

    /// <summary>Rows of a list that pass the filter; made when first needed, as a batch has a scratch for each of its queries.</summary>
    public int[] PassingRows => field ??= new int[largestList];

    /// <summary>Places in their list of the passing rows.</summary>
    public int[] PassingPositions => field ??= new int[largestList];

    /// <summary>Numbers in the index of rows whose codes were gathered from several segments.</summary>
    public int[] GatheredRows => field ??= new int[largestList];

    /// <summary>Rows that a codec did not sort out; those who share a list use the first query's.</summary>
    public int[] KeptRows => field ??= new int[largestList];

    /// <summary>The codec's own memory of the query.</summary>
    public IQueryState? CodecState { get; } = codecState;

    /// <summary>Scratch of a codec: at least <paramref name="length"/> floats, 64-byte aligned, with any content.</summary>
    public Span<float> Coded(int length)
    {
        if (_coded.Length < length)
        {
            _coded.Dispose();
            _coded = new AlignedBuffer<float>(length);
        }

        return _coded.Slice(0, length);
    }

    /// <summary>The nearest rows so far.</summary>
    public TopK Nearest { get; private set; } = new(1);

    /// <summary>
    /// True where a codec may leave out only rows that are proven to be too far: for searches by range, and of all rows.
    /// </summary>
    public bool IsExact { get; private set; }

    /// <summary>Memory for the codes of a list that lie in several segments.</summary>
    /// <param name="length">Bytes.</param>
    public NativeBytes Gathered(long length)
    {
        if (_gathered is null || _gathered.Length < length)
        {
            _gathered?.Dispose();
            _gathered = new NativeBytes(length);
            _gatheredCodes = new CodeRows(_gathered, 0, 0, 1);
        }

        return _gathered;
    }

    /// <summary>The codes in the memory that <see cref="Gathered"/> gave; one object for all lists, as a search makes none.</summary>
    /// <param name="count">Rows.</param>
    /// <param name="stride">Bytes of each; at least 1.</param>
    public CodeRows GatheredCodes(int count, int stride)
    {
        _gatheredCodes!.Reset(count, stride);
        return _gatheredCodes;
    }

    /// <summary>Rows that the query has scanned, less those that a filter kept out.</summary>
    public long ScannedRows { get; set; }

    /// <summary>Of these, rows whose distance was computed in full.</summary>
    public long MeasuredRows { get; set; }

    /// <summary>Empties <see cref="Nearest"/> for k rows; the heap is kept, as k rarely changes from one query to the next.</summary>
    /// <param name="k">Rows wanted.</param>
    /// <param name="limit">Largest distance of a row that is kept.</param>
    /// <param name="isExact">Value of <see cref="IsExact"/>.</param>
    public void Begin(int k, float limit = float.PositiveInfinity, bool isExact = false)
    {
        if (Nearest.K != k) Nearest = new TopK(k);
        Nearest.Clear(limit);
        (IsExact, ScannedRows, MeasuredRows) = (isExact, 0, 0);
    }

    public void Dispose()
    {
        _vector.Dispose();
        _coded.Dispose();
        _gathered?.Dispose();
        CodecState?.Dispose();
    }
}
