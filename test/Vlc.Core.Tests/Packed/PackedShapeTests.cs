using Vlc.Indexing;
using Vlc.Codecs.Packed;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Packed;

/// <summary>Vectors that leave a codec little to work with are indexed like any others.</summary>
public sealed class PackedShapeTests
{
    [Theory]
    [InlineData(300, 7, 5, null)]
    [InlineData(300, 7, 300, null)]
    [InlineData(300, 7, 1, null)]
    [InlineData(300, 1, 4, null)]
    [InlineData(300, 1, 4, 3)]
    [InlineData(99, 7, 4, null)]
    [InlineData(2, 3, 1, null)]
    [InlineData(1, 3, 1, null)]
    [InlineData(1, 1, 1, null)]
    public void Few_rows_cells_or_axes(int count, int dimension, int anchors, int? groups)
    {
        float[] rows = Datasets.Clusters(count, dimension, 4, 1);
        foreach (Metric metric in Enum.GetValues<Metric>())
        {
            using TemporaryFolder folder = new();
            string path = Datasets.Build(folder, rows, dimension, new IndexOptions
            {
                Metric = metric,
                Packed = new PackedOptions { GroupCount = groups, TargetRecall = 0.99 },
                Training = Datasets.Training(anchors),
            });
            Assert.Equal(count, IndexInfo.Verify(path).Manifest.Count);
            using VlcIndex index = VlcIndex.Open(path);
            AssertEveryRowIsReturnedOnce(index, rows);
            if (metric != Metric.L2) continue;
            // Closer to its own code than the rows are to their mean, by far.
            double[] mean =
            [
                .. Enumerable.Range(0, dimension).Select(
                    k => Enumerable.Range(0, count).Average(row => (double)rows[(row * dimension) + k])),
            ];
            double spread = rows.Select((value, i) => Math.Pow(value - mean[i % dimension], 2)).Sum();
            Assert.InRange(Error(index, rows), 0, Math.Max(0.1 * spread, 1e-3));
        }
    }

    [Theory]
    [InlineData(Metric.L2)]
    [InlineData(Metric.Cosine)]
    [InlineData(Metric.InnerProduct)]
    public void Equal_rows_and_rows_on_their_anchors_take_no_code_to_speak_of(Metric metric)
    {
        foreach (int distinct in (int[])[1, 3])
        {
            using TemporaryFolder folder = new();
            float[] some = Datasets.Clusters(distinct, 5, 3, 1);
            float[] rows = [.. Enumerable.Range(0, 200).SelectMany(row => Datasets.Row(some, 5, row % distinct).ToArray())];
            // More anchors than rows that differ: some cells are empty.
            using VlcIndex index = VlcIndex.Open(Datasets.Build(
                folder, rows, 5, new IndexOptions { Metric = metric, Training = Datasets.Training(8) }));
            AssertEveryRowIsReturnedOnce(index, rows);
            if (metric == Metric.L2) Assert.InRange(Error(index, rows) / rows.Sum(value => value * value), 0, 1e-3);
            for (int row = 0; row < distinct; row++)
            {
                int[] nearest = Datasets.Search(index, Datasets.Row(rows, 5, row), 3, SearchOptions.Exhaustive);
                if (metric != Metric.InnerProduct) Assert.Equal([row, row + distinct, row + (2 * distinct)], nearest);
            }
        }
    }

    [Theory]
    [InlineData(1e-20f, 0f)]
    [InlineData(1e18f, 0f)]
    [InlineData(1f, 1e4f)]
    public void Magnitude_and_offset_of_the_data_do_not_matter(float factor, float offset)
    {
        using TemporaryFolder folder = new();
        float[] rows = Datasets.Clusters(400, 9, 5, 1);
        float[] moved = Datasets.Moved(rows, factor, offset);
        var options = new IndexOptions { Packed = new PackedOptions { TargetRecall = 0.99 }, Training = Datasets.Training(8) };
        using VlcIndex index = VlcIndex.Open(Datasets.Build(folder, moved, 9, options));
        Assert.InRange(Error(index, moved) / ((double)factor * factor), 0, 0.1 * Datasets.Squared(rows, new float[rows.Length]));
        int found = Enumerable.Range(0, 50).Count(
            row => Datasets.Search(index, Datasets.Row(moved, 9, row), 1, SearchOptions.Exhaustive)[0] == row);
        Assert.InRange(found, 45, 50);
    }

    [Fact]
    public void Options_out_of_range_are_named()
    {
        var options = new IndexOptions
        {
            Packed = new PackedOptions { TargetRecall = 1, MaxRatio = 0, GroupCount = 0, ClassCount = 9 },
            CodedDimension = 2,
            Jacobians = true,
        };
        Assert.Equal(6, options.Validate(100, 5).Count);
        foreach (PackedOptions packed in (PackedOptions[])
            [
                new() { TargetRecall = 0 }, new() { TargetRecall = double.NaN }, new() { MaxRatio = 1 }, new() { MaxRatio = double.NaN },
                new() { GroupCount = -1 }, new() { ClassCount = 0 },
            ])
        {
            Assert.Single(new IndexOptions { Packed = packed }.Validate(100, 5));
        }

        using TemporaryFolder folder = new();
        using var source = new InMemoryVectors(new float[10], 2);
        Assert.Throws<ArgumentException>(() => IndexBuilder.Build(
            source, folder.File("x"), new IndexOptions { Packed = new PackedOptions { ClassCount = 9 } }));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    private static void AssertEveryRowIsReturnedOnce(VlcIndex index, float[] rows)
    {
        var ids = new int[index.Count];
        var scores = new float[index.Count];
        foreach (SearchOptions options in (SearchOptions[])[SearchOptions.Exhaustive, new() { ScannedRows = index.Count }])
        {
            Assert.Equal(index.Count, index.Search(rows.AsSpan(0, index.Dimension), ids, scores, options));
            Assert.Equal(Enumerable.Range(0, index.Count), ids.Order());
            Assert.All(scores, score => Assert.True(float.IsFinite(score)));
        }
    }

    private static double Error(VlcIndex index, float[] rows)
    {
        var vector = new float[index.Dimension];
        double error = 0;
        for (int row = 0; row < index.Count; row++)
        {
            index.Reconstruct(row, vector);
            error += Datasets.Squared(Datasets.Row(rows, index.Dimension, row), vector);
        }

        return error;
    }
}
