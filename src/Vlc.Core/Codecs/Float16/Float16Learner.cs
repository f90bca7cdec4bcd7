using Vlc.Codecs.Scalar;
using Vlc.Storage;

namespace Vlc.Codecs.Float16;

/// <summary>Learns codec <c>f16</c>: nothing but the coded axes, unless cells are to have scales.</summary>
/// <param name="context">Sizes.</param>
/// <param name="codedDimension">d_r; null codes all axes.</param>
/// <param name="jacobians">Whether cells have scales of their own; null takes none, since a float16 needs none.</param>
internal sealed class Float16Learner(LearningContext context, int? codedDimension, bool? jacobians) : ScalarLearner(context)
{
    public override CodecModel Learn(LearningData data)
    {
        CodedAxes axes = ChooseAxes(data.Statistics, codedDimension);
        // Codes fill -1 to 1.
        AxisScales? scales = jacobians ?? false
            ? CellScales(data.Statistics, axes, data.Anchors.Length / Context.Dimension, largestCode: 1)
            : null;
        return new Float16Codec(data.Anchors, axes, scales);
    }

    /// <summary>Opens the model of an index.</summary>
    public static CodecModel Open(SectionReader reader)
    {
        CodedAxes axes = ScalarSections.ReadAxes(reader);
        return new Float16Codec(ScalarSections.ReadAnchors(reader), axes, ScalarSections.ReadScales(reader, axes));
    }
}
