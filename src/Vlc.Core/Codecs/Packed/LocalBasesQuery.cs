using System.Numerics.Tensors;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Scanning;

namespace Vlc.Codecs.Packed;

/// <summary>The query in the basis of each group, computed when the first of the group's cells is scanned.</summary>
internal class LocalBasesQuery : IQueryState
{
    private readonly bool[] _ready;
    private readonly float[] _centred;
    private float[] _norms = [];
    private int _cell = -1;

    public LocalBasesQuery(PackedParameters parameters)
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

    public virtual void Reset()
    {
        _ready.AsSpan().Clear();
        _cell = -1;
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

    public virtual void Dispose()
    {
    }
}
