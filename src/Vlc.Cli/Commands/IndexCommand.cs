using System.CommandLine;
using Spectre.Console;
using Vlc.Cli.Compute;
using Vlc.Cli.Evaluation;
using Vlc.Cli.Files;
using Vlc.Cli.Terminal;
using Vlc.Codecs;
using Vlc.Codecs.Packed;
using Vlc.Evaluation;
using Vlc.Indexing;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Cli.Commands;

/// <summary><c>vlc index</c>: learns anchors and writes a compressed index.</summary>
internal static class IndexCommand
{
    private static readonly BuildOptions Shared = new();
    private static readonly Option<string> Out = new("--out")
    {
        Description = "BASE, the common part of the names of the index's files; an index that is there is replaced at once.",
        HelpName = "BASE",
        Required = true,
    };

    private static readonly Option<string?> CodecWord = Spellings.Codec.Option(
        "--codec", "How residuals are stored; packed, the fewest bytes, unless given, or int8 with --dims or --jacobians.");

    private static readonly Option<int?> CodedDimension = NumberOption.Count(
        "--dims", 1, "Axes of a residual that are coded, those of most energy; all unless given.", "D_R");

    // A word, not a bool: of a bool option the parser takes true and false alone as its argument.
    private static readonly Option<string?> Jacobians = new("--jacobians")
    {
        Description = "A scale for each axis of each cell; auto, by the data, unless given. The option alone means true.",
        HelpName = "true|false|auto",
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = result =>
        {
            string word = result.Tokens.Count == 0 ? "true" : result.Tokens[0].Value;
            if (word is not ("true" or "false" or "auto")) result.AddError($"--jacobians must be true, false or auto, not '{word}'.");
            return word;
        },
    };

    private static readonly Option<bool> Frozen = new("--frozen")
    {
        Description = "Leave out BASE.encoder.bin: vectors can then not be added later, nor recall be measured again.",
    };

    private static readonly Option<string?> Device = DeviceOption.Create(
        "Where training, assignment and the search for packed codes run; auto, a GPU where there is one and else the processor, unless "
        + "given. The bytes are the same.");

    private static readonly Option<double?> MinRecall = SharedOptions.MinRecall(
        "the recall measured on the tuning sample, with automatic probes,");
    private static readonly Option<double?> MaxRatio = SharedOptions.MaxRatio(
        " Codec packed, without --target-recall, aims for the best recall within it.");

    public static Command Create()
    {
        var command = new Command("index", "Compress a file of vectors into an index.");
        Shared.AddTo(command, Out, CodecWord, CodedDimension, Jacobians, Device);
        command.Add(Frozen);
        command.Add(MinRecall);
        command.Add(MaxRatio);
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        string basePath = parsed.GetRequiredValue(Out);
        using SelectedDevice device = SelectedDevice.Open(parsed.GetValue(Device));
        // These shape the classic layout; whoever gives one wants it.
        bool? jacobians = parsed.GetValue(Jacobians) switch { "true" => true, "false" => false, _ => null };
        bool classic = parsed.GetValue(CodedDimension) is not null || jacobians is not null;
        CodecKind codec = Spellings.Codec.ParseOptional(parsed.GetValue(CodecWord)) ?? (
            classic ? CodecKind.Int8 : new IndexOptions().Codec);
        double? ratio = !Shared.HasTargetRecall(parsed) && parsed.GetValue(MaxRatio) is > 0 and < 1 and var most ? most : null;
        using VectorSource source = Shared.OpenVectors(parsed, terminal);
        if (source.HasPayload) terminal.Note("An index keeps vectors and keys; the payload is left in the file.");
        using VectorSource? queries = Shared.OpenQueries(parsed, terminal, source);
        IndexOptions options = Shared.Read(
            parsed, queries, codec, parsed.GetValue(CodedDimension), jacobians, ratio, device.Backend, updatable: !parsed.GetValue(Frozen));
        IndexReport report;
        try
        {
            report = terminal.WithProgress(progress => Build(source, basePath, options, progress, cancellationToken));
        }
        catch (Exception exception) when (exception is not IndexInUseException && IndexBuilder.HasPartialWork(basePath))
        {
            terminal.Warn($"what was done is kept in {basePath}.build.*; the same command goes on from there.");
            throw;
        }

        if (report.Training.Collapsed)
        {
            terminal.Warn(
                $"the cells are very uneven (entropy {report.Training.NormalizedEntropy:F2} of 1): the data has few distinct vectors.");
        }

        var result = IndexResult.Of(report, device.Name, IndexInfo.Read(basePath), parsed.GetValue(MinRecall), parsed.GetValue(MaxRatio));
        terminal.Write(result, ResultJsonContext.Readable.IndexResult, console => Print(console, result));
        return terminal.Judge(result.Gates);
    }

