using System.Buffers.Binary;
using CsCheck;
using Vlc.Codecs;
using Vlc.Indexing;
using Vlc.Probing;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;

namespace Vlc.Core.Tests.Storage;

public sealed class ManifestTests
{
    private const int Dimension = 5;

    [Fact]
    public void Every_field_lies_where_the_format_says()
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, new IndexOptions
        {
            Metric = Metric.InnerProduct, Codec = CodecKind.Int8, CodedDimension = 3, Jacobians = false,
            Training = Datasets.Training(7, seed: 0x1122334455667788),
        });
        byte[] bytes = File.ReadAllBytes(path + ".idx");
        Manifest manifest = IndexInfo.Read(path).Manifest;
        Assert.Equal([0x41, 0x43, 0x4C, 0x56], bytes[..4]);
        Assert.Equal(4, BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(4)));
        Assert.Equal(7u, U32(6));
        Assert.Equal(5u, U32(10));
        Assert.Equal(200u, U32(14));
        Assert.Equal(2, bytes[18]);
        Assert.Equal(4, bytes[19]);
        Assert.Equal(2, bytes[20]);
        Assert.Equal(2, bytes[21]);
        Assert.Equal(manifest.ScaleExponent, BinaryPrimitives.ReadInt16LittleEndian(bytes.AsSpan(22)));
        Assert.Equal(3u, U32(24));
        Assert.Equal(0x1122334455667788UL, BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(28)));
        Assert.Equal((uint)bytes.Length, U32(36));
        Assert.Equal(6, BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(40)));
        ProbingCurve scan = manifest.Scan!;
        Assert.Equal(scan.Points.Count, BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(42)));
        Assert.Equal((10u, 20u), (U32(44), U32(48)));
        Assert.Equal(scan.StandardError, BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(52)));
        Assert.Equal(0.95f, BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(56)));
        Assert.Equal(new byte[4], bytes[60..64]);
        int curve = 64 + (6 * 32);
        Assert.Equal((uint)scan.Points[0].Rows, U32(curve));
        Assert.Equal(scan.Points[0].Recall, BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(curve + 4)));
        Assert.Equal(scan.Points[0].Probes, BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(curve + 8)));
        Assert.Equal(float.PositiveInfinity, BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(curve + 12)));
        Assert.Equal(scan.Points[0].MeanRows, BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(curve + 16)));
        Assert.Equal(200, scan.Points[^1].Rows);
        // Inline sections follow the curve: axes and scales, three of 4 bytes each; then the checksum.
        Assert.Equal(curve + (20 * scan.Points.Count) + 24 + 4, bytes.Length);
        Assert.Equal(SlowCrc32C(bytes[..^4]), U32(bytes.Length - 4));

        // The sections: kind, file, element, a spare byte, checksum, offset, length, rows, columns.
        (byte, byte, byte, uint, uint)[] expected =
            [(1, 1, 1, 7, 5), (6, 0, 3, 1, 3), (5, 0, 2, 1, 3), (2, 2, 3, 200, 1), (4, 4, 4, 200, 3), (12, 5, 0, 0, 0)];
        string[] paths = RawIndex.Paths(path);
        for (int i = 0; i < 6; i++)
        {
            int entry = 64 + (32 * i);
            Assert.Equal(expected[i], (bytes[entry], bytes[entry + 1], bytes[entry + 2], U32(entry + 24), U32(entry + 28)));
            Assert.Equal(0, bytes[entry + 3]);
            int offset = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(entry + 8));
            int length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(entry + 16));
            Assert.Equal(U32(entry + 4), SlowCrc32C(File.ReadAllBytes(paths[bytes[entry + 1]])[offset..(offset + length)]));
        }

        uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset));
    }

    [Fact]
    public void The_byte_table_adds_up_to_the_files_exactly() =>
        Gen.Select(Gen.Enum<CodecKind>(), Gen.Enum<Metric>(), Gen.Int[1, Dimension], Gen.Bool, Gen.Int[0, 30]).Sample(
            (codec, metric, coded, jacobians, tuning) =>
            {
                using TemporaryFolder folder = new();
                bool classic = codec is CodecKind.Int8 or CodecKind.Float16;
                string path = Build(folder, new IndexOptions
                {
                    Codec = codec,
                    Metric = metric,
                    CodedDimension = classic ? coded : null,
                    Jacobians = classic ? jacobians : null,
                    TuningRows = tuning,
                    Training = Datasets.Training(7),
                });
                IndexInfo info = IndexInfo.Read(path);
                long onDisk = new DirectoryInfo(folder.Path).GetFiles().Sum(file => file.Length);
                Assert.Equal(onDisk, info.Sections.Sum(section => section.Bytes));
                Assert.Equal(onDisk, info.Bytes.Total);
                long encoder = new FileInfo(path + ".encoder.bin") is { Exists: true } ofEncoder ? ofEncoder.Length : 0;
                Assert.Equal((onDisk - encoder, encoder, 0), (info.TotalBytes, info.Bytes.Encoder, info.Bytes.Keys));
                Assert.Equal((onDisk - encoder) / (200.0 * Dimension * 4), info.Ratio, 1e-12);
                foreach (IGrouping<IndexFileId, ByteTableRow> file in info.Sections.GroupBy(section => section.File))
                {
                    Assert.Equal(new FileInfo(info.Files.Path(file.Key)).Length, file.Sum(section => section.Bytes));
                }

                using VlcIndex index = VlcIndex.Open(path);
                Assert.Equal(info.TotalBytes, index.TotalBytes);
                Assert.Equal(info.Ratio, index.Ratio, 1e-12);
            },
            iter: 60, threads: 1);

    [Fact]
    public void A_later_version_is_refused_naming_both()
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, new IndexOptions { Training = Datasets.Training(7) });
        byte[] bytes = File.ReadAllBytes(path + ".idx");
        bytes[4] = 9;
        bytes[19] = 7;
        File.WriteAllBytes(path + ".idx", bytes);
        VlcFormatException refusal = Assert.Throws<VlcFormatException>(() => VlcIndex.Open(path));
        Assert.Equal("format version 1 to 4", refusal.Expected);
        Assert.Equal("version 9, for readers of version 7 and later", refusal.Found);
    }

    [Fact]
    public void A_later_version_that_this_reader_understands_is_read()
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, new IndexOptions { Training = Datasets.Training(7) });
        byte[] bytes = File.ReadAllBytes(path + ".idx");
        bytes[4] = 5;
        Seal(bytes);
        File.WriteAllBytes(path + ".idx", bytes);
        Assert.Equal(5, IndexInfo.Verify(path).Manifest.Version);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(-1f)]
    [InlineData(float.NaN)]
    public void A_distance_ratio_that_is_not_above_0_is_refused(float ratio)
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, new IndexOptions { Codec = CodecKind.Int8, Training = Datasets.Training(7) });
        byte[] bytes = File.ReadAllBytes(path + ".idx");
        int place = 64 + (32 * BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(40))) + 12;
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(place), ratio);
        Seal(bytes);
        File.WriteAllBytes(path + ".idx", bytes);
        VlcFormatException refusal = Assert.Throws<VlcFormatException>(() => VlcIndex.Open(path));
        Assert.Equal(($"offset {place}", "a distance ratio above 0"), (refusal.Where, refusal.Expected));
    }

    [Fact]
    public void A_manifest_with_any_fields_changed_and_a_right_checksum_is_read_or_refused_and_nothing_else()
    {
        using TemporaryFolder folder = new();
        string path = Build(
            folder, new IndexOptions { Codec = CodecKind.Int8, CodedDimension = 3, Jacobians = false, Training = Datasets.Training(7) });
        byte[] whole = File.ReadAllBytes(path + ".idx");
        // The header and the section table; interesting values are the ends of every integer and the enumerations'.
        Gen<(int Place, ulong Value, int Size)> change = Gen.Select(
            Gen.Int[4, 64 + (5 * 32) - 9],
            Gen.OneOf(
                Gen.ULong[0, 8], Gen.ULong, Gen.Const(ulong.MaxValue), Gen.Const((ulong)long.MaxValue), Gen.Const(0x7FFFFFFFUL)),
            Gen.OneOf(Gen.Const(1), Gen.Const(2), Gen.Const(4), Gen.Const(8)));
        int refused = 0;
        change.Array[1, 4].Sample(
            changes =>
            {
                byte[] bytes = [.. whole];
                foreach ((int place, ulong value, int size) in changes)
                {
                    var field = new byte[8];
                    BinaryPrimitives.WriteUInt64LittleEndian(field, value);
                    field.AsSpan(0, size).CopyTo(bytes.AsSpan(place));
                }

                Seal(bytes);
                File.WriteAllBytes(path + ".idx", bytes);
                long before = GC.GetAllocatedBytesForCurrentThread();
                try
                {
                    // Not zero: the metric may have become cosine.
                    using (VlcIndex index = VlcIndex.Open(path)) Datasets.Search(index, [.. Enumerable.Repeat(1f, index.Dimension)], 3);
                    IndexInfo.Verify(path);
                }
                catch (VlcFormatException)
                {
                    refused++;
                }

                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
            },
            iter: 2000, threads: 1);
        Assert.True(refused > 500, $"{refused} refused");
    }

    [Theory]
    [InlineData(SectionKind.Anchors, IndexFile.Manifest)]
    [InlineData(SectionKind.Assignments, IndexFile.Manifest)]
    [InlineData(SectionKind.Residuals, IndexFile.Manifest)]
    [InlineData(SectionKind.CodedAxes, IndexFile.Anchors)]
    [InlineData(SectionKind.AxisScales, IndexFile.Anchors)]
    public void A_section_in_a_file_that_cannot_hold_it_is_refused(SectionKind section, IndexFile file)
    {
        using TemporaryFolder folder = new();
        string path = Build(
            folder, new IndexOptions { Codec = CodecKind.Int8, CodedDimension = 3, Jacobians = false, Training = Datasets.Training(7) });
        byte[] bytes = File.ReadAllBytes(path + ".idx");
        int place = IndexInfo.Read(path).Manifest.Sections.Index().Single(entry => entry.Item.Kind == section).Index;
        bytes[64 + (32 * place) + 1] = (byte)file;
        Seal(bytes);
        File.WriteAllBytes(path + ".idx", bytes);
        Assert.Throws<VlcFormatException>(() => VlcIndex.Open(path));
    }

    [Fact]
    public void Codes_of_no_axis_are_refused()
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, new IndexOptions { Training = Datasets.Training(7) });
        byte[] bytes = File.ReadAllBytes(path + ".idx");
        bytes[24] = 0;
        Seal(bytes);
        File.WriteAllBytes(path + ".idx", bytes);
        Assert.Equal("offset 24", Assert.Throws<VlcFormatException>(() => VlcIndex.Open(path)).Where);
    }

    [Fact]
    public void The_checksum_is_crc_32c() => Assert.Equal(0xE3069283u, Crc32C.Compute("123456789"u8));

    internal static void Seal(byte[] manifest) =>
        BinaryPrimitives.WriteUInt32LittleEndian(manifest.AsSpan(manifest.Length - 4), SlowCrc32C(manifest[..^4]));

    /// <summary>CRC-32C a bit at a time, from its definition.</summary>
    private static uint SlowCrc32C(byte[] bytes)
    {
        uint state = uint.MaxValue;
        foreach (byte value in bytes)
        {
            state ^= value;
            for (int bit = 0; bit < 8; bit++) state = (state >> 1) ^ ((state & 1) * 0x82F63B78u);
        }

        return ~state;
    }

    private static string Build(TemporaryFolder folder, IndexOptions options) =>
        Datasets.Build(folder, Datasets.Clusters(200, Dimension, 5, 1), Dimension, options);
}
