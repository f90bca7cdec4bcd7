using System.Buffers.Binary;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats;

/// <summary>Ground truth: for each query the rows of its nearest neighbours, nearest first. Small enough to be held whole.</summary>
public sealed class NeighborTable
{
    // 2^28 ids are 1 GB: a million queries with 256 neighbours.
    private const long MaxIds = 1L << 28;

    private readonly int[] _ids;

    private NeighborTable(int[] ids, int k)
    {
        _ids = ids;
        K = k;
    }

    /// <summary>Number of queries; at least 1.</summary>
    public int Queries => _ids.Length / K;

    /// <summary>Neighbours of each query; at least 1.</summary>
    public int K { get; }

    /// <summary>Row numbers of the neighbours of a query, nearest first; <see cref="K"/> of them.</summary>
    /// <param name="query">0 to <see cref="Queries"/> - 1.</param>
    public ReadOnlySpan<int> this[int query] => _ids.AsSpan(query * K, K);

    /// <summary>
    /// Reads an npy file of i4 or i8 (told by its signature), an ivecs file, or a ground truth of the big-ann benchmarks: uint32 queries,
    /// uint32 neighbours, the ids, and distances behind them or not. The last two are told apart by the length that their header states.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="VlcFormatException">The file is damaged or of another format, or an id is negative or beyond int32.</exception>
    public static NeighborTable Read(string path)
    {
        using InputFile file = new(path);
        byte[] head = new byte[FileSignature.Length];
        head = head[..file.Read(head, 0)];
        if (head.AsSpan().StartsWith(FileSignature.Npy)) return ReadNpy(file);
        if (FileSignature.Describe(head) is { } found)
        {
            throw new VlcFormatException(path, "offset 0", "ivecs, npy or a big-ann ground truth", found);
        }
        bool isBigAnn = BigAnnLayout(file, head) is not null;
        return isBigAnn && !FitsIvecs(file, head) ? ReadBigAnn(file, head) : isBigAnn ? ReadByExtension(file, head) : ReadIvecs(file);
    }

    /// <summary>Takes the rows of a source of integers, such as the dataset <c>neighbors</c> of an HDF5 file.</summary>
    /// <param name="source">Element type Int32.</param>
    /// <exception cref="VlcFormatException">Other elements, too many of them, or an id that float32 cannot tell from the next
    /// one.</exception>
    public static NeighborTable From(VectorSource source)
    {
        // A source hands out float32; up to this value its integers are exact.
        const float exact = 1 << 24;
        ArgumentNullException.ThrowIfNull(source);
        if (source.ElementType != ElementType.Int32 || source.Count > MaxIds / source.Dimension)
        {
            throw new VlcFormatException(
                source.Name, "file", $"at most {MaxIds} ids of type {ElementType.Int32}",
                $"{source.Count} x {source.Dimension} of type {source.ElementType}");
        }

        float[] row = new float[source.Dimension];
        int[] ids = new int[source.Count * source.Dimension];
        for (int query = 0; query < source.Count; query++)
        {
            source.Read(query, 1, row);
            for (int rank = 0; rank < row.Length; rank++)
            {
                ids[(query * row.Length) + rank] = row[rank] is >= 0 and < exact
                    ? (int)row[rank]
                    : throw new VlcFormatException(
                        source.Name, $"row {query}, column {rank}", $"a row number below {exact}", $"{row[rank]}", "Use ivecs or npy.");
            }
        }

        return new NeighborTable(ids, row.Length);
    }

    private static NeighborTable ReadIvecs(InputFile file)
    {
        RowLayout layout = VecsFormat.ReadLayout(file, ElementType.Int32);
        return ReadRows(file, layout, idBytes: sizeof(int), "file");
    }

    /// <summary>The rows of ids behind a big-ann header; null where the file's length is not what the header states.</summary>
    private static RowLayout? BigAnnLayout(InputFile file, ReadOnlySpan<byte> head)
    {
        const int header = 2 * sizeof(uint);
        if (head.Length < header) return null;
        uint queries = BinaryPrimitives.ReadUInt32LittleEndian(head), k = BinaryPrimitives.ReadUInt32LittleEndian(head[sizeof(uint)..]);
        if (queries == 0 || k is 0 or > VectorShape.MaxDimension) return null;
        Int128 ids = (Int128)queries * k * sizeof(int);
        return file.Length == header + ids || file.Length == header + (2 * ids)
            ? new RowLayout(header, queries, (int)k, ElementType.Int32)
            : null;
    }

