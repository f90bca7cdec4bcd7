using Vlc.Evaluation;
using Vlc.Indexing;
using Vlc.Codecs;
using Vlc.Codecs.Packed;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Packed;

/// <summary>What tuning promises, and what the index that it describes does.</summary>
public sealed class FrontierTests
{
    [Theory]
    [InlineData(Metric.L2)]
    [InlineData(Metric.Cosine)]
    [InlineData(Metric.InnerProduct)]
    public void A_point_is_the_index_that_its_level_builds(Metric metric)
    {
        float[] rows = PackedData.Rows(PackedData.Count, 1), queries = PackedData.Rows(200, 9);
        using var source = new InMemoryVectors(rows, PackedData.Dimension);
        using var asked = new InMemoryVectors(queries, PackedData.Dimension, "asked");
        IndexOptions Options(PackedOptions packed) =>
            new() { Metric = metric, TuningQueries = asked, Packed = packed, Training = Datasets.Training(PackedData.Anchors) };
        Frontier frontier = IndexBuilder.MeasureFrontier(source, Options(new PackedOptions { TargetRecall = 0.9 }));
        Assert.Equal(("asked", 200, 300), (frontier.TuningSource, frontier.Queries, frontier.Candidates));
        int[] exact = ExactNeighbors.Find(source, queries, 10, metric);
        foreach (FrontierPoint point in new[] { frontier.Points.Single(point => point.AtTarget), frontier.Points[^1] })
        {
            using TemporaryFolder folder = new();
            string path = Datasets.Build(
                folder, rows, PackedData.Dimension,
                Options(new PackedOptions { Level = point.Level, Unbiased = point.Unbiased, EqualBytes = point.EqualBytes }));
            using VlcIndex index = VlcIndex.Open(path);
            // Everything but the codes is known to the byte; they are predicted from nine tenths of the rows.
            Assert.Equal(1, (double)index.TotalBytes / PackedData.Count / point.BytesPerVector, 0.02);
            var ids = new int[exact.Length];
            index.SearchBatch(queries, 10, ids, new float[ids.Length], SearchOptions.Exhaustive);
            Assert.Equal(Recall.Compute(ids, exact, 10, 10).Value, point.Recalls[1].Recall, 0.005);
        }
    }

    [Fact]
    public void A_ratio_is_kept_to_the_byte_without_a_sample_to_measure_recall_on()
    {
        // Ninety rows: none are held out.
        float[] rows = PackedData.Rows(90, 1);
        using TemporaryFolder folder = new();
        // A level so high that no axis has a bit: tables, anchors and lists alone.
        var options = new IndexOptions { Packed = new PackedOptions { Level = 100_000 }, Training = Datasets.Training(2) };
        double least = IndexInfo.Read(Datasets.Build(folder, rows, PackedData.Dimension, options)).Ratio;
        double most = least + 0.1;
        Assert.True(most < 1, $"{most}");
        options = new IndexOptions { Packed = new PackedOptions { MaxRatio = most }, Training = Datasets.Training(2) };
        Assert.InRange(IndexInfo.Read(Datasets.Build(folder, rows, PackedData.Dimension, options)).Ratio, least + 0.05, most);
    }

    [Theory]
    [InlineData(0.16)]
    [InlineData(0.19)]
    [InlineData(0.22)]
    public void A_ratio_is_kept_by_rows_that_the_sample_does_not_show(double most)
    {
        // Of 6,000 rows 300 are learned from: their lists do not tell how many of the others fall into each.
        float[] rows = PackedData.Rows(6000, 1);
        using TemporaryFolder folder = new();
        string path = Datasets.Build(folder, rows, PackedData.Dimension, new IndexOptions
        {
            Packed = new PackedOptions { MaxRatio = most, Unbiased = false },
            TrainingRows = 300,
            TuningRows = 100,
            Training = Datasets.Training(PackedData.Anchors),
        });
        Assert.InRange(IndexInfo.Read(path).Ratio, 0.98 * most, most);
    }

    [Fact]
    public void Options_that_do_not_fit_are_refused()
    {
        float[] rows = PackedData.Rows(300, 1);
        using var source = new InMemoryVectors(rows, PackedData.Dimension);
        using var narrow = new InMemoryVectors(new float[6], 3, "narrow");
        ArgumentException wrong = Assert.Throws<ArgumentException>(
            () => IndexBuilder.MeasureFrontier(source, new IndexOptions { TuningQueries = narrow }));
        Assert.Contains("narrow, have 3 dimensions; the vectors have 21", wrong.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => IndexBuilder.MeasureFrontier(source, new IndexOptions { Codec = CodecKind.Int8 }));
        Assert.Throws<ArgumentException>(() => IndexBuilder.MeasureFrontier(source, new IndexOptions { TuningRows = 0 }));
    }

    [Fact]
    public void Queries_of_the_users_change_what_is_tuned_and_not_what_is_learned()
    {
        float[] rows = PackedData.Rows(PackedData.Count, 1);
        using var source = new InMemoryVectors(rows, PackedData.Dimension);
        // Queries between the clusters have neighbours that are hardly nearer than others: they need more bytes for the same recall.
        float[] far = [.. PackedData.Rows(150, 3).Select((value, i) => value + (2f * (i % 2)))];
        using var hard = new InMemoryVectors(far, PackedData.Dimension, "hard");
        using TemporaryFolder folder = new();
        IndexReport held = IndexBuilder.Build(
            source, folder.File("held"), new IndexOptions { Training = Datasets.Training(PackedData.Anchors) });
        IndexReport asked = IndexBuilder.Build(
            source, folder.File("asked"), new IndexOptions { TuningQueries = hard, Training = Datasets.Training(PackedData.Anchors) });
        Assert.Equal((null, "hard"), (held.TuningSource, asked.TuningSource));
        Assert.Equal((150, 150), (held.Measured!.Queries, asked.Measured!.Queries));
        Assert.Equal(held.Distortion, asked.Distortion);
        Assert.NotEqual(held.Packed!.Level, asked.Packed!.Level);
        Assert.InRange(asked.Measured.Exhaustive.Value, 0.94, 0.99);
    }
}
