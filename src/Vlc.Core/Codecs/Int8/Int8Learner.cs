using Vlc.Anchors;
using Vlc.Codecs.Scalar;
using Vlc.Storage;

namespace Vlc.Codecs.Int8;

/// <summary>Learns codec <c>int8</c>: a scale for each coded axis, of all cells or of each.</summary>
/// <param name="context">Sizes.</param>
/// <param name="codedDimension">d_r; null codes all axes.</param>
/// <param name="jacobians">Whether cells have scales of their own; null weighs the rounding noise that one scale for all would add.</param>
internal sealed class Int8Learner(LearningContext context, int? codedDimension, bool? jacobians) : ScalarLearner(context)
{
    public override CodecModel Learn(LearningData data)
    {
        CodedAxes axes = ChooseAxes(data.Statistics, codedDimension);
        AxisScales scales = jacobians ?? JacobiansPay(data.Statistics, axes)
            ? CellScales(data.Statistics, axes, data.Anchors.Length / Context.Dimension, Int8Codec.LargestCode)
            : AxisScales.Global([.. Enumerable.Range(0, axes.Count).Select(i => Scale(data.Statistics.Largest(axes.Axis(i))))], axes);
        return new Int8Codec(data.Anchors, axes, scales);
    }

    /// <summary>Opens the model of an index.</summary>
    public static CodecModel Open(SectionReader reader)
    {
        CodedAxes axes = ScalarSections.ReadAxes(reader);
        AxisScales? scales = ScalarSections.ReadScales(reader, axes);
        if (scales is null)
        {
            // Version 1 without Jacobians: a code is the residual itself.
            var ones = new float[axes.Count];
            ones.AsSpan().Fill(1);
            scales = AxisScales.Global(ones, axes);
        }

        return new Int8Codec(ScalarSections.ReadAnchors(reader), axes, scales);
    }

    private static float Scale(float largest)
    {
        float scale = largest / Int8Codec.LargestCode;
        return scale * Int8Codec.LargestCode < largest ? MathF.BitIncrement(scale) : scale;
    }

    private static bool JacobiansPay(ResidualStatistics statistics, CodedAxes axes)
    {
        double noise = 0;
        for (int i = 0; i < axes.Count; i++)
        {
            double step = statistics.Largest(axes.Axis(i)) / Int8Codec.LargestCode;
            noise += step * step / 12;
        }

        return noise > 1e-3 * statistics.Distortion;
    }
}
