using System.CommandLine;
using Vlc.Anchors;
using Vlc.Cli.Files;
using Vlc.Cli.Terminal;
using Vlc.Compute;
using Vlc.Indexing;
using Vlc.Codecs;
using Vlc.Codecs.Packed;
using Vlc.Vectors;

namespace Vlc.Cli.Commands;

/// <summary>The options that <c>vlc index</c> and <c>vlc tune</c> share, so that what one measures is what the other builds.</summary>
internal sealed class BuildOptions
{
    private readonly VectorInput _vectors = new("--emb", "The vectors to compress.");
    private readonly VectorInput _queries = new(
        "--queries", "Queries to tune on instead of rows held out of the vectors; not those of a later evaluation.", required: false,
        prefix: "queries-",
        defaultDataset: "test");

    private readonly Option<string?> _metric = Spellings.Metric.Option(
        "--metric", "What near means; l2 unless given. Stored in the index.");
    private readonly Option<int?> _anchors = NumberOption.CountOrWord(
        "--m", "Anchors, and so cells; auto, by the number of vectors, unless given.", ("auto", null));

    private readonly Option<double?> _targetRecall = NumberOption.Real(
        "--target-recall",
        $"Codecs packed and parity: recall@10 to reach with the fewest bytes; {new PackedOptions().TargetRecall} unless given.",
        "R", "a number between 0 and 1", value => value is > 0 and < 1);

    private readonly Option<int?> _bases = NumberOption.CountOrWord(
        "--bases", "Codecs packed and parity: local bases; auto, bits saved against their bytes, unless given.", ("auto", null));

    private readonly Option<int?> _classes = NumberOption.Count(
        "--classes", 1, "Codecs packed and parity: classes of each cell by the size of residuals, 1 to 8; 2 unless given.", "N");

    private readonly Option<double?> _pruningLoss = NumberOption.Real(
        "--pruning-loss",
        $"Codec parity: recall@10 that searches may lose by dropping rows before they are measured; {new PackedOptions().PruningLoss} "
        + "unless given, 0 for none.", "R",
        "a number of at least 0 and below 1", value => value is >= 0 and < 1);

    private readonly Option<ulong?> _seed = NumberOption.Bits(
        "--seed", "The same seed gives the same bytes, on any number of threads; 1 unless given.");

    private readonly Option<int?> _sample = NumberOption.Count(
        "--sample", 1, "Rows to learn from; by the numbers of anchors and dimensions unless given.");

    private readonly TrainingOptions _training = new();

    /// <summary>Adds the options, the file of the vectors first; <paramref name="own"/>, the command's, after it.</summary>
    public void AddTo(Command command, params ReadOnlySpan<Option> own)
    {
        _vectors.AddTo(command);
        foreach (Option option in own) command.Add(option);
        foreach (Option option in (Option[])[_metric, _anchors, _targetRecall, _bases, _classes, _pruningLoss, _seed, _sample])
        {
            command.Add(option);
        }

        _queries.AddTo(command);
        _training.AddTo(command);
    }

    /// <summary>Whether the command line names a target recall.</summary>
    public bool HasTargetRecall(ParseResult parsed) => parsed.GetValue(_targetRecall) is not null;

    public VectorSource OpenVectors(ParseResult parsed, CommandTerminal terminal) => _vectors.Open(parsed, terminal);

    /// <summary>Opens the queries to tune on; null where the command line names none.</summary>
    /// <exception cref="VlcFormatException">Queries of another dimension than the vectors.</exception>
    public VectorSource? OpenQueries(ParseResult parsed, CommandTerminal terminal, VectorSource vectors)
    {
        if (parsed.GetValue(_queries.File) is null) return null;
        VectorSource queries = _queries.Open(parsed, terminal);
        if (queries.Dimension == vectors.Dimension) return queries;
        using (queries)
        {
            throw new VlcFormatException(
                queries.Name, "dimension", $"{vectors.Dimension}, as in {vectors.Name}", $"{queries.Dimension}",
                "Embed the queries with the model that made the vectors.");
        }
    }

    /// <summary>The options as the library wants them.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="queries">What <see cref="OpenQueries"/> gave.</param>
    /// <param name="codec">How residuals are stored.</param>
    /// <param name="codedDimension">d_r, or null.</param>
    /// <param name="jacobians">True, false, or null for auto.</param>
    /// <param name="maxRatio">Largest ratio to aim for instead of a recall, or null.</param>
    /// <param name="backend">Where training, assignment and the search for packed codes run; null is the processor.</param>
    /// <param name="updatable">Whether the index keeps what adding rows needs.</param>
    public IndexOptions Read(
        ParseResult parsed, VectorSource? queries, CodecKind codec = CodecKind.Packed, int? codedDimension = null, bool? jacobians = null,
        double? maxRatio = null,
        IComputeBackend? backend = null, bool updatable = true) => new()
    {
        Metric = Spellings.Metric.ParseOptional(parsed.GetValue(_metric)) ?? Metric.L2,
        Codec = codec,
        CodedDimension = codedDimension,
        Jacobians = jacobians,
        Packed = new PackedOptions
        {
            TargetRecall = parsed.GetValue(_targetRecall) ?? new PackedOptions().TargetRecall,
            MaxRatio = maxRatio,
            GroupCount = NumberOption.ValueOf(parsed, _bases),
            ClassCount = parsed.GetValue(_classes),
            PruningLoss = parsed.GetValue(_pruningLoss) ?? new PackedOptions().PruningLoss,
        },
        TrainingRows = parsed.GetValue(_sample),
        TuningQueries = queries,
        Updatable = updatable,
        Training = _training.Read(
            parsed, NumberOption.ValueOf(parsed, _anchors), parsed.GetValue(_seed) ?? new AnchorTrainingOptions().Seed, backend),
    };
}
