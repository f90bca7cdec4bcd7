using System.Text;
using Vlc.Tests;
using Vlc.Vectors;
using static Vlc.Formats.Tests.Binaries.Values;

namespace Vlc.Formats.Tests.Binaries;

/// <summary>Fixtures that Python's own pickler wrote; what stands in for numpy and torch is said in Fixtures/python/make.py.</summary>
public sealed class PickleTests
{
    private static readonly string[] Words = [.. Enumerable.Range(0, Rows).Select(i => $"wörd{i}")];

    public static TheoryData<string> Matrices
    {
        get
        {
            TheoryData<string> names = ["tuples.pkl", "numpy_f2.pkl", "numpy_f8_big.pkl", "numpy_scalars.pkl", "tensor.pt", "half.pt",
            "state.pt", "legacy.pt"];
            for (int protocol = 0; protocol <= 5; protocol++)
            {
                names.AddRange($"list_{protocol}.pkl", $"numpy_{protocol}.pkl", $"arrays_{protocol}.pkl");
            }
            return names;
        }
    }

    [Theory]
    [MemberData(nameof(Matrices))]
    public void A_matrix_is_read(string name)
    {
        using VectorSource source = Samples.Open(Fixture(name));
        AssertMatrix(source);
        Assert.False(source.HasKeys);
    }

    [Theory]
    [InlineData("words_0.pkl")]
    [InlineData("words_1.pkl")]
    [InlineData("words_2.pkl")]
    [InlineData("words_3.pkl")]
    [InlineData("words_4.pkl")]
    [InlineData("words_5.pkl")]
    [InlineData("numpy_words.pkl")]
    public void A_dict_of_vectors_gives_its_keys(string name)
    {
        using VectorSource source = Samples.Open(Fixture(name));
        AssertMatrix(source);
        Assert.Equal(Words, Keys(source));
    }

    [Fact]
    public void A_list_of_dicts_gives_key_and_payload()
    {
        using VectorSource source = Samples.Open(Fixture("records.pkl"));
        AssertMatrix(source);
        Assert.Equal(["100", "101", "102", "103", "104"], Keys(source));
        Assert.Equal("""{"text":"text 3","score":1.5}""", Payload(source)[3]);
    }

    [Fact]
    public void What_the_payload_leaves_out_is_said()
    {
        using TemporaryFolder folder = new();
        byte[] vector = [.. "("u8, .. Double(0.5), .. Double(2), .. "t"u8];
        // {"v": (0.5, 2.0), "tags": ["a"], "more": {}, "big": 2**64, "odd": nan, 7.5: "x"}, then one without those.
        byte[] first =
        [
            .. "}("u8, .. Text("v"), .. vector, .. Text("tags"), .. "]("u8, .. Text("a"), .. "e"u8, .. Text("more"), .. "}"u8,
            .. Text("big"), 0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, .. Text("odd"), .. Double(double.NaN), .. Double(7.5), .. Text("x"),
            .. "u"u8,
        ];
        byte[] second = [.. "}("u8, .. Text("v"), .. vector, .. Text("page"), .. "K\u0007u"u8];
        using VectorSource source = Samples.Open(folder.Write("v.pkl", [0x80, 4, .. "]("u8, .. first, .. second, .. "e."u8]));
        AssertRows([0.5f, 2, 0.5f, 2], source);
        Assert.Equal(["""{"big":"18446744073709551616","odd":"NaN"}""", """{"page":7}"""], Payload(source));
        Assert.Contains(
            "The payload takes numbers and texts; left in the file: 'tags' (a list), 'more' (a dict), entries whose name is no text.",
            source.Notes);
        using VectorSource plain = Samples.Open(Fixture("records.pkl"));
        Assert.DoesNotContain(plain.Notes, note => note.Contains("left", StringComparison.Ordinal));

        static byte[] Text(string text) => [0x8C, (byte)text.Length, .. Encoding.UTF8.GetBytes(text)];

        static byte[] Double(double value)
        {
            byte[] bytes = [(byte)'G', .. new byte[8]];
            System.Buffers.Binary.BinaryPrimitives.WriteDoubleBigEndian(bytes.AsSpan(1), value);
            return bytes;
        }
    }

