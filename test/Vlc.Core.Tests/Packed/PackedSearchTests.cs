using CsCheck;
using Vlc.Codecs;
using Vlc.Codecs.Packed;
using Vlc.Evaluation;
using Vlc.Indexing;
using Vlc.Scanning;
using Vlc.Search;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Packed;

/// <summary>End to end, under each metric, on cells of unequal size and scale.</summary>
public sealed class PackedSearchTests : IDisposable
{
    private const int Dimension = PackedData.Dimension;
    private const int K = 10;
    private readonly TemporaryFolder _folder = new();
    private readonly float[] _queries = PackedData.Rows(60, 2);

    [Theory]
    [InlineData(Metric.L2, 1, 1)]
    [InlineData(Metric.L2, 4, 3)]
    [InlineData(Metric.Cosine, 1, 2)]
    [InlineData(Metric.Cosine, 4, 3)]
    [InlineData(Metric.InnerProduct, 1, 2)]
    [InlineData(Metric.InnerProduct, 4, 3)]
    public void An_exhaustive_search_ranks_as_brute_force_over_the_reconstructions_does(Metric metric, int groups, int classes)
    {
        // Levels from hardly any code to eight bits: lists without codes are searched, too.
        foreach (int level in (int[])[1000, 200, -2000])
        {
            using VlcIndex index = VlcIndex.Open(PackedData.Build(
                _folder, metric, new PackedOptions { GroupCount = groups, ClassCount = classes, Level = level }, $"{level}"));
            double[][] rows = Reconstructions(index, metric);
            for (int query = 0; query < 20; query++) AssertRanks(index, rows, Query(query).ToArray(), metric);
        }
    }

    [Theory]
    [InlineData(Metric.L2)]
    [InlineData(Metric.Cosine)]
    [InlineData(Metric.InnerProduct)]
    public void The_target_is_reached_in_far_fewer_bytes_than_int8_takes(Metric metric)
    {
        float[] rows = PackedData.Rows(6000, 1);
        using var source = new InMemoryVectors(rows, Dimension);
        int[] exact = ExactNeighbors.Find(source, _queries, K, metric);
        var options = new IndexOptions
        {
            Metric = metric,
            Packed = new PackedOptions { TargetRecall = 0.9 },
            Training = Datasets.Training(64),
        };
        using VlcIndex packed = VlcIndex.Open(Datasets.Build(_folder, rows, Dimension, options, "packed"));
        using VlcIndex int8 = VlcIndex.Open(Datasets.Build(
            _folder, rows, Dimension,
            new IndexOptions { Metric = metric, Codec = CodecKind.Int8, Training = Datasets.Training(64) }, "int8"));
        Recall recall = Measure(packed, exact);
        Assert.True(recall.Value >= 0.9 - (2 * recall.StandardError), $"{recall}");
        // The manifest's tables are 4 KB whatever n is; the rest is what a vector takes.
        Assert.InRange((packed.TotalBytes - 4096.0) / (int8.TotalBytes - 4096.0), 0, 0.6);
    }

    [Theory]
    [InlineData(200)]
    [InlineData(2000)]
    public void A_ratio_is_kept_whatever_the_rows_outside_the_sample_take(int sample)
    {
        float[] rows = PackedData.Rows(6000, 3);
        using VlcIndex index = VlcIndex.Open(Datasets.Build(_folder, rows, Dimension, new IndexOptions
        {
            Packed = new PackedOptions { MaxRatio = 0.12 }, TrainingRows = sample, TuningRows = 50, Training = Datasets.Training(32),
        }));
        Assert.InRange(index.Ratio, 0.08, 0.12);
    }

