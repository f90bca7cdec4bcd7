using CsCheck;
using Vlc.Anchors;

namespace Vlc.Core.Tests.Anchors;

public sealed class AnchorTrainerTests
{
    private const int Dimension = 6;

    [Fact]
    public void Energy_does_not_rise_under_plain_lloyd() =>
        Gen.Select(Gen.ULong, Gen.Int[20, 400], Gen.Int[1, 20]).Sample(
            (seed, count, anchors) =>
            {
                var (_, report) = AnchorTrainer.Train(
                    Datasets.Clusters(count, Dimension, 8, seed), Dimension,
                    new AnchorTrainingOptions
                    {
                        AnchorCount = anchors,
                        Seed = seed,
                        MaintenanceRounds = 0,
                        Cooling = CoolingSchedule.None,
                        Tolerance = 0,
                        Threads = 1,
                    });
                double[] energies = [.. report.Iterations.Select(iteration => iteration.Energy), report.Energy];
                for (int i = 1; i < energies.Length; i++)
                {
                    Assert.True(energies[i] <= energies[i - 1] * (1 + 1e-5), string.Join(", ", energies));
                }
            },
            iter: 100, threads: 1);

    [Fact]
    public void Parts_of_the_rows_at_first_end_near_the_distortion_of_all_rows_throughout()
    {
        float[] rows = Datasets.Clusters(20_000, Dimension, 200, 5);
        var (_, parts) = AnchorTrainer.Train(rows, Dimension, Datasets.Training(100));
        var (anchors, whole) = AnchorTrainer.Train(
            rows, Dimension, new AnchorTrainingOptions { AnchorCount = 100, PartsFirst = false, Threads = 1 });
        int[] looked = [.. parts.Iterations.Select(iteration => iteration.Rows)];
        Assert.InRange(looked[0], 2048, 3000);
        Assert.Equal(looked.Order(), looked);
        Assert.Equal([20_000, 20_000], looked[^2..]);
        Assert.All(whole.Iterations, iteration => Assert.Equal(20_000, iteration.Rows));
        Assert.InRange(parts.Distortion / whole.Distortion, 0.9, 1.03);
        // What is reported for the last move to the means is what is there, or a little more: rows may have come nearer to another anchor.
        double measured = Nearest(rows, anchors)
            .Select((cell, row) => Datasets.Squared(Datasets.Row(rows, Dimension, row), Datasets.Row(anchors, Dimension, cell)))
            .Average();
        Assert.InRange(whole.Distortion / measured, 0.99999, 1.01);
    }

    [Fact]
    public void Anchors_are_as_many_as_asked_for_and_no_cell_is_empty() =>
        Gen.Select(Gen.ULong, Gen.Int[1, 40], Gen.Bool).Sample(
            (seed, anchorCount, annealed) =>
            {
                float[] rows = Datasets.Clusters(200, Dimension, 5, seed);
                var (anchors, report) = AnchorTrainer.Train(rows, Dimension, new AnchorTrainingOptions
                {
                    AnchorCount = anchorCount,
                    Seed = seed,
                    Cooling = annealed ? new CoolingSchedule(CoolingShape.Exponential, 0.5, 0.5) : CoolingSchedule.None,
                    Threads = 1,
                });
                Assert.Equal(anchorCount, anchors.Length / Dimension);
                Assert.Equal(anchorCount, Nearest(rows, anchors).Distinct().Count());
                Assert.InRange(report.NormalizedEntropy, 0, 1 + 1e-9);
            },
            iter: 60, threads: 1);

    [Fact]
    public void Fewer_distinct_rows_than_anchors_leave_an_anchor_each()
    {
        float[] distinct = Datasets.Clusters(5, Dimension, 5, 1);
        float[] rows = [.. Enumerable.Range(0, 300).SelectMany(row => Datasets.Row(distinct, Dimension, row % 5).ToArray())];
        var (anchors, report) = AnchorTrainer.Train(rows, Dimension, Datasets.Training(40));
        Assert.Equal(5, anchors.Length / Dimension);
        Assert.Equal(5, Nearest(rows, anchors).Distinct().Count());
        Assert.Equal(0, report.Distortion, 1e-4);
    }

    [Fact]
    public void A_collapse_that_the_data_force_is_reported_and_an_even_split_is_none()
    {
        // A thousand copies of one row, and three others: four anchors, of which one has nearly everything.
        float[] others = Datasets.Clusters(3, Dimension, 3, 2);
        float[] rows = [.. new float[1000 * Dimension], .. others];
        Assert.True(AnchorTrainer.Train(rows, Dimension, Datasets.Training(4)).Report.Collapsed);
        Assert.False(AnchorTrainer.Train(Datasets.Clusters(400, Dimension, 8, 3), Dimension, Datasets.Training(8)).Report.Collapsed);
    }

