using System.Numerics.Tensors;
using CsCheck;
using Vlc.Codecs;
using Vlc.Evaluation;
using Vlc.Indexing;
using Vlc.Probing;
using Vlc.Scanning;
using Vlc.Search;
using Vlc.Tests;

namespace Vlc.Core.Tests.Search;

public sealed class SearchTests : IDisposable
{
    private const int Dimension = 20;
    private const int Count = 1200;
    private readonly TemporaryFolder _folder = new();
    private readonly float[] _queries = Datasets.Clusters(200, Dimension, 12, 2);
    private readonly VlcIndex _index;

    public SearchTests() => _index = Open(CodecKind.Int8, Metric.L2);

    [Fact]
    public void An_exhaustive_search_ranks_as_brute_force_over_the_reconstructions_does()
    {
        foreach (CodecKind codec in Enum.GetValues<CodecKind>())
        {
            foreach (Metric metric in Enum.GetValues<Metric>())
            {
                using VlcIndex index = Open(codec, metric);
                var vectors = new float[Count * Dimension];
                for (int row = 0; row < Count; row++)
                {
                    Span<float> vector = vectors.AsSpan(row * Dimension, Dimension);
                    index.Reconstruct(row, vector);
                    // Codecs packed and parity rank reconstructions by their direction, as cosine means it.
                    bool byDirection = codec is CodecKind.Packed or CodecKind.Parity && metric == Metric.Cosine;
                    if (byDirection) TensorPrimitives.Divide(vector, TensorPrimitives.Norm<float>(vector), vector);
                }

                for (int query = 0; query < 20; query++) AssertRanksAsBruteForce(index, vectors, Query(query).ToArray(), metric);
            }
        }
    }

    [Theory]
    [InlineData(CodecKind.Int8)]
    [InlineData(CodecKind.Packed)]
    [InlineData(CodecKind.Parity)]
    public void Equal_rows_are_ordered_by_id(CodecKind codec)
    {
        float[] distinct = Datasets.Clusters(30, Dimension, 5, 3);
        float[] rows = [.. Enumerable.Range(0, 300).SelectMany(row => Datasets.Row(distinct, Dimension, row % 30).ToArray())];
        using VlcIndex index = VlcIndex.Open(Datasets.Build(
            _folder, rows, Dimension, new IndexOptions { Codec = codec, Training = Datasets.Training(5) }, "twins"));
        for (int row = 0; row < 30; row++)
        {
            Assert.Equal(
                Enumerable.Range(0, 10).Select(copy => row + (30 * copy)),
                Datasets.Search(index, Datasets.Row(distinct, Dimension, row), 10));
        }
    }

    [Fact]
    public void More_neighbours_than_rows_gives_every_row_once()
    {
        var ids = new int[Count + 7];
        var scores = new float[Count + 7];
        Assert.Equal(Count, _index.Search(Query(0), ids, scores, SearchOptions.Exhaustive));
        Assert.Equal(Enumerable.Range(0, Count), ids[..Count].Order());
        Assert.Equal(scores[..Count].Order(), scores[..Count]);
        _index.SearchBatch(Query(0).ToArray(), Count + 7, ids, scores, SearchOptions.Exhaustive);
        Assert.All(ids[Count..], id => Assert.Equal(-1, id));
        Assert.All(scores[Count..], score => Assert.True(float.IsNaN(score)));
        Assert.Equal(0, _index.Search(Query(0), [], []));
    }

    [Fact]
    public void A_filter_is_exact_under_an_exhaustive_search() =>
        Gen.Select(Gen.Int[0, 199], Gen.Int[0, Count - 1].Array[0, 300], Gen.Bool).Sample(
            (query, listed, allow) =>
            {
                RowFilter filter = allow ? RowFilter.Allow(Count, listed) : RowFilter.Deny(Count, listed);
                int[] all = Datasets.Search(_index, Query(query), Count, SearchOptions.Exhaustive);
                int[] expected = [.. all.Where(id => listed.Contains(id) == allow).Take(10)];
                Assert.Equal(
                    expected,
                    Datasets.Search(_index, Query(query), 10, new SearchOptions { Probes = int.MaxValue, Filter = filter }));
            },
            iter: 200);

