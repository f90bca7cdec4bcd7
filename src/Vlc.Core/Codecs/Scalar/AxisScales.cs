namespace Vlc.Codecs.Scalar;

/// <summary>
/// The diagonal Jacobians: the value of code 1 on each coded axis, for each cell, or one row for all cells where the index has none.
/// </summary>
internal sealed class AxisScales
{
    private readonly float[] _scales;
    private readonly int _paddedCount;
    private readonly bool _perCell;

    private AxisScales(float[] scales, int paddedCount, bool perCell)
    {
        _scales = scales;
        _paddedCount = paddedCount;
        _perCell = perCell;
    }

    /// <summary>One scale an axis for all cells; <paramref name="scales"/> holds the coded axes.</summary>
    public static AxisScales Global(ReadOnlySpan<float> scales, CodedAxes axes)
    {
        var padded = new float[axes.PaddedCount];
        scales.CopyTo(padded);
        return new AxisScales(padded, axes.PaddedCount, perCell: false);
    }

    /// <summary>The Jacobians of each cell, m x d; the coded axes are gathered.</summary>
    public static AxisScales PerCell(ReadOnlySpan<float> jacobians, int cellCount, CodedAxes axes)
    {
        var padded = new float[cellCount * axes.PaddedCount];
        for (int cell = 0; cell < cellCount; cell++)
        {
            axes.Gather(
                jacobians.Slice(cell * axes.Dimension, axes.Dimension), padded.AsSpan(cell * axes.PaddedCount, axes.PaddedCount));
        }

        return new AxisScales(padded, axes.PaddedCount, perCell: true);
    }

    /// <summary>Whether cells have scales of their own: the diagonal Jacobians.</summary>
    public bool IsPerCell => _perCell;

    /// <summary>The diagonal Jacobians, m x d; 0 on axes that have no code.</summary>
    public float[] Jacobians(CodedAxes axes)
    {
        var jacobians = new float[_scales.Length / _paddedCount * axes.Dimension];
        for (int cell = 0; cell * axes.Dimension < jacobians.Length; cell++)
        {
            for (int i = 0; i < axes.Count; i++) jacobians[(cell * axes.Dimension) + axes.Axis(i)] = _scales[(cell * _paddedCount) + i];
        }

        return jacobians;
    }

    /// <summary>Scales of all cells, or the one row of them, each padded as <see cref="Of"/> has it.</summary>
    public ReadOnlyMemory<float> All => _scales;

    /// <summary>Scales of a cell, padded with zeros to a multiple of 16.</summary>
    public ReadOnlySpan<float> Of(int cell) => _perCell ? _scales.AsSpan(cell * _paddedCount, _paddedCount) : _scales;
}
