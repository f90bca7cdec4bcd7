using Vlc.Codecs;
using Vlc.Evaluation;
using Vlc.Formats;
using Vlc.Indexing;
using Vlc.Probing;
using Vlc.Search;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.RealData;

/// <summary>
/// The promise of the project on real vectors: at most 30 % of the bytes, at least 95 % of the ten nearest, exhaustively and by default.
/// </summary>
public sealed class RecallFloorTests
{
    private const int K = 10;

    [Theory]
    [InlineData("mnist-30k-784d.base.npy", "mnist-784d.query.npy", 12_000)]
    [InlineData("words-64k-200d.base.npy", "words-64k-200d.query.npy", 20_000)]
    [InlineData("paragraphs-60k-384d.base.npy", "paragraphs-60k-384d.query.npy", 20_000)]
    public void Int8_keeps_the_promise(string baseFile, string queryFile, int rows)
    {
        (float[] data, int dimension) = Read(RepositoryPaths.SharedData(baseFile), rows);
        (float[] queries, _) = Read(RepositoryPaths.SharedData(queryFile), 300);
        using TemporaryFolder folder = new();
        using var source = new InMemoryVectors(data, dimension);
        int[] exact = ExactNeighbors.Find(source, queries, K, Metric.L2);
        using VlcIndex index = VlcIndex.Open(Datasets.Build(folder, data, dimension, new IndexOptions { Codec = CodecKind.Int8 }));
        Assert.InRange(index.Ratio, 0, 0.30);
        Recall exhaustive = Measure(index, queries, exact, SearchOptions.Exhaustive), planned = Measure(index, queries, exact, null);
        Assert.True(exhaustive.Value >= 0.95, $"exhaustive {exhaustive}");
        // The plan aims for 0.95 on held-out rows; the queries are others, and few.
        Assert.True(planned.Value >= 0.95 - (2 * planned.StandardError), $"planned {planned}");
        ProbingPoint plan = index.Manifest.Scan!.For(index.Manifest.TargetRecall);
        Assert.True(plan.MeanRows <= rows / 4, $"{plan} of {rows} rows");
    }

    private static Recall Measure(VlcIndex index, float[] queries, int[] exact, SearchOptions? options)
    {
        var ids = new int[exact.Length];
        index.SearchBatch(queries, K, ids, new float[ids.Length], options);
        return Recall.Compute(ids, exact, K, K);
    }

    private static (float[] Rows, int Dimension) Read(string path, int most)
    {
        using VectorSource source = VectorFiles.Open(path);
        int count = (int)Math.Min(most, source.Count);
        var rows = new float[count * source.Dimension];
        source.Read(0, count, rows);
        return (rows, source.Dimension);
    }
}
