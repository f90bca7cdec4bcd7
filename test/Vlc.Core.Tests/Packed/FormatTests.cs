using Vlc.Codecs.Packed;
using Vlc.Indexing;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;

namespace Vlc.Core.Tests.Packed;

public sealed class FormatTests
{
    [Theory]
    [InlineData(Metric.L2, 1, 1, -400, false)]
    [InlineData(Metric.L2, 2, 2, 0, false)]
    [InlineData(Metric.L2, 2, 2, 0, true)]
    [InlineData(Metric.L2, 4, 3, -900, false)]
    [InlineData(Metric.L2, 1, 2, -1400, true)]
    [InlineData(Metric.Cosine, 2, 2, 300, false)]
    [InlineData(Metric.InnerProduct, 4, 8, 700, false)]
    public void A_reconstruction_is_what_a_decoder_written_from_the_description_reads(
        Metric metric, int groups, int classes, int level, bool equalBytes)
    {
        using TemporaryFolder folder = new();
        string path = PackedData.Build(
            folder, metric, new PackedOptions { GroupCount = groups, ClassCount = classes, Level = level, EqualBytes = equalBytes });
        var reference = new PackedReference(path);
        Assert.Equal(groups, reference.GroupCount);
        double[][] expected = reference.Reconstruct();
        using VlcIndex index = VlcIndex.Open(path);
        var vector = new float[PackedData.Dimension];
        double largest = expected.Max(row => row.Max(Math.Abs));
        for (int row = 0; row < index.Count; row++)
        {
            Assert.Equal(reference.Lists[row] / classes, index.Assignment(row));
            index.Reconstruct(row, vector);
            for (int k = 0; k < vector.Length; k++) Assert.Equal(expected[row][k], vector[k], 1e-6 * largest);
        }
    }

    [Fact]
    public void The_byte_table_adds_up_to_the_files_exactly()
    {
        using TemporaryFolder folder = new();
        string path = PackedData.Build(folder, Metric.L2, new PackedOptions { GroupCount = 2, Level = 0 });
        IndexInfo info = IndexInfo.Read(path);
        foreach (IndexFileId file in info.Manifest.Files.Prepend(IndexFileId.Manifest))
        {
            Assert.Equal(
                new FileInfo(info.Files.Path(file)).Length,
                info.Sections.Where(section => section.File == file).Sum(section => section.Bytes));
        }

        Assert.Equal(RawIndex.Paths(path).Sum(file => new FileInfo(file).Length), info.Bytes.Total);
        Assert.Equal(RawIndex.Paths(path)[..5].Sum(file => new FileInfo(file).Length), info.TotalBytes);
        Assert.Equal(
            [
                "manifest", "codec model", "trellis tables", "anchors", "assignments", "local bases", "cell scales", "residuals",
                "encoder state", "yardstick",
            ],
            info.Sections.Select(section => section.Name));
        // 4 classes of 2^5 cells: 6 bits a row.
        Assert.Equal(((PackedData.Count * 6) + 7) / 8, info.Sections.Single(section => section.Name == "assignments").Bytes);
        Assert.Equal(4096, info.Sections.Single(section => section.Name == "trellis tables").Bytes);
    }
}
