using Vlc.Codecs;
using Vlc.Indexing;
using Vlc.Search;
using Vlc.Segments;
using Vlc.Storage;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Storage;

/// <summary>What happens to a damaged or exchanged file of an index that is opened and searched, not verified.</summary>
public sealed class ChecksumTests
{
    private const int Dimension = 32;
    private const int Count = 9000;
    private const int Block = 1 << 16;

    public static TheoryData<CodecKind> Codecs => [CodecKind.Int8, CodecKind.Packed];

    [Theory]
    [MemberData(nameof(Codecs))]
    public void A_damaged_block_of_codes_is_an_error_when_a_search_comes_by_it_and_no_wrong_answer(CodecKind codec)
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, codec, 1);
        float[] rows = Datasets.Clusters(Count, Dimension, 40, 1);
        int[][] answers;
        using (VlcIndex whole = VlcIndex.Open(path)) answers = [.. Enumerable.Range(0, 60).Select(row => Search(whole, rows, row))];
        string residuals = path + ".residuals.bin";
        byte[] bytes = File.ReadAllBytes(residuals);
        Assert.True(bytes.Length > 2 * Block, $"{bytes.Length} bytes");
        int place = bytes.Length - 7;
        bytes[place] ^= 0x10;
        File.WriteAllBytes(residuals, bytes);

        using VlcIndex damaged = VlcIndex.Open(path);
        int refused = 0, answered = 0;
        for (int row = 0; row < answers.Length; row++)
        {
            try
            {
                Assert.Equal(answers[row], Search(damaged, rows, row));
                answered++;
            }
            catch (VlcFormatException failure)
            {
                Assert.Equal(residuals, failure.Path);
                int first = place / Block * Block;
                Assert.Contains($"offset {first} to {bytes.Length - 1}", failure.Where, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.InRange(refused, 1, answers.Length);
        if (codec == CodecKind.Packed) Assert.InRange(answered, 1, answers.Length);
        Assert.Throws<VlcFormatException>(() => VlcIndex.Open(path, new OpenOptions { Checksums = ChecksumPolicy.AtOpen }));
        Assert.Throws<VlcFormatException>(() => IndexUpdater.Compact(WithDeletion(path)));
        using VlcIndex trusting = VlcIndex.Open(path, new OpenOptions { Checksums = ChecksumPolicy.Never });
        for (int row = 0; row < answers.Length; row++) Search(trusting, rows, row);
    }

    /// <summary>Each file of an index of equal shape, in place of the index's own.</summary>
    [Theory]
    [MemberData(nameof(Codecs))]
    public void A_file_of_another_index_of_equal_shape_is_refused_when_the_index_is_opened(CodecKind codec)
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, codec, 1), other = Build(folder, codec, 2);
        int exchanged = 0;
        foreach (string own in Directory.GetFiles(folder.Path, "index1.*.bin"))
        {
            string others = own.Replace("index1", "index2", StringComparison.Ordinal);
            byte[] bytes = File.ReadAllBytes(own), foreign = File.ReadAllBytes(others);
            // Files of the packed codec differ in length, which is found anyway.
            Array.Resize(ref foreign, bytes.Length);
            if (own.EndsWith(".encoder.bin", StringComparison.Ordinal)) continue;
            File.WriteAllBytes(own, foreign);
            Assert.Equal(own, Assert.Throws<VlcFormatException>(() => VlcIndex.Open(path)).Path);
            File.WriteAllBytes(own, bytes);
            exchanged++;
        }

        Assert.InRange(exchanged, 3, 6);
        using VlcIndex index = VlcIndex.Open(path);
        Assert.Equal(Count, index.Count);
    }

    [Fact]
    public void Damaged_keys_are_an_error_when_they_are_read()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("index");
        using (var source = new InMemoryVectors(Datasets.Clusters(Count, 4, 5, 1), 4))
        {
            IndexBuilder.Build(source, path, new IndexOptions
            {
                Codec = CodecKind.Int8, TuningRows = 0, Training = Datasets.Training(5), Keys = KeyColumn.Of([.. Enumerable.Range(0,
                    Count).Select(row => row * 3L)]),
            });
        }

        byte[] bytes = File.ReadAllBytes(path + ".keys.bin");
        bytes[Block + 5] ^= 1;
        File.WriteAllBytes(path + ".keys.bin", bytes);
        using VlcIndex index = VlcIndex.Open(path);
        Assert.Equal(0L, index.Key(0));
        VlcFormatException failure = Assert.Throws<VlcFormatException>(() => index.Key((Block / 8) + 1));
        Assert.Equal(path + ".keys.bin", failure.Path);
    }

    [Fact]
    public void An_index_that_is_read_into_memory_outlives_its_files()
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, CodecKind.Int8, 1);
        float[] rows = Datasets.Clusters(Count, Dimension, 40, 1);
        using VlcIndex mapped = VlcIndex.Open(path), read = VlcIndex.Open(path, new OpenOptions { InMemory = true });
        int[] expected = Search(mapped, rows, 5);
        foreach (string file in Directory.GetFiles(folder.Path)) File.WriteAllBytes(file + ".other", []);
        foreach (string file in Directory.GetFiles(folder.Path, "*.bin")) File.Move(file + ".other", file, overwrite: true);
        Assert.Equal(expected, Search(read, rows, 5));
    }

    /// <summary>Tables of blocks follow the sections through every change of the index.</summary>
    [Fact]
    public void Blocks_are_named_anew_by_every_update()
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, CodecKind.Int8, 1);
        using (var more = new InMemoryVectors(Datasets.Clusters(Count, Dimension, 40, 3), Dimension)) IndexUpdater.Add(path, more);
        IndexUpdater.Remove(path, [1, 2, Count + 3]);
        AssertBlocks(path, segments: 2);
        IndexUpdater.Compact(path);
        AssertBlocks(path, segments: 1);
    }

    private static void AssertBlocks(string path, int segments)
    {
        Manifest manifest = IndexInfo.Verify(path).Manifest;
        IndexSection[] large = [.. manifest.Sections.Where(section => section.Kind == SectionKind.Residuals)];
        Assert.Equal(segments, large.Length);
        Assert.Equal(large.Sum(section => (section.Length + Block - 1) / Block * 4), manifest.Find(SectionKind.BlockChecksums)!.Length);
        using SectionReader reader = SectionReader.Open(path);
        foreach (IndexSection section in large)
        {
            uint[] expected = [.. Enumerable.Range(0, (int)((section.Length + Block - 1) / Block)).Select(block =>
                Crc32C.Compute(reader.Bytes(section, block * (long)Block, (int)Math.Min(Block, section.Length - (block * (long)Block)))))];
            Assert.Equal(expected, reader.BlockChecksumsOf(section));
        }
    }

    /// <summary>A copy of an index with a deleted row, without a look at its codes.</summary>
    private static string WithDeletion(string path)
    {
        IndexUpdater.Remove(path, [0]);
        return path;
    }

    private static int[] Search(VlcIndex index, float[] rows, int row) =>
        Datasets.Search(index, Datasets.Row(rows, Dimension, row), 10, new SearchOptions { Probes = 2 });

    private static string Build(TemporaryFolder folder, CodecKind codec, ulong seed) => Datasets.Build(
        folder, Datasets.Clusters(Count, Dimension, 40, seed), Dimension,
        new IndexOptions
        {
            Codec = codec, Jacobians = codec == CodecKind.Int8 ? true : null, TuningRows = 40, Training = Datasets.Training(40, seed),
        },
        $"index{seed}");
}
