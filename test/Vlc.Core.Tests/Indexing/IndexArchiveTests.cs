using System.IO.Compression;
using CsCheck;
using Vlc.Codecs.Packed;
using Vlc.Core.Tests.Segments;
using Vlc.Indexing;
using Vlc.Search;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Indexing;

/// <summary>Indexes without a folder: built in memory, saved to a stream, read from one.</summary>
public sealed class IndexArchiveTests
{
    private const int Count = 200;

    public static TheoryData<CodecKind, Metric> CodecsAndMetrics => SegmentData.CodecsAndMetrics;

    [Theory]
    [MemberData(nameof(CodecsAndMetrics))]
    public void An_index_built_in_memory_has_the_bytes_of_one_built_in_a_folder(CodecKind codec, Metric metric)
    {
        int d = SegmentData.Dimension(codec);
        float[] rows = Datasets.Clusters(Count, d, 8, 1), queries = Datasets.Clusters(5, d, 8, 2);
        using TemporaryFolder folder = new();
        string path = SegmentData.Build(folder, rows, d, codec, metric, keys: SegmentData.Numbers(0, Count), tuningRows: 20);
        using var source = new InMemoryVectors(rows, d);
        using VlcIndex built = VlcIndex.Build(source, new IndexOptions
        {
            Codec = codec, Metric = metric, Keys = SegmentData.Numbers(0, Count), TuningRows = 20,
            Packed = new PackedOptions { GroupCount = 2, Level = 0 }, Training = Datasets.Training(16),
        });
        Assert.Equal(SegmentData.Files(path), Entries(Save(built)));
        using VlcIndex opened = VlcIndex.Open(path);
        SegmentData.AssertSame(opened, built, queries, options: null);
        Assert.Equal((opened.Bytes, 17L), (built.Bytes, built.Key(17)));
        Assert.Equal(opened.MeasureRecall(), built.MeasureRecall());
    }

    [Theory]
    [InlineData(CodecKind.Packed)]
    [InlineData(CodecKind.Int8)]
    [InlineData(CodecKind.Float16)]
    [InlineData(CodecKind.None)]
    public void An_index_of_several_segments_goes_through_a_stream_whole(CodecKind codec)
    {
        using TemporaryFolder folder = new();
        string path = BuildSegments(folder, codec);
        float[] queries = Datasets.Clusters(5, SegmentData.Dimension(codec), 8, 2);
        using VlcIndex opened = VlcIndex.Open(path);
        byte[] saved = Save(opened);
        Assert.Equal(SegmentData.Files(path), Entries(saved));
        // Of a stream that can seek and of one that cannot; with something before it, as it was written.
        using var prefixed = new MemoryStream();
        prefixed.Write([1, 2, 3]);
        opened.Save(prefixed);
        prefixed.Position = 3;
        using var forward = new ForwardStream(saved);
        foreach (Stream stream in (Stream[])[new MemoryStream(saved), forward, prefixed])
        {
            using VlcIndex read = VlcIndex.Open(stream);
            Assert.True(stream.CanRead);
            SegmentData.AssertSame(opened, read, queries, options: null);
            Assert.Equal((opened.Count, opened.AliveCount, opened.Key(205)), (read.Count, read.AliveCount, read.Key(205)));
            Assert.Equal(saved, Save(read));
        }

        using var written = new ForwardStream([]);
        opened.Save(written);
        using VlcIndex again = VlcIndex.Open(new MemoryStream(written.Written));
        SegmentData.AssertSame(opened, again, queries, options: null);
    }

    [Fact]
    public void An_index_of_version_1_goes_through_a_stream_too()
    {
        // Nothing of the sizes of its files is in the manifest.
        using TemporaryFolder folder = new();
        string path = folder.File("old");
        File.WriteAllBytes(path + ".idx", [0x41, 0x43, 0x4C, 0x56, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2]);
        File.WriteAllBytes(path + ".anchors.bin", [0, 0, 0, 0]);
        File.WriteAllBytes(path + ".assign.bin", new byte[12]);
        File.WriteAllBytes(path + ".residuals.bin", [1, 2, 3, 4, 5, 6]);
        using VlcIndex opened = VlcIndex.Open(path), read = VlcIndex.Open(new MemoryStream(Save(opened)));
        var vector = new float[2];
        read.Reconstruct(2, vector);
        Assert.Equal(1, read.Manifest.Version);
        Assert.Equal([5f, 6f], vector);
        Assert.Equal(opened.Search([1, 1], 3), read.Search([1, 1], 3));
    }

