using System.Text;
using PureHDF;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

/// <summary>
/// The bad-input table: each damage to each format is a <see cref="VlcFormatException"/> that names file, place, expected and found.
/// </summary>
public sealed class BadInputTests
{
    private static readonly float[] Good = [1, 2, 3, 4, 5, 6];

    // What bzip2 makes of "vectors".
    private static readonly byte[] Bzip2 = Convert.FromHexString(
        "425A6839314159265359B8BAEE3000000301800A009D002000220D3342180E072145DC914E14242E2EBB8C00");

    /// <summary>Extension, what is wrong, the file, what the message has to contain.</summary>
    public static TheoryData<string, string, byte[], string[]> Damages
    {
        get
        {
            TheoryData<string, string, byte[], string[]> table = [];
            foreach (string extension in (string[])[".npy", ".fvecs", ".fbin", ".safetensors", ".hdf5", ".parquet"])
            {
                byte[] good = Samples.Build(extension, Good, 2);
                table.Add(extension, "truncated", good[..^3], ["truncated"]);
                table.Add(extension, "truncated in the header", good[..3], ["expected", "found"]);
                table.Add(extension, "trailing bytes", [.. good, 0, 0, 0], [extension == ".fvecs" ? "3 bytes after row 2" : "trailing"]);
            }

            foreach (string extension in Samples.FloatExtensions)
            {
                table.Add(extension, "empty file", [], ["offset 0", "an empty file"]);
                table.Add(extension, "other magic", Bzip2, ["offset 0", "a bzip2 file", "bunzip2"]);
                table.Add(extension, "NaN", NotFinite(extension, float.NaN), ["a finite number", "NaN", Place(extension)]);
                table.Add(
                    extension, "infinity", NotFinite(extension, float.NegativeInfinity),
                    ["a finite number", "-Infinity", Place(extension)]);
            }

            AddNpy(table);
            AddBinary(table);
            AddSafetensors(table);
            AddText(table);
            AddContainers(table);
            return table;
        }
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public void Damage_is_named(string extension, string what, byte[] content, string[] message)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("v" + extension, content);
        VlcFormatException exception = Assert.Throws<VlcFormatException>(() =>
        {
            using VectorSource source = Samples.Open(path);
            Samples.ReadAll(source);
            if (source.HasKeys) source.ReadKeys(0, new string[source.Count]);
        });
        Assert.StartsWith(path + ": ", exception.Message, StringComparison.Ordinal);
        Assert.All(message, part => Assert.True(exception.Message.Contains(part, StringComparison.Ordinal), $"{what}: no '{part}' in: "
            + $"{exception.Message}"));
    }

    [Fact]
    public void A_file_that_does_not_exist_is_not_a_format_error()
    {
        using TemporaryFolder folder = new();
        foreach (string extension in Samples.FloatExtensions)
        {
            Assert.Throws<FileNotFoundException>(() => Samples.Open(folder.File("absent" + extension)));
        }

        Assert.Throws<FileNotFoundException>(() => NeighborTable.Read(folder.File("absent.ivecs")));
    }