    [Theory]
    [InlineData(Metric.L2)]
    [InlineData(Metric.Cosine)]
    [InlineData(Metric.InnerProduct)]
    public void Filters_batches_and_repeated_searches_agree_with_the_plain_one(Metric metric)
    {
        using VlcIndex index = VlcIndex.Open(PackedData.Build(_folder, metric, new PackedOptions { GroupCount = 2, Level = 0 }));
        Gen.Select(Gen.Int[0, 59], Gen.Int[0, PackedData.Count - 1].Array[0, 300], Gen.Bool).Sample(
            (query, listed, allow) =>
            {
                RowFilter filter = allow ? RowFilter.Allow(PackedData.Count, listed) : RowFilter.Deny(PackedData.Count, listed);
                int[] all = Datasets.Search(index, Query(query), PackedData.Count, SearchOptions.Exhaustive);
                int[] expected = [.. all.Where(id => listed.Contains(id) == allow).Take(K)];
                Assert.Equal(
                    expected,
                    Datasets.Search(index, Query(query), K, new SearchOptions { Probes = int.MaxValue, Filter = filter }));
            },
            iter: 100, threads: 1);

        int[] ids = new int[60 * K], single = new int[K];
        float[] scores = new float[60 * K], singleScores = new float[K];
        foreach (SearchOptions? options in (SearchOptions?[])
            [null, SearchOptions.Exhaustive, new() { Probes = 2, Threads = 3 }, new() { ScannedRows = 900, Threads = 2 }])
        {
            index.SearchBatch(_queries, K, ids, scores, options);
            for (int query = 0; query < 60; query++)
            {
                int found = index.Search(Query(query), single, singleScores, options);
                Assert.Equal(single[..found], ids[(query * K)..((query * K) + found)]);
                Assert.Equal(singleScores[..found], scores[(query * K)..((query * K) + found)]);
            }
        }
    }

    [Theory]
    [InlineData(Metric.Cosine)]
    [InlineData(Metric.InnerProduct)]
    public void A_search_allocates_nothing(Metric metric)
    {
        using VlcIndex index = VlcIndex.Open(PackedData.Build(_folder, metric, new PackedOptions { GroupCount = 4, Level = 0 }));
        SearchOptions?[] options = [null, SearchOptions.Exhaustive, new() { Filter = RowFilter.Deny(PackedData.Count, [1]) }];
        var ids = new int[K];
        var scores = new float[K];
        Allocation.AssertNone(round =>
        {
            foreach (SearchOptions? option in options) index.Search(Query(round), ids, scores, option);
        });
    }

    public void Dispose() => _folder.Dispose();

    private static double[][] Reconstructions(VlcIndex index, Metric metric)
    {
        var vector = new float[Dimension];
        return [.. Enumerable.Range(0, index.Count).Select(row =>
        {
            index.Reconstruct(row, vector);
            double length = metric == Metric.Cosine ? Math.Sqrt(vector.Sum(value => (double)value * value)) : 1;
            return vector.Select(value => value / length).ToArray();
        })];
    }

    private static void AssertRanks(VlcIndex index, double[][] rows, float[] query, Metric metric)
    {
        double length = metric == Metric.Cosine ? Math.Sqrt(query.Sum(value => (double)value * value)) : 1;
        double[] expected = [.. rows.Select(row =>
        {
            double score = 0;
            for (int k = 0; k < Dimension; k++)
            {
                score += metric == Metric.L2 ? (row[k] - query[k]) * (row[k] - query[k]) : row[k] * query[k] / length;
            }

            return score;
        })];
        double rounding = 2e-6 * expected.Max(Math.Abs), sign = metric == Metric.L2 ? 1 : -1;
        double[] sorted = [.. expected.OrderBy(score => sign * score)];
        var ids = new int[25];
        var scores = new float[25];
        Assert.Equal(25, index.Search(query, ids, scores, SearchOptions.Exhaustive));
        Assert.Equal(25, ids.Distinct().Count());
        for (int i = 0; i < 25; i++)
        {
            // Another id in a place is right only where both are as far within the rounding of float32.
            Assert.Equal(sorted[i], expected[ids[i]], rounding);
            Assert.Equal(expected[ids[i]], scores[i], rounding);
        }
    }

    private Recall Measure(VlcIndex index, int[] exact)
    {
        var ids = new int[exact.Length];
        index.SearchBatch(_queries, K, ids, new float[ids.Length], SearchOptions.Exhaustive);
        return Recall.Compute(ids, exact, K, K);
    }

    private ReadOnlySpan<float> Query(int query) => Datasets.Row(_queries, Dimension, query);
}
