using System.Buffers.Binary;
using CsCheck;
using Vlc.Core.Tests.Storage;
using Vlc.Indexing;
using Vlc.Codecs.Packed;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;

namespace Vlc.Core.Tests.Packed;

public sealed class PackedDamageTests
{
    private const int Dimension = 3;
    private const int Rows = 40;

    /// <summary>Kinds of the sections that a model is read from.</summary>
    private static readonly int[] s_kinds = [7, 8, 1, 2, 9, 10];

    [Fact]
    public void Every_flipped_byte_of_every_file_is_found()
    {
        using TemporaryFolder folder = new();
        string index = Build(folder);
        IndexInfo.Verify(index);
        foreach (string path in RawIndex.Paths(index))
        {
            byte[] bytes = File.ReadAllBytes(path);
            for (int place = 0; place < bytes.Length; place += bytes.Length > 1000 ? 7 : 1)
            {
                bytes[place] ^= 0x10;
                File.WriteAllBytes(path, bytes);
                VlcFormatException found = Assert.Throws<VlcFormatException>(() => IndexInfo.Verify(index));
                Assert.Equal(path, found.Path);
                bytes[place] ^= 0x10;
            }

            File.WriteAllBytes(path, bytes);
        }

        Assert.Equal(Rows, IndexInfo.Verify(index).Manifest.Count);
    }

    [Fact]
    public void A_file_cut_or_grown_anywhere_is_refused_by_name()
    {
        using TemporaryFolder folder = new();
        string index = Build(folder);
        foreach (string path in RawIndex.Paths(index))
        {
            byte[] whole = File.ReadAllBytes(path);
            foreach (int length in (int[])[0, 1, whole.Length / 2, whole.Length - 1, whole.Length + 1])
            {
                byte[] cut = new byte[length];
                whole.AsSpan(0, Math.Min(length, whole.Length)).CopyTo(cut);
                File.WriteAllBytes(path, cut);
                VlcFormatException refusal = Assert.Throws<VlcFormatException>(() => VlcIndex.Open(index));
                Assert.Equal(path, refusal.Path);
                Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
            }

            File.WriteAllBytes(path, whole);
        }
    }

    /// <summary>Bytes changed by someone who knows the checksums: a manifest's own, and those of the sections in it.</summary>
    [Theory]
    [InlineData("sections", 1500)]
    [InlineData("manifest", 1500)]
    public void Sections_changed_under_right_checksums_are_read_or_refused_and_nothing_else(string what, int samples)
    {
        using TemporaryFolder folder = new();
        string index = Build(folder);
        byte[][] whole = [.. RawIndex.Paths(index).Select(File.ReadAllBytes)];
        // A third of the changes write numbers that lengths and shapes overflow on, the others any bytes.
        byte[][] ends = [[0xFF, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0x80], [0, 0, 0, 0], [0xFF], [0x7F, 0xFF]];
        Gen<byte[]> content = Gen.OneOf(Gen.Byte.Array[1, 4], Gen.Byte.Array[1, 4], Gen.Int[0, ends.Length - 1].Select(i => ends[i]));
        Gen<(int Target, uint Place, byte[] Content)> change = Gen.Select(Gen.Int[0, 5], Gen.UInt, content);
        int refused = 0, searched = 0;
        change.Array[1, 3].Sample(
            changes =>
            {
                byte[][] files = [.. whole.Select(file => file.ToArray())];
                foreach ((int target, uint place, byte[] bytes) in changes)
                {
                    Span<byte> span = what == "manifest" ? files[0].AsSpan(4, 64 + (7 * 32) - 4) : Target(files, target);
                    int offset = (int)(place % (uint)span.Length);
                    bytes.AsSpan(0, Math.Min(bytes.Length, span.Length - offset)).CopyTo(span[offset..]);
                }

                if (what == "sections") Rechecksum(files);
                else ManifestTests.Seal(files[0]);
                Write(index, files);
                long before = GC.GetAllocatedBytesForCurrentThread();
                try
                {
                    using (VlcIndex opened = VlcIndex.Open(index)) AssertSearchable(opened, finite: what == "sections");
                    IndexInfo.Verify(index);
                    searched++;
                }
                catch (VlcFormatException)
                {
                    refused++;
                }

                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
            },
            iter: samples, threads: 1);
        Assert.True(refused > samples / 10 && searched > 10, $"{refused} refused, {searched} searched");
    }

