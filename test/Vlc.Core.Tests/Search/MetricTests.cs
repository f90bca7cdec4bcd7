using Vlc.Codecs;
using Vlc.Evaluation;
using Vlc.Indexing;
using Vlc.Scanning;
using Vlc.Search;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Search;

public sealed class MetricTests
{
    private const int Dimension = 24;
    private const int Count = 1500;
    private const int K = 10;

    [Theory]
    [InlineData(Metric.L2)]
    [InlineData(Metric.Cosine)]
    [InlineData(Metric.InnerProduct)]
    public void Search_on_rows_of_any_length_finds_what_a_search_in_double_finds(Metric metric)
    {
        // Lengths differ by a factor of 30, so that the three metrics disagree.
        float[] rows = [.. Datasets.Clusters(Count, Dimension, 10, 1).Select((value, i) => value * (1 + (i / Dimension % 30)))];
        AssertFindsNearest(rows, Datasets.Clusters(50, Dimension, 10, 2), metric, 0.98);
        AssertFindsNearest(rows, rows[..(50 * Dimension)], metric, 0.98);
    }

    [Theory]
    [InlineData(1f, 1e4f, Metric.L2)]
    [InlineData(1f, 1e4f, Metric.InnerProduct)]
    [InlineData(1e-20f, 0f, Metric.L2)]
    [InlineData(1e-20f, 0f, Metric.Cosine)]
    [InlineData(1e-20f, 0f, Metric.InnerProduct)]
    [InlineData(1e20f, 0f, Metric.L2)]
    [InlineData(1e20f, 0f, Metric.Cosine)]
    [InlineData(1e20f, 0f, Metric.InnerProduct)]
    [InlineData(1e-3f, -20f, Metric.L2)]
    public void Magnitude_and_offset_of_the_data_do_not_matter(float factor, float offset, Metric metric)
    {
        float[] rows = Datasets.Moved(Datasets.Clusters(Count, Dimension, 10, 3), factor, offset);
        float[] queries = Datasets.Moved(Datasets.Clusters(50, Dimension, 10, 4), factor, offset);
        // Products of rows far from the origin differ by less than a float resolves: only the first digits of a ranking are facts.
        AssertFindsNearest(rows, queries, metric, metric == Metric.InnerProduct && offset != 0 ? 0.5 : 0.95);
    }

    [Theory]
    [InlineData(1f, 0f)]
    [InlineData(1f, 1e4f)]
    [InlineData(1e-20f, 0f)]
    [InlineData(1e20f, 0f)]
    public void Exact_neighbours_are_exact_at_any_magnitude_and_offset(float factor, float offset)
    {
        float[] rows = Datasets.Moved(Datasets.Clusters(Count, Dimension, 10, 5), factor, offset);
        float[] queries = Datasets.Moved(Datasets.Clusters(40, Dimension, 10, 6), factor, offset);
        foreach (Metric metric in Enum.GetValues<Metric>())
        {
            if (metric != Metric.L2 && offset != 0) continue;
            using var source = new InMemoryVectors(rows, Dimension);
            int[] ids = ExactNeighbors.Find(source, queries, K, metric, threads: 2);
            int wrong = 0;
            for (int query = 0; query < 40; query++)
            {
                wrong += Nearest(rows, Datasets.Row(queries, Dimension, query), metric).Except(ids[(query * K)..((query + 1) * K)]).Count();
            }

            // Neighbours as far as each other within rounding may change places at the end of the list.
            Assert.InRange(wrong, 0, 2);
        }
    }

    [Fact]
    public void Scores_are_what_the_metric_says()
    {
        using TemporaryFolder folder = new();
        float[] rows = Datasets.Clusters(200, Dimension, 5, 7), query = Datasets.Clusters(1, Dimension, 5, 8);
        foreach ((Metric metric, float factor) in ((Metric, float)[])
            [(Metric.L2, 1f), (Metric.L2, 1e-18f), (Metric.Cosine, 1f), (Metric.InnerProduct, 1f), (Metric.InnerProduct, 1e-18f)])
        {
            float[] scaled = Datasets.Moved(rows, factor, 0), scaledQuery = Datasets.Moved(query, factor, 0);
            using VlcIndex index = VlcIndex.Open(Datasets.Build(
                folder, scaled, Dimension,
                new IndexOptions { Metric = metric, Codec = CodecKind.Float16, Training = Datasets.Training(8) }));
            int[] ids = new int[K];
            float[] scores = new float[K];
            Assert.Equal(K, index.Search(scaledQuery, ids, scores, SearchOptions.Exhaustive));
            for (int i = 0; i < K; i++)
            {
                double expected = Score(Datasets.Row(scaled, Dimension, ids[i]), scaledQuery, metric);
                Assert.InRange(scores[i], expected - (2e-3 * Math.Abs(expected)), expected + (2e-3 * Math.Abs(expected)));
            }
        }
    }

