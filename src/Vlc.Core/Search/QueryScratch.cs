using Vlc.Numerics.Memory;

namespace Vlc.Search;

/// <summary>What one running query needs; reused, so that a search allocates nothing but its result.</summary>
internal sealed class QueryScratch(Metric metric, int dimension, int cellCount, int largestCell) : IDisposable
{
    private readonly AlignedBuffer<float> _vector = new(dimension);
    private AlignedBuffer<float> _coded = new(0);

    public Metric Metric { get; } = metric;

    /// <summary>The query as the codecs want it: unit length for cosine, in scaled units.</summary>
    public Span<float> Vector => _vector.Span;

    /// <summary>The query minus the centre, for ranking anchors.</summary>
    public float[] Centred { get; } = new float[dimension];

    /// <summary>A score for each cell, smaller is nearer.</summary>
    public float[] CellScores { get; } = new float[cellCount];

    /// <summary>The cells in the order in which they are scanned.</summary>
    public int[] CellOrder { get; } = new int[cellCount];

    /// <summary>Sorting keys of <see cref="CellOrder"/>.</summary>
    public float[] CellKeys { get; } = new float[cellCount];

    public float[] RowDistances { get; } = new float[largestCell];

    public int[] PassingRows { get; } = new int[largestCell];

    /// <summary>Finds the cells to scan; kept, as its size is the caller's choice and rarely changes.</summary>
    public TopK? Cells { get; set; }

    /// <summary>Finds the rows to return.</summary>
    public TopK? Rows { get; set; }

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

    public TopK CellsTopK(int k) => Cells is { } cells && cells.K == k ? cells : Cells = new TopK(k);

    public TopK RowsTopK(int k) => Rows is { } rows && rows.K == k ? rows : Rows = new TopK(k);

    public void Dispose()
    {
        _vector.Dispose();
        _coded.Dispose();
    }
}