    /// <summary>Whether the first and the last row of the length that the first states begin with the same number.</summary>
    private static bool FitsIvecs(InputFile file, ReadOnlySpan<byte> head)
    {
        int k = BinaryPrimitives.ReadInt32LittleEndian(head);
        if (k is < 1 or > VectorShape.MaxDimension || file.Length % ((k + 1L) * sizeof(int)) != 0) return false;
        Span<byte> last = stackalloc byte[sizeof(int)];
        file.ReadExactly(last, file.Length - ((k + 1L) * sizeof(int)), "the last row");
        return BinaryPrimitives.ReadInt32LittleEndian(last) == k;
    }

    private static NeighborTable ReadByExtension(InputFile file, ReadOnlySpan<byte> head) =>
        Path.GetExtension(file.Path).ToUpperInvariant() switch
    {
        ".IVECS" => ReadIvecs(file),
        ".IBIN" or ".BIN" => ReadBigAnn(file, head),
        _ => throw new VlcFormatException(
            file.Path, "content", "ivecs or a big-ann ground truth", "a file that fits both", "Name it .ivecs or .ibin, whichever it is."),
    };

    private static NeighborTable ReadBigAnn(InputFile file, ReadOnlySpan<byte> head)
    {
        RowLayout layout = BigAnnLayout(file, head)
            ?? throw new VlcFormatException(file.Path, "header", "queries and neighbours", "other numbers");
        long end = layout.DataOffset + (layout.Count * layout.Stride);
        return ReadRows(file, layout, idBytes: sizeof(int), "header", end);
    }

    private static NeighborTable ReadNpy(InputFile file)
    {
        NpyHeader header = NpyHeader.Read(file);
        int idBytes = header.Descr switch
        {
            "<i4" => sizeof(int),
            "<i8" => sizeof(long),
            _ => throw new VlcFormatException(file.Path, "header, 'descr'", "<i4 or <i8", $"'{header.Descr}'"),
        };
        RowLayout layout = new(header.DataOffset, header.Rows, (int)header.Columns, ElementType.Int32);
        return ReadRows(file, layout, idBytes, "header, 'shape'");
    }

    /// <param name="file">The file.</param>
    /// <param name="layout">Where the ids lie.</param>
    /// <param name="idBytes">Bytes of an id.</param>
    /// <param name="where">The place that states the layout, for messages.</param>
    /// <param name="end">Offset just past the last id, where distances follow; null for the end of the file.</param>
    private static NeighborTable ReadRows(InputFile file, RowLayout layout, int idBytes, string where, long? end = null)
    {
        int stride = layout.Prefix + (layout.Dimension * idBytes);
        Int128 length = layout.DataOffset + ((Int128)layout.Count * stride);
        if (length != (end ?? file.Length))
        {
            throw new VlcFormatException(
                file.Path, where, $"{length} bytes for {layout.Count} x {layout.Dimension} ids", $"{file.Length} bytes",
                "The file is truncated, or has trailing bytes.");
        }

        if (layout.Count * layout.Dimension > MaxIds)
        {
            throw new VlcFormatException(
                file.Path, where, $"at most {MaxIds} ids", $"{layout.Count} x {layout.Dimension}", "Keep fewer neighbours.");
        }

        int[] ids = new int[layout.Count * layout.Dimension];
        byte[] row = new byte[stride];
        for (long query = 0; query < layout.Count; query++)
        {
            long offset = layout.DataOffset + (query * stride);
            file.ReadExactly(row, offset, $"row {query}");
            if (layout.DimensionPrefix && BinaryPrimitives.ReadInt32LittleEndian(row) != layout.Dimension)
            {
                throw new VlcFormatException(
                    file.Path, $"row {query}, offset {offset}", $"dimension {layout.Dimension} as in row 0",
                    $"dimension {BinaryPrimitives.ReadInt32LittleEndian(row)}");
            }

            for (int rank = 0; rank < layout.Dimension; rank++)
            {
                ReadOnlySpan<byte> stored = row.AsSpan(layout.Prefix + (rank * idBytes));
                long id = idBytes == sizeof(int)
                    ? BinaryPrimitives.ReadInt32LittleEndian(stored)
                    : BinaryPrimitives.ReadInt64LittleEndian(stored);
                ids[(query * layout.Dimension) + rank] = id is >= 0 and <= int.MaxValue
                    ? (int)id
                    : throw new VlcFormatException(
                        file.Path, $"row {query}, column {rank}, offset {offset}", $"a row number of 0 to {int.MaxValue}", $"{id}");
            }
        }

        return new NeighborTable(ids, layout.Dimension);
    }
}
