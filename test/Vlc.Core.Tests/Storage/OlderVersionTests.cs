using System.Buffers.Binary;
using Vlc.Indexing;
using Vlc.Probing;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Storage;

/// <summary>
/// Indexes of versions 2 and 3, made from one of version 4 that has one segment and nothing that older versions lack: bytes 4 and 19 name
/// the version, points of version 2 end after their third field, sections in the manifest lie that much earlier, and the length and
/// checksum follow. The other files are the same.
/// </summary>
public sealed class OlderVersionTests
{
    private const int Dimension = 8;
    private const int Count = 300;

    [Theory]
    [InlineData(CodecKind.Packed, 2)]
    [InlineData(CodecKind.Packed, 3)]
    [InlineData(CodecKind.Int8, 2)]
    [InlineData(CodecKind.Int8, 3)]
    [InlineData(CodecKind.Float16, 3)]
    [InlineData(CodecKind.None, 3)]
    public void An_older_index_is_verified_searched_and_described_as_it_always_was(CodecKind codec, byte version)
    {
        using TemporaryFolder folder = new();
        string path = Build(folder, codec), old = Convert(path, version);
        Manifest current = IndexInfo.Read(path).Manifest, read = IndexInfo.Verify(old).Manifest;
        Assert.Equal(version, read.Version);
        Assert.Equal([new SegmentEntry(Count, 0)], read.Segments);
        Assert.Equal(
            current.Scan!.Points.Select(point => version == 2 ? point with { DistanceRatio = null, MeanRows = point.Rows } : point),
            read.Scan!.Points);
        using VlcIndex expected = VlcIndex.Open(path), found = VlcIndex.Open(old);
        float[] queries = Datasets.Clusters(20, Dimension, 6, 2);
        for (int query = 0; query < 20; query++)
        {
            ReadOnlySpan<float> vector = Datasets.Row(queries, Dimension, query);
            Assert.Equal(expected.Search(vector, 10, SearchOptions.Exhaustive), found.Search(vector, 10, SearchOptions.Exhaustive));
            if (version == 3) Assert.Equal(expected.Search(vector, 10), found.Search(vector, 10));
        }

        Assert.Null(found.MeasureRecall());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void An_older_index_becomes_a_current_one_by_its_first_change(byte version)
    {
        using TemporaryFolder folder = new();
        string path = Convert(Build(folder, CodecKind.Int8), version);
        float[] more = Datasets.Clusters(50, Dimension, 6, 3);
        using var source = new InMemoryVectors(more, Dimension);
        AddReport added = IndexUpdater.Add(path, source);
        Assert.Equal((50, Count, 2), (added.Added, added.FirstRow, added.Segments));
        Assert.Null(added.RecallAfter);
        Assert.Equal(Manifest.CurrentVersion, IndexInfo.Verify(path).Manifest.Version);
        Assert.Equal(2, IndexUpdater.Remove(path, [0, 349]));
        Assert.Equal(2, IndexUpdater.Compact(path).Removed);
        Assert.Equal(348, IndexInfo.Verify(path).Manifest.Count);
    }

    [Fact]
    public void A_packed_index_without_what_coding_needs_takes_no_rows_but_can_lose_some()
    {
        using TemporaryFolder folder = new();
        string path = Convert(Build(folder, CodecKind.Packed), 3);
        using var source = new InMemoryVectors(Datasets.Clusters(5, Dimension, 6, 3), Dimension);
        ArgumentException refusal = Assert.Throws<ArgumentException>(() => IndexUpdater.Add(path, source));
        Assert.Contains("BASE.encoder.bin", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(1, IndexUpdater.Remove(path, [7]));
        IndexUpdater.Compact(path);
        Assert.Equal(Count - 1, IndexInfo.Verify(path).Manifest.Count);
    }

    private static string Build(TemporaryFolder folder, CodecKind codec) => Datasets.Build(
        folder, Datasets.Clusters(Count, Dimension, 6, 1), Dimension,
        new IndexOptions { Codec = codec, Updatable = false, Training = Datasets.Training(12) });

    /// <summary>Copies an index of version 4 as one of an older version; returns its base.</summary>
    private static string Convert(string path, byte version)
    {
        byte[] bytes = File.ReadAllBytes(path + ".idx");
        int sections = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(40));
        int points = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(42));
        Assert.Equal(0, BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(60)));
        int table = 64 + (32 * sections), inline = table + (20 * points), kept = version == 2 ? 12 : 20;
        byte[] old =
        [
            .. bytes[..table],
            .. Enumerable.Range(0, points).SelectMany(i => bytes[(table + (20 * i))..(table + (20 * i) + kept)]),
            .. bytes[inline..],
        ];
        (old[4], old[19]) = (version, version);
        BinaryPrimitives.WriteInt32LittleEndian(old.AsSpan(36), old.Length);
        for (int entry = 64; entry < table; entry += 32)
        {
            Span<byte> offset = old.AsSpan(entry + 8);
            long earlier = BinaryPrimitives.ReadInt64LittleEndian(offset) - ((20 - kept) * points);
            if (old[entry + 1] == 0) BinaryPrimitives.WriteInt64LittleEndian(offset, earlier);
        }

        ManifestTests.Seal(old);
        string target = path + "-old";
        foreach (string file in RawIndex.Paths("")[1..].Where(suffix => File.Exists(path + suffix))) File.Copy(path + file, target + file);
        File.WriteAllBytes(target + ".idx", old);
        return target;
    }
}