    /// <summary>Builds an index, and tells the progress by the names of the phases.</summary>
    internal static IndexReport Build(
        VectorSource source, string basePath, IndexOptions options, ProgressReport progress, CancellationToken cancellationToken)
    {
        IReadOnlyList<string> problems = options.Validate(source.Count, source.Dimension);
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems) + ".");
        return IndexBuilder.Build(
            source, basePath, options, new Reporting<IndexProgress>(step => progress(Name(step.Phase), step.Share, step.Detail)),
            cancellationToken);
    }

    internal static string Name(IndexPhase phase) => phase.ToString().ToLowerInvariant();

    private static void Print(IAnsiConsole console, IndexResult result)
    {
        ByteTable.Write(console, result.Sections, result.N);
        List<(string, string)> facts =
        [
            ("vectors", $"{result.N:N0} x {result.D}, {result.Metric}"),
            ("anchors", $"{result.M:N0}"),
            ("codec", $"{result.Codec}, {result.CodedDimensions} of {result.D} dimensions{(result.Jacobians ? ", Jacobians" : "")}"),
            ("ratio", $"{result.Ratio:P2} of float32, {result.BytesPerVector:F2} bytes a vector"),
        ];
        if (result.Packed is { } packed)
        {
            facts.Add((
                result.Codec, $"{packed.GroupCount} bases of up to {packed.LargestRank} axes, {packed.ClassCount} classes, "
                + $"{packed.CodeBytes:F1} bytes of code, "
                + (packed.Unbiased ? "unbiased" : "nearest") + (packed.EqualBytes ? ", equal bytes" : "")));
            facts.Add((
                "Gaussian bound",
                $"{packed.BitsToBound:F3} bit a coded axis away ({packed.StoredBitsToBound:F3} as stored), {packed.CodedAxes:F1} axes; "
                + $"an ideal code would take {packed.BoundCodeBytes:F1} bytes"));
        }

        if (result.Packed?.Pruning is { } pruning)
        {
            facts.Add((
                "first stage", $"up to {pruning.Nibbles} nibbles a row; "
                + (pruning.Sigmas > 0
                    ? $"drops rows {pruning.Sigmas:F2} sigma too far, which loses {pruning.Loss:F4} of recall"
                    : "drops rows proven to be too far")));
        }

        if (result.Predicted is { } predicted)
        {
            facts.Add((
                $"predicted recall@{predicted.K}",
                $"{predicted.Recall:F4} ± {predicted.RecallStdErr:F4} with all cells, before the index was written"));
        }

        if (result.Measured is { } measured)
        {
            facts.Add((
                $"measured recall@{measured.K}",
                $"{measured.RecallExhaustive:F4} ± {measured.RecallExhaustiveStdErr:F4} with all cells; {measured.Recall:F4} ± "
                + $"{measured.RecallStdErr:F4} "
                + $"with {measured.Probes:F0} probes ({measured.ScannedShare:P1} of the rows)"));
            facts.Add(("tuned on", TuningSample.Describe(measured.Queries, result.TunedOn)));
        }

        facts.Add(("distortion", $"{result.Distortion:G6}, energy {result.Energy:G6}, entropy {result.NormalizedEntropy:F3} of 1"));
        string end = result.Converged ? "converged" : "not converged";
        facts.Add(("training", $"{result.TrainingRows:N0} rows, {result.Iterations} iterations, {end}"));
        facts.Add(("device", result.Device));
        facts.Add(("seconds", string.Join(", ", result.Seconds.Select(phase => $"{phase.Key} {phase.Value:F2}"))));
        FactTable.Write(console, facts);
    }
}

