using System.Numerics.Tensors;
using Vlc.Numerics.Kernels;

namespace Vlc.Residuals.Packed;

/// <summary>Turns rows into residuals in the basis of their group: y = B·(x - μ) - z.</summary>
internal sealed class PackedRotation : IDisposable
{
    private readonly PackedParameters _parameters;
    private readonly PackedMatrix[] _bases;

    public PackedRotation(PackedParameters parameters)
    {
        _parameters = parameters;
        _bases = [.. parameters.Groups.Select(group => new PackedMatrix(group.Basis, group.Rank, parameters.Dimension))];
    }

    /// <summary>The residual of a row, rank floats.</summary>
    /// <param name="row">d floats, in scaled units.</param>
    /// <param name="cell">Its cell.</param>
    /// <param name="energy">Squared length of the residual over all d axes, those that the basis leaves out included.</param>
    public float[] Residual(ReadOnlySpan<float> row, int cell, out double energy)
    {
        int group = _parameters.CellGroups[cell];
        var centred = new float[_parameters.Dimension];
        TensorPrimitives.Subtract(row, _parameters.Mean, centred);
        var residual = new float[_bases[group].ColumnCount];
        _bases[group].Multiply(centred, residual);
        double outside = Math.Max(0, (double)Distances.Dot(centred, centred) - Distances.Dot(residual, residual));
        TensorPrimitives.Subtract(residual, _parameters.CellAnchors[cell], residual);
        energy = outside + Distances.Dot(residual, residual);
        return residual;
    }

    public void Dispose()
    {
        foreach (PackedMatrix basis in _bases) basis.Dispose();
    }
}
