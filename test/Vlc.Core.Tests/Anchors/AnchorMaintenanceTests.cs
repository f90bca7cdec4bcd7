using CsCheck;
using Vlc.Anchors;
using Vlc.Compute;

namespace Vlc.Core.Tests.Anchors;

public sealed class AnchorMaintenanceTests
{
    private const int Dimension = 4;

    [Fact]
    public void A_merge_conserves_counts_and_the_sum_of_rows() =>
        Gen.Select(Gen.ULong, Gen.Int[0, 500], Gen.Int[0, 500])
            .Where((_, kept, removed) => kept + removed > 0)
            .Sample((seed, kept, removed) =>
            {
                float[] anchors = Datasets.Clusters(3, Dimension, 3, seed), merged = [.. anchors];
                AnchorMaintenance.MergeInto(merged, Dimension, 0, kept, 2, removed);
                for (int k = 0; k < Dimension; k++)
                {
                    double sum = ((double)kept * anchors[k]) + ((double)removed * anchors[(2 * Dimension) + k]);
                    double size = (kept * Math.Abs(anchors[k])) + (removed * Math.Abs(anchors[(2 * Dimension) + k]));
                    Assert.Equal(sum, (double)(kept + removed) * merged[k], (1e-6 * size) + 1e-9);
                }

                Assert.Equal(anchors[Dimension..], merged[Dimension..]);
            });

    [Fact]
    public void A_split_conserves_counts_and_the_sum_of_rows() =>
        Gen.Select(Gen.ULong, Gen.Int[2, 60]).Sample((seed, count) =>
        {
            float[] rows = Datasets.Clusters(count, Dimension, 3, seed), mean = Mean(rows);
            AnchorMaintenance.Split split = AnchorMaintenance.SplitCell(rows, Dimension, 0, [.. Enumerable.Range(0, count)], mean);
            Assert.True(split.Gain > 0);
            int axis = Enumerable.Range(0, Dimension).MaxBy(k => Math.Abs(split.First[k] - split.Second[k]));
            double first = count * ((double)mean[axis] - split.Second[axis]) / ((double)split.First[axis] - split.Second[axis]);
            Assert.Equal(Math.Round(first), first, 1e-2);
            Assert.InRange(Math.Round(first), 1, count - 1);
            double share = Math.Round(first) / count;
            for (int k = 0; k < Dimension; k++) Assert.Equal(mean[k], (share * split.First[k]) + ((1 - share) * split.Second[k]), 1e-4);
        });

    [Fact]
    public void On_a_line_the_gain_of_a_split_is_the_measured_drop() =>
        Gen.Int[-1000, 1000].Select(value => value / 10f).Array[2, 60].Where(values => values.Distinct().Count() > 1).Sample(rows =>
        {
            float mean = (float)rows.Average(value => (double)value);
            AnchorMaintenance.Split split = AnchorMaintenance.SplitCell(rows, 1, 0, [.. Enumerable.Range(0, rows.Length)], [mean]);
            double before = rows.Sum(value => Math.Pow((double)value - mean, 2));
            double after = rows.Sum(
                value => Math.Min(Math.Pow((double)value - split.First[0], 2), Math.Pow((double)value - split.Second[0], 2)));
            Assert.Equal(before - after, split.Gain, (1e-5 * before) + 1e-9);
        });

    [Fact]
    public void In_space_the_measured_drop_is_at_least_the_gain() =>
        Gen.Select(Gen.ULong, Gen.Int[2, 60]).Sample((seed, count) =>
        {
            float[] rows = Datasets.Clusters(count, Dimension, 3, seed), mean = Mean(rows);
            AnchorMaintenance.Split split = AnchorMaintenance.SplitCell(rows, Dimension, 0, [.. Enumerable.Range(0, count)], mean);
            double before = Distortion(rows, mean), after = Distortion(rows, [.. split.First, .. split.Second]);
            Assert.True(before - after >= split.Gain - (1e-5 * before), $"drop {before - after}, gain {split.Gain}");
        });

    [Fact]
    public void Equal_rows_cannot_be_split()
    {
        AnchorMaintenance.Split split = AnchorMaintenance.SplitCell([3, 4, 3, 4, 3, 4], 2, 5, [0, 1, 2], [3, 4]);
        Assert.Equal((5, 0), (split.Cell, split.Gain));
    }

