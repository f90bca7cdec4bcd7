using System.Numerics.Tensors;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Scanning;

namespace Vlc.Codecs.Packed;

/// <summary>The query in the basis of each group, computed when the first of the group's cells is scanned.</summary>
internal sealed class PackedQuery : IQueryState
{
    /// <summary>Rows that the prefix filters before its benefit is judged.</summary>
    private const int LeastPrefixRows = 1024;

    private readonly bool[] _ready;
    private readonly float[] _centred;
    private float[] _norms = [];
    private int _cell = -1;
    private int _prefixRows;
    private int _prefixLeft;
    private FilterBuffers _buffers = new(null, 1, 0, 0);

    public PackedQuery(PackedParameters parameters)
    {
        _ready = new bool[parameters.Groups.Length];
        _centred = new float[parameters.Dimension];
        Centred = [.. parameters.Groups.Select(group => new float[group.Rank])];
        Rotated = [.. parameters.Groups.Select(group => new float[group.Rank])];
        Outside = new float[_ready.Length];
        Vector = new float[parameters.Dimension];
    }

    /// <summary>Bᵀ(q - μ) of each group.</summary>
    public float[][] Centred { get; }

    /// <summary>Bᵀq of each group.</summary>
    public float[][] Rotated { get; }

    /// <summary>‖q - μ‖² outside each basis.</summary>
    public float[] Outside { get; }

    /// <summary>Query minus anchor, for distances; otherwise scratch memory for a vector.</summary>
    public float[] Vector { get; }

    /// <summary>
    /// The contribution of query and anchor of a cell: squared distance within the basis, or product. The classes of a cell share it.
    /// </summary>
    public float CellDistance { get; set; }

    /// <summary>⟨q, μ⟩.</summary>
    public float MeanProduct { get; private set; }

    /// <summary>‖q‖².</summary>
    public float Squared { get; private set; }

    /// <summary>Prunes rows before they are measured.</summary>
    public TrellisFilter Filter { get; } = new();

    /// <summary>Whether the prefix left less than half of the rows that it filtered, after the first few lists.</summary>
    public bool PrefixPays => _prefixLeft <= (_prefixRows / 2) + LeastPrefixRows;

    public void Reset()
    {
        _ready.AsSpan().Clear();
        _cell = -1;
        (_prefixRows, _prefixLeft) = (0, 0);
    }

    /// <summary>Counts rows filtered by the prefix, and the candidates that it left.</summary>
    public void CountPrefix(int rows, int left)
    {
        _prefixRows += rows;
        _prefixLeft += left;
    }

    /// <summary>Whether this cell differs from the last one.</summary>
    public bool SwitchTo(int cell)
    {
        bool other = cell != _cell;
        _cell = cell;
        return other;
    }

    public void Rotate(ReadOnlySpan<float> query, int group, PackedMatrix basis, float[] mean, float[] meanCoordinates)
    {
        if (_ready[group]) return;
        _ready[group] = true;
        TensorPrimitives.Subtract(query, mean, _centred);
        basis.Multiply(_centred, Centred[group]);
        TensorPrimitives.Add(Centred[group], meanCoordinates, Rotated[group]);
        Outside[group] = MathF.Max(Distances.Dot(_centred, _centred) - Distances.Dot(Centred[group], Centred[group]), 0);
        MeanProduct = Distances.Dot(query, mean);
        Squared = Distances.Dot(query, query);
    }

    public Span<float> Norms(int count)
    {
        if (_norms.Length < count) _norms = new float[count];
        return _norms.AsSpan(0, count);
    }

    /// <summary>Grows the buffers to so many queries, floats of each, and rows.</summary>
    public FilterBuffers Buffers(int queries, int stride, int rows)
    {
        if (!_buffers.Holds(queries, stride, rows)) _buffers = new FilterBuffers(_buffers, queries, stride, rows);
        return _buffers;
    }

    public void Dispose() => Filter.Dispose();
}