    [Fact]
    public void A_filter_that_lets_nothing_pass_finds_nothing()
    {
        var options = new SearchOptions { Filter = RowFilter.Allow(Count, []) };
        Assert.Empty(Datasets.Search(_index, Query(0), 10, options));
        Assert.Empty(Datasets.Search(
            _index, Query(0), 10, new SearchOptions { Filter = RowFilter.Deny(Count, [.. Enumerable.Range(0, Count)]) }));
        Assert.Throws<ArgumentOutOfRangeException>(() => RowFilter.Allow(Count, [Count]));
        Assert.Throws<ArgumentOutOfRangeException>(() => RowFilter.Deny(Count, [-1]));
    }

    [Fact]
    public void Scanning_more_never_moves_the_kth_neighbour_away()
    {
        float[] scores = new float[10];
        for (int query = 0; query < 30; query++)
        {
            float[] before = [.. Enumerable.Repeat(float.PositiveInfinity, 10)];
            for (int probes = 1; probes <= _index.AnchorCount; probes++)
            {
                scores.AsSpan().Fill(float.PositiveInfinity);
                _index.Search(Query(query), new int[10], scores, new SearchOptions { Probes = probes });
                for (int i = 0; i < 10; i++) Assert.True(scores[i] <= before[i]);
                scores.CopyTo(before, 0);
            }

            Assert.Equal(
                Datasets.Search(_index, Query(query), 10, SearchOptions.Exhaustive),
                Datasets.Search(_index, Query(query), 10, new SearchOptions { Probes = _index.AnchorCount }));
        }
    }

    [Fact]
    public void One_probe_scans_the_nearest_cell_whole_and_a_budget_of_rows_ends_with_a_whole_cell()
    {
        // A row's own cell is nearest to its reconstruction from the anchor alone: search for anchors.
        using VlcIndex anchors = Open(CodecKind.None, Metric.L2);
        var query = new float[Dimension];
        for (int row = 0; row < 50; row++)
        {
            anchors.Reconstruct(row, query);
            int[] cell = [.. Enumerable.Range(0, Count).Where(other => anchors.Assignment(other) == anchors.Assignment(row))];
            Assert.Equal(cell.Length, anchors.CellSize(anchors.Assignment(row)));
            Assert.Equal(cell, Datasets.Search(anchors, query, Count, new SearchOptions { Probes = 1 }));
            Assert.Equal(cell, Datasets.Search(anchors, query, Count, new SearchOptions { ScannedRows = cell.Length }));
            Assert.True(Datasets.Search(anchors, query, Count, new SearchOptions { ScannedRows = cell.Length + 1 }).Length > cell.Length);
        }
    }

    [Fact]
    public void Concurrent_readers_get_what_a_lone_one_gets()
    {
        int[][] expected = [.. Enumerable.Range(0, 200).Select(query => Datasets.Search(_index, Query(query), 10))];
        int[] differing = new int[8];
        Thread[] readers = [.. Enumerable.Range(0, 8).Select(reader => new Thread(() =>
        {
            for (int i = 0; i < 200; i++)
            {
                int query = (i + (25 * reader)) % 200;
                if (!Datasets.Search(_index, Query(query), 10).SequenceEqual(expected[query])) differing[reader]++;
            }
        }))];
        foreach (Thread reader in readers) reader.Start();
        foreach (Thread reader in readers) reader.Join();
        Assert.Equal(new int[8], differing);
    }

    [Fact]
    public void A_batch_gives_each_query_the_result_of_a_single_search()
    {
        foreach (int threads in (int[])[1, 3])
        {
            int[] ids = new int[200 * 7], single = new int[7];
            float[] scores = new float[200 * 7], singleScores = new float[7];
            _index.SearchBatch(_queries, 7, ids, scores, new SearchOptions { Threads = threads });
            for (int query = 0; query < 200; query++)
            {
                Assert.Equal(7, _index.Search(Query(query), single, singleScores));
                Assert.Equal(single, ids[(query * 7)..((query + 1) * 7)]);
                Assert.Equal(singleScores, scores[(query * 7)..((query + 1) * 7)]);
            }
        }

        Assert.Throws<OperationCanceledException>(
            () => _index.SearchBatch(_queries, 1, new int[200], new float[200], cancellationToken: new CancellationToken(canceled: true)));
    }