    [Fact]
    public void A_round_and_a_reassignment_never_raise_the_energy() =>
        Gen.Select(Gen.ULong, Gen.Int[10, 300], Gen.Int[2, 30], Gen.Double[0, 20]).Sample(
            (seed, count, cellCount, byteWorth) =>
            {
                float[] rows = Datasets.Clusters(count, Dimension, 6, seed);
                int[] assignments = [.. Enumerable.Range(0, count).Select(row => row % Math.Min(cellCount, count))];
                var cells = new InvertedLists(assignments, Math.Min(cellCount, count));
                float[] anchors = Means(rows, cells);
                // Two steps of Lloyd's: random cells would leave nothing to gain by a merge.
                for (int step = 0; step < 2; step++)
                {
                    assignments = Nearest(rows, anchors);
                    cells = new InvertedLists(assignments, anchors.Length / Dimension);
                    anchors = Means(rows, cells);
                }

                double before = Enumerable.Range(0, count).Sum(
                    row => Datasets.Squared(Datasets.Row(rows, Dimension, row), Datasets.Row(anchors, Dimension, assignments[row])));
                int anchorsBefore = anchors.Length / Dimension;
                AnchorMaintenance.Moves moves = AnchorMaintenance.Run(
                    new CpuBackend(1), rows, Dimension, cells, ref anchors, byteWorth, 1, CancellationToken.None);
                int anchorsAfter = anchors.Length / Dimension;
                Assert.Equal(anchorsBefore - (moves.Merged - moves.Split), anchorsAfter);
                double after = Distortion(rows, anchors);
                Assert.True(
                    after + (byteWorth * anchorsAfter) <= ((before + (byteWorth * anchorsBefore)) * (1 + 1e-6)) + 1e-6,
                    $"{moves}: {before} to {after}, {anchorsBefore} to {anchorsAfter} anchors");
            },
            iter: 200, threads: 1);

    [Fact]
    public void One_round_moves_every_empty_cell_that_it_may_move()
    {
        // 90 cells hold ten rows each; ten are empty, and a round may move a tenth of 100.
        float[] rows = Datasets.Clusters(900, Dimension, 40, 3);
        var cells = new InvertedLists([.. Enumerable.Range(0, 900).Select(row => row % 90)], 100);
        float[] anchors = Means(rows, cells);
        AnchorMaintenance.Moves moves = AnchorMaintenance.Run(
            new CpuBackend(1), rows, Dimension, cells, ref anchors, 0, 1, CancellationToken.None);
        Assert.Equal(new AnchorMaintenance.Moves(10, 10), moves);
        for (int cell = 90; cell < 100; cell++) Assert.True(Datasets.Row(anchors, Dimension, cell).ContainsAnyExcept(0f));
    }

    [Fact]
    public void A_redundant_pair_pays_for_splitting_a_wide_cell()
    {
        // Cells 0 and 1 share one point's surroundings, cell 2 covers two far ones.
        float[] rows = [0, 0.1f, 0.01f, 0.11f, 50, 50.1f, 90, 90.1f];
        var cells = new InvertedLists([0, 0, 1, 1, 2, 2, 2, 2], 3);
        float[] anchors = [0.05f, 0.06f, 70.05f];
        AnchorMaintenance.Moves moves = AnchorMaintenance.Run(new CpuBackend(1), rows, 1, cells, ref anchors, 0, 1, CancellationToken.None);
        Assert.Equal(new AnchorMaintenance.Moves(1, 1), moves);
        Array.Sort(anchors);
        Assert.Equal(0.055f, anchors[0], 1e-5f);
        Assert.Equal(50.05f, anchors[1], 1e-4f);
        Assert.Equal(90.05f, anchors[2], 1e-4f);
    }

    private static float[] Mean(float[] rows) => Means(rows, new InvertedLists(new int[rows.Length / Dimension], 1));

    private static float[] Means(float[] rows, InvertedLists cells)
    {
        var anchors = new float[cells.CellCount * Dimension];
        CellMeans.Update(
            new CpuBackend(1).LoadRows(rows, Dimension), Dimension, cells, new double[cells.RowCount], RobustMean.Arithmetic,
            0, 1, 0, anchors, 1, CancellationToken.None);
        return anchors;
    }

    private static int[] Nearest(float[] rows, float[] anchors) =>
    [
        .. Enumerable.Range(0, rows.Length / Dimension).Select(row => Enumerable.Range(0, anchors.Length / Dimension)
            .MinBy(cell => Datasets.Squared(Datasets.Row(rows, Dimension, row), Datasets.Row(anchors, Dimension, cell)))),
    ];

    private static double Distortion(float[] rows, float[] anchors) => Enumerable.Range(0, rows.Length / Dimension).Sum(
        row => Enumerable.Range(0, anchors.Length / Dimension).Min(
            cell => Datasets.Squared(Datasets.Row(rows, Dimension, row), Datasets.Row(anchors, Dimension, cell))));
}
