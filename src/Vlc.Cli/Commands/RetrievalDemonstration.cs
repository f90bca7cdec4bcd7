using Spectre.Console;
using Vlc.Anchors;
using Vlc.Cli.Evaluation;
using Vlc.Cli.Files;
using Vlc.Cli.Terminal;
using Vlc.Evaluation;
using Vlc.Indexing;
using Vlc.Search;
using Vlc.Vectors;

namespace Vlc.Cli.Commands;

/// <summary>
/// The seed's retrieval demonstration: a few made-up vectors, compressed and searched, the true neighbours beside those found.
/// </summary>
internal static class RetrievalDemonstration
{
    private const int Rows = 300;
    private const int Dimension = 64;
    private const int AnchorCount = 10;
    private const int QueryCount = 5;
    private const int K = 5;
    private const ulong Seed = 42;

    public static ExitCode Run(CommandTerminal terminal, int? threads, CancellationToken cancellationToken)
    {
        float[] drawn = GaussianBlobs.Draw(Rows + QueryCount, Dimension, AnchorCount, Seed);
        using var source = new InMemoryVectors(drawn.AsMemory(0, Rows * Dimension), Dimension, "made-up vectors");
        float[] queries = drawn[(Rows * Dimension)..];

        using var folder = new TemporaryDirectory();
        string basePath = folder.File("demonstration");
        var training = new AnchorTrainingOptions { AnchorCount = AnchorCount, Seed = Seed, Threads = threads };
        var options = new IndexOptions { Training = training };
        IndexBuilder.Build(source, basePath, options, progress: null, cancellationToken);
        using VlcIndex index = VlcIndex.Open(basePath);

        int[] truth = ExactNeighbors.Find(source, queries, K, index.Metric, threads, progress: null, cancellationToken);
        int[] found = new int[QueryCount * K];
        float[] scores = new float[found.Length];
        index.SearchBatch(queries, K, found, scores, SearchOptions.Exhaustive, cancellationToken);
        Recall recall = Recall.Compute(found, truth, K, K);
        var result = new RetrievalDemonstrationResult(
            Rows, Dimension, index.AnchorCount, index.Ratio, K, recall.Value,
            [
                .. Enumerable.Range(0, QueryCount).Select(query => new RetrievalComparison(
                    QueryNeighbors.Of(query, found.AsSpan(query * K, K), scores.AsSpan(query * K, K), index).Neighbors,
                    truth[(query * K)..((query + 1) * K)])),
            ]);
        terminal.Write(result, ResultJsonContext.Readable.RetrievalDemonstrationResult, console => Print(console, result));
        return ExitCode.Success;
    }

    private static void Print(IAnsiConsole console, RetrievalDemonstrationResult result)
    {
        console.WriteLine(
            $"{result.N} made-up vectors of {result.D} dimensions, {result.M} anchors, compressed to {result.Ratio:P1} of float32.");
        Table table = FactTable.Create(">query", "found in the compressed index (squared distance)", "true neighbours");
        for (int query = 0; query < result.Queries.Length; query++)
        {
            RetrievalComparison comparison = result.Queries[query];
            string found = string.Join("  ", comparison.Found.Select(neighbor => $"{neighbor.Id} ({neighbor.Score:F2})"));
            table.Row($"{query}", found, string.Join("  ", comparison.Truth));
        }

        console.Write(table);
        console.WriteLine($"recall@{result.K} {result.Recall:F3}. Search vectors of your own with --idx and --queries.");
    }
}

/// <summary>What <c>vlc query</c> reports without an index.</summary>
internal sealed record RetrievalDemonstrationResult(int N, int D, int M, double Ratio, int K, double Recall, RetrievalComparison[] Queries);

/// <summary>What was found for a query, and what should have been.</summary>
internal sealed record RetrievalComparison(Neighbor[] Found, int[] Truth);