    [Theory]
    [InlineData(new byte[] { }, "an empty file")]
    [InlineData(new byte[] { 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0 }, "whole rows of 12 bytes")]
    [InlineData(new byte[] { 1, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0 }, "row 1, offset 8")]
    [InlineData(new byte[] { 1, 0, 0, 0, 255, 255, 255, 255 }, "found -1")]
    public void Damaged_ground_truth_is_named(byte[] content, string message)
    {
        using TemporaryFolder folder = new();
        VlcFormatException exception = Assert.Throws<VlcFormatException>(() => NeighborTable.Read(folder.Write("t.ivecs", content)));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    private static void AddNpy(TheoryData<string, string, byte[], string[]> table)
    {
        byte[] data = new byte[24];
        void Add(string what, byte[] content, params string[] message) => table.Add(".npy", what, content, message);
        Add("no magic", "not an npy file at all"u8.ToArray(), "offset 0", "the npy signature", "6E6F74");
        Add("version 4", Samples.Npy("<f4", 3, 2, data, version: 4), "offset 6", "version 4");
        Add("1-D", Samples.NpyRaw("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", data), "two dimensions", "(6)");
        Add("3-D", Samples.NpyRaw("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }", data), "two dimensions", "(1, 2, 3)");
        Add("zero rows", Samples.Npy("<f4", 0, 2, []), "header, 'shape'", "zero rows");
        Add("dimension 0", Samples.Npy("<f4", 2, 0, []), "dimension 0");
        Add("negative rows", Samples.Npy("<f4", -3, 2, data), "-3 rows");
        Add("negative dimension", Samples.Npy("<f4", 3, -2, data), "dimension -2");
        Add("absurd dimension", Samples.Npy("<f4", 3, 65_537, data), "1 to 65536", "dimension 65537");
        Add("dims x count overflow", Samples.Npy("<f8", long.MaxValue, 65_536, data), "truncated");
        Add("count overflow", Samples.Npy("<f4", "99999999999999999999", 2, data), "an integer within 64 bits");
        Add("fortran order", Samples.Npy("<f4", 3, 2, data, order: "True"), "fortran_order", "ascontiguousarray");
        Add("complex", Samples.Npy("<c8", 3, 1, data), "f2, f4, f8, u1 or i1", "'<c8'");
        Add(
            "records", Samples.NpyRaw("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3, 2), }", data), "a quoted name",
            "'['");
        Add("no shape", Samples.NpyRaw("{'descr': '<f4', 'fortran_order': False, }", data), "'shape'", "missing");
        Add("open dictionary", Samples.NpyRaw("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2", data), "the end of the header");
        Add("absurd header", [0x93, .. "NUMPY"u8, 2, 0, 255, 255, 255, 127], "offset 8", "2147483647 bytes");
    }

    private static void AddBinary(TheoryData<string, string, byte[], string[]> table)
    {
        byte[] ragged = [.. Samples.Vecs([1, 2], 2), .. Samples.Vecs([3, 4], 2)];
        ragged[12] = 1;
        table.Add(".fvecs", "ragged", ragged, ["row 1, offset 12", "dimension 2", "dimension 1"]);
        table.Add(".fvecs", "dimension 0", new byte[8], ["offset 0", "dimension 0"]);
        table.Add(".fvecs", "negative dimension", [255, 255, 255, 255, 0, 0, 0, 0], ["dimension -1"]);
        table.Add(".bvecs", "absurd dimension", [0, 0, 0, 1, 0, 0, 0, 0], ["dimension 16777216"]);
        table.Add(".fbin", "zero rows", [0, 0, 0, 0, 2, 0, 0, 0], ["header", "zero rows"]);
        table.Add(".fbin", "dimension 0", [2, 0, 0, 0, 0, 0, 0, 0], ["dimension 0"]);
        table.Add(".fbin", "dims x count overflow", [255, 255, 255, 255, 0, 0, 1, 0], ["4294967295 x 65536", "8 bytes"]);
        table.Add(".u8bin", "absurd dimension", [2, 0, 0, 0, 255, 255, 255, 255], ["dimension 4294967295"]);
    }

    private static void AddSafetensors(TheoryData<string, string, byte[], string[]> table)
    {
        void Add(string what, string header, int data, params string[] message) =>
            table.Add(".safetensors", what, Samples.Safetensors(header, new byte[data]), message);
        table.Add(
            ".safetensors", "absurd header", [.. BitConverter.GetBytes(ulong.MaxValue), 0], ["offset 0", "18446744073709551615 bytes"]);
        table.Add(".safetensors", "header beyond the file", [.. BitConverter.GetBytes(999UL), 0], ["offset 0", "999 bytes"]);
        Add("no JSON", "{\"w\":", 0, "header, offset 8", "JSON object");
        Add("no object", "[1]", 0, "JSON object");
        Add("no tensor", "{}", 0, "one two-dimensional tensor", "none");
        Add("1-D", """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "none", "'w' F32[2]");
        Add("two tensors", """{"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1,1]"""
            + ""","data_offsets":[4,8]}}""", 8, "'a'", "'b'", "Name the tensor");
        Add("dtype", """{"w":{"dtype":"I64","shape":[1,1],"data_offsets":[0,8]}}""", 8, "F16, BF16 or F32", "'I64'");
        Add("overlap", """{"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1,1],"data_offsets":"""
            + """[2,6]}}""", 6, "overlap");
        Add("beyond the file", """{"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}""", 4, "truncated");
        Add("offsets reversed", """{"w":{"dtype":"F32","shape":[1,2],"data_offsets":[8,0]}}""", 8, "data_offsets of 'w'");
        Add("offset overflow", """{"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,99999999999999999999]}}""", 8, "JSON object");
        Add("shape disagrees", """{"w":{"dtype":"F32","shape":[1,3],"data_offsets":[0,8]}}""", 8, "tensor 'w'", "1 x 3");
        Add("dims x count overflow", """{"w":{"dtype":"F32","shape":[9223372036854775807,65536],"data_offsets":[0,8]}}""", 8,
            "9223372036854775807 x 65536");
        Add("zero rows", """{"w":{"dtype":"F32","shape":[0,2],"data_offsets":[0,0]}}""", 0, "zero rows");
        Add("dimension 0", """{"w":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]}}""", 0, "dimension 0");
        Add("negative dimension", """{"w":{"dtype":"F32","shape":[2,-1],"data_offsets":[0,0]}}""", 0, "dimension -1");
    }

    private static void AddText(TheoryData<string, string, byte[], string[]> table)
    {
        void Add(string extension, string what, string content, params string[] message) =>
            table.Add(extension, what, Encoding.UTF8.GetBytes(content), message);
        foreach (string extension in (string[])[".jsonl", ".csv", ".tsv", ".txt"])
        {
            Add(extension, "zero rows", "\n \n", "zero rows");
        }

        Add(".jsonl", "ragged, short", """{"embedding":[1,2]}""" + "\n" + """{"embedding":[1]}""", "line 2", "2 components", "found 1");
        Add(".jsonl", "ragged, long", """{"embedding":[1,2]}""" + "\n" + """{"embedding":[1,2,3]}""", "line 2", "2 components");
        Add(".jsonl", "truncated", """{"embedding":[1,2]}""" + "\n" + """{"embedding":[1,""", "line 2", "a JSON object on one line");
        Add(".jsonl", "no JSON", """{"embedding":[1,2}}""", "line 1, byte 17", "JSON");
        Add(".jsonl", "text after the object", """{"embedding":[1,2]} x}""", "line 1", "JSON");
        Add(".jsonl", "no vector", """{"id":1,"vector":[1]}""", "line 1", "a list of numbers", "Name the property");
        Add(".jsonl", "two vectors", """{"embedding":[1],"embedding":[1]}""", "one \"embedding\"");
        Add(".jsonl", "null", """{"embedding":null}""", "line 1", "Null");
        Add(".jsonl", "a string among numbers", """{"embedding":[1,"x"]}""", "line 1, component 1", "'x'");
        Add(".jsonl", "dimension 0", """{"embedding":[]}""", "dimension 0");
        Add(".jsonl", "bad base64", """{"embedding":"AAAA"}""", "base64 of float32");
        Add(".jsonl", "id is missing", """{"id":1,"embedding":[1]}""" + "\n" + """{"embedding":[1]}""", "line 2", "an \"id\"");
        Add(".csv", "ragged", "1,2\n3\n", "line 2", "2 components", "found 1");
        Add(".csv", "ragged with keys", "a,1,2\nb,3\n", "line 2", "2 components", "found 1");
        Add(".csv", "no number", "1,2\n3,x\n", "line 2, component 1", "'x'");
        Add(".csv", "an empty field", "1,2\n3,\n", "line 2, component 1", "nothing");
        Add(".csv", "a comma as decimal point", "1,2\n\"3,5\",4\n", "line 2, component 0", "'3,5'");
        Add(".csv", "open quotation", "a,1\n\"b,2\n", "line 2", "a quotation that ends");
        Add(".csv", "header only", "id,x,y\n", "at least one row");
        Add(".csv", "infinity in the first row", "1,inf\n", "row 0, column 1, line 1", "Infinity");
        Add(".csv", "beyond float32", "1,2\n1,1e999\n", "row 1, column 1, line 2", "Infinity");
        Add(".tsv", "key only", "a\n", "at least one row");
        Add(".txt", "ragged, short", "a 1 2\nb 3\n", "line 2", "2 components", "found 1");
        Add(".txt", "ragged, long", "a 1 2\nb 3 4 5\n", "line 2", "2 components", "found 3");
        Add(".txt", "no number", "a 1 2\nb 3 x\n", "line 2, component 1", "'x'");
        Add(".txt", "truncated", "3 2\na 1 2\nb 3 4\n", "line 1", "2", "found 3", "truncated");
        Add(".txt", "header with dimension 0", "3 0\na 1 2\n", "line 1", "dimension 0");
        Add(".txt", "header with zero rows", "0 3\n", "line 1", "zero rows");
        Add(".txt", "header, absurd dimension", "3 99999999\na 1 2\n", "line 1", "dimension 99999999");
    }

    private static void AddContainers(TheoryData<string, string, byte[], string[]> table)
    {
        table.Add(
            ".hdf5", "no such dataset", Samples.Hdf5(new H5File { ["test"] = new float[1, 2], ["rest"] = new float[1, 2] }),
            ["a dataset 'train'", "'test'"]);
        table.Add(".hdf5", "1-D", Samples.Hdf5(new H5File { ["train"] = Good }), ["dataset 'train'", "two dimensions", "(6)"]);
        table.Add(".hdf5", "text", Samples.Hdf5(new H5File { ["train"] = new string[,] { { "a" } } }), ["numbers of type"]);
        table.Add(".hdf5", "absurd dimension", Samples.Hdf5(new H5File { ["train"] = new byte[1, 65_537] }), ["dimension 65537"]);
        table.Add(".hdf5", "no superblock", [.. FileSignature.Hdf5, 9, .. new byte[64]], ["offset 8", "version 9"]);
        table.Add(".parquet", "ragged", Samples.ParquetFile([1, 2, 3], [2, 1], 9), ["row 1", "2 components", "found 1"]);
        table.Add(".parquet", "ragged in a later group", Samples.ParquetFile([1, 2, 3], [2, 1], 1), ["row group 1", "row 1", "found 1"]);
        table.Add(".parquet", "null row", Samples.ParquetFile([1, 2, 3, 4], [2, -1, 2], 9), ["row 1", "a null or an empty list"]);
        table.Add(".parquet", "zero rows", Samples.ParquetFile([], [], 9), ["zero rows"]);
        table.Add(".parquet", "footer beyond the file", [.. "PAR1"u8, 0, 0, 0, 0, 255, 0, 0, 0, .. "PAR1"u8], ["offset 8", "255 bytes"]);
    }

    /// <summary>A good file but for its last component.</summary>
    private static byte[] NotFinite(string extension, float value)
    {
        float[] rows = [1, 2, 3, 4, 5, value];
        return extension == ".jsonl"
            ? Encoding.UTF8.GetBytes(
                $$"""{"embedding":[1,2]}{{"\n"}}{"embedding":"{{Convert.ToBase64String(Samples.Bytes<float>([3, value]))}}"}""")
            : Samples.Build(extension, rows, 2);
    }

    private static string Place(string extension) => extension switch
    {
        ".jsonl" => "row 1, column 1, line 2",
        ".csv" or ".tsv" or ".txt" => "row 2, column 1, line 3",
        ".npy" or ".fvecs" or ".fbin" or ".safetensors" => "row 2, column 1, offset ",
        _ => "row 2, column 1",
    };
}
