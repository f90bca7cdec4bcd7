using System.CommandLine;
using System.Diagnostics;
using Spectre.Console;
using Vlc.Anchors;
using Vlc.Cli.Evaluation;
using Vlc.Cli.Files;
using Vlc.Cli.Terminal;
using Vlc.Evaluation;
using Vlc.Indexing;
using Vlc.Codecs;
using Vlc.Search;
using Vlc.Vectors;

namespace Vlc.Cli.Commands;

/// <summary>
/// <c>vlc test</c>: learns, compresses and searches the seed's synthetic sets, and says whether all is well on this machine.
/// </summary>
internal static class TestCommand
{
    private const int QueryCount = 100;
    private const int K = 10;
    private const ulong Seed = 42;
    private const double MostLearningSeconds = 1;

    private static readonly SyntheticSet Small = new("small", Rows: 300, Dimension: 64, Anchors: 10);
    private static readonly SyntheticSet Large = new("large", Rows: 10_000, Dimension: 128, Anchors: 256);

    // What each codec must reach; anchors alone cannot tell the rows of a cell apart, and are judged by their bytes.
    private static readonly (CodecKind Codec, double MinRecall, double MaxRatio)[] Floors =
    [
        (CodecKind.None, 0, 0.10), (CodecKind.Float16, 0.99, 0.56), (CodecKind.Int8, 0.95, 0.30),
    ];

    private static readonly Option<bool> IsLarge = new("--large") { Description = $"{Large}, not {Small}." };

    public static Command Create()
    {
        var command = new Command("test", "Check the program on made-up data: learning, ratio and recall by codec.") { IsLarge };
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        SyntheticSet set = parsed.GetValue(IsLarge) ? Large : Small;
        var training =
            new AnchorTrainingOptions { AnchorCount = set.Anchors, Seed = Seed, Threads = parsed.GetValue(SharedOptions.Threads) };
        TestResult result = terminal.WithProgress(progress => Measure(set, training, progress, cancellationToken));
        terminal.Write(result, ResultJsonContext.Readable.TestResult, console => Print(console, result));
        return terminal.Judge(result.Gates);
    }

    private static TestResult Measure(
        SyntheticSet set, AnchorTrainingOptions training, ProgressReport progress, CancellationToken cancellationToken)
    {
        float[] drawn = GaussianBlobs.Draw(set.Rows + QueryCount, set.Dimension, set.Anchors, Seed);
        ReadOnlyMemory<float> rows = drawn.AsMemory(0, set.Rows * set.Dimension);
        float[] queries = drawn[rows.Length..];

        progress("learn", 0);
        long start = Stopwatch.GetTimestamp();
        (float[] anchors, TrainingReport report) = AnchorTrainer.Train(rows, set.Dimension, training, cancellationToken: cancellationToken);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;

        using var source = new InMemoryVectors(rows, set.Dimension, $"the {set.Name} synthetic set");
        int[] truth = ExactNeighbors.Find(source, queries, K, Metric.L2, training.Threads, progress: null, cancellationToken);
        using var folder = new TemporaryDirectory();
        List<QualityGate> gates = [new("learningSeconds", MostLearningSeconds, seconds, seconds < MostLearningSeconds)];
        gates.Add(new QualityGate("entropy", AnchorTrainer.CollapseThreshold, report.NormalizedEntropy, !report.Collapsed));
        List<CodecTest> codecs = [];
        foreach ((CodecKind codec, double minRecall, double maxRatio) in Floors)
        {
            string word = Spellings.Codec[codec];
            progress($"compress with codec {word}", 0);
            IndexReport built = IndexBuilder.Build(
                source, folder.File(word), new IndexOptions { Codec = codec, Training = training }, progress: null, cancellationToken);
            using VlcIndex index = VlcIndex.Open(folder.File(word));
            int[] found = new int[QueryCount * K];
            index.SearchBatch(queries, K, found, new float[found.Length], SearchOptions.Exhaustive, cancellationToken);
            Recall recall = Recall.Compute(found, truth, K, K);
            codecs.Add(new CodecTest(word, built.Ratio, recall.Value, recall.StandardError));
            gates.Add(new QualityGate($"{word} recall", minRecall, recall.Value, recall.Value >= minRecall));
            gates.Add(new QualityGate($"{word} ratio", maxRatio, built.Ratio, built.Ratio <= maxRatio));
        }

        return new TestResult(
            gates.All(gate => gate.Passed), set.Rows, set.Dimension, anchors.Length / set.Dimension, seconds,
            report.Iterations.Count, report.Distortion, report.NormalizedEntropy * Math.Log2(set.Anchors), report.NormalizedEntropy, K,
            [.. codecs], [.. gates]);
    }

    private static void Print(IAnsiConsole console, TestResult result)
    {
        FactTable.Write(
            console,
            [
                ("vectors", $"{result.N:N0} x {result.D}, made up"),
                ("anchors", $"{result.M}"),
                ("learning", $"{result.LearningSeconds:F3} s, {result.Iterations} iterations"),
                ("distortion", $"{result.Distortion:G6}"),
                ("entropy", $"{result.EntropyBits:F3} bits, {result.NormalizedEntropy:F3} of the most possible"),
            ]);
        Table table = FactTable.Create("codec", ">ratio", $">recall@{result.K}, exhaustive");
        foreach (CodecTest codec in result.Codecs)
        {
            table.Row(codec.Codec, $"{codec.Ratio:P2}", $"{codec.Recall:F4} ± {codec.RecallStdErr:F4}");
        }

        console.Write(table);
        console.WriteLine(result.Passed ? "PASS" : "FAIL");
    }

    private sealed record SyntheticSet(string Name, int Rows, int Dimension, int Anchors)
    {
        public override string ToString() => $"{Rows:N0} x {Dimension} with {Anchors} anchors";
    }
}

/// <summary>What <c>vlc test</c> reports.</summary>
internal sealed record TestResult(
    bool Passed, int N, int D, int M, double LearningSeconds, int Iterations, double Distortion, double EntropyBits,
    double NormalizedEntropy, int K, CodecTest[] Codecs, QualityGate[] Gates);

/// <summary>How a codec did.</summary>
internal sealed record CodecTest(string Codec, double Ratio, double Recall, double RecallStdErr);
