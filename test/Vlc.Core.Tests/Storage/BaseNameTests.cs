using Vlc.Codecs;
using Vlc.Indexing;
using Vlc.Storage;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Storage;

public sealed class BaseNameTests
{
    [Theory]
    [InlineData("sub/", "is a folder")]
    [InlineData("", "is a folder")]
    [InlineData("not-utf-8-\uFFFD", "not UTF-8")]
    public void A_name_under_which_no_index_can_lie_is_refused_before_any_work(string name, string reason)
    {
        using TemporaryFolder folder = new();
        string path = folder.Path + "/" + name;
        ArgumentException refusal = Assert.Throws<ArgumentException>(() => Build(path));
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData(".idx")]
    [InlineData(".residuals.bin")]
    [InlineData(".assign.bin.new")]
    [InlineData(".7.keys.bin")]
    [InlineData(".build.codes")]
    [InlineData(".build.cells")]
    public void A_folder_in_place_of_one_of_the_files_is_refused_before_any_work(string extension)
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("index" + extension));
        ArgumentException refusal = Assert.Throws<ArgumentException>(() => Build(folder.File("index")));
        Assert.Contains(folder.File("index" + extension), refusal.Message, StringComparison.Ordinal);
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void An_input_that_the_index_would_replace_is_refused()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("index");
        foreach (string extension in (string[])[".residuals.bin", ".idx", ".3.assign.bin", ".encoder.bin"])
        {
            using var source = new InMemoryVectors(new float[40], 4, name: path + extension);
            ArgumentException refusal = Assert.Throws<ArgumentException>(() => IndexBuilder.Build(source, path, new IndexOptions()));
            Assert.Contains("would replace it", refusal.Message, StringComparison.Ordinal);
        }

        Assert.False(IndexFiles.IsOwn(path, path + ".npy"));
        Assert.False(IndexFiles.IsOwn(path, folder.File("other.idx")));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    private static void Build(string path)
    {
        using var source = new InMemoryVectors(Datasets.Clusters(30, 4, 2, 1), 4);
        IndexBuilder.Build(source, path, new IndexOptions { Codec = CodecKind.Int8, TuningRows = 0, Training = Datasets.Training(2) });
    }
}