    [Fact]
    public void A_zero_row_has_no_cosine_and_is_named()
    {
        using TemporaryFolder folder = new();
        float[] rows = Datasets.Clusters(300, Dimension, 5, 9);
        rows.AsSpan(217 * Dimension, Dimension).Clear();
        VlcFormatException refusal = Assert.Throws<VlcFormatException>(
            () => Datasets.Build(folder, rows, Dimension, new IndexOptions { Metric = Metric.Cosine, Training = Datasets.Training(5) }));
        Assert.Equal("row 217", refusal.Where);
        Assert.Empty(Directory.GetFiles(folder.Path));
        Assert.True(File.Exists(Datasets.Build(folder, rows, Dimension, new IndexOptions { Training = Datasets.Training(5) }) + ".idx"));
    }

    [Fact]
    public void A_query_that_cannot_be_searched_is_refused()
    {
        using TemporaryFolder folder = new();
        using VlcIndex index = VlcIndex.Open(Datasets.Build(
            folder, Datasets.Clusters(100, 3, 3, 10), 3, new IndexOptions { Metric = Metric.Cosine, Training = Datasets.Training(4) }));
        AssertRefused("zero", [0, 0, 0]);
        AssertRefused("2 dimensions; the index has 3", [1, 2]);
        AssertRefused("4 dimensions; the index has 3", [1, 2, 3, 4]);
        AssertRefused("NaN", [1, float.NaN, 3]);
        AssertRefused("NaN or infinite", [1, 2, float.NegativeInfinity]);
        AssertRefused("built for metric Cosine", [1, 2, 3], new SearchOptions { Metric = Metric.L2 });
        AssertRefused("0 probes", [1, 2, 3], new SearchOptions { Probes = 0 });
        AssertRefused("0 rows", [1, 2, 3], new SearchOptions { ScannedRows = 0 });
        AssertRefused("filter is for an index of 99 rows", [1, 2, 3], new SearchOptions { Filter = RowFilter.Allow(99, [1]) });
        Assert.Throws<ArgumentException>(() => index.SearchBatch(new float[4], 1, new int[2], new float[2]));
        Assert.Throws<ArgumentException>(() => index.SearchBatch(new float[3], 1, new int[1], new float[1]));
        Assert.Equal(5, Datasets.Search(index, [1, 2, 3], 5, new SearchOptions { Metric = Metric.Cosine, Probes = 4 }).Length);

        void AssertRefused(string because, float[] query, SearchOptions? options = null) => Assert.Contains(
            because,
            Assert.ThrowsAny<ArgumentException>(() => index.Search(query, new int[1], new float[1], options)).Message,
            StringComparison.Ordinal);
    }

    private static void AssertFindsNearest(float[] rows, float[] queries, Metric metric, double floor)
    {
        using TemporaryFolder folder = new();
        using VlcIndex index = VlcIndex.Open(Datasets.Build(
            folder, rows, Dimension, new IndexOptions { Metric = metric, Codec = CodecKind.Float16, Training = Datasets.Training(20) }));
        int count = queries.Length / Dimension, hits = 0, first = 0;
        for (int query = 0; query < count; query++)
        {
            int[] found = Datasets.Search(index, Datasets.Row(queries, Dimension, query), K, SearchOptions.Exhaustive);
            int[] exact = Nearest(rows, Datasets.Row(queries, Dimension, query), metric);
            hits += found.Intersect(exact).Count();
            first += found[0] == exact[0] ? 1 : 0;
        }

        Assert.True(hits >= floor * count * K, $"{metric}: recall {(double)hits / (count * K)}");
        Assert.True(first >= (floor - 0.02) * count, $"{metric}: {first} of {count} nearest rows found first");
    }

    private static int[] Nearest(float[] rows, ReadOnlySpan<float> query, Metric metric)
    {
        var scores = new double[rows.Length / Dimension];
        for (int row = 0; row < scores.Length; row++)
        {
            double score = Score(Datasets.Row(rows, Dimension, row), query, metric);
            scores[row] = metric == Metric.L2 ? score : -score;
        }

        return [.. Enumerable.Range(0, scores.Length).OrderBy(row => scores[row]).ThenBy(row => row).Take(K)];
    }

    private static double Score(ReadOnlySpan<float> row, ReadOnlySpan<float> query, Metric metric)
    {
        double dot = 0, rowNorm = 0, queryNorm = 0;
        for (int k = 0; k < row.Length; k++)
        {
            dot += (double)row[k] * query[k];
            rowNorm += (double)row[k] * row[k];
            queryNorm += (double)query[k] * query[k];
        }

        return metric switch
        {
            Metric.L2 => Datasets.Squared(row, query),
            Metric.Cosine => dot / Math.Sqrt(rowNorm * queryNorm),
            _ => dot,
        };
    }
}
