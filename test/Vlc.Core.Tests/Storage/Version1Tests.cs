using System.Buffers.Binary;
using Vlc.Codecs;
using Vlc.Indexing;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;

namespace Vlc.Core.Tests.Storage;

/// <summary>Files of version 1 as the seed's program writes them, built byte by byte: 2 anchors, 3 rows, 2 dimensions.</summary>
public sealed class Version1Tests
{
    private static readonly byte[] s_anchors = [.. Halves(0, 0, 8, -4)];
    private static readonly byte[] s_assignments = [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    private static readonly byte[] s_jacobians = [.. Halves(0.5f, 2, 0.25f, 1)];
    private static readonly byte[] s_bytes = [2, 255, 3, 0, 252, 1];
    private static readonly byte[] s_halves = [.. Halves(0.5f, -1, 3, 0.25f, -2, 4)];

    [Theory]
    [InlineData(0, false, CodecKind.None, new float[] { 8, -4, 0, 0, 8, -4 })]
    [InlineData(2, false, CodecKind.Int8, new float[] { 10, -5, 3, 0, 4, -3 })]
    [InlineData(3, false, CodecKind.Int8, new float[] { 8.5f, -5, 1.5f, 0, 7, -3 })]
    [InlineData(2, true, CodecKind.Float16, new float[] { 8.5f, -5, 3, 0.25f, 6, 0 })]
    [InlineData(3, true, CodecKind.Float16, new float[] { 8.125f, -5, 1.5f, 0.5f, 7.5f, 0 })]
    public void An_index_of_version_1_is_opened_and_searched(byte flags, bool halves, CodecKind codec, float[] rows)
    {
        using TemporaryFolder folder = new();
        string path = Write(folder, flags, halves);
        using VlcIndex index = VlcIndex.Open(path);
        Assert.Equal((1, 2, 2, 3), (index.Manifest.Version, index.AnchorCount, index.Dimension, index.Count));
        Assert.Equal((Metric.L2, codec), (index.Metric, index.Manifest.Codec));
        Assert.Null(index.Manifest.Scan);
        var vector = new float[2];
        for (int row = 0; row < 3; row++)
        {
            index.Reconstruct(row, vector);
            Assert.Equal(rows[(row * 2)..((row * 2) + 2)], vector);
            var ids = new int[3];
            var scores = new float[3];
            Assert.Equal(3, index.Search(vector, ids, scores));
            int[] expected =
            [
                .. Enumerable.Range(0, 3)
                    .OrderBy(other => Datasets.Squared(vector, rows.AsSpan(other * 2, 2)))
                    .ThenBy(other => other),
            ];
            Assert.Equal(expected, ids);
            for (int i = 0; i < 3; i++) Assert.Equal(Datasets.Squared(vector, rows.AsSpan(ids[i] * 2, 2)), scores[i], 1e-4);
        }

        Assert.Equal(RawIndex.Paths(path).Where(File.Exists).Sum(file => new FileInfo(file).Length), IndexInfo.Verify(path).TotalBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_file_of_another_length_is_refused_by_name(int file)
    {
        using TemporaryFolder folder = new();
        string path = RawIndex.Paths(Write(folder, 3, halves: false))[file];
        byte[] whole = File.ReadAllBytes(path);
        foreach (byte[] wrong in (byte[][])[whole[..^1], [.. whole, 0], []])
        {
            File.WriteAllBytes(path, wrong);
            Assert.Equal(path, Assert.Throws<VlcFormatException>(() => VlcIndex.Open(folder.File("old"))).Path);
        }

        File.Delete(path);
        Assert.ThrowsAny<IOException>(() => VlcIndex.Open(folder.File("old")));
    }

    [Fact]
    public void Flags_and_assignments_out_of_range_are_refused()
    {
        using TemporaryFolder folder = new();
        string path = Write(folder, 4, halves: false);
        Assert.Equal("offset 18", Assert.Throws<VlcFormatException>(() => VlcIndex.Open(path)).Where);
        Write(folder, 2, halves: false);
        folder.Write("old.assign.bin", [1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0]);
        Assert.Equal("offset 4", Assert.Throws<VlcFormatException>(() => VlcIndex.Open(path)).Where);
    }

    private static string Write(TemporaryFolder folder, byte flags, bool halves)
    {
        // Magic, version, m, d, n, flags: 19 bytes.
        folder.Write("old.idx", [0x41, 0x43, 0x4C, 0x56, 1, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, flags]);
        folder.Write("old.anchors.bin", s_anchors);
        folder.Write("old.assign.bin", s_assignments);
        if ((flags & 1) != 0) folder.Write("old.jacobians.bin", s_jacobians);
        if ((flags & 2) != 0) folder.Write("old.residuals.bin", halves ? s_halves : s_bytes);
        return folder.File("old");
    }

    private static byte[] Halves(params float[] values)
    {
        var bytes = new byte[2 * values.Length];
        for (int i = 0; i < values.Length; i++) BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(2 * i), (Half)values[i]);
        return bytes;
    }
}
