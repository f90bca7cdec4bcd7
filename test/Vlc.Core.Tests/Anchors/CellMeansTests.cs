using CsCheck;
using Vlc.Anchors;
using Vlc.Compute;

namespace Vlc.Core.Tests.Anchors;

public sealed class CellMeansTests
{
    private const int Dimension = 3;

    [Fact]
    public void A_trimmed_mean_that_leaves_nothing_out_is_the_arithmetic_mean_to_the_bit() =>
        Gen.Select(Gen.ULong, Gen.Int[1, 80]).Sample((seed, count) =>
        {
            float[] rows = Datasets.Clusters(count, Dimension, 3, seed);
            Assert.Equal(Mean(rows, RobustMean.Arithmetic), Mean(rows, new RobustMean(MeanKind.Trimmed, 0)));
        });

    [Fact]
    public void A_huber_mean_with_a_huge_multiple_is_the_arithmetic_mean() =>
        Gen.Select(Gen.ULong, Gen.Int[1, 80]).Sample((seed, count) =>
        {
            float[] rows = Datasets.Clusters(count, Dimension, 3, seed);
            float[] expected = Mean(rows, RobustMean.Arithmetic), actual = Mean(rows, new RobustMean(MeanKind.Huber, 1e9));
            for (int k = 0; k < Dimension; k++) Assert.Equal(expected[k], actual[k], 1e-5f);
        });

    [Fact]
    public void The_arithmetic_mean_minimises_the_distortion() =>
        Gen.Select(Gen.ULong, Gen.Int[2, 60], Gen.Float[-1, 1]).Sample((seed, count, shift) =>
        {
            float[] rows = Datasets.Clusters(count, Dimension, 3, seed), mean = Mean(rows, RobustMean.Arithmetic);
            float[] other = [.. mean.Select(value => value + shift)];
            Assert.True(Distortion(rows, mean) <= Distortion(rows, other) * (1 + 1e-9));
        });

    [Theory]
    [InlineData(MeanKind.Trimmed, 0.1, 0.2)]
    [InlineData(MeanKind.Huber, 2, 2.0)]
    public void An_outlier_moves_a_robust_mean_little_and_the_arithmetic_one_far(MeanKind kind, double parameter, double most)
    {
        // 19 rows around 0, one at 1,000 on every axis.
        float[] rows = [.. Datasets.Clusters(19, Dimension, 1, 9), .. Enumerable.Repeat(1000f, Dimension)];
        float[] inliers = Mean(rows[..(19 * Dimension)], RobustMean.Arithmetic);
        float[] robust = Mean(rows, new RobustMean(kind, parameter)), arithmetic = Mean(rows, RobustMean.Arithmetic);
        for (int k = 0; k < Dimension; k++)
        {
            Assert.InRange(Math.Abs(robust[k] - inliers[k]), 0, most);
            Assert.True(arithmetic[k] - inliers[k] > 40);
        }
    }

    [Fact]
    public void A_trimmed_mean_leaves_out_exactly_the_farthest_share()
    {
        // 10 rows of one component at distances 1 to 10 from the anchor 0; 0.3 leaves out the three farthest.
        float[] rows = [1, -2, 3, -4, 5, -6, 7, -8, 9, -10];
        float[] result = MeanOfOneCell(rows, 1, [.. rows.Select(value => (double)value * value)], new RobustMean(MeanKind.Trimmed, 0.3));
        Assert.Equal((1 - 2 + 3 - 4 + 5 - 6 + 7) / 7f, result[0]);
    }

    [Fact]
    public void A_cell_mostly_on_its_anchor_keeps_it_under_huber()
    {
        // Median distance 0: every other row has weight 0.
        float[] result = MeanOfOneCell([5, 5, 5, 80], 1, [0, 0, 0, 75 * 75], new RobustMean(MeanKind.Huber, 2));
        Assert.Equal(5, result[0]);
    }

    [Fact]
    public void Noise_has_the_variance_of_the_temperature()
    {
        // One cell of variance 1 an axis, temperature 0.25: noise of deviation 0.5 on each of 4,000 axes.
        const int Axes = 4000;
        float[] rows = [.. Enumerable.Repeat(-1f, Axes), .. Enumerable.Repeat(1f, Axes)];
        var anchors = new float[Axes];
        CellMeans.Update(
            new CpuBackend(1).LoadRows(rows, Axes), Axes, new InvertedLists([0, 0], 1), new double[] { Axes, Axes },
            RobustMean.Arithmetic, 0.25, 1, 0, anchors, 1, CancellationToken.None);
        Assert.Equal(0, anchors.Average(), 5 * 0.5 / Math.Sqrt(Axes));
        Assert.Equal(0.25, anchors.Average(value => (double)value * value), 5 * 0.25 * Math.Sqrt(2.0 / Axes));
    }

    [Fact]
    public void Exponential_cooling_falls_by_its_rate_and_freezes()
    {
        var schedule = new CoolingSchedule(CoolingShape.Exponential, 0.5, 0.5);
        Assert.Equal([0.5, 0.25, 0.125], (double[])[schedule.Temperature(0), schedule.Temperature(1), schedule.Temperature(2)]);
        Assert.Equal(0.5 / 256, schedule.Temperature(8));
        Assert.Equal(0, schedule.Temperature(9));
        Assert.Equal(0, schedule.Temperature(100_000));
    }

    [Fact]
    public void Inverse_cooling_falls_as_one_over_t_and_freezes()
    {
        var schedule = new CoolingSchedule(CoolingShape.Inverse, 1, 3);
        Assert.Equal([1, 0.25, 1.0 / 7], (double[])[schedule.Temperature(0), schedule.Temperature(1), schedule.Temperature(2)]);
        Assert.Equal(0, schedule.Temperature(334));
        Assert.True(schedule.Temperature(332) > 0);
        Assert.All(Enumerable.Range(0, 20), iteration => Assert.Equal(0, CoolingSchedule.None.Temperature(iteration)));
    }

    private static float[] Mean(float[] rows, RobustMean mean)
    {
        int count = rows.Length / Dimension;
        var start = new float[Dimension];
        double[] distances = [.. Enumerable.Range(0, count).Select(row => Datasets.Squared(Datasets.Row(rows, Dimension, row), start))];
        return MeanOfOneCell(rows, Dimension, distances, mean);
    }

    private static float[] MeanOfOneCell(float[] rows, int dimension, double[] squaredDistances, RobustMean mean)
    {
        var anchor = new float[dimension];
        CellMeans.Update(
            new CpuBackend(1).LoadRows(rows, dimension), dimension, new InvertedLists(new int[squaredDistances.Length], 1),
            squaredDistances, mean, 0, 1, 0, anchor, 1, CancellationToken.None);
        return anchor;
    }

    private static double Distortion(float[] rows, float[] anchor) =>
        Enumerable.Range(0, rows.Length / Dimension).Sum(row => Datasets.Squared(Datasets.Row(rows, Dimension, row), anchor));
}
