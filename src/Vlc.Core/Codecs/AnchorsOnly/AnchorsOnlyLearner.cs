using Vlc.Codecs.Scalar;
using Vlc.Storage;

namespace Vlc.Codecs.AnchorsOnly;

/// <summary>Learns codec <c>none</c>: nothing but anchors.</summary>
/// <param name="context">Sizes.</param>
internal sealed class AnchorsOnlyLearner(LearningContext context) : ScalarLearner(context)
{
    public override CodecModel Learn(LearningData data) => new AnchorsOnlyCodec(data.Anchors, Context.Dimension);

    /// <summary>Opens the model of an index.</summary>
    public static CodecModel Open(SectionReader reader) =>
        new AnchorsOnlyCodec(ScalarSections.ReadAnchors(reader), reader.Manifest.Dimension);
}