    [Fact]
    public void Well_separated_clusters_are_found()
    {
        // Eight clusters 100 apart with spread 1: the only good answer has an anchor in each.
        float[] rows = [.. Datasets.Clusters(400, Dimension, 1, 4).Select((value, i) => value + (i / Dimension % 8 * 100))];
        var (anchors, report) = AnchorTrainer.Train(rows, Dimension, Datasets.Training(8));
        Assert.Equal(
            8, Nearest(anchors, [.. Enumerable.Range(0, 8).SelectMany(c => Enumerable.Repeat(c * 100f, Dimension))]).Distinct().Count());
        Assert.InRange(report.Distortion, 0.8 * Dimension, 1.2 * Dimension);
    }

    [Fact]
    public void Lambda_trades_anchors_for_distortion()
    {
        float[] rows = Datasets.Clusters(600, Dimension, 8, 5);
        var (free, freeReport) = AnchorTrainer.Train(rows, Dimension, new AnchorTrainingOptions { AnchorCount = 60, Threads = 1 });
        var (priced, pricedReport) = AnchorTrainer.Train(
            rows, Dimension, new AnchorTrainingOptions { AnchorCount = 60, Lambda = 4, Threads = 1 });
        Assert.Equal(60 * Dimension, free.Length);
        Assert.True(priced.Length < free.Length);
        Assert.True(pricedReport.Distortion > freeReport.Distortion);
        Assert.Equal(pricedReport.Distortion + (4.0 * 2 * priced.Length / 600), pricedReport.Energy, 1e-9);
    }

    [Fact]
    public void Validation_energy_is_measured_on_rows_that_training_does_not_see()
    {
        float[] rows = Datasets.Clusters(300, Dimension, 4, 6), held = Datasets.Clusters(50, Dimension, 4, 7);
        // Until nothing moves any more, so that the last iteration's anchors are those of the result.
        var options = new AnchorTrainingOptions { AnchorCount = 10, MaxIterations = 100, Tolerance = 0, Threads = 1 };
        var (_, without) = AnchorTrainer.Train(rows, Dimension, options);
        var (anchors, with) = AnchorTrainer.Train(rows, Dimension, options, held);
        Assert.True(with.Converged);
        Assert.All(without.Iterations, iteration => Assert.True(double.IsNaN(iteration.ValidationEnergy)));
        Assert.Equal(without.Distortion, with.Distortion);
        double expected = Nearest(held, anchors)
            .Select((cell, row) => Datasets.Squared(Datasets.Row(held, Dimension, row), Datasets.Row(anchors, Dimension, cell)))
            .Average();
        Assert.Equal(expected, with.Iterations[^1].ValidationEnergy, 1e-4 * expected);
    }

    [Fact]
    public void A_seed_gives_the_same_anchors_on_any_number_of_threads_and_another_seed_others()
    {
        float[] rows = Datasets.Clusters(500, Dimension, 8, 8);
        float[] one = Train(1, 1), two = Train(1, 2), three = Train(1, 3), other = Train(2, 1);
        Assert.Equal(one, two);
        Assert.Equal(one, three);
        Assert.NotEqual(one, other);

        float[] Train(ulong seed, int threads) => AnchorTrainer.Train(rows, Dimension, new AnchorTrainingOptions
        {
            AnchorCount = 25,
            Seed = seed,
            Threads = threads,
            Cooling = new CoolingSchedule(CoolingShape.Inverse, 0.3, 2),
        }).Anchors;
    }

    [Fact]
    public void Everything_wrong_with_the_options_is_said_at_once()
    {
        var options = new AnchorTrainingOptions
        {
            AnchorCount = 0,
            MaxIterations = 0,
            MaintenanceRounds = -1,
            Lambda = double.NaN,
            Tolerance = -1,
            Threads = 0,
            Mean = new RobustMean(MeanKind.Trimmed, 0.5),
            Cooling = new CoolingSchedule(CoolingShape.Exponential, -1, 1),
        };
        Assert.Equal(9, options.Validate().Count);
        Assert.Throws<ArgumentException>(() => AnchorTrainer.Train(new float[60], Dimension, options));
        Assert.Throws<ArgumentException>(() => AnchorTrainer.Train(new float[10 * Dimension], Dimension, Datasets.Training(11)));
        Assert.Empty(new AnchorTrainingOptions().Validate());
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 1)]
    [InlineData(100, 25)]
    [InlineData(10_000, 400)]
    [InlineData(1_000_000, 4000)]
    public void The_default_number_of_anchors_is_four_roots_and_at_most_a_quarter(long rows, int anchors) =>
        Assert.Equal(anchors, AnchorTrainer.DefaultAnchorCount(rows));

    private static int[] Nearest(float[] rows, float[] anchors) =>
    [
        .. Enumerable.Range(0, rows.Length / Dimension).Select(row => Enumerable.Range(0, anchors.Length / Dimension)
            .MinBy(cell => Datasets.Squared(Datasets.Row(rows, Dimension, row), Datasets.Row(anchors, Dimension, cell)))),
    ];
}
