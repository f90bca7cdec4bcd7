using System.IO.Compression;
using Vlc.Tests;
using Vlc.Vectors;
using static Vlc.Formats.Tests.Binaries.Values;

namespace Vlc.Formats.Tests.Binaries;

public sealed class ArchiveTests
{
    [Fact]
    public void A_stored_array_is_read_where_it_lies_and_identifiers_are_its_keys()
    {
        using VectorSource source = Samples.Open(PickleTests.Fixture("stored.npz"));
        AssertMatrix(source);
        Assert.Equal(["10", "11", "12", "13", "14"], Keys(source));
        Assert.DoesNotContain(source.Notes, note => note.Contains("temporary", StringComparison.Ordinal));
    }

    [Fact]
    public void A_deflated_array_goes_through_a_temporary_file_that_is_deleted()
    {
        string path;
        using (VectorSource source = Samples.Open(PickleTests.Fixture("deflated.npz")))
        {
            AssertMatrix(source);
            Assert.Equal(["wörd0", "wörd1", "wörd2", "wörd3", "wörd4"], Keys(source));
            Assert.Contains(source.Notes, note => note.Contains("'scores' <f8 (5)", StringComparison.Ordinal));
            path = source.Notes.First(note => note.Contains("temporary file", StringComparison.Ordinal)).Split('\'')[3];
            Assert.True(File.Exists(path));
        }

        Assert.False(Directory.Exists(Path.GetDirectoryName(path)));
    }

    [Fact]
    public void Several_arrays_have_to_be_named()
    {
        AssertRefused(PickleTests.Fixture("two.npz"), "'train' <f4 (5, 4)", "'test'", "Name the array");
        using VectorSource source = Samples.Open(PickleTests.Fixture("two.npz"), new VectorFileOptions { Array = "test" });
        AssertMatrix(source);
        AssertRefused(PickleTests.Fixture("two.npz"), new VectorFileOptions { Array = "validation" }, "an array 'validation'", "'train'");
    }

    [Fact]
    public void What_an_archive_holds_is_listed_and_keys_are_chosen()
    {
        VectorFileFormat format = Samples.AllFormats.Single(format => format.Name == "npz");
        IReadOnlyList<FilePart> parts = format.List(PickleTests.Fixture("deflated.npz"), new VectorFileOptions());
        Assert.Equal(["embeddings", "words", "scores"], parts.Select(part => part.Name));
        Assert.Equal([PartUse.Vector, PartUse.Key, PartUse.Left], parts.Select(part => part.Use));
        Assert.Equal(("5 x 4", "--array embeddings"), (parts[0].Shape, parts[0].Selector));
        Assert.All(format.List(PickleTests.Fixture("two.npz"), new VectorFileOptions()), part => Assert.Equal(PartUse.Left, part.Use));
        using VectorSource keyless = Samples.Open(PickleTests.Fixture("stored.npz"), new VectorFileOptions { KeyColumn = "" });
        Assert.False(keyless.HasKeys);
        AssertRefused(
            PickleTests.Fixture("deflated.npz"), new VectorFileOptions { KeyColumn = "scores" },
            "an array 'scores' of 5 integers or texts");
    }

    [Fact]
    public void Archives_of_the_managed_writer_are_read()
    {
        using TemporaryFolder folder = new();
        foreach (
            CompressionLevel level in (CompressionLevel[])[CompressionLevel.NoCompression, CompressionLevel.Fastest,
            CompressionLevel.SmallestSize])
        {
            string path = folder.File($"{level}.npz");
            using (ZipArchive archive = ZipFile.Open(path, ZipArchiveMode.Create))
            {
                using Stream entry = archive.CreateEntry("v.npy", level).Open();
                entry.Write(Samples.Npy("<f4", Rows, Columns, Samples.Bytes(Matrix)));
            }

            using VectorSource source = Samples.Open(path);
            AssertMatrix(source);
        }
    }

    [Fact]
    public void A_changed_byte_of_the_array_does_not_pass()
    {
        using TemporaryFolder folder = new();
        byte[] content = File.ReadAllBytes(PickleTests.Fixture("one.npz"));
        int at = content.AsSpan().IndexOf(Samples.Bytes<float>([4.75f]));
        content[at] ^= 1;
        AssertRefused(folder.Write("v.npz", content), "'arr_0.npy'", "checksum");
        AssertRefused(folder.Write("w.npz", content[..^30]), "the directory of a zip archive");
    }

    [Theory]
    [InlineData(".gz")]
    [InlineData(".zst")]
    public void A_compressed_file_is_read_as_what_it_holds(string extension)
    {
        using TemporaryFolder folder = new();
        foreach (string inner in (string[])[".npy", ".fvecs", ".jsonl"])
        {
            byte[] packed = Pack(Samples.Build(inner, Matrix, Columns), extension);
            using (VectorSource source = Samples.Open(folder.Write("v" + inner + extension, packed)))
            {
                AssertMatrix(source);
                Assert.Equal(folder.File("v" + inner + extension), source.Name);
                Assert.Contains(source.Notes, note => note.Contains("temporary file", StringComparison.Ordinal));
            }

            AssertRefused(
                folder.Write("t" + inner + extension, packed[..^5]), folder.File("t" + inner + extension), "truncated or damaged");
        }

        AssertRefused(
            folder.Write("v.fvecs" + extension, Pack([1, 0, 0, 0, 0, 0, 192, 127], extension)),
            folder.File("v.fvecs" + extension) + ": row 0, column 0");
    }

    [Fact]
    public void A_changed_byte_of_a_gzip_file_does_not_pass()
    {
        using TemporaryFolder folder = new();
        byte[] packed = Pack(Samples.Build(".npy", Matrix, Columns), ".gz");
        packed[^6] ^= 1;
        AssertRefused(folder.Write("v.npy.gz", packed), "gzip data");
    }

    internal static byte[] Pack(byte[] content, string extension)
    {
        using MemoryStream packed = new();
        using (
            Stream stream = extension == ".gz"
                ? new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true)
                : new ZstdSharp.CompressionStream(packed, leaveOpen: true))
        {
            stream.Write(content);
        }

        return packed.ToArray();
    }
}
