using Vlc.Codecs;
using Vlc.Codecs.AnchorsOnly;
using Vlc.Codecs.Float16;
using Vlc.Codecs.Int8;
using Vlc.Codecs.Packed;
using Vlc.Codecs.Parity;
using Vlc.Storage;

namespace Vlc.Indexing;

/// <summary>The codecs that an index can have: a line for each, everything else is in the codec's folder.</summary>
internal static class CodecRegistry
{
    private static readonly Dictionary<CodecKind, Entry> s_codecs = new()
    {
        [CodecKind.Packed] = new(PackedCodec.Open, (options, context) => new PackedLearner(options.Packed, context)),
        [CodecKind.Parity] = new(ParityCodec.Open, (options, context) => new ParityLearner(options.Packed, context)),
        [CodecKind.Int8] = new(Int8Learner.Open, (options, context) => new Int8Learner(context, options.CodedDimension, options.Jacobians)),
        [CodecKind.Float16] = new(
            Float16Learner.Open, (options, context) => new Float16Learner(context, options.CodedDimension, options.Jacobians)),
        [CodecKind.None] = new(AnchorsOnlyLearner.Open, (_, context) => new AnchorsOnlyLearner(context)),
    };

    private sealed record Entry(Func<SectionReader, CodecModel> Open, Func<IndexOptions, LearningContext, CodecLearner> Learn);

    /// <summary>Opens the model of an index.</summary>
    public static CodecModel Open(SectionReader reader) => s_codecs[reader.Manifest.Codec].Open(reader);

    /// <summary>Readies the learning of a model.</summary>
    public static CodecLearner Learner(IndexOptions options, LearningContext context) => s_codecs[options.Codec].Learn(options, context);
}
