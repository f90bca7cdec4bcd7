using Vlc.Numerics.Kernels;

namespace Vlc.Codecs.Scalar;

/// <summary>Which axes of a residual have a code: all d, or the d_r of most residual energy.</summary>
internal sealed class CodedAxes
{
    private readonly int[]? _axes;

    /// <summary>All axes of <paramref name="dimension"/>.</summary>
    public CodedAxes(int dimension)
    {
        Dimension = dimension;
        Count = dimension;
    }

    /// <summary>The named axes, ascending, of <paramref name="dimension"/>.</summary>
    public CodedAxes(int dimension, int[] axes)
    {
        Dimension = dimension;
        Count = axes.Length;
        _axes = axes.Length == dimension ? null : axes;
    }

    public int Dimension { get; }

    public int Count { get; }

    public bool All => _axes is null;

    /// <summary>Axis of a code.</summary>
    public int Axis(int code) => _axes is null ? code : _axes[code];

    /// <summary>The axes of most energy, lowest first among equals.</summary>
    public static CodedAxes OfMostEnergy(ReadOnlySpan<double> energy, int count)
    {
        double[] energies = energy.ToArray();
        int[] axes =
        [
            .. Enumerable.Range(0, energies.Length).OrderByDescending(axis => energies[axis]).ThenBy(axis => axis).Take(count).Order(),
        ];
        return new CodedAxes(energies.Length, axes);
    }

    /// <summary>
    /// target[i] = query - anchor on coded axis i, the rest of <paramref name="target"/> zero; returns the squared distance on the other
    /// axes.
    /// </summary>
    public float Difference(ReadOnlySpan<float> query, ReadOnlySpan<float> anchor, Span<float> target)
    {
        target[Count..].Clear();
        if (_axes is null)
        {
            for (int k = 0; k < Dimension; k++) target[k] = query[k] - anchor[k];
            return 0;
        }

        double rest = 0;
        int next = 0;
        for (int k = 0; k < Dimension; k++)
        {
            float difference = query[k] - anchor[k];
            if (next < _axes.Length && _axes[next] == k) target[next++] = difference;
            else rest += (double)difference * difference;
        }

        return (float)rest;
    }

    /// <summary>target[i] = values on coded axis i, the rest of <paramref name="target"/> zero.</summary>
    public void Gather(ReadOnlySpan<float> values, Span<float> target)
    {
        target[Count..].Clear();
        for (int i = 0; i < Count; i++) target[i] = values[Axis(i)];
    }

    /// <summary>Length of scratch memory for coded values, padded as the scans want it.</summary>
    public int PaddedCount => Int8Scan.PaddedLength(Count);
}
