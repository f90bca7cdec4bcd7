using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests.Binaries;

/// <summary>
/// Mutations of small valid files: each is read or refused by a <see cref="VlcFormatException"/> that names the file, within 10 s and 1 GB.
/// Checksums are repaired: what lies in an archive or a compressed file is changed before it is packed. VLC_MUTANTS sets another number of
/// mutations.
/// </summary>
public sealed class BinaryFuzzTests
{
    private const long MaxBytesPerFile = 1L << 30;

    private static readonly Dictionary<string, (string Name, Func<byte[]> Good, Func<byte[], byte[]> Pack)> Files = new()
    {
        ["faiss-map-graph"] = (
            "v.faiss", () =>
                FaissWriter.File(writer => writer.IdentifierMap(
                    "IxMp", 4, [1, 2, 3, 4, 5], index => index.Graph("IHNf", 4, 5, storage => storage.Flat(Values.Matrix, 4)))), Same),
        ["faiss-lists"] = (
            "v.index", () =>
                FaissWriter.File(writer => writer.InvertedLists(
                    4, new float[8], [([4, 2], Values.Matrix[..8]), ([0, 1, 3], Values.Matrix[8..])], sparse: true, directMap: 2)), Same),
        ["faiss-transform"] = (
            "v.faiss",
            () => FaissWriter.File(writer => writer.PreTransform(
                2, 2, 3, rest => rest.Centering([1, 2]).Remap(2, [1, 0]).Linear("rrot", 2, 2, [0.6f, -0.8f, 0.8f, 0.6f], [])
                    .ScalarQuantizer(0, 2, 2, [0, 0, 1, 1], [1, 2, 3, 4]))), Same),
        ["npz"] = ("v.npz", () => Fixture("stored.npz"), Same),
        ["npz-inner"] = ("v.npz", () => Samples.Npy("<f4", 5, 4, Samples.Bytes(Values.Matrix)), inner => Zip(("embeddings.npy", inner))),
        ["npz-deflated"] = ("v.npz", () => Fixture("deflated.npz"), Same),
        ["pickle-list"] = ("v.pkl", () => Fixture("list_4.pkl"), Same),
        ["pickle-text"] = ("v.pkl", () => Fixture("words_0.pkl"), Same),
        ["pickle-numpy-2"] = ("v.pkl", () => Fixture("numpy_2.pkl"), Same),
        ["pickle-numpy-5"] = ("v.pkl", () => Fixture("numpy_5.pkl"), Same),
        ["pickle-records"] = ("v.pkl", () => Fixture("records.pkl"), Same),
        ["torch"] = ("v.pt", () => Fixture("state.pt"), Same),
        ["torch-inner"] = (
            "v.pt", () =>
                ZipContent("tensor.pt", "archive/data.pkl"), inner =>
                    Zip(("archive/data.pkl", inner), ("archive/data/0", ZipContent("tensor.pt", "archive/data/0")))),
        ["torch-legacy"] = ("v.pt", () => Fixture("legacy.pt"), Same),
        ["gzip"] = ("v.fbin.gz", () => Samples.Build(".fbin", Values.Matrix, 4), inner => ArchiveTests.Pack(inner, ".gz")),
        ["gzip-raw"] = ("v.fbin.gz", () => ArchiveTests.Pack(Samples.Build(".fbin", Values.Matrix, 4), ".gz"), Same),
        ["zstd"] = ("v.fbin.zst", () => ArchiveTests.Pack(Samples.Build(".fbin", Values.Matrix, 4), ".zst"), Same),
        ["word2vec"] = ("v.bin", () => WordModelTests.Word2Vec("5 4\n", ["a", "bb", "ccc", "d", "e"], "\n"), Same),
        ["fasttext"] = ("v.bin", () => WordModelTests.FastText(["a", "bb"], new float[5 * 4], bucket: 3, minn: 2, maxn: 3), Same),
        ["pgcopy"] = (
            "v.copy", () =>
                TableFormatTests.Copy([.. Enumerable.Range(0, 5).Select(i => (byte[]?[])
                    [TableFormatTests.BigEndian(i), Encoding.UTF8.GetBytes("text"), TableFormatTests.Vector([1, 2, i])])]), Same),
        ["matrixmarket"] = (
            "v.mtx", () => "%%MatrixMarket matrix coordinate real general\n3 4 4\n1 1 1.5\n2 3 -2\n3 4 0.5\n1 2 1\n"u8.ToArray(), Same),
        ["matrixmarket-dense"] = ("v.mtx", () => "%%MatrixMarket matrix array real symmetric\n2 2\n1\n2\n3\n"u8.ToArray(), Same),
    };

