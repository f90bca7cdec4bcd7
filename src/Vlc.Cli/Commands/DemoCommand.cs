using System.CommandLine;
using System.Diagnostics;
using Spectre.Console;
using Vlc.Anchors;
using Vlc.Cli.Compute;
using Vlc.Cli.Demo;
using Vlc.Cli.Evaluation;
using Vlc.Cli.Files;
using Vlc.Cli.Terminal;
using Vlc.Codecs.Packed;
using Vlc.Evaluation;
using Vlc.Formats;
using Vlc.Indexing;
using Vlc.Search;
using Vlc.Segments;
using Vlc.Vectors;

namespace Vlc.Cli.Commands;

/// <summary>
/// <c>vlc demo</c>: embeds the documentation of .NET itself, compresses it, measures it, and answers questions from the compressed index.
/// </summary>
internal static class DemoCommand
{
    private const int Dimension = 256;
    private const int K = 10;
    private const ulong Seed = 1;

    // A point above 0.95: documentation repeats itself, so base rows, on which the codec is tuned, are found a little more easily than the
    // queries, which have no twin in it; and scanning a part of the cells loses a little again.
    private const double TargetRecall = 0.96;

    private static readonly string[] Questions =
    [
        "read a file asynchronously", "compute a sha256 hash", "send an http request", "match a regular expression",
    ];

    private static readonly Option<string[]> Ask =
        new("--ask") { Description = "A question of your own, in English; may be repeated.", HelpName = "TEXT" };
    private static readonly Option<string?> Folder = new("--dir")
    {
        Description = "Folder that keeps embedding and index; unless given, a temporary one that is deleted at the end.",
        HelpName = "FOLDER",
    };

    public static Command Create()
    {
        var command = new Command("demo", "Compress and search the documentation that every .NET SDK carries.") { Ask, Folder };
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        int threads = parsed.GetValue(SharedOptions.Threads) ?? Environment.ProcessorCount;
        string[] questions = [.. Questions, .. parsed.GetValue(Ask) ?? []];
        using var folder = new TemporaryDirectory(parsed.GetValue(Folder));
        DemoResult result = terminal.WithProgress(progress => Demonstrate(folder, questions, threads, progress, cancellationToken)) with
        {
            Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds,
        };
        terminal.Write(result, ResultJsonContext.Readable.DemoResult, console => Print(console, result));
        return ExitCode.Success;
    }

    private static DemoResult Demonstrate(
        TemporaryDirectory folder, string[] questions, int threads, ProgressReport progress, CancellationToken cancellationToken)
    {
        progress("read documentation", 0);
        List<DocumentedMember> members = [.. ReferencePackDocumentation.Read(ReferencePackDocumentation.FindPacks())];
        cancellationToken.ThrowIfCancellationRequested();
        DocumentEmbedding embedding = DocumentEmbedding.Build(
            members, Dimension, Seed, threads, (phase, share) => progress(phase, share), cancellationToken);

        string basePath = folder.File("dotnet");
        if (folder.Kept)
        {
            WriteRows(folder.File("dotnet.base.npy"), embedding.Rows.Span);
            WriteRows(folder.File("dotnet.query.npy"), embedding.HeldOutRows.Span);
        }

        using var source = new InMemoryVectors(embedding.Rows, Dimension, "the embedded documentation");
        var options = new IndexOptions
        {
            Metric = Metric.Cosine,
            Keys = KeyColumn.Of(embedding.MemberIds.ToArray()),
            Packed = new PackedOptions { TargetRecall = TargetRecall },
            Training = new AnchorTrainingOptions { Seed = Seed, Threads = threads },
        };
        IndexCommand.Build(source, basePath, options, progress, cancellationToken);

        using VlcIndex index = VlcIndex.Open(basePath);
        float[] queries = embedding.HeldOutRows.ToArray();
        int[] truth = ExactNeighbors.Find(
            source, queries, K, index.Metric, threads, new Reporting<double>(share => progress("find true neighbours", share)),
            cancellationToken);
        ExactScan? exact = ExactScan.TryLoad(source, index.Metric, cancellationToken);
        var judged = new JudgedQueries(queries, Dimension, truth, K);
        var search = new SearchOptions { Threads = threads };
        SearchMeasurement measured = SearchMeasurement.Take(index, onDevice: null, judged, K, search, exact, progress, cancellationToken);

        var answers = new MemberAnswers(index, embedding, members);
        return new DemoResult(
            EvalResult.Of(index.Manifest, index.TotalBytes, measured, K, DeviceOption.Cpu, minRecall: null, maxRatio: null),
            index.TotalBytes, members.Count, folder.Path, folder.Kept, 0, [.. questions.Select(answers.To)]);
    }

    private static void WriteRows(string path, ReadOnlySpan<float> rows)
    {
        using var writer = new NpyWriter<float>(path, Dimension);
        writer.Write(rows);
        writer.Complete();
    }

    private static void Print(IAnsiConsole console, DemoResult result)
    {
        EvalResult search = result.Search;
        FactTable.Write(
            console,
            [
                ("documents", $"{result.Members:N0} members of .NET; {search.N:N0} indexed, {search.Queries:N0} onDevice out as queries"),
                ("embedding", $"{search.D} dimensions, {FactTable.Bytes((double)search.N * search.D * sizeof(float))} as float32"),
                ("index", $"{FactTable.Bytes(result.Bytes)}, {search.Ratio:P2} of that; {search.M:N0} anchors, {search.Codec}"),
                ($"recall@{search.K}",
                    $"{search.Recall:F4} ± {search.RecallStdErr:F4} with {search.Probes:F0} probes ({search.ScannedShare:P1} of the rows), "
                    + $"{search.RecallExhaustive:F4} with all"),
                ("one thread", $"{search.Qps:N0} queries a second, p50 {search.P50Ms:F3} ms, p99 {search.P99Ms:F3} ms"),
                ("exact scan", $"{search.ExactQps:N1} queries a second; the index is {search.Speedup:F1} times faster"),
                ("folder", result.Kept ? $"{result.Folder}, kept" : $"{result.Folder}, deleted"),
                ("seconds", $"{result.Seconds:F1}"),
            ]);
        foreach (DemoAnswer answer in result.Answers)
        {
            console.WriteLine($"? {answer.Question}");
            if (answer.Problem is not null) console.WriteLine($"  {answer.Problem}");
            Table table = FactTable.Create(">", "", "").HideHeaders().NoBorder();
            foreach (DemoMember member in answer.Members) table.Row($"  {member.Score:F3}", member.Name, Shortened(member.Summary));
            if (answer.Members.Length > 0) console.Write(table);
            console.WriteLine();
        }
    }

    private static string Shortened(string summary)
    {
        const int Most = 90;
        string line = string.Join(' ', summary.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length <= Most ? line : $"{line.AsSpan(0, Most - 1).TrimEnd()}…";
    }
}

/// <summary>What <c>vlc demo</c> reports.</summary>
internal sealed record DemoResult(
    EvalResult Search, long Bytes, int Members, string Folder, bool Kept, double Seconds, DemoAnswer[] Answers);