    [Theory]
    [InlineData(CodecKind.Int8)]
    [InlineData(CodecKind.Float16)]
    [InlineData(CodecKind.None)]
    [InlineData(CodecKind.Packed)]
    public void A_search_allocates_nothing(CodecKind codec)
    {
        using VlcIndex index = Open(codec, Metric.L2);
        var ids = new int[10];
        var scores = new float[10];
        SearchOptions?[] options = [null, SearchOptions.Exhaustive, new() { Probes = 3 }, new() { Filter = RowFilter.Deny(Count, [1]) }];
        Allocation.AssertNone(round =>
        {
            foreach (SearchOptions? option in options) index.Search(Query(round), ids, scores, option);
        });
    }

    [Fact]
    public void The_default_plan_is_the_curve_at_the_target_and_options_bound_it()
    {
        ProbingCurve curve = _index.Manifest.Scan!;
        foreach (double target in new[] { 0.95, 0.5 })
        {
            ProbingPoint chosen = curve.For(target);
            Assert.Equal(
                new ProbingPlan(_index.AnchorCount, chosen.Rows, chosen.DistanceRatio),
                _index.Plan(new SearchOptions { TargetRecall = target }));
        }

        Assert.Equal(_index.Plan(new SearchOptions { TargetRecall = 0.95 }), _index.Plan());
        Assert.Equal(new ProbingPlan(3, Count), _index.Plan(new SearchOptions { Probes = 3 }));
        Assert.Equal(new ProbingPlan(3, 40), _index.Plan(new SearchOptions { Probes = 3, ScannedRows = 40 }));
        Assert.Equal(
            new ProbingPlan(_index.AnchorCount, Count),
            _index.Plan(new SearchOptions { Probes = int.MaxValue, ScannedRows = int.MaxValue }));
    }

    /// <summary>
    /// The plan taken literally, from what the index gives away: anchors, sizes of cells, and the nearest of the first cells.
    /// </summary>
    [Fact]
    public void A_query_goes_on_while_cells_are_within_reach_of_the_kth_of_the_first_40_k_rows()
    {
        const int K = 10;
        float[] rows8000 = Datasets.Clusters(8000, Dimension, 6, 1);
        using VlcIndex index = OpenCells(CodecKind.Int8), anchors = OpenCells(CodecKind.None);
        float[][] centres = new float[index.AnchorCount][];
        for (int row = 0; row < index.Count; row++) anchors.Reconstruct(row, centres[anchors.Assignment(row)] = new float[Dimension]);
        int ended = 0;
        foreach (ProbingPoint point in index.Manifest.Scan!.Points)
        {
            var options = new SearchOptions { TargetRecall = Math.Clamp(point.Recall, 0.01, 0.99) };
            ProbingPlan plan = index.Plan(options);
            for (int query = 0; query < 200; query++)
            {
                float[] vector = Query(query).ToArray();
                (int Cell, float Distance)[] ranked =
                [
                    .. centres
                        .Select((centre, cell) => (cell, TensorPrimitives.Distance<float>(centre, vector)))
                        .OrderBy(entry => entry.Item2),
                ];
                bool clear = true;
                int cells = 0, rows = 0;
                for (; rows < Math.Min(40 * K, plan.ScannedRows) && cells < ranked.Length; cells++)
                {
                    rows += index.CellSize(ranked[cells].Cell);
                }

                var scores = new float[K];
                index.Search(vector, new int[K], scores, new SearchOptions { Probes = cells });
                while (cells < ranked.Length && rows < plan.ScannedRows)
                {
                    float distance = ranked[cells].Distance * ranked[cells].Distance / scores[^1];
                    // Distances of two formulas: where they are as near to the reach as to each other, nothing is asserted.
                    clear &= MathF.Abs(distance - (plan.DistanceRatio ?? 0)) > 1e-4;
                    if (distance > plan.DistanceRatio)
                    {
                        ended++;
                        break;
                    }

                    rows += index.CellSize(ranked[cells++].Cell);
                }

                if (!clear) continue;
                Assert.Equal((cells, rows), index.Extent(vector, K, options));
                int[] ids = new int[K];
                index.Search(vector, ids, scores, options);
                Assert.Equal(Datasets.Search(index, vector, K, new SearchOptions { Probes = cells }), ids);
            }
        }

        Assert.True(ended > 100, $"{ended} queries were ended by their reach");

        VlcIndex OpenCells(CodecKind codec) => VlcIndex.Open(Datasets.Build(
            _folder, rows8000, Dimension, new IndexOptions { Codec = codec, Training = Datasets.Training(100) }, $"cells-{codec}"));
    }