/// <summary>What <c>vlc index</c> reports.</summary>
internal sealed record IndexResult(
    int N, int D, int M, string Metric, string Codec, int CodedDimensions, bool Jacobians, ulong Seed, long Bytes, long EncoderBytes,
    long KeysBytes, double BytesPerVector, double Ratio, SectionBytes[] Sections, double Distortion, double Energy,
    double NormalizedEntropy, int Iterations, bool Converged,
    int? ResumedFrom, int TrainingRows, PackedReport? Packed, PredictedRecall? Predicted, TunedRecall? Measured, string? TunedOn,
    string Device,
    IReadOnlyDictionary<string, double> Seconds, QualityGate[] Gates)
{
    public static IndexResult Of(IndexReport report, string device, IndexInfo info, double? minRecall, double? maxRatio)
    {
        Manifest manifest = report.Manifest;
        TunedRecall? measured = TunedRecall.Of(report);
        var seconds = report.Seconds.ToDictionary(phase => phase.Key.ToString().ToLowerInvariant(), phase => Math.Round(phase.Value, 4));
        seconds["total"] = Math.Round(report.Seconds.Values.Sum(), 4);
        return new IndexResult(
            manifest.Count, manifest.Dimension, manifest.AnchorCount, Spellings.Metric[manifest.Metric], Spellings.Codec[manifest.Codec],
            manifest.CodedDimension, report.Jacobians, manifest.Seed, report.TotalBytes, report.Bytes.Encoder, report.Bytes.Keys,
            info.BytesPerVector, report.Ratio,
            SectionBytes.Of(info), report.Distortion, report.Training.Energy, report.Training.NormalizedEntropy,
            report.Training.Iterations.Count, report.Training.Converged, report.Training.ResumedFrom, report.Training.TrainingRows,
            report.Packed, PredictedRecall.Of(report), measured, measured is null
            ? null
            : TuningSample.Name(report.TuningSource), device, seconds,
            QualityGate.Judge(minRecall, measured?.Recall, maxRatio, report.Ratio));
    }
}

/// <summary>Recall of an exhaustive scan that the tuning sample promised before the index was written.</summary>
internal sealed record PredictedRecall(int K, int Queries, double Recall, double RecallStdErr)
{
    public static PredictedRecall? Of(IndexReport report) => report is { Packed: { } packed, Measured: { } measured }
        ? new PredictedRecall(measured.K, measured.Queries, packed.PredictedRecall, packed.PredictedStandardError)
        : null;
}

/// <summary>Recall of the written index on the tuning sample, with automatic probes and exhaustive.</summary>
internal sealed record TunedRecall(
    int K, int Queries, double Probes, double ScannedShare, double Recall, double RecallStdErr, double RecallExhaustive,
    double RecallExhaustiveStdErr)
{
    public static TunedRecall? Of(IndexReport report) => report.Measured is not { } measured ? null : new TunedRecall(
        measured.K, measured.Queries, Math.Round(measured.Plan.Probes, 1), measured.Plan.MeanRows / report.Manifest.Count,
        measured.Automatic.Value, measured.Automatic.StandardError, measured.Exhaustive.Value, measured.Exhaustive.StandardError);
}

/// <summary>How results name the tuning sample.</summary>
internal static class TuningSample
{
    /// <summary>The file of the queries, or heldOutRows.</summary>
    public static string Name(string? queries) => queries ?? "heldOutRows";

    public static string Describe(int rows, string? name) =>
        name is null or "heldOutRows" ? $"{rows:N0} rows held out of training" : $"{rows:N0} queries of {name}";
}
