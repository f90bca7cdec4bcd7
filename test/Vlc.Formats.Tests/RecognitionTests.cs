using System.Text;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

/// <summary>
/// Files are told by their content: those that are read whatever they are called, those that are not read with what to do.
/// </summary>
public sealed class RecognitionTests
{
    private static readonly float[] Good = [1, 2, 3, 4, 5, 6];

    public static TheoryData<string> Signed => [".npy", ".fvecs", ".fbin", ".safetensors", ".jsonl", ".hdf5", ".parquet"];

    [Theory]
    [MemberData(nameof(Signed))]
    public void Content_that_proves_a_format_is_read_under_any_name(string extension)
    {
        byte[] content = Samples.Build(extension, Good, 2);
        foreach (string name in (string[])["v.bin", "v", "v.txt", "v.csv", "v.vectors"])
        {
            using TemporaryFolder folder = new();
            using VectorSource source = Samples.Open(folder.Write(name, content));
            Assert.Equal(Good, Samples.ReadAll(source));
            Assert.Contains(
                $"Read as {Samples.AllFormats.Single(format => format.Extensions.Contains(extension)).Name}", source.Notes[0],
                StringComparison.Ordinal);
        }
    }

    /// <summary>The file, what the message calls it, what it advises.</summary>
    public static TheoryData<byte[], string, string> Foreign => new()
    {
        { "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n"u8.ToArray(), "Git LFS pointer", "git lfs pull" },
        { Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes("a,1.5,2.5\nb,3.5,4.5\n")).ToArray(), "UTF-16", "iconv" },
        { Encoding.BigEndianUnicode.GetBytes("word,1.5,2.5\nb,3.5,4.5\n"), "UTF-16", "iconv" },
        { "<!DOCTYPE html><html><body>404</body></html>"u8.ToArray(), "HTML", "Download" },
        { Encoding.ASCII.GetBytes("MATLAB 5.0 MAT-file, Platform: GLNXA64").Concat(new byte[100]).ToArray(), "MATLAB", "7.3" },
        { "ORC"u8.ToArray().Concat(new byte[20]).Concat("\u0003ORC\u0017"u8.ToArray()).ToArray(), "ORC", "Parquet" },
        { "Obj\u0001"u8.ToArray().Concat(new byte[20]).ToArray(), "Avro", "jsonl" },
        { "GGUF"u8.ToArray().Concat(new byte[20]).ToArray(), "GGUF", "weights" },
        { [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, 0, 1], "xz", "unxz" },
    };

    [Theory]
    [MemberData(nameof(Foreign))]
    public void What_is_not_read_is_named_with_what_to_do(byte[] content, string kind, string advice)
    {
        foreach (string name in (string[])["v.npy", "v.csv", "v.xyz", "v"])
        {
            using TemporaryFolder folder = new();
            VlcFormatException refused = Assert.Throws<VlcFormatException>(() => Samples.Open(folder.Write(name, content)));
            Assert.Contains(kind, refused.Message, StringComparison.Ordinal);
            Assert.Contains(advice, refused.Hint, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Rows_whose_count_is_the_signature_of_gzip_are_rows()
    {
        const int count = 559_903;
        byte[] content = [.. BitConverter.GetBytes(count), .. BitConverter.GetBytes(1), .. new byte[count * sizeof(float)]];
        BitConverter.GetBytes(2.5f).CopyTo(content, content.Length - sizeof(float));
        Assert.Equal([0x1F, 0x8B, 8, 0], content[..4]);
        using TemporaryFolder folder = new();
        using VectorSource source = Samples.Open(folder.Write("v.fbin", content));
        Assert.Equal(count, source.Count);
        float[] row = new float[1];
        source.Read(count - 1, 1, row);
        Assert.Equal(2.5f, row[0]);
    }

    [Fact]
    public void An_unknown_file_is_refused_with_the_formats_that_can_be_named()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("v.xyz", [1, 2, 3]);
        VlcFormatException refused = Assert.Throws<VlcFormatException>(() => Samples.Open(path));
        Assert.Contains("010203", refused.Found, StringComparison.Ordinal);
        Assert.Contains("--format", refused.Hint, StringComparison.Ordinal);
        Assert.Contains("fvecs", refused.Hint, StringComparison.Ordinal);
        Assert.Contains("a folder", Assert.Throws<VlcFormatException>(() => Samples.Open(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_named_format_is_held_to_unless_the_content_proves_another()
    {
        using TemporaryFolder folder = new();
        VectorFileFormat csv = Samples.AllFormats.Single(format => format.Name == "csv");
        using (VectorSource source = Samples.Open(folder.Write("v.xyz", "1,2\n3,4\n"u8.ToArray()), new VectorFileOptions { Format = csv }))
        {
            Assert.Equal([1, 2, 3, 4], Samples.ReadAll(source));
        }

        string npy = folder.Write("v.csv", Samples.Build(".npy", Good, 2));
        VlcFormatException refused = Assert.Throws<VlcFormatException>(() => Samples.Open(npy, new VectorFileOptions { Format = csv }));
        Assert.Contains("those of npy", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stream_is_spooled_and_leaves_nothing_behind()
    {
        VectorFileFormat csv = Samples.AllFormats.Single(format => format.Name == "csv");
        var options = new VectorFileOptions { Format = csv, Formats = Samples.AllFormats };
        string[] before = Directory.GetDirectories(Path.GetTempPath(), "vlc-*");
        using (VectorSource source = WrappedVectors.Spool("standard input", "input", new MemoryStream("a,1,2\nb,3,x\n"u8.ToArray()),
            options, "Took {0} bytes."))
        {
            Assert.Equal(("standard input", 2L, 2), (source.Name, source.Count, source.Dimension));
            Assert.Equal("Took 12 bytes.", source.Notes[0]);
            VlcFormatException refused = Assert.Throws<VlcFormatException>(() => Samples.ReadAll(source));
            Assert.StartsWith("standard input: line 2, component 1", refused.Message, StringComparison.Ordinal);
        }

        Assert.Throws<VlcFormatException>(() => WrappedVectors.Spool("standard input", "input", new MemoryStream([]), options, "{0}"));
        Assert.DoesNotContain(
            Directory.GetDirectories(Path.GetTempPath(), "vlc-*").Except(before), folder => File.Exists(Path.Combine(folder, "input")));
    }
}
