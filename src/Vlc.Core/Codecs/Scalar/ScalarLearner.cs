using Vlc.Anchors;

namespace Vlc.Codecs.Scalar;

/// <summary>What the codecs of a number an axis learn: which axes are coded, and what code 1 is worth.</summary>
/// <param name="context">Sizes.</param>
internal abstract class ScalarLearner(LearningContext context) : CodecLearner
{
    protected LearningContext Context => context;

    public override int DefaultAnchorCount => AnchorTrainer.DefaultAnchorCount(context.Count);

    public override int MostTuningRows => 500;

    public override int TuningNeighbors => 10;

    public override long SampleRows(int anchorCount) => Math.Max(160L * anchorCount, 10_000);

    public override void RoundAnchors(Span<float> anchors)
    {
        foreach (ref float value in anchors) value = (float)(Half)Math.Clamp(value, (float)Half.MinValue, (float)Half.MaxValue);
    }

    /// <summary>The coded axes.</summary>
    /// <param name="statistics">Energy of all residuals.</param>
    /// <param name="codedDimension">d_r; null codes all axes.</param>
    protected CodedAxes ChooseAxes(ResidualStatistics statistics, int? codedDimension) =>
        codedDimension is not { } coded || coded == context.Dimension
            ? new CodedAxes(context.Dimension)
            : CodedAxes.OfMostEnergy(statistics.Energy, coded);

    /// <summary>Scales of each cell, as float16 holds them: the diagonal Jacobians.</summary>
    /// <param name="statistics">Extent of all residuals.</param>
    /// <param name="axes">The coded axes.</param>
    /// <param name="anchorCount">m.</param>
    /// <param name="largestCode">The largest residual of a cell on an axis gets this code.</param>
    protected AxisScales CellScales(ResidualStatistics statistics, CodedAxes axes, int anchorCount, int largestCode)
    {
        var scales = new float[anchorCount * context.Dimension];
        for (int cell = 0; cell < anchorCount; cell++)
        {
            for (int i = 0; i < axes.Count; i++)
            {
                float largest = statistics.Largest(cell, axes.Axis(i));
                Half scale = (Half)(largest / largestCode);
                // Rounded up, so that the largest residual of the cell needs no clamping.
                if ((float)scale * largestCode < largest) scale = Half.BitIncrement(scale);
                scales[(cell * context.Dimension) + axes.Axis(i)] = (float)(Half.IsFinite(scale) ? scale : Half.MaxValue);
            }
        }

        return AxisScales.PerCell(scales, anchorCount, axes);
    }
}
