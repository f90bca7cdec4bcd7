using System.CommandLine;
using Spectre.Console;
using Vlc.Anchors;
using Vlc.Cli.Compute;
using Vlc.Cli.Evaluation;
using Vlc.Cli.Files;
using Vlc.Cli.Terminal;
using Vlc.Indexing;
using Vlc.Residuals;
using Vlc.Residuals.Packed;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Cli.Commands;

/// <summary><c>vlc index</c>: learns anchors and writes a compressed index.</summary>
internal static class IndexCommand
{
    private static readonly VectorInput Vectors = new("--emb", "The vectors to compress.");
    private static readonly Option<string> Out = new("--out")
    {
        Description = "BASE, the common part of the names of the index's files; an index that is there is replaced at once.",
        HelpName = "BASE",
        Required = true,
    };

    private static readonly Option<string?> MetricWord = Spellings.Metric.Option(
        "--metric", "What near means; l2 unless given. Stored in the index.");
    private static readonly Option<string?> CodecWord = Spellings.Codec.Option("--codec", "How residuals are stored; packed, the fewest bytes, unless given, or int8 with --dims or --jacobians.");
    private static readonly Option<int?> Anchors = NumberOption.CountOrWord(
        "--m", "Anchors, and so cells; auto, by the number of vectors, unless given.", ("auto", null));

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

    private static readonly Option<double?> TargetRecall = NumberOption.Real(
        "--target-recall", $"Codec packed: recall@10 to reach with the fewest bytes; {new PackedOptions().TargetRecall} unless given.", "R",
        "a number between 0 and 1", value => value is > 0 and < 1);

    private static readonly Option<int?> Bases = NumberOption.CountOrWord(
        "--bases", "Codec packed: local bases; auto, bits saved against their bytes, unless given.", ("auto", null));

    private static readonly Option<int?> Classes = NumberOption.Count(
        "--classes", 1, "Codec packed: classes of each cell by the size of residuals, 1 to 8; 2 unless given.", "N");

    private static readonly Option<ulong?> Seed = NumberOption.Bits(
        "--seed", "The same seed gives the same bytes, on any number of threads; 1 unless given.");
    private static readonly Option<int?> Sample = NumberOption.Count("--sample", 1, "Rows to learn from; by the numbers of anchors and dimensions unless given.");
    private static readonly TrainingOptions Training = new();
    private static readonly Option<string?> Device = DeviceOption.Create(
        "Where training and assignment run; auto, a GPU where there is one and else the processor, unless given. The bytes are the same.");

    private static readonly Option<double?> MinRecall = SharedOptions.MinRecall(
        "the recall predicted from held-out rows, with automatic probes,");
    private static readonly Option<double?> MaxRatio = SharedOptions.MaxRatio(
        " Codec packed, without --target-recall, aims for the best recall within it.");