    [Fact]
    public void Of_budgets_and_reaches_the_curve_keeps_the_pair_of_the_highest_recall_for_the_rows()
    {
        // Two queries, two neighbours each: the first finds its own at once, the second late.
        var tuning = new ProbingTuning(new ProbingLimits([10, 40, 100], [1, 2]), queries: 2);
        ProbingStop[][] budgets = [[new(1, 10, 2), new(4, 40, 2), new(9, 100, 2)], [new(1, 10, 0), new(4, 40, 1), new(9, 100, 2)]];
        ProbingStop[][] reaches = [[new(1, 10, 2), new(2, 20, 2)], [new(2, 20, 0), new(6, 60, 2)]];
        for (int query = 0; query < 2; query++)
        {
            budgets[query].CopyTo(tuning.BudgetStops(query));
            reaches[query].CopyTo(tuning.RatioStops(query));
        }

        (ProbingPoint[] points, Recall[] recalls) = tuning.Frontier(k: 2);
        Assert.Equal(
            [new ProbingPoint(10, 1, 0.5f, 1, 10), new ProbingPoint(100, 2, 1, 4, 40), new ProbingPoint(100, null, 1, 9, 100)], points);
        Assert.Equal([0.5, 1, 1], recalls.Select(recall => recall.Value));
    }

    public void Dispose()
    {
        _index.Dispose();
        _folder.Dispose();
    }

    private static void AssertRanksAsBruteForce(VlcIndex index, float[] vectors, float[] query, Metric metric)
    {
        float norm = MathF.Sqrt((float)Datasets.Squared(query, new float[Dimension]));
        float[] prepared = metric == Metric.Cosine ? [.. query.Select(value => value / norm)] : query;
        double[] distances = [.. Enumerable.Range(0, Count).Select(row => metric == Metric.InnerProduct
            ? -Enumerable.Range(0, Dimension).Sum(k => (double)vectors[(row * Dimension) + k] * prepared[k])
            : Datasets.Squared(Datasets.Row(vectors, Dimension, row), prepared))];
        int[] expected = [.. Enumerable.Range(0, Count).OrderBy(row => distances[row]).ThenBy(row => row).Take(25)];
        int[] found = Datasets.Search(index, query, 25, SearchOptions.Exhaustive);
        double rounding = 1e-5 * distances.Max(Math.Abs);
        for (int i = 0; i < 25; i++)
        {
            // Another id in a place is right only where both are equally far within the rounding of float32.
            Assert.True(
                found[i] == expected[i] || Math.Abs(distances[found[i]] - distances[expected[i]]) <= rounding,
                $"place {i}: row {found[i]} at {distances[found[i]]}, expected {expected[i]} at {distances[expected[i]]}");
            if (i > 0 && distances[found[i]] == distances[found[i - 1]]) Assert.True(found[i] > found[i - 1]);
        }
    }

    private ReadOnlySpan<float> Query(int query) => Datasets.Row(_queries, Dimension, query);

    private VlcIndex Open(CodecKind codec, Metric metric) => VlcIndex.Open(Datasets.Build(
        _folder, Datasets.Clusters(Count, Dimension, 12, 1), Dimension,
        new IndexOptions { Codec = codec, Metric = metric, Training = Datasets.Training(30) }, $"{codec}-{metric}"));
}
