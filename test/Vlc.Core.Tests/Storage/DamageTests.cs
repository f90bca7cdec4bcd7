using Vlc.Indexing;
using Vlc.Codecs;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;

namespace Vlc.Core.Tests.Storage;

public sealed class DamageTests
{
    private const int Dimension = 3;

    [Theory]
    [InlineData(CodecKind.Int8, true)]
    [InlineData(CodecKind.Int8, false)]
    [InlineData(CodecKind.Float16, false)]
    public void Every_flipped_byte_of_every_file_is_found(CodecKind codec, bool jacobians)
    {
        using TemporaryFolder folder = new();
        string index = Build(folder, codec, jacobians);
        IndexInfo.Verify(index);
        foreach (string path in RawIndex.Paths(index).Where(File.Exists))
        {
            byte[] bytes = File.ReadAllBytes(path);
            for (int place = 0; place < bytes.Length; place++)
            {
                foreach (byte flip in (byte[])[0x01, 0x03, 0x80])
                {
                    bytes[place] ^= flip;
                    File.WriteAllBytes(path, bytes);
                    VlcFormatException found = Assert.Throws<VlcFormatException>(() => IndexInfo.Verify(index));
                    Assert.Equal(path, found.Path);
                    bytes[place] ^= flip;
                }
            }

            File.WriteAllBytes(path, bytes);
        }

        Assert.Equal(20, IndexInfo.Verify(index).Manifest.Count);
    }

    [Fact]
    public void A_file_cut_or_grown_anywhere_is_refused_by_name()
    {
        using TemporaryFolder folder = new();
        string index = Build(folder, CodecKind.Int8, jacobians: true);
        foreach (string path in RawIndex.Paths(index))
        {
            byte[] whole = File.ReadAllBytes(path);
            foreach (int length in (int[])[0, 1, 18, 19, 20, whole.Length / 2, whole.Length - 1, whole.Length + 1])
            {
                if (length == whole.Length) continue;
                byte[] cut = new byte[length];
                whole.AsSpan(0, Math.Min(length, whole.Length)).CopyTo(cut);
                File.WriteAllBytes(path, cut);
                VlcFormatException refusal = Assert.Throws<VlcFormatException>(() => VlcIndex.Open(index));
                Assert.Equal(path, refusal.Path);
                Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
                Assert.Throws<VlcFormatException>(() => IndexInfo.Read(index));
            }

            File.WriteAllBytes(path, whole);
        }
    }

    [Fact]
    public void A_missing_file_is_named_and_a_missing_index_too()
    {
        using TemporaryFolder folder = new();
        string index = Build(folder, CodecKind.Int8, jacobians: true);
        foreach (string path in RawIndex.Paths(index)[1..])
        {
            File.Move(path, path + ".away");
            Assert.Equal(path, Assert.Throws<VlcFormatException>(() => VlcIndex.Open(index)).Path);
            File.Move(path + ".away", path);
        }

        FileNotFoundException missing = Assert.Throws<FileNotFoundException>(() => VlcIndex.Open(folder.File("nothing")));
        Assert.Equal(folder.File("nothing.idx"), missing.FileName);
        using VlcIndex byExtension = VlcIndex.Open(index + ".idx");
        Assert.Equal(20, byExtension.Count);
    }

    [Fact]
    public void A_file_of_another_index_is_found()
    {
        using TemporaryFolder folder = new();
        string index = Build(folder, CodecKind.Int8, jacobians: true), other = Build(folder, CodecKind.Int8, jacobians: true, seed: 2);
        File.Copy(other + ".residuals.bin", index + ".residuals.bin", overwrite: true);
        Assert.Equal(index + ".residuals.bin", Assert.Throws<VlcFormatException>(() => IndexInfo.Verify(index)).Path);
    }

    private static string Build(TemporaryFolder folder, CodecKind codec, bool jacobians, ulong seed = 1) => Datasets.Build(
        folder, Datasets.Clusters(20, Dimension, 3, seed), Dimension,
        new IndexOptions { Codec = codec, Jacobians = jacobians, TuningRows = 2, Training = Datasets.Training(3) }, $"index{seed}");
}
