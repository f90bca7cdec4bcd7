using CsCheck;
using Vlc.Evaluation;
using Vlc.Probing;
using Vlc.Scanning;
using Vlc.Search;

namespace Vlc.Core.Tests.Search;

public sealed class RankingTests
{
    /// <summary>Few different distances, so that ties are common.</summary>
    private static readonly Gen<float[]> s_distances = Gen.Int[-5, 5].Select(value => value / 4f).Array[0, 80];

    [Fact]
    public void The_k_nearest_are_those_of_a_sort_in_whatever_order_they_are_offered() =>
        Gen.Select(s_distances, Gen.Int[1, 30], Gen.Int[0, 1000]).Sample((distances, k, shuffle) =>
        {
            int[] order = [.. Enumerable.Range(0, distances.Length).OrderBy(row => (row * 7919L + shuffle) % 101).ThenBy(row => row)];
            int[] expected = [.. Enumerable.Range(0, distances.Length).OrderBy(row => distances[row]).ThenBy(row => row).Take(k)];
            var nearest = new TopK(k);
            foreach (int row in order) nearest.Push(distances[row], row);
            Assert.Equal(expected.Length, nearest.Count);
            Assert.Equal(expected.Length < k ? float.PositiveInfinity : distances[expected[^1]], nearest.Bound);
            AssertHolds(nearest, expected, distances);
            // A cleared heap is a new one, and offers in bulk are offers.
            nearest.Push(0, 0);
            nearest.Clear();
            nearest.Push([.. order.Select(row => distances[row])], order);
            AssertHolds(nearest, expected, distances);
            Assert.Equal(0, nearest.Count);
        });

    [Fact]
    public void A_distance_that_is_not_a_number_is_never_near()
    {
        var nearest = new TopK(2);
        nearest.Push([float.NaN, 1, float.NaN], [0, 1, 2]);
        var rows = new int[1];
        Assert.Equal(1, nearest.Drain(rows, new float[1]));
        Assert.Equal(1, rows[0]);
        Assert.Throws<ArgumentOutOfRangeException>(() => new TopK(0));
    }

    [Fact]
    public void Cells_leave_their_queue_in_the_order_of_a_sort() =>
        s_distances.Sample(scores =>
        {
            var queue = new ProbeQueue(scores.Length);
            // Twice: a queue is used again for every query.
            for (int round = 0; round < 2; round++)
            {
                scores.CopyTo(queue.Scores, 0);
                queue.Build();
                var order = new List<int>();
                while (queue.TryNext(out int cell)) order.Add(cell);
                Assert.Equal(Enumerable.Range(0, scores.Length).OrderBy(cell => scores[cell]).ThenBy(cell => cell), order);
            }
        });

    [Fact]
    public void A_curve_gives_the_fewest_rows_that_reach_the_target_by_a_standard_error()
    {
        ProbingCurve curve = Curve(0.01f, (10, 0.5f), (20, 0.9f), (40, 0.955f), (80, 0.965f), (160, 0.99f));
        Assert.Equal(80, curve.For(0.95).Rows);
        Assert.Equal(40, curve.For(0.94).Rows);
        Assert.Equal(10, curve.For(0.1).Rows);
        Assert.Throws<ArgumentOutOfRangeException>(() => curve.For(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => curve.For(1.01));
    }

    [Fact]
    public void Where_no_scan_reaches_the_target_the_fewest_rows_that_do_as_well_are_taken()
    {
        ProbingCurve curve = Curve(0.01f, (10, 0.5f), (20, 0.879f), (40, 0.8795f), (80, 0.88f));
        Assert.Equal(20, curve.For(0.95).Rows);
        Assert.Equal(20, curve.For(1).Rows);
        Assert.Equal(10, curve.For(0.3).Rows);
    }

    [Fact]
    public void A_higher_target_never_scans_less() =>
        Gen.Select(Gen.Float[0, 1].Array[1, 12], Gen.Double[0.01, 1], Gen.Double[0.01, 1]).Sample((recalls, one, other) =>
        {
            Array.Sort(recalls);
            ProbingCurve curve = Curve(0.005f, [.. recalls.Select((recall, i) => (i + 1, recall))]);
            Assert.True(curve.For(Math.Min(one, other)).Rows <= curve.For(Math.Max(one, other)).Rows);
        });

    [Fact]
    public void Recall_is_the_share_of_the_exact_neighbours_and_its_standard_error()
    {
        // Hits 2, 1, 0 and 2 of 2: a mean of 5/8 and a sample deviation of the recalls 1, 1/2, 0, 1.
        Recall recall = Recall.Compute([1, 2, 4, 9, -1, -1, 8, 7], [2, 1, 0, 4, 5, 0, 6, 5, 0, 7, 8, 0], 2, 3);
        Assert.Equal(0.625, recall.Value);
        Assert.Equal(Math.Sqrt(11.0 / 48 / 4), recall.StandardError, 1e-12);
        Assert.Equal(1, Recall.Compute([3], [3], 1, 1).Value);
        Assert.Throws<ArgumentException>(() => Recall.Compute([1, 2], [1], 1, 1));
        Assert.Throws<ArgumentException>(() => Recall.Compute([], [], 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Recall.Compute([1], [1], 2, 1));
    }

    private static void AssertHolds(TopK nearest, int[] expected, float[] distances)
    {
        var copied = new int[expected.Length];
        Assert.Equal(expected.Length, nearest.CopyTo(copied));
        Assert.Equal(expected, copied);
        var rows = new int[expected.Length];
        var drained = new float[expected.Length];
        Assert.Equal(expected.Length, nearest.Drain(rows, drained));
        Assert.Equal(expected, rows);
        Assert.Equal(expected.Select(row => distances[row]), drained);
    }

    private static ProbingCurve Curve(float standardError, params (int Rows, float Recall)[] points) => new()
    {
        K = 10,
        Queries = 100,
        StandardError = standardError,
        Points = [.. points.Select(point => new ProbingPoint(point.Rows, null, point.Recall, 1, point.Rows))],
    };
}