    public static Command Create()
    {
        var command = new Command("index", "Compress a file of vectors into an index.");
        Vectors.AddTo(command);
        Option[] options = [Out, MetricWord, CodecWord, Anchors, CodedDimension, Jacobians, TargetRecall, Bases, Classes, Seed, Sample];
        foreach (Option option in options) command.Add(option);
        Training.AddTo(command);
        command.Add(Device);
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
        var options = new IndexOptions
        {
            Metric = Spellings.Metric.ParseOptional(parsed.GetValue(MetricWord)) ?? Metric.L2,
            Codec = Spellings.Codec.ParseOptional(parsed.GetValue(CodecWord)) ?? (classic ? CodecKind.Int8 : new IndexOptions().Codec),
            CodedDimension = parsed.GetValue(CodedDimension),
            Jacobians = jacobians,
            Packed = new PackedOptions
            {
                TargetRecall = parsed.GetValue(TargetRecall) ?? new PackedOptions().TargetRecall,
                MaxRatio = parsed.GetValue(TargetRecall) is null && parsed.GetValue(MaxRatio) is > 0 and < 1 and var ratio ? ratio : null,
                GroupCount = parsed.GetValue(Bases),
                ClassCount = parsed.GetValue(Classes),
            },
            TrainingRows = parsed.GetValue(Sample),
            Training = Training.Read(parsed, parsed.GetValue(Anchors), parsed.GetValue(Seed) ?? new AnchorTrainingOptions().Seed, device.Backend),
        };
        using VectorSource source = Vectors.Open(parsed);
        IndexReport report;
        try
        {
            report = terminal.WithProgress(progress => Build(source, basePath, options, progress, cancellationToken));
        }
        catch (OperationCanceledException) when (IndexBuilder.HasPartialWork(basePath))
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

    /// <summary>Builds an index and, beside it, the file of the source's keys.</summary>
    internal static IndexReport Build(
        VectorSource source, string basePath, IndexOptions options, ProgressReport progress, CancellationToken cancellationToken)
    {
        // First, so that an impossible command line is refused before keys are copied.
        IReadOnlyList<string> problems = options.Validate(source.Count, source.Dimension);
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems) + ".");
        using KeyFile keys = KeyFile.Stage(source, basePath, cancellationToken);
        IndexReport report = IndexBuilder.Build(
            source, basePath, options, new Reporting<IndexProgress>(step => progress(Name(step.Phase), step.Share, step.Detail)),
            cancellationToken);
        keys.Complete();
        return report;
    }

    private static string Name(IndexPhase phase) => phase.ToString().ToLowerInvariant();

    private static void Print(IAnsiConsole console, IndexResult result)
    {
        ByteTable.Write(console, result.Sections, result.N, keysBytes: null);
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
                "packed", $"{packed.GroupCount} bases of up to {packed.LargestRank} axes, {packed.ClassCount} classes, {packed.CodeBytes:F1} bytes of code, "
                + (packed.Unbiased ? "unbiased" : "nearest")));
        }

        if (result.Predicted is { } predicted)
        {
            facts.Add((
                $"predicted recall@{predicted.K}",
                $"{predicted.Recall:F4} with {predicted.Probes:F0} probes ({predicted.ScannedShare:P1} of the rows); "
                + $"{predicted.RecallExhaustive:F4} ± {predicted.RecallStdErr:F4} with all ({predicted.Queries} held-out rows)"));
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
    int N, int D, int M, string Metric, string Codec, int CodedDimensions, bool Jacobians, ulong Seed, long Bytes, double BytesPerVector,
    double Ratio, SectionBytes[] Sections, double Distortion, double Energy, double NormalizedEntropy, int Iterations, bool Converged,
    int? ResumedFrom, int TrainingRows, PackedReport? Packed, PredictedRecall? Predicted, string Device, IReadOnlyDictionary<string, double> Seconds,
    QualityGate[] Gates)
{
    public static IndexResult Of(IndexReport report, string device, IndexInfo info, double? minRecall, double? maxRatio)
    {
        Manifest manifest = report.Manifest;
        PredictedRecall? predicted = PredictedRecall.Of(report.Manifest);
        var seconds = report.Seconds.ToDictionary(phase => phase.Key.ToString().ToLowerInvariant(), phase => Math.Round(phase.Value, 4));
        seconds["total"] = Math.Round(report.Seconds.Values.Sum(), 4);
        return new IndexResult(
            manifest.Count, manifest.Dimension, manifest.AnchorCount, Spellings.Metric[manifest.Metric], Spellings.Codec[manifest.Codec],
            manifest.CodedDimension, report.Jacobians, manifest.Seed, report.TotalBytes, info.BytesPerVector, report.Ratio,
            SectionBytes.Of(info), report.Distortion, report.Training.Energy, report.Training.NormalizedEntropy,
            report.Training.Iterations.Count, report.Training.Converged, report.Training.ResumedFrom, report.Training.TrainingRows,
            report.Packed, predicted, device, seconds,
            QualityGate.Judge(minRecall, predicted?.Recall, maxRatio, report.Ratio));
    }
}

/// <summary>The recall that held-out rows promise for a search with automatic probes.</summary>
internal sealed record PredictedRecall(
    int K, int Queries, double Probes, double Recall, double RecallExhaustive, double RecallStdErr, double ScannedShare)
{
    public static PredictedRecall? Of(Manifest manifest)
    {
        if (manifest.Scan is not { } curve) return null;
        ScanPoint point = curve.For(manifest.TargetRecall);
        return new PredictedRecall(
            curve.K, curve.Queries, Math.Round(point.Probes, 1), point.Recall, curve.Points[^1].Recall, curve.StandardError,
            (double)point.Rows / manifest.Count);
    }
}
