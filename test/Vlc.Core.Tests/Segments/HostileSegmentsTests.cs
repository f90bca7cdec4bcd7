using System.Buffers.Binary;
using CsCheck;
using Vlc.Core.Tests.Storage;
using Vlc.Indexing;
using Vlc.Search;
using Vlc.Segments;
using Vlc.Storage;
using Vlc.Tests;

namespace Vlc.Core.Tests.Segments;

/// <summary>
/// Damaged or hostile deletions, keys, yardsticks, encoder states and segment tables. Checksums do not help: whoever writes bytes writes
/// theirs too. An index is read or refused by <see cref="VlcFormatException"/>, in memory that its files bound.
/// </summary>
public sealed class HostileSegmentsTests
{
    private const int Count = 100;

    [Theory]
    [InlineData(0, 0x08, "segment 0")]
    [InlineData(12, 0x08, "segment 0")]
    [InlineData(13, 0x02, "segment 1")]
    [InlineData(14, 0x80, "offset 14")]
    public void Deleted_rows_other_than_the_manifest_says_are_refused(int place, byte flip, string where)
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, CodecKind.Int8);
        Patch(path, ".deleted.bin", bytes => bytes[place] ^= flip);
        VlcFormatException refusal = Assert.Throws<VlcFormatException>(() => VlcIndex.Open(path));
        Assert.Equal((path + ".deleted.bin", where), (refusal.Path, refusal.Where));
        Assert.Throws<VlcFormatException>(() => IndexUpdater.Remove(path, [50]));
    }

    [Theory]
    [InlineData(KeyKind.String)]
    [InlineData(KeyKind.Guid)]
    [InlineData(KeyKind.Int64)]
    public void Keys_of_another_kind_or_length_are_refused_when_the_index_is_opened(KeyKind kind)
    {
        using TemporaryFolder folder = new();
        foreach (int other in (int[])[0, 1, 2, 3, 4, 255])
        {
            if (other == (int)kind) continue;
            string path = Build(folder, CodecKind.Int8, kind, $"kind{other}");
            Patch(path, ".1.keys.bin", bytes => bytes[0] = (byte)other);
            Assert.Equal("keys", Assert.Throws<VlcFormatException>(() => VlcIndex.Open(path)).Where);
        }

        string padded = Build(folder, CodecKind.Int8, kind, "padded");
        Patch(padded, ".keys.bin", bytes => bytes[9] = 1);
        Assert.Equal("keys", Assert.Throws<VlcFormatException>(() => VlcIndex.Open(padded)).Where);
        string cut = Build(folder, CodecKind.Int8, kind, "cut");
        Cut(cut, ".keys.bin", SectionKind.Keys, 16 + (Count * 4) - 1);
        Assert.Equal("keys", Assert.Throws<VlcFormatException>(() => VlcIndex.Open(cut)).Where);
        string missing = Build(folder, CodecKind.Int8, kind, "missing");
        PatchManifest(
            missing, (entries, _) => entries.Single(entry => entry.Kind == SectionKind.Keys && entry.Segment == 0).Bytes.Span[0] = 77);
        Assert.Throws<VlcFormatException>(() => VlcIndex.Open(missing));
    }

    [Theory]
    [InlineData(0, 1000u)]
    [InlineData(0, uint.MaxValue)]
    [InlineData(5, 0u)]
    [InlineData(5, 0x7FFFFFFFu)]
    [InlineData(11, 0x80000000u)]
    public void A_key_that_lies_outside_the_keys_is_refused_when_it_is_asked_for(int row, uint end)
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, CodecKind.Int8, KeyKind.String);
        Patch(path, ".1.keys.bin", bytes => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(bytes.Length - (4 * (12 - row))), end));
        using VlcIndex index = VlcIndex.Open(path);
        Assert.Throws<VlcFormatException>(() =>
        {
            for (int key = Count; key < Count + 12; key++) index.Key(key);
        });
        Assert.Equal("0", index.Key(0));
        Assert.Throws<VlcFormatException>(() => IndexInfo.Verify(path));
        Assert.Throws<VlcFormatException>(() => IndexUpdater.Compact(path));
    }

    [Fact]
    public void A_key_that_is_no_UTF_8_is_refused_when_it_is_asked_for()
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, CodecKind.Int8, KeyKind.String);
        Patch(path, ".keys.bin", bytes => bytes[16] = 0xFF);
        using VlcIndex index = VlcIndex.Open(path);
        Assert.Equal("UTF-8", Assert.Throws<VlcFormatException>(() => index.Key(0)).Expected);
        Assert.Equal("1", index.Key(1));
    }

    [Theory]
    [InlineData(0, int.MaxValue)]
    [InlineData(0, -1)]
    [InlineData(0, 0)]
    [InlineData(4, 7)]
    [InlineData(4, int.MinValue)]
    [InlineData(8, 29)]
    [InlineData(12, 1)]
    public void A_yardstick_of_other_sizes_spoils_its_measurement_and_no_search(int place, int value)
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, CodecKind.Int8);
        Patch(path, ".encoder.bin", bytes => BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(place), value));
        AssertOnlyTheYardstickIsRefused(path);
    }

    [Fact]
    public void A_yardstick_of_rows_that_there_are_not_or_of_numbers_that_are_none_is_refused()
    {
        using TemporaryFolder folder = new();
        int header = 16, queries = 10 * 12 * 2, own = 10 * 4, rows = 10 * 30 * 4;
        (int Place, byte[] Value)[] damages =
        [
            (header, [0x00, 0x7E]), (header + queries - 2, [0x00, 0x7C]), (header + queries, [115, 0, 0, 0]),
            (header + queries, [0xFE, 0xFF, 0xFF, 0xFF]),
            (header + queries + own, [115, 0, 0, 0]), (header + queries + own + rows - 4, [0, 0, 0, 0x80]),
            (header + queries + own + rows, [0, 0, 0xC0, 0x7F]), (header + queries + own + (2 * rows) - 4, [0, 0, 0x80, 0xFF]),
        ];
        string whole = Build(folder, CodecKind.Int8);
        Assert.Equal(header + queries + own + (2 * rows), File.ReadAllBytes(whole + ".encoder.bin").Length);
        foreach ((int place, byte[] value) in damages)
        {
            string path = SegmentData.Copy(whole, $"at{place}-{value[0]}");
            Patch(path, ".encoder.bin", bytes => value.CopyTo(bytes, place));
            AssertOnlyTheYardstickIsRefused(path);
        }
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(7, 1)]
    [InlineData(15, 0xFF)]
    [InlineData(23, 0xFF)]
    public void An_encoder_state_that_no_coder_has_spoils_adding_and_no_search(int place, byte value)
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, CodecKind.Packed);
        Patch(path, ".encoder.bin", bytes => bytes.AsSpan(place, 1 + (place % 2)).Fill(value));
        // NaN where a number is wanted: an exponent of ones, and more.
        if (place >= 15) Patch(path, ".encoder.bin", bytes => bytes.AsSpan(place - 1, 2).Fill(0xFF));
        using (VlcIndex index = VlcIndex.Open(path)) Assert.Equal(3, index.Search(new float[index.Dimension], 3).Count);
        SortedDictionary<string, byte[]> before = SegmentData.Files(path);
        Assert.Throws<VlcFormatException>(() => SegmentData.Add(path, Datasets.Clusters(2, 72, 4, 9), 72, Keys(KeyKind.Int64, 900, 2)));
        Assert.Throws<VlcFormatException>(() => IndexInfo.Verify(path));
        Assert.Equal(before, SegmentData.Files(path));
    }

    [Theory]
    [InlineData(0, 0u, 0u)]
    [InlineData(0, 99u, 4u)]
    [InlineData(0, 101u, 4u)]
    [InlineData(1, 0u, 0u)]
    [InlineData(1, uint.MaxValue, 1u)]
    [InlineData(1, 12u, 13u)]
    [InlineData(1, 12u, 12u)]
    [InlineData(2, 3u, uint.MaxValue)]
    [InlineData(2, 0x80000003u, 0u)]
    public void A_segment_table_that_fits_nothing_is_refused(int segment, uint rows, uint deleted)
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, CodecKind.Int8);
        PatchManifest(path, (_, segments) =>
        {
            BinaryPrimitives.WriteUInt32LittleEndian(segments.Span[(8 * segment)..], rows);
            BinaryPrimitives.WriteUInt32LittleEndian(segments.Span[((8 * segment) + 4)..], deleted);
        });
        Assert.Throws<VlcFormatException>(() => VlcIndex.Open(path));
        Assert.Throws<VlcFormatException>(() => IndexUpdater.Compact(path));
    }

    [Fact]
    public void Rows_that_change_segments_are_refused_though_their_sum_is_right()
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, CodecKind.Int8);
        PatchManifest(path, (_, segments) =>
        {
            BinaryPrimitives.WriteUInt32LittleEndian(segments.Span, 101);
            BinaryPrimitives.WriteUInt32LittleEndian(segments.Span[8..], 11);
        });
        Assert.Throws<VlcFormatException>(() => VlcIndex.Open(path));
    }

    [Fact]
    public void Sections_over_one_another_or_of_segments_that_there_are_not_are_refused()
    {
        using TemporaryFolder folder = new();
        string whole = Build(folder, CodecKind.Int8, name: "whole"), packed = Build(folder, CodecKind.Packed, name: "packed");
        // The second section of a file begins within the first.
        AssertRefused(packed, entry => entry.Kind == SectionKind.Yardstick, entry => entry.Span[8] -= 1);
        AssertRefused(packed, entry => entry.Kind == SectionKind.CellScales, entry => entry.Span[8] = 0);
        // The same twice, one of a segment beyond the last, one of the model that claims a segment.
        AssertRefused(whole, entry => entry.Kind == SectionKind.Residuals && entry.Segment == 2, entry => entry.Span[3] = 1);
        AssertRefused(whole, entry => entry.Kind == SectionKind.Residuals && entry.Segment == 2, entry => entry.Span[3] = 3);
        AssertRefused(whole, entry => entry.Kind == SectionKind.Anchors, entry => entry.Span[3] = 1);
        AssertRefused(whole, entry => entry.Kind == SectionKind.Deleted, entry => entry.Span[0] = (byte)SectionKind.Yardstick);

        static void AssertRefused(string whole, Func<Entry, bool> which, Action<Memory<byte>> damage)
        {
            string path = SegmentData.Copy(whole, "damaged");
            PatchManifest(path, (entries, _) => damage(entries.Single(which).Bytes));
            Assert.Throws<VlcFormatException>(() => VlcIndex.Open(path));
        }
    }

    [Fact]
    public void Deletions_that_no_segment_counts_are_refused()
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, CodecKind.Int8);
        PatchManifest(path, (_, segments) =>
        {
            for (int segment = 0; segment < 3; segment++) segments.Span.Slice((8 * segment) + 4, 4).Clear();
        });
        Assert.Throws<VlcFormatException>(() => VlcIndex.Open(path));
    }

    [Fact]
    public void Any_bytes_anywhere_are_read_or_refused_in_bounded_memory()
    {
        using TemporaryFolder folder = new();
        foreach (CodecKind codec in (CodecKind[])[CodecKind.Int8, CodecKind.Packed])
        {
            string whole = Build(folder, codec, KeyKind.String, $"{codec}");
            SortedDictionary<string, byte[]> files = SegmentData.Files(whole);
            string[] names = [".deleted.bin", ".keys.bin", ".1.keys.bin", ".encoder.bin", ".1.assign.bin", ".2.residuals.bin", ".idx"];
            string path = SegmentData.Copy(whole, $"damaged-{codec}");
            int refused = 0, d = SegmentData.Dimension(codec);
            Gen<(string File, int Place, byte Value)> change = Gen.Select(
                Gen.Int[0, names.Length - 1].Select(i => names[i]), Gen.Int[0, int.MaxValue],
                Gen.OneOf(Gen.Byte, Gen.Const((byte)0), Gen.Const((byte)0xFF)));
            change.Array[1, 6].Sample(
                changes =>
                {
                    foreach (string name in names)
                    {
                        byte[] bytes = [.. files[name]];
                        foreach ((string file, int place, byte value) in changes) if (file == name) bytes[place % bytes.Length] = value;
                        if (name == ".idx") ManifestTests.Seal(bytes);
                        File.WriteAllBytes(path + name, bytes);
                    }

                    long before = GC.GetAllocatedBytesForCurrentThread();
                    foreach (Action use in (Action[])[Search, Measure, () => IndexInfo.Verify(path)])
                    {
                        try
                        {
                            use();
                        }
                        catch (VlcFormatException)
                        {
                            refused++;
                        }
                    }

                    Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
                },
                iter: 120, threads: 1);
            Assert.True(refused > 40, $"{refused} refused");

            void Search()
            {
                using VlcIndex index = VlcIndex.Open(path);
                float[] query = [.. Enumerable.Repeat(1f, index.Dimension)];
                index.Search(query, 5);
                index.Search(query, 500, SearchOptions.Exhaustive);
                for (int row = 0; row < index.Count; row++) index.Key(row);
            }

            void Measure()
            {
                using VlcIndex index = VlcIndex.Open(path);
                index.MeasureRecall(new SearchOptions { Threads = 1 });
            }
        }
    }

    private static void AssertOnlyTheYardstickIsRefused(string path)
    {
        using (VlcIndex index = VlcIndex.Open(path))
        {
            Assert.Equal(3, index.Search(new float[index.Dimension], 3).Count);
            Assert.Equal("yardstick", Assert.Throws<VlcFormatException>(() => index.MeasureRecall()).Where);
        }

        Assert.Throws<VlcFormatException>(() => IndexInfo.Verify(path));
    }

    /// <summary>Three segments of 100, 12 and 3 rows, of which 4, 1 and 0 are deleted.</summary>
    private static string Build(TemporaryFolder folder, CodecKind codec, KeyKind kind = KeyKind.Int64, string name = "index")
    {
        int d = SegmentData.Dimension(codec);
        string path = SegmentData.Build(
            folder, Datasets.Clusters(Count, d, 4, 1), d, codec, keys: Keys(kind, 0, Count), tuningRows: 10, name: name);
        SegmentData.Add(path, Datasets.Clusters(12, d, 4, 2), d, Keys(kind, Count, 12));
        SegmentData.Add(path, Datasets.Clusters(3, d, 4, 3), d, Keys(kind, Count + 12, 3));
        Assert.Equal(5, IndexUpdater.Remove(path, [0, 7, 8, 99, 104]));
        return path;
    }

    private static KeyColumn Keys(KeyKind kind, int first, int count) => kind switch
    {
        KeyKind.String => KeyColumn.Of([.. Enumerable.Range(first, count).Select(row => $"{row}")]),
        KeyKind.Guid => KeyColumn.Of([.. Enumerable.Range(first, count).Select(row => new Guid(row, 0, 0, new byte[8]))]),
        _ => SegmentData.Numbers(first, count),
    };

    /// <summary>Changes bytes of a file; the checksums of its sections follow.</summary>
    private static void Patch(string path, string suffix, Action<byte[]> change)
    {
        byte[] bytes = File.ReadAllBytes(path + suffix);
        change(bytes);
        File.WriteAllBytes(path + suffix, bytes);
        PatchManifest(path, (entries, _) =>
        {
            foreach (Entry entry in entries.Where(entry => new IndexFileId(entry.File, entry.Segment).Suffix == suffix))
            {
                Span<byte> own = entry.Bytes.Span;
                int offset = (int)BinaryPrimitives.ReadInt64LittleEndian(own[8..]);
                int length = (int)BinaryPrimitives.ReadInt64LittleEndian(own[16..]);
                BinaryPrimitives.WriteUInt32LittleEndian(own[4..], Crc32C.Compute(bytes.AsSpan(offset, length)));
            }
        });
    }

    /// <summary>Cuts a file of one section; its length and checksum follow.</summary>
    private static void Cut(string path, string suffix, SectionKind kind, int length)
    {
        byte[] bytes = File.ReadAllBytes(path + suffix)[..length];
        File.WriteAllBytes(path + suffix, bytes);
        PatchManifest(path, (entries, _) =>
        {
            Span<byte> own = entries.Single(entry => entry.Kind == kind && entry.Segment == 0).Bytes.Span;
            BinaryPrimitives.WriteInt64LittleEndian(own[16..], length);
            BinaryPrimitives.WriteUInt32LittleEndian(own[4..], Crc32C.Compute(bytes));
        });
    }

    /// <summary>Changes the section entries or the segment table of a manifest, and seals it.</summary>
    private static void PatchManifest(string path, Action<Entry[], Memory<byte>> change)
    {
        byte[] bytes = File.ReadAllBytes(path + ".idx");
        int sections = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(40));
        int points = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(42));
        int segments = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(60));
        Assert.Equal(3, segments);
        change(
            [.. Enumerable.Range(0, sections).Select(i => new Entry(bytes.AsMemory(64 + (32 * i), 32)))],
            bytes.AsMemory(64 + (32 * sections) + (20 * points), 8 * segments));
        ManifestTests.Seal(bytes);
        File.WriteAllBytes(path + ".idx", bytes);
    }

    /// <summary>An entry of the section table.</summary>
    private sealed record Entry(Memory<byte> Bytes)
    {
        public SectionKind Kind => (SectionKind)Bytes.Span[0];

        public IndexFile File => (IndexFile)Bytes.Span[1];

        public int Segment => Bytes.Span[3];
    }
}