    [Fact]
    public void Identifiers_beside_vectors_are_their_keys()
    {
        using VectorSource source = Samples.Open(Fixture("ids_beside.pkl"));
        AssertMatrix(source);
        Assert.Equal(["k0", "k1", "k2", "k3", "k4"], Keys(source));
    }

    [Fact]
    public void Integers_are_numbers()
    {
        using VectorSource source = Samples.Open(Fixture("integers.pkl"));
        AssertRows([.. Enumerable.Range(0, Rows).SelectMany(i => (float[])[i, 2 * i, 1, 0])], source);
    }

    [Fact]
    public void Several_matrices_have_to_be_named()
    {
        AssertRefused(Fixture("two.pkl"), "'train'", "5 x 4", "'test'", "Name it");
        using VectorSource source = Samples.Open(Fixture("two.pkl"), new VectorFileOptions { Tensor = "test" });
        AssertRows(Matrix[..8], source);
    }

    [Theory]
    [InlineData("two.pkl", "train", "test")]
    [InlineData("state.pt", "state_dict.embedding.weight")]
    [InlineData("legacy.pt", "embedding.weight")]
    public void What_a_pickle_holds_is_listed(string name, params string[] parts)
    {
        VectorFileFormat format = Samples.AllFormats.Single(format => format.Extensions.Contains(Path.GetExtension(name)));
        Assert.Equal(parts, format.List(Fixture(name), new VectorFileOptions()).Select(part => part.Name));
    }

    [Fact]
    public void A_tensor_that_is_no_run_of_rows_is_refused() => AssertRefused(Fixture("transposed.pt"), "strides (1, 5)", "contiguous()");

    [Theory]
    [InlineData("evil.pkl", "posix.system")]
    [InlineData("evil_inst.pkl", "an opcode that constructs an object of a class")]
    [InlineData("evil_obj.pkl", "os.system")]
    public void A_name_of_code_is_refused_and_nothing_runs(string name, string found)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("v.pkl", File.ReadAllBytes(Fixture(name)));
        AssertRefused(path, found, "If you trust the file", "numpy.save");
    }

    [Theory]
    [InlineData(new byte[] { 0x80, 4, (byte)']', (byte)']', (byte)'a', (byte)'.' }, "one matrix")]
    [InlineData(new byte[] { 0x80, 4, (byte)'.' }, "a value on the stack")]
    [InlineData(new byte[] { 0x80, 9, (byte)'N', (byte)'.' }, "protocol 9")]
    [InlineData(new byte[] { 0x80, 2, 0x82, 1, (byte)'.' }, "extension registry")]
    [InlineData(new byte[] { 0x80, 5, 0x97, (byte)'.' }, "kept outside the pickle")]
    [InlineData(new byte[] { 0x80, 4, 0x8E, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, (byte)'.' }, "9223372036854775807 bytes")]
    public void A_damaged_pickle_is_refused(byte[] content, string found)
    {
        using TemporaryFolder folder = new();
        AssertRefused(folder.Write("v.pkl", content), found);
    }

    [Fact]
    public void A_list_that_holds_itself_ends()
    {
        using TemporaryFolder folder = new();
        // l = []; l.append(l); l.append(l)
        AssertRefused(folder.Write("v.pkl", [0x80, 4, (byte)']', 0x94, .. "h\0ah\0a."u8]), "one matrix");
    }

    [Fact]
    public void Lists_that_share_lists_do_not_multiply()
    {
        using TemporaryFolder folder = new();
        List<byte> content = [0x80, 4, .. Encoding.Latin1.GetBytes("]\x94")];
        // Sixty times a list of the list before, twice: 2^60 ways through them.
        for (byte i = 0; i < 60; i++) content.AddRange([(byte)']', 0x94, (byte)'h', i, (byte)'a', (byte)'h', i, (byte)'a']);
        AssertRefused(folder.Write("v.pkl", [.. content, (byte)'.']), "one matrix");
    }

    internal static string Fixture(string name) =>
        Path.Combine(RepositoryPaths.Root, "test", "Vlc.Formats.Tests", "Fixtures", "python", name);
}
