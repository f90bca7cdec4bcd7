using Vlc.Codecs.Packed;
using Vlc.Numerics.Kernels;

namespace Vlc.Codecs.Parity;

/// <summary>
/// Learns codec <c>parity</c>: the model as codec <c>packed</c> does, then what its first stage reads and drops, on the tuning sample.
/// </summary>
/// <param name="options">What the user asks for.</param>
/// <param name="context">Sizes, and where to compute.</param>
internal sealed class ParityLearner(PackedOptions options, LearningContext context) : PackedLearner(options, context)
{
    private readonly double _loss = options.PruningLoss;
    private readonly LearningContext _context = context;
    private PruningReport? _pruning;

    private protected override PackedDesign Design { get; } = new() { Code = ParityCode.Designed };

    private protected override PruningReport? Pruning => _pruning;

    private protected override int FixedBytes(PackedParameters parameters) =>
        PackedSections.WriteHeader(parameters).Length + ParityPruning.Bytes
        + (2 * sizeof(short) * ParityTables.ValueCount) + ParityLayout.Padding;

    private protected override CodecModel Complete(PackedLevelSearch.Trial chosen, PackedTuningSample? tuning)
    {
        // Without a sample there is nothing to tell what a guess would lose.
        ParityPruning pruning = new(PruningSearch.ExactNibbles, SigmaEighths: 0);
        double loss = 0;
        if (tuning is not null && _loss > 0) (pruning, loss) = new PruningSearch(chosen, tuning, _context).Find(_loss);
        _pruning = pruning.Nibbles == 0 ? null : new PruningReport(pruning.Nibbles, pruning.Sigmas, loss);
        return new ParityCodec(chosen.Coder, pruning, chosen.Unbiased);
    }
}
