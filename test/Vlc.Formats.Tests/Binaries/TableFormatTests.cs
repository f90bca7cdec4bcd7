using System.Buffers.Binary;
using System.Text;
using Vlc.Tests;
using Vlc.Vectors;
using static Vlc.Formats.Tests.Binaries.Values;

namespace Vlc.Formats.Tests.Binaries;

public sealed class TableFormatTests
{
    [Fact]
    public void Copy_binary_gives_vectors_keys_and_payload()
    {
        using TemporaryFolder folder = new();
        byte[] content = Copy([.. Enumerable.Range(0, Rows).Select(i => (byte[]?[])[
            BigEndian(100L + i), i == 2 ? null : Encoding.UTF8.GetBytes($"täxt {i}"), Vector(Matrix[(i * Columns)..((i
                + 1) * Columns)]), [0xFF, 0xFE, 0, 1, 2]])]);
        using VectorSource source = Samples.Open(folder.Write("t.copy", content));
        AssertMatrix(source);
        Assert.Equal(["100", "101", "102", "103", "104"], Keys(source));
        Assert.Equal(["""{"column_1":"t\u00E4xt 0"}""", """{"column_1":"t\u00E4xt 1"}""", "{}"], Payload(source)[..3]);
        Assert.Contains(
            source.Notes, note => note.Contains("column 3", StringComparison.Ordinal) && note.StartsWith("Left", StringComparison.Ordinal));
    }

    [Fact]
    public void Copy_binary_gives_halves()
    {
        using TemporaryFolder folder = new();
        byte[] content = Copy([.. Enumerable.Range(0, Rows).Select(i => (byte[]?[])[Half(Matrix[(i * Columns)..((i + 1) * Columns)])])]);
        using VectorSource source = Samples.Open(folder.Write("t.dat", content));
        AssertMatrix(source);
        Assert.False(source.HasKeys);
    }

    [Fact]
    public void Copy_binary_without_vectors_or_with_damage_is_refused()
    {
        using TemporaryFolder folder = new();
        AssertRefused(folder.Write("a.copy", Copy([[BigEndian(1L)]])), "one column of pgvector's vector", "0: integers of 8 bytes");
        AssertRefused(folder.Write("b.copy", Copy([[Vector([1, 2])], [Vector([1, 2, 3])]])), "one column of pgvector's vector");
        AssertRefused(folder.Write("c.copy", Copy([[Vector([1, 2])], [null]])), "a null", "IS NOT NULL");
        AssertRefused(folder.Write("d.copy", Copy([[Vector([1, 2])]])[..^4]), "truncated");
        AssertRefused(folder.Write("e.copy", Copy([])), "no rows");
        AssertRefused(folder.Write("f.copy", Copy([[Vector([1, float.NaN])]])), "row 0, column 1");
        AssertRefused(folder.Write("g.copy", Copy([[Vector([1, 2]), Vector([3, 4])]])), "--column");
        using VectorSource named = Samples.Open(folder.File("g.copy"), new VectorFileOptions { Column = "1" });
        AssertRows([3, 4], named);
    }

    [Fact]
    public void Projector_tensors_take_their_shape_from_the_configuration_or_the_metadata()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("v.bytes", Samples.Bytes(Matrix));
        AssertRefused(path, "tensorShape", "metadata.tsv");
        folder.Write("metadata.tsv", "a\nb\nc\nd\ne\n"u8.ToArray());
        using (VectorSource source = Samples.Open(path))
        {
            AssertMatrix(source);
            Assert.Equal(["a", "b", "c", "d", "e"], Keys(source));
        }

        folder.Write("v.tsv", "word\tcount\na\t1\nb\t2\nc\t3\nd\t4\ne\t5"u8.ToArray());
        using (VectorSource source = Samples.Open(path))
        {
            AssertMatrix(source);
            Assert.Equal(["a", "b", "c", "d", "e"], Keys(source));
            Assert.Equal("""{"count":"5"}""", Payload(source)[4]);
        }

