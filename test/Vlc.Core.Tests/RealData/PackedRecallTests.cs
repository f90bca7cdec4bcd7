using Vlc.Evaluation;
using Vlc.Formats;
using Vlc.Indexing;
using Vlc.Codecs.Packed;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.RealData;

/// <summary>The packed codec chooses its own bytes on real vectors: for a recall, or for a ratio.</summary>
public sealed class PackedRecallTests
{
    private const int K = 10;
    private const int Rows = 20_000;
    private const string BaseFile = "words-64k-200d.base.npy";

    [Fact]
    public void A_target_is_hit_on_queries_that_the_build_never_saw()
    {
        (float[] rows, int dimension) = Read(BaseFile, Rows);
        (float[] queries, _) = Read("words-64k-200d.query.npy", 1000);
        using var source = new InMemoryVectors(rows, dimension);
        int[] exact = ExactNeighbors.Find(source, queries, K, Metric.L2);
        double before = 0;
        foreach (double target in (double[])[0.90, 0.95])
        {
            using TemporaryFolder folder = new();
            using VlcIndex index = VlcIndex.Open(Datasets.Build(
                folder, rows, dimension, new IndexOptions { Packed = new PackedOptions { TargetRecall = target } }));
            var ids = new int[exact.Length];
            index.SearchBatch(queries, K, ids, new float[ids.Length], SearchOptions.Exhaustive);
            Recall recall = Recall.Compute(ids, exact, K, K);
            // Not below by more than a hundredth, and no bytes spent on a recall that nobody asked for.
            Assert.InRange(recall.Value, target - 0.01, target + (0.3 * (1 - target)));
            // Far below the quarter that a byte an axis takes; a higher target takes more.
            Assert.InRange(index.Ratio, before, 0.25);
            before = index.Ratio;
        }
    }

    [Theory]
    [InlineData(0.08)]
    [InlineData(0.15)]
    public void A_ratio_is_kept_by_the_written_index_and_used_up(double most)
    {
        (float[] rows, int dimension) = Read(BaseFile, Rows);
        using TemporaryFolder folder = new();
        // A sample a tenth of the rows: what the other rows take is not known when the level is chosen.
        string path = Datasets.Build(folder, rows, dimension, new IndexOptions
        {
            Packed = new PackedOptions { MaxRatio = most, Unbiased = false }, TrainingRows = 2000, TuningRows = 100,
        });
        // Bytes are counted before they are written: what is left is less than a level's step.
        Assert.InRange(IndexInfo.Read(path).Ratio, 0.993 * most, most);
    }

    private static (float[] Rows, int Dimension) Read(string file, int most)
    {
        using VectorSource source = VectorFiles.Open(RepositoryPaths.SharedData(file));
        int count = (int)Math.Min(most, source.Count);
        var rows = new float[count * source.Dimension];
        source.Read(0, count, rows);
        return (rows, source.Dimension);
    }
}