    [Fact]
    public void An_archive_of_anything_else_is_refused()
    {
        using TemporaryFolder folder = new();
        string path = BuildSegments(folder, CodecKind.Int8);
        SortedDictionary<string, byte[]> files = SegmentData.Files(path);
        VlcIndex.Open(new MemoryStream(Archive(files.Select(file => ("index" + file.Key, file.Value))))).Dispose();

        AssertRefused([]);
        AssertRefused([1, 2, 3]);
        AssertRefused(Archive([]));
        AssertRefused(Archive(files.Select(file => ("other" + file.Key, file.Value))));
        AssertRefused(Archive(files.Select(file => ("index" + file.Key, file.Value)).Append(("readme.txt", [1]))));
        AssertRefused(Archive(files.Select(file => ("index" + file.Key, file.Value)).Append(("index.idx", files[".idx"]))));
        AssertRefused(Archive(files.Select(file => ("index" + file.Key, file.Value)).Append(("../index.keys.bin", [1]))));
        foreach (string missing in files.Keys) AssertRefused(
            Archive(files.Where(file => file.Key != missing).Select(file => ("index" + file.Key, file.Value))));
        foreach (string cut in files.Keys)
        {
            AssertRefused(Archive(files.Select(file => ("index" + file.Key, file.Key == cut ? file.Value[..^1] : file.Value))));
        }

        // A few kilobytes that would be a gigabyte.
        byte[] bomb;
        using (var stream = new MemoryStream())
        {
            using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            {
                using Stream entry = archive.CreateEntry("index.residuals.bin", CompressionLevel.SmallestSize).Open();
                for (int i = 0; i < 64; i++) entry.Write(new byte[1 << 20]);
            }

            bomb = stream.ToArray();
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        AssertRefused(bomb);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public void A_damaged_archive_is_read_or_refused_and_nothing_else()
    {
        using TemporaryFolder folder = new();
        byte[] whole;
        using (VlcIndex index = VlcIndex.Open(BuildSegments(folder, CodecKind.Int8))) whole = Save(index);
        int directory = whole.Length - (80 * 12);
        int refused = 0;
        // Anywhere, and in the directory at the end, whose numbers lead the reader; cut anywhere.
        Gen<(int Place, byte Value)> change = Gen.Select(
            Gen.OneOf(Gen.Int[0, whole.Length - 1], Gen.Int[directory, whole.Length - 1]), Gen.Byte);
        Gen.Select(change.Array[0, 4], Gen.OneOf(Gen.Const(0), Gen.Const(0), Gen.Int[0, whole.Length])).Sample(
            (changes, cut) =>
            {
                byte[] bytes = whole[..^cut];
                foreach ((int place, byte value) in changes.Where(change => change.Place < bytes.Length)) bytes[place] = value;
                long before = GC.GetAllocatedBytesForCurrentThread();
                try
                {
                    using VlcIndex index = VlcIndex.Open(new MemoryStream(bytes));
                    index.Search(new float[index.Dimension], 3);
                }
                catch (VlcFormatException)
                {
                    refused++;
                }

                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8 << 20);
            },
            iter: 2000, threads: 1);
        Assert.True(refused > 500, $"{refused} refused");
    }

    private static string BuildSegments(TemporaryFolder folder, CodecKind codec)
    {
        int d = SegmentData.Dimension(codec);
        string path = SegmentData.Build(
            folder, Datasets.Clusters(Count, d, 8, 1), d, codec, keys: SegmentData.Numbers(0, Count), tuningRows: 20);
        SegmentData.Add(path, Datasets.Clusters(10, d, 8, 3), d, SegmentData.Numbers(1000, 10));
        SegmentData.Add(path, Datasets.Clusters(20, d, 8, 4), d, SegmentData.Numbers(2000, 20));
        IndexUpdater.Remove(path, [3, 201, 202, 229]);
        return path;
    }

    private static byte[] Save(VlcIndex index)
    {
        using var stream = new MemoryStream();
        index.Save(stream);
        Assert.True(stream.CanWrite);
        return stream.ToArray();
    }

    private static SortedDictionary<string, byte[]> Entries(byte[] archive)
    {
        var entries = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        using var zip = new ZipArchive(new MemoryStream(archive));
        foreach (ZipArchiveEntry entry in zip.Entries)
        {
            using var content = new MemoryStream();
            using (Stream stream = entry.Open()) stream.CopyTo(content);
            entries.Add(entry.FullName["index".Length..], content.ToArray());
        }

        return entries;
    }

    private static byte[] Archive(IEnumerable<(string Name, byte[] Content)> files)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] content) in files)
            {
                using Stream entry = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        }

        return stream.ToArray();
    }

    private static void AssertRefused(byte[] archive) => Assert.Throws<VlcFormatException>(() => VlcIndex.Open(new MemoryStream(archive)));

    /// <summary>A stream that goes forward alone, as one of a network does.</summary>
    private sealed class ForwardStream(byte[] content) : Stream
    {
        private readonly MemoryStream _read = new(content);
        private readonly MemoryStream _written = new();

        public byte[] Written => _written.ToArray();

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => _read.Read(buffer, offset, Math.Min(count, 1000));

        public override void Write(byte[] buffer, int offset, int count) => _written.Write(buffer, offset, count);

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
