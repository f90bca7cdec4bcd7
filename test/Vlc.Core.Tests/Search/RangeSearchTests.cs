using System.Numerics.Tensors;
using Vlc.Core.Tests.Segments;
using Vlc.Indexing;
using Vlc.Scanning;
using Vlc.Search;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Search;

/// <summary>Thresholds, filters by predicate and bitmap, re-ranking, and cancellation, against what they mean.</summary>
public sealed class RangeSearchTests
{
    private const int Count = 500, QueryCount = 8;

    public static TheoryData<CodecKind, Metric> CodecsAndMetrics => SegmentData.CodecsAndMetrics;

    [Theory]
    [MemberData(nameof(CodecsAndMetrics))]
    public void A_range_search_finds_the_reconstructions_within_the_threshold_and_no_others(CodecKind codec, Metric metric)
    {
        using TemporaryFolder folder = new();
        int d = SegmentData.Dimension(codec);
        using VlcIndex index = Open(folder, codec, metric, out _);
        float[] queries = Datasets.Clusters(QueryCount, d, 8, 2);
        var vector = new float[d];
        for (int query = 0; query < QueryCount; query++)
        {
            double[] q = [.. Datasets.Row(queries, d, query).ToArray().Select(value => (double)value)];
            var scores = new double[Count];
            for (int row = 0; row < Count; row++)
            {
                index.Reconstruct(row, vector);
                double product = q.Zip(vector, (x, y) => x * y).Sum(), length = Math.Sqrt(q.Sum(x => x * x));
                // The packed codec ranks reconstructions by their direction, the others as they are, nearly of unit length.
                double own = codec == CodecKind.Packed ? Math.Sqrt(vector.Sum(x => (double)x * x)) : 1;
                double squared = q.Zip(vector, (x, y) => ((x / length) - y) * ((x / length) - y)).Sum();
                scores[row] = metric switch
                {
                    Metric.InnerProduct => product,
                    Metric.Cosine => codec == CodecKind.Packed ? product / length / own : 1 - (squared / 2),
                    _ => q.Zip(vector, (x, y) => (x - y) * (x - y)).Sum(),
                };
            }

            double[] ranked = [.. metric == Metric.L2 ? scores.Order() : scores.OrderDescending()];
            double rounding = 2e-5 * scores.Max(Math.Abs);
            foreach (int wanted in (int[])[1, 20, 200, Count])
            {
                float threshold = (float)ranked[wanted - 1];
                IReadOnlyList<SearchHit> hits = index.SearchRange(Datasets.Row(queries, d, query), threshold);
                Assert.Equal(hits, hits.OrderBy(hit => metric == Metric.L2 ? hit.Score : -hit.Score).ThenBy(hit => hit.Id));
                Assert.Equal(hits.Count, hits.Select(hit => hit.Id).Distinct().Count());
                Assert.All(hits, hit => Assert.True(metric == Metric.L2 ? hit.Score <= threshold : hit.Score >= threshold));
                Assert.All(hits, hit => Assert.Equal(scores[hit.Id], hit.Score, rounding));
                HashSet<int> found = [.. hits.Select(hit => hit.Id)];
                for (int row = 0; row < Count; row++)
                {
                    // A row as near to the threshold as float32 rounds may be on either side.
                    double margin = metric == Metric.L2 ? threshold - scores[row] : scores[row] - threshold;
                    if (Math.Abs(margin) > rounding) Assert.Equal(margin > 0, found.Contains(row));
                }

                AssertThresholdIsAPrefix(index, Datasets.Row(queries, d, query), threshold, hits);
            }
        }
    }