        File.Delete(folder.File("v.tsv"));
        File.Delete(folder.File("metadata.tsv"));
        folder.Write("config.json", """{"embeddings":[{"tensorName":"v","tensorShape":[5,4],"tensorPath":"data/v.bytes"}]}"""u8.ToArray());
        using VectorSource configured = Samples.Open(path);
        AssertMatrix(configured);
        Assert.False(configured.HasKeys);
    }

    [Fact]
    public void Metadata_of_another_length_are_refused()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("v.bytes", Samples.Bytes(Matrix));
        folder.Write("v.tsv", "a\nb\nc\n"u8.ToArray());
        AssertRefused(path, "3 rows of float32", "80 bytes");
        folder.Write("config.json", """{"embeddings":[{"tensorShape":[5,4],"tensorPath":"v.bytes","metadataPath":"v.tsv"}]}"""u8.ToArray());
        AssertRefused(path, "5 rows", "found 3");
    }

    [Theory]
    [InlineData("%%MatrixMarket matrix array real general\n% c\n2 3\n1\n4\n2\n5\n3\n6e0\n", new float[] { 1, 2, 3, 4, 5, 6 }, 3)]
    [InlineData("%%MatrixMarket matrix coordinate real general\n2 3 3\n1 1 1.5\n2 3 -2\n1 1 0.5\n", new float[] { 2, 0, 0, 0, 0, -2 }, 3)]
    [InlineData("%%matrixmarket MATRIX coordinate pattern general\n2 2 2\n1 2\n2 1\n", new float[] { 0, 1, 1, 0 }, 2)]
    [InlineData("%%MatrixMarket matrix coordinate integer symmetric\n2 2 2\n1 1 7\n2 1 3\n", new float[] { 7, 3, 3, 0 }, 2)]
    [InlineData("%%MatrixMarket matrix array real symmetric\n2 2\n1\n2\n3\n", new float[] { 1, 2, 2, 3 }, 2)]
    [InlineData("%%MatrixMarket matrix array real skew-symmetric\n2 2\n5\n", new float[] { 0, -5, 5, 0 }, 2)]
    public void Matrix_market_is_read(string content, float[] expected, int dimension)
    {
        using TemporaryFolder folder = new();
        using VectorSource source = Samples.Open(folder.Write("m.mtx", Encoding.ASCII.GetBytes(content)));
        Assert.Equal(dimension, source.Dimension);
        AssertRows(expected, source);
    }

    [Theory]
    [InlineData("%%MatrixMarket matrix array complex general\n1 1\n1 0\n", "complex|COMPLEX")]
    [InlineData("%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n", "row 1 of column 1")]
    [InlineData("%%MatrixMarket matrix array real general\n1 1\n1\n2\n", "the end of the file")]
    [InlineData("%%MatrixMarket matrix coordinate real general\n2 2 1\n3 1 1\n", "a place within 2 x 2")]
    [InlineData("%%MatrixMarket matrix coordinate real general\n20000 20000 1\n1 1 1\n", "held in memory")]
    [InlineData("%%MatrixMarket matrix array real general\n1 2\nnan\n1\n", "NaN")]
    public void Matrix_market_that_cannot_be_read_is_refused(string content, string parts)
    {
        using TemporaryFolder folder = new();
        VlcFormatException exception = AssertRefused(folder.Write("m.mtx", Encoding.ASCII.GetBytes(content)));
        Assert.Contains(parts.Split('|'), part => exception.Message.Contains(part, StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Big_ann_ground_truth_is_read(bool distances)
    {
        byte[] content = [.. BitConverter.GetBytes(3), .. BitConverter.GetBytes(2), .. Samples.Bytes([9, 8, 7, 6, 5, 4]), .. distances
            ? Samples.Bytes(new float[6])
            : []];
        using TemporaryFolder folder = new();
        foreach (string name in (string[])["truth.ibin", "truth.bin", "gt100"])
        {
            NeighborTable table = NeighborTable.Read(folder.Write(name, content));
            Assert.Equal((3, 2), (table.Queries, table.K));
            Assert.Equal([7, 6], table[1].ToArray());
        }
    }

    [Fact]
    public void Ivecs_that_look_like_big_ann_truth_stay_ivecs_by_name()
    {
        // Rows of two: the first row's dimension 2 and its first id 2 are also a big-ann header of 2 x 2, and the length fits both.
        byte[] content = Samples.Bytes([2, 2, 1, 2, 3, 4]);
        using TemporaryFolder folder = new();
        Assert.Equal([2, 1], NeighborTable.Read(folder.Write("t.ivecs", content))[0].ToArray());
        Assert.Equal([1, 2], NeighborTable.Read(folder.Write("t.ibin", content))[0].ToArray());
        Assert.Contains(
            "fits both", Assert.Throws<VlcFormatException>(() => NeighborTable.Read(folder.Write("t.gt", content))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Integers_of_ibin_are_vectors()
    {
        using TemporaryFolder folder = new();
        using VectorSource source = Samples.Open(
            folder.Write("v.ibin", [.. BitConverter.GetBytes(1), .. BitConverter.GetBytes(2), .. Samples.Bytes([7, -1])]));
        AssertRows([7, -1], source);
    }

    /// <summary>
    /// COPY BINARY: signature, flags, extension length; for each row an int16 count and, for each field, an int32 length and bytes; -1.
    /// </summary>
    internal static byte[] Copy(byte[]?[][] rows)
    {
        List<byte> bytes = [.. "PGCOPY\n"u8, 0xFF, 0x0D, 0x0A, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        foreach (byte[]?[] row in rows)
        {
            bytes.AddRange([0, (byte)row.Length]);
            foreach (byte[]? field in row)
            {
                bytes.AddRange(BigEndian(field?.Length ?? -1));
                bytes.AddRange(field ?? []);
            }
        }

        return [.. bytes, 0xFF, 0xFF];
    }

    /// <summary>vector_send: dim (int16), unused (int16), float4 each.</summary>
    internal static byte[] Vector(float[] values) =>
        [0, (byte)values.Length, 0, 0, .. values.SelectMany(value => BigEndian(BitConverter.SingleToInt32Bits(value)))];

    internal static byte[] BigEndian(long value) => BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness(value));

    private static byte[] Half(float[] values) =>
    [
        0, (byte)values.Length, 0, 0,
        .. values.Select(value => BitConverter.HalfToInt16Bits(
            (Half)value)).SelectMany(bits => BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness(bits))),
    ];

    private static byte[] BigEndian(int value) => BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness(value));
}