    public static TheoryData<string> Names => [.. Files.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_damaged_file_is_read_or_refused_but_nothing_else(string name)
    {
        (string fileName, Func<byte[]> good, Func<byte[], byte[]> pack) = Files[name];
        byte[] original = good();
        using TemporaryFolder folder = new();
        string path = folder.File(fileName);
        AssertReadOrRefused(name, path, random => File.WriteAllBytes(path, pack(Mutate(original, random))), Mutations.Count);
    }

    [Fact]
    public void A_damaged_truth_is_read_or_refused_but_nothing_else()
    {
        byte[] original = [.. BitConverter.GetBytes(3), .. BitConverter.GetBytes(2), .. Samples.Bytes([9, 8, 7, 6, 5, 4]),
        .. Samples.Bytes(new float[6])];
        using TemporaryFolder folder = new();
        Random random = new(20261128);
        for (int i = 0; i < Mutations.Count; i++)
        {
            string path = folder.Write("t.ibin", Mutate(original, random));
            try
            {
                Assert.InRange(NeighborTable.Read(path).Queries, 1, 100);
            }
            catch (VlcFormatException exception)
            {
                Assert.StartsWith(path, exception.Message, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("chroma.sqlite3")]
    [InlineData("header.bin")]
    [InlineData("data_level0.bin")]
    [InlineData("length.bin")]
    [InlineData("index_metadata.pickle")]
    public void A_damaged_database_is_read_or_refused_but_nothing_else(string file)
    {
        using TemporaryFolder folder = new();
        ChromaTests.Make(folder, database =>
        {
            database.Space("cosine");
            database.Flushed(1);
            database.Log(2, 2, "id1", [1, 2, 3, 4]);
        });
        ChromaTests.Flush(folder, "chroma_dict.pickle", normalized: true);
        string path = Directory.GetFiles(folder.Path, file, SearchOption.AllDirectories).Single();
        byte[] original = File.ReadAllBytes(path);
        AssertReadOrRefused(
            file, folder.Path, random => File.WriteAllBytes(path, Mutate(original, random)), int.Max(Mutations.Count / 4, 100));
    }

    private static byte[] Same(byte[] bytes) => bytes;

    private static byte[] Fixture(string name) => File.ReadAllBytes(PickleTests.Fixture(name));

    private static void AssertReadOrRefused(string name, string path, Action<Random> write, int mutants)
    {
        Random random = new(20261128);
        int refused = 0;
        for (int i = 0; i < mutants; i++)
        {
            write(random);
            VlcFormatException? refusal = null;
            long before = GC.GetAllocatedBytesForCurrentThread();
            Stopwatch clock = Stopwatch.StartNew();
            try
            {
                using VectorSource source = Samples.Open(path);
                float[] block = new float[(int)long.Min(source.Count, 64) * source.Dimension];
                source.Read(0, block.Length / source.Dimension, block);
                Assert.DoesNotContain(block, value => !float.IsFinite(value));
                if (source.HasKeys) source.ReadKeys(0, new string[(int)long.Min(source.Count, 8)]);
                if (source.HasPayload) source.ReadPayload(0, new string[(int)long.Min(source.Count, 8)]);
            }
            catch (VlcFormatException exception)
            {
                Assert.Contains(Path.GetFileName(path), exception.Message, StringComparison.Ordinal);
                refusal = exception;
                refused++;
            }
            catch (Exception exception) when (exception is not Xunit.Sdk.XunitException)
            {
                throw new InvalidOperationException($"{name}, mutant {i}: {exception}", exception);
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(
                allocated <= MaxBytesPerFile
                    && clock.Elapsed.TotalSeconds < 10, $"{name}, mutant {i}: {allocated} bytes, {clock.Elapsed}; {refusal}");
        }

        Assert.InRange(refused, 1, mutants);
    }

    private static byte[] Zip(params (string Name, byte[] Content)[] members)
    {
        using MemoryStream stream = new();
        using (ZipArchive archive = new(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] content) in members)
            {
                using Stream entry = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        }

        return stream.ToArray();
    }

    private static byte[] ZipContent(string fixture, string member)
    {
        using ZipArchive archive = ZipFile.OpenRead(PickleTests.Fixture(fixture));
        using Stream entry = archive.GetEntry(member)!.Open();
        using MemoryStream content = new();
        entry.CopyTo(content);
        return content.ToArray();
    }

    private static byte[] Mutate(byte[] good, Random random)
    {
        byte[] bytes = [.. good];
        for (int change = random.Next(1, 4); change > 0; change--)
        {
            int at = random.Next(bytes.Length);
            switch (random.Next(5))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: bytes = bytes[..int.Max(at, 1)]; break;
                case 3: bytes[at] = random.Next(2) == 0 ? (byte)0xFF : (byte)0; break;
                default: bytes = [.. bytes[..at], (byte)random.Next(256), .. bytes[at..]]; break;
            }
        }

        return bytes;
    }
}