    [Fact]
    public void Cells_beyond_what_the_scales_can_hold_are_refused_before_memory_is_taken_for_them()
    {
        using TemporaryFolder folder = new();
        string index = Build(folder);
        byte[] manifest = File.ReadAllBytes(index + ".idx");
        BinaryPrimitives.WriteInt32LittleEndian(manifest.AsSpan(6), 100_000_000);
        BinaryPrimitives.WriteInt32LittleEndian(manifest.AsSpan(14), 100_000_000);
        ManifestTests.Seal(manifest);
        File.WriteAllBytes(index + ".idx", manifest);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<VlcFormatException>(() => VlcIndex.Open(index));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Theory]
    [InlineData(8, 1)]
    [InlineData(4, 1)]
    [InlineData(7, 1)]
    [InlineData(9, 0)]
    [InlineData(10, 0)]
    public void A_section_that_claims_another_file_is_refused(int kind, byte file)
    {
        using TemporaryFolder folder = new();
        string index = Build(folder);
        byte[] manifest = File.ReadAllBytes(index + ".idx");
        int entry = Entry(manifest, kind);
        manifest[entry + 1] = file;
        // Within that file, so that only the kind of file is wrong.
        BinaryPrimitives.WriteInt64LittleEndian(manifest.AsSpan(entry + 8), 0);
        ManifestTests.Seal(manifest);
        File.WriteAllBytes(index + ".idx", manifest);
        Assert.Throws<VlcFormatException>(() => VlcIndex.Open(index));
    }

    /// <summary>Searches; a manifest may claim a scale at which any distance is beyond a float, sections may not.</summary>
    private static void AssertSearchable(VlcIndex index, bool finite)
    {
        var ids = new int[Math.Min(index.Count, Rows)];
        var scores = new float[ids.Length];
        float[] query = new float[index.Dimension], reconstruction = new float[index.Dimension];
        query.AsSpan().Fill(1);
        int found = index.Search(query, ids, scores, SearchOptions.Exhaustive);
        index.Reconstruct(index.Count - 1, reconstruction);
        if (!finite) return;
        Assert.Equal(ids.Length, found);
        Assert.All(scores, score => Assert.True(float.IsFinite(score)));
        Assert.All(reconstruction, value => Assert.True(float.IsFinite(value)));
    }

    private static Span<byte> Target(byte[][] files, int target)
    {
        (int file, int offset, int length) = Section(files[0], s_kinds[target]);
        return files[file].AsSpan(offset, length);
    }

    private static (int File, int Offset, int Length) Section(byte[] manifest, int kind)
    {
        int entry = Entry(manifest, kind);
        return (
            manifest[entry + 1], (int)BinaryPrimitives.ReadInt64LittleEndian(manifest.AsSpan(entry + 8)),
            (int)BinaryPrimitives.ReadInt64LittleEndian(manifest.AsSpan(entry + 16)));
    }

    private static int Entry(byte[] manifest, int kind) =>
        Enumerable.Range(0, 7).Select(i => 64 + (32 * i)).Single(entry => manifest[entry] == kind);

    private static void Rechecksum(byte[][] files)
    {
        for (int entry = 64; entry < 64 + (7 * 32); entry += 32)
        {
            (int file, int offset, int length) = Section(files[0], files[0][entry]);
            BinaryPrimitives.WriteUInt32LittleEndian(files[0].AsSpan(entry + 4), Crc32C.Compute(files[file].AsSpan(offset, length)));
        }

        ManifestTests.Seal(files[0]);
    }

    private static void Write(string index, byte[][] files)
    {
        string[] paths = RawIndex.Paths(index);
        for (int file = 0; file < paths.Length; file++) File.WriteAllBytes(paths[file], files[file]);
    }

    private static string Build(TemporaryFolder folder) => Datasets.Build(
        folder, Datasets.Clusters(Rows, Dimension, 3, 1), Dimension,
        new IndexOptions { Packed = new PackedOptions { GroupCount = 2 }, TuningRows = 4, Training = Datasets.Training(5) });
}
