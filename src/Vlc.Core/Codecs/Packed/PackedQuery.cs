using Vlc.Numerics.Kernels;

namespace Vlc.Codecs.Packed;

/// <summary>What a query of codec <c>packed</c> keeps: its coordinates, and what sorts out rows before they are measured.</summary>
internal sealed class PackedQuery(PackedParameters parameters) : LocalBasesQuery(parameters)
{
    /// <summary>Rows that the prefix filters before its benefit is judged.</summary>
    private const int LeastPrefixRows = 1024;

    private int _prefixRows;
    private int _prefixLeft;
    private FilterBuffers _buffers = new(null, 1, 0, 0);

    /// <summary>Prunes rows before they are measured.</summary>
    public TrellisFilter Filter { get; } = new();

    /// <summary>Whether the prefix left less than half of the rows that it filtered, after the first few lists.</summary>
    public bool PrefixPays => _prefixLeft <= (_prefixRows / 2) + LeastPrefixRows;

    public override void Reset()
    {
        base.Reset();
        (_prefixRows, _prefixLeft) = (0, 0);
    }

    /// <summary>Counts rows filtered by the prefix, and the candidates that it left.</summary>
    public void CountPrefix(int rows, int left)
    {
        _prefixRows += rows;
        _prefixLeft += left;
    }

    /// <summary>Grows the buffers to so many queries, floats of each, and rows.</summary>
    public FilterBuffers Buffers(int queries, int stride, int rows)
    {
        if (!_buffers.Holds(queries, stride, rows)) _buffers = new FilterBuffers(_buffers, queries, stride, rows);
        return _buffers;
    }

    public override void Dispose()
    {
        base.Dispose();
        Filter.Dispose();
    }
}
