using System.CommandLine;
using Spectre.Console;
using Vlc.Cli.Files;
using Vlc.Cli.Terminal;
using Vlc.Codecs.Packed;
using Vlc.Codecs.Scalar;
using Vlc.Evaluation;
using Vlc.Indexing;
using Vlc.Vectors;

namespace Vlc.Cli.Commands;

/// <summary><c>vlc tune</c>: what recall the packed codec gives for how many bytes, without building an index.</summary>
internal static class TuneCommand
{
    private static readonly BuildOptions Shared = new();
    private static readonly Option<string?> Plot = new("--plot")
    {
        Description = $"Also draw the frontier: {string.Join(", ", FrontierFile.Extensions)}, by the file's name.", HelpName = "FILE",
    };

    public static Command Create()
    {
        var command = new Command(
            "tune", "Measure recall against bytes of the packed codec, and how far its codes are from the Gaussian bound.");
        Shared.AddTo(command, Plot);
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        string? plot = parsed.GetValue(Plot);
        // Before minutes of work.
        if (plot is not null) FrontierFile.Check(plot);
        using VectorSource source = Shared.OpenVectors(parsed, terminal);
        using VectorSource? queries = Shared.OpenQueries(parsed, terminal, source);
        IndexOptions options = Shared.Read(parsed, queries);
        IReadOnlyList<string> problems = options.Validate(source.Count, source.Dimension);
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems) + ".");
        Frontier frontier = terminal.WithProgress(progress => IndexBuilder.MeasureFrontier(
            source, options, new Reporting<IndexProgress>(step => progress(IndexCommand.Name(step.Phase), step.Share, step.Detail)),
            cancellationToken));
        var result = TuneResult.Of(frontier, source.Name, Spellings.Metric[options.Metric], options.Training.Seed, plot);
        if (plot is not null) FrontierFile.Write(plot, frontier, $"{Path.GetFileName(source.Name)}, {result.Metric}");
        terminal.Write(result, ResultJsonContext.Readable.TuneResult, console => Print(console, result));
        return ExitCode.Success;
    }

    private static void Print(IAnsiConsole console, TuneResult result)
    {
        Table table = FactTable.Create(
            ["", ">bytes/vector", ">ratio", ">bits/axis", .. result.Points[0].Recalls.Select(recall => $">recall@{recall.K}"),
                ">bound, bytes", ">to bound, bit", ">as stored, bit"]);
        foreach (TunePoint point in result.Points)
        {
            table.Row(
                [
                    point.AtTarget ? "*" : "", $"{point.BytesPerVector:F2}", $"{point.Ratio:P2}", $"{point.BitsPerCodedAxis:F2}",
                    .. point.Recalls.Select(recall => $"{recall.Recall:F4} ± {recall.StdErr:F4}"), $"{point.BoundBytesPerVector:F2}",
                    $"{point.BitsToBound:F3}",
                    $"{point.StoredBitsToBound:F3}",
                ]);
        }

        console.Write(table);
        List<(string, string)> facts =
        [
            ("vectors", $"{result.N:N0} x {result.D}, {result.Metric}"),
            ("model", $"{result.M:N0} anchors, {result.Bases} bases, {result.Classes} classes"),
            ("tuned on", $"{TuningSample.Describe(result.Queries, result.TunedOn)}; among the {result.Candidates} exactly nearest of each"),
            ("*", $"what vlc index --target-recall {result.TargetRecall} aims at"),
        ];
        if (result.Plot is { } plot) facts.Add(("plot", plot));
        facts.Add(("seconds", string.Join(", ", result.Seconds.Select(phase => $"{phase.Key} {phase.Value:F2}"))));
        FactTable.Write(console, facts);
    }
}

/// <summary>What <c>vlc tune</c> reports.</summary>
internal sealed record TuneResult(
    int N, int D, int M, string Metric, int Bases, int Classes, ulong Seed, string Emb, string TunedOn, int Queries, int Candidates,
    double TargetRecall,
    TunePoint[] Points, string? Plot, IReadOnlyDictionary<string, double> Seconds)
{
    public static TuneResult Of(Frontier frontier, string emb, string metric, ulong seed, string? plot)
    {
        var seconds = frontier.Seconds.ToDictionary(phase => IndexCommand.Name(phase.Key), phase => Math.Round(phase.Value, 4));
        seconds["total"] = Math.Round(frontier.Seconds.Values.Sum(), 4);
        return new TuneResult(
            frontier.Count, frontier.Dimension, frontier.AnchorCount, metric, frontier.GroupCount, frontier.ClassCount, seed, emb,
            TuningSample.Name(frontier.TuningSource), frontier.Queries, frontier.Candidates, frontier.TargetRecall,
            [.. frontier.Points.Select(TunePoint.Of)], plot, seconds);
    }
}

/// <summary>A point of the frontier.</summary>
internal sealed record TunePoint(
    int Level, bool Unbiased, bool EqualBytes, bool AtTarget, double BytesPerVector, double Ratio, double CodeBytes, double CodedAxes,
    double BitsPerCodedAxis,
    TuneRecall[] Recalls, double BoundBytesPerVector, double BitsToBound, double StoredBitsToBound)
{
    public static TunePoint Of(FrontierPoint point) => new(
        point.Level, point.Unbiased, point.EqualBytes, point.AtTarget, point.BytesPerVector, point.Ratio, point.CodeBytes, point.CodedAxes,
        point.BitsPerCodedAxis,
        [.. point.Recalls.Select(recall => new TuneRecall(recall.K, recall.Recall, recall.StandardError))], point.BoundBytesPerVector,
        point.BitsToBound,
        point.StoredBitsToBound);
}

internal sealed record TuneRecall(int K, double Recall, double StdErr);