    [Fact]
    public void A_threshold_that_no_row_reaches_finds_nothing_and_one_that_all_reach_finds_all()
    {
        foreach (Metric metric in Enum.GetValues<Metric>())
        {
            using TemporaryFolder folder = new();
            using VlcIndex index = Open(folder, CodecKind.Int8, metric, out float[] rows);
            ReadOnlySpan<float> query = Datasets.Row(rows, index.Dimension, 3);
            float none = metric == Metric.L2 ? -1f : float.MaxValue, all = metric == Metric.L2 ? float.MaxValue : -float.MaxValue;
            Assert.Empty(index.SearchRange(query, none));
            Assert.Equal(Enumerable.Range(0, Count), index.SearchRange(query, all).Select(hit => hit.Id).Order());
            Assert.Empty(index.Search(query, 5, new SearchOptions { ScoreThreshold = none }));
            Assert.Equal(5, index.Search(query, 5, new SearchOptions { ScoreThreshold = all }).Count);
            foreach (float bad in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
            {
                float[] vector = query.ToArray();
                Assert.Throws<ArgumentException>(() => index.SearchRange(vector, bad));
                Assert.Throws<ArgumentException>(() => index.Search(vector, 5, new SearchOptions { ScoreThreshold = bad }));
            }
        }
    }

    [Fact]
    public void Data_of_any_magnitude_have_exact_thresholds()
    {
        foreach (float factor in (float[])[1e-15f, 1f, 1e15f])
        {
            using TemporaryFolder folder = new();
            float[] rows = Datasets.Moved(Datasets.Clusters(Count, 12, 8, 1), factor, 0);
            using VlcIndex index = VlcIndex.Open(SegmentData.Build(folder, rows, 12, CodecKind.Int8));
            float[] query = Datasets.Row(rows, 12, 7).ToArray();
            IReadOnlyList<SearchHit> all = index.Search(query, Count, SearchOptions.Exhaustive);
            Assert.Equal(all.TakeWhile(hit => hit.Score <= all[40].Score), index.SearchRange(query, all[40].Score));
            Assert.Equal(
                all.Take(10), index.Search(query, 10, new SearchOptions { Probes = int.MaxValue, ScoreThreshold = all[40].Score }));
            Assert.Equal(
                all.TakeWhile(hit => hit.Score <= all[4].Score),
                index.Search(query, 10, new SearchOptions { Probes = int.MaxValue, ScoreThreshold = all[4].Score }));
        }
    }

    [Theory]
    [InlineData(CodecKind.Packed)]
    [InlineData(CodecKind.Int8)]
    public void A_predicate_and_a_bitmap_are_filters_as_a_list_is(CodecKind codec)
    {
        using TemporaryFolder folder = new();
        int d = SegmentData.Dimension(codec);
        using VlcIndex index = Open(folder, codec, Metric.L2, out _);
        float[] queries = Datasets.Clusters(QueryCount, d, 8, 2);
        int[] rows = [.. Enumerable.Range(0, Count).Where(row => row % 3 == 1)];
        var bits = new ulong[(Count + 63) / 64];
        foreach (int row in rows) bits[row / 64] |= 1UL << (row % 64);
        RowFilter[] filters =
        [
            RowFilter.Where(Count, row => row % 3 == 1), RowFilter.FromBitmap(Count, bits),
            RowFilter.Deny(Count, [.. Enumerable.Range(0, Count).Except(rows)]),
        ];
        foreach (int? probes in (int?[])[null, 2, int.MaxValue])
        {
            var expected = new SearchOptions { Filter = RowFilter.Allow(Count, rows), Probes = probes };
            foreach (RowFilter filter in filters) SegmentData.AssertSame(
                index, index, queries, expected, new SearchOptions { Filter = filter, Probes = probes });
        }

        // Longer bitmaps are cut, shorter ones refused; what is handed over is copied.
        ulong[] longer = [.. bits, ulong.MaxValue];
        RowFilter copied = RowFilter.FromBitmap(Count, longer);
        longer.AsSpan().Clear();
        Assert.Equal(rows, Enumerable.Range(0, Count).Where(copied.Passes));
        Assert.Throws<ArgumentException>(() => RowFilter.FromBitmap(Count, bits.AsSpan(1)));
        Assert.Throws<ArgumentException>(
            () => index.Search(Datasets.Row(queries, d, 0), 3, new SearchOptions { Filter = RowFilter.Where(Count - 1, _ => true) }));
    }

    [Fact]
    public void A_predicate_that_throws_ends_the_search_and_harms_none_after_it()
    {
        using TemporaryFolder folder = new();
        using VlcIndex index = Open(folder, CodecKind.Packed, Metric.L2, out float[] rows);
        float[] query = Datasets.Row(rows, index.Dimension, 1).ToArray();
        IReadOnlyList<SearchHit> before = index.Search(query, 10);
        RowFilter failing = RowFilter.Where(Count, row => row < 400 ? true : throw new InvalidOperationException("of the caller"));
        Assert.Throws<InvalidOperationException>(
            () => index.Search(query, 10, new SearchOptions { Filter = failing, Probes = int.MaxValue }));
        Assert.Equal(before, index.Search(query, 10));
    }

    [Theory]
    [InlineData(Metric.L2)]
    [InlineData(Metric.Cosine)]
    [InlineData(Metric.InnerProduct)]
    public void Reranking_all_candidates_by_the_originals_is_an_exact_search(Metric metric)
    {
        using TemporaryFolder folder = new();
        const int K = 10;
        using VlcIndex index = Open(folder, CodecKind.Int8, metric, out float[] rows);
        int d = index.Dimension;
        float[] queries = Datasets.Clusters(QueryCount, d, 8, 2);
        using var source = new InMemoryVectors(rows, d);
        int[] exact = Evaluation.ExactNeighbors.Find(source, queries, K, metric);
        Reranking[] ways =
        [
            new(source) { CandidatesPerNeighbor = Count }, new((row, vector) =>
                Datasets.Row(rows, d, row).CopyTo(vector)) { CandidatesPerNeighbor = 1000 },
        ];
        foreach (Reranking rerank in ways)
        {
            var options = new SearchOptions { Probes = int.MaxValue, Rerank = rerank, Threads = 2 };
            int[] ids = new int[QueryCount * K];
            float[] scores = new float[ids.Length];
            index.SearchBatch(queries, K, ids, scores, options);
            Assert.Equal(exact, ids);
            for (int query = 0; query < QueryCount; query++)
            {
                float[] vector = Datasets.Row(queries, d, query).ToArray();
                IReadOnlyList<SearchHit> hits = index.Search(vector, K, options);
                Assert.Equal(ids[(query * K)..((query + 1) * K)], hits.Select(hit => hit.Id));
                Assert.Equal(scores[(query * K)..((query + 1) * K)], hits.Select(hit => hit.Score));
                Assert.All(
                    hits, hit => Assert.Equal(Score(metric, vector, Datasets.Row(rows, d, hit.Id)), hit.Score, 1e-6 * Math.Abs(hit.Score)));
                // The threshold is about the exact scores.
                float third = hits[2].Score;
                var limited = new SearchOptions { Probes = int.MaxValue, Rerank = rerank, ScoreThreshold = third };
                Assert.Equal(
                    hits.TakeWhile(hit => metric == Metric.L2 ? hit.Score <= third : hit.Score >= third), index.Search(vector, K, limited));
            }
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => new Reranking(source) { CandidatesPerNeighbor = 0 });
        Assert.Throws<ArgumentException>(() => index.SearchRange(queries.AsSpan(0, d), 1, new SearchOptions { Rerank = ways[0] }));
        Assert.Throws<ArgumentException>(() => index.SearchRange(queries.AsSpan(0, d), 1, new SearchOptions { ScoreThreshold = 1 }));
        Assert.Throws<ArgumentException>(() => index.MeasureRecall(new SearchOptions { Rerank = ways[0] }));
        Assert.Throws<ArgumentException>(() => index.MeasureRecall(new SearchOptions { Filter = RowFilter.Deny(Count, [1]) }));
        Assert.ThrowsAny<ArgumentException>(
            () => index.SearchBatch(queries.AsMemory(1), K, new int[80], new float[80], new SearchOptions { Rerank = ways[0] }));
    }

    [Fact]
    public async Task Batches_as_tasks_give_what_single_searches_give()
    {
        using TemporaryFolder folder = new();
        using VlcIndex index = Open(folder, CodecKind.Packed, Metric.Cosine, out _);
        float[] queries = Datasets.Clusters(QueryCount, index.Dimension, 8, 2);
        foreach (int k in (int[])[1, 7, int.MaxValue])
        {
            IReadOnlyList<IReadOnlyList<SearchHit>> results = await index.SearchAsync(queries, k, SearchOptions.Exhaustive);
            Assert.Equal(QueryCount, results.Count);
            for (int query = 0; query < QueryCount; query++)
            {
                Assert.Equal(index.Search(Datasets.Row(queries, index.Dimension, query), k, SearchOptions.Exhaustive), results[query]);
            }
        }

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => index.SearchAsync(queries, 0));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => index.SearchAsync(queries.AsMemory(1), 3));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => index.SearchAsync(queries, 3, cancellationToken: new CancellationToken(canceled: true)));
    }

    [Fact]
    public void A_single_search_stops_when_it_is_cancelled_and_the_next_is_whole()
    {
        using TemporaryFolder folder = new();
        using VlcIndex index = Open(folder, CodecKind.Int8, Metric.L2, out float[] rows);
        float[] query = Datasets.Row(rows, index.Dimension, 1).ToArray();
        IReadOnlyList<SearchHit> before = index.Search(query, 10);
        using var source = new CancellationTokenSource();
        int asked = 0;
        // Cancelled in the midst of the first cell: no cell after it is scanned.
        RowFilter cancelling = RowFilter.Where(Count, row =>
        {
            if (asked++ == 0) source.Cancel();
            return true;
        });
        var options = new SearchOptions { Probes = int.MaxValue, Filter = cancelling };
        Assert.ThrowsAny<OperationCanceledException>(() => index.Search(query, 10, options, source.Token));
        Assert.InRange(asked, 1, Enumerable.Range(0, index.AnchorCount).Max(index.CellSize));
        Assert.ThrowsAny<OperationCanceledException>(() => index.SearchRange(query, 100, options, source.Token));
        Assert.Equal(before, index.Search(query, 10));
    }

    /// <summary>The k nearest within a threshold are the first k of all within it, by single searches and in a batch.</summary>
    private static void AssertThresholdIsAPrefix(
        VlcIndex index, ReadOnlySpan<float> query, float threshold, IReadOnlyList<SearchHit> within)
    {
        const int K = 25;
        var options = new SearchOptions { Probes = int.MaxValue, ScoreThreshold = threshold };
        Assert.Equal(within.Take(K), index.Search(query, K, options));
        float[] both = [.. query, .. query];
        int[] ids = new int[2 * K];
        float[] scores = new float[2 * K];
        index.SearchBatch(both, K, ids, scores, options);
        int found = Math.Min(K, within.Count);
        foreach (int first in (int[])[0, K])
        {
            Assert.Equal(within.Take(K).Select(hit => (hit.Id, hit.Score)), ids.Skip(first).Zip(scores.Skip(first)).Take(found));
            Assert.All(ids[(first + found)..(first + K)], id => Assert.Equal(-1, id));
            Assert.All(scores[(first + found)..(first + K)], score => Assert.True(float.IsNaN(score)));
        }
    }

    private static double Score(Metric metric, ReadOnlySpan<float> query, ReadOnlySpan<float> row) => metric switch
    {
        Metric.InnerProduct => TensorPrimitives.Dot<double>(Doubles(query), Doubles(row)),
        Metric.Cosine => TensorPrimitives.CosineSimilarity<double>(Doubles(query), Doubles(row)),
        _ => Datasets.Squared(query, row),
    };

    private static double[] Doubles(ReadOnlySpan<float> values) => [.. values.ToArray().Select(value => (double)value)];

    private static VlcIndex Open(TemporaryFolder folder, CodecKind codec, Metric metric, out float[] rows)
    {
        int d = SegmentData.Dimension(codec);
        rows = Datasets.Clusters(Count, d, 8, 1);
        return VlcIndex.Open(SegmentData.Build(folder, rows, d, codec, metric, tuningRows: 20));
    }
}
