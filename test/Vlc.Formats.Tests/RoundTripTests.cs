using CsCheck;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

public sealed class RoundTripTests
{
    private static readonly Gen<(float[] Rows, int Dimension)> Matrix =
        from dimension in Gen.Int[2, 9]
        from count in Gen.Int[1, 40]
        from rows in Gen.Single.Where(float.IsFinite).Array[count * dimension]
        select (rows, dimension);

    public static TheoryData<string> FloatExtensions => [.. Samples.FloatExtensions];

    [Theory]
    [MemberData(nameof(FloatExtensions))]
    public void Rows_come_back_bit_for_bit(string extension)
    {
        using TemporaryFolder folder = new();
        Matrix.Sample(
            matrix =>
            {
                string path = folder.Write("v" + extension, Samples.Build(extension, matrix.Rows, matrix.Dimension));
                using VectorSource source = Samples.Open(path);
                Assert.Equal(matrix.Dimension, source.Dimension);
                Assert.Equal(matrix.Rows.Length / matrix.Dimension, source.Count);
                Assert.Equal(Samples.Bytes(matrix.Rows), Samples.Bytes(Samples.ReadAll(source)));
            },
            iter: 30, threads: 1);
    }

    [Theory]
    [MemberData(nameof(FloatExtensions))]
    public void A_range_equals_the_same_part_of_a_whole_read(string extension)
    {
        const int count = 2_500, dimension = 3;
        float[] rows = [.. Enumerable.Range(0, count * dimension).Select(i => i * 0.37f)];
        using TemporaryFolder folder = new();
        string path = folder.Write("v" + extension, extension == ".parquet"
            ? Samples.ParquetFile(rows, Enumerable.Repeat(dimension, count).ToArray(), rowsPerGroup: 700)
            : Samples.Build(extension, rows, dimension));
        using VectorSource source = Samples.Open(path);
        Gen.Int[0, count].Select(Gen.Int[0, count]).Sample(
            range =>
            {
                (int start, int end) = (int.Min(range.Item1, range.Item2), int.Max(range.Item1, range.Item2));
                float[] part = new float[((end - start) * dimension) + 1];
                part[^1] = -7;
                source.Read(start, end - start, part);
                Assert.Equal(rows[(start * dimension)..(end * dimension)], part[..^1]);
                Assert.Equal(-7, part[^1]);
                if (source.HasKeys)
                {
                    string[] keys = new string[int.Min(end - start, 3)];
                    source.ReadKeys(start, keys);
                    Assert.Equal(Enumerable.Range(start, keys.Length).Select(i => $"k{i}"), keys);
                }
            },
            iter: 100, threads: 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => source.Read(count, 1, new float[dimension]));
        Assert.Throws<ArgumentOutOfRangeException>(() => source.Read(0, 2, new float[dimension]));
    }

    [Theory]
    [InlineData("<f2", ElementType.Float16)]
    [InlineData(">f2", ElementType.Float16)]
    [InlineData("<f4", ElementType.Float32)]
    [InlineData(">f4", ElementType.Float32)]
    [InlineData("<f8", ElementType.Float64)]
    [InlineData(">f8", ElementType.Float64)]
    [InlineData("|u1", ElementType.UInt8)]
    [InlineData("|i1", ElementType.Int8)]
    public void Npy_components_of_each_type_become_float32(string descr, ElementType type)
    {
        double[] values = type == ElementType.UInt8 ? [0, 1, 127, 128, 200, 255] : [0, 1, -1, 127, -128, 64];
        IEnumerable<byte[]> components = values.Select(value => type switch
        {
            ElementType.Float16 => BitConverter.GetBytes((Half)value),
            ElementType.Float32 => BitConverter.GetBytes((float)value),
            ElementType.Float64 => BitConverter.GetBytes(value),
            _ => [(byte)(int)value],
        });
        byte[] data = [.. components.SelectMany(bytes => descr[0] == '>' ? bytes.Reverse() : bytes)];
        using TemporaryFolder folder = new();
        for (int version = 1; version <= 3; version++)
        {
            using VectorSource source = Samples.Open(folder.Write("v.npy", Samples.Npy(descr, 2, 3, data, version: version)));
            Assert.Equal(type, source.ElementType);
            Assert.Equal(values.Select(value => (float)value), Samples.ReadAll(source));
        }
    }

    [Fact]
    public void Every_half_and_every_bfloat16_keeps_its_value()
    {
        ushort[] patterns = [.. Enumerable.Range(0, 65_536).Select(i => (ushort)i)];
        ushort[] halves = [.. patterns.Where(bits => Half.IsFinite(BitConverter.UInt16BitsToHalf(bits)))];
        ushort[] brains = [.. patterns.Where(bits => float.IsFinite(BitConverter.UInt32BitsToSingle((uint)bits << 16)))];
        using TemporaryFolder folder = new();
        foreach ((string dtype, ushort[] bits) in new[] { ("F16", halves), ("BF16", brains) })
        {
            string header = $$"""{"w":{"dtype":"{{dtype}}","shape":[{{bits.Length / 2}},2],"data_offsets":[0,{{bits.Length * 2}}] } }""";
            using VectorSource source = Samples.Open(folder.Write("v.safetensors", Samples.Safetensors(header, Samples.Bytes(bits))));
            float[] expected = dtype == "F16"
                ? [.. bits.Select(pattern => (float)BitConverter.UInt16BitsToHalf(pattern))]
                : [.. bits.Select(pattern => BitConverter.UInt32BitsToSingle((uint)pattern << 16))];
            Assert.Equal(Samples.Bytes(expected), Samples.Bytes(Samples.ReadAll(source)));
        }
    }

    [Theory]
    [InlineData(".bvecs", ElementType.UInt8, new byte[] { 2, 0, 0, 0, 200, 7 }, new float[] { 200, 7 })]
    [InlineData(".ivecs", ElementType.Int32, new byte[] { 1, 0, 0, 0, 254, 255, 255, 255 }, new float[] { -2 })]
    [InlineData(".u8bin", ElementType.UInt8, new byte[] { 1, 0, 0, 0, 2, 0, 0, 0, 200, 7 }, new float[] { 200, 7 })]
    [InlineData(".i8bin", ElementType.Int8, new byte[] { 1, 0, 0, 0, 2, 0, 0, 0, 200, 7 }, new float[] { -56, 7 })]
    [InlineData(".f16bin", ElementType.Float16, new byte[] { 1, 0, 0, 0, 1, 0, 0, 0, 0, 0x3C }, new float[] { 1 })]
    public void Integer_and_half_files_are_read(string extension, ElementType type, byte[] content, float[] expected)
    {
        using TemporaryFolder folder = new();
        using VectorSource source = Samples.Open(folder.Write("v" + extension, content));
        Assert.Equal(type, source.ElementType);
        Assert.Equal(expected, Samples.ReadAll(source));
    }

    [Theory]
    [InlineData(3, 1)]
    [InlineData(1, 3)]
    public void Fortran_order_is_read_where_it_is_also_C_order(int count, int dimension)
    {
        using TemporaryFolder folder = new();
        byte[] content = Samples.Npy("<f4", count, dimension, Samples.Bytes<float>([1, 2, 3]), order: "True");
        using VectorSource source = Samples.Open(folder.Write("v.npy", content));
        Assert.Equal([1, 2, 3], Samples.ReadAll(source));
    }

    [Fact]
    public void The_last_row_of_a_file_beyond_4_GiB_is_read_by_position()
    {
        const long count = 1_200_000, dimension = 1_000, length = 8 + (count * dimension * sizeof(float));
        using TemporaryFolder folder = new();
        string path = folder.File("v.fbin");
        using (FileStream stream = File.Create(path))
        {
            try
            {
                stream.SetLength(length);
            }
            catch (IOException exception)
            {
                Assert.Skip($"no room for a sparse file of {length} bytes: {exception.Message}");
            }

            stream.Write(BitConverter.GetBytes((uint)count));
            stream.Write(BitConverter.GetBytes((uint)dimension));
            stream.Position = length - sizeof(float);
            stream.Write(BitConverter.GetBytes(3.5f));
        }

        Assert.True(length > 1L << 32);
        using VectorSource source = Samples.Open(path);
        float[] row = new float[dimension];
        source.Read(count - 1, 1, row);
        Assert.Equal(3.5f, row[^1]);
        Assert.Equal(0, row[0]);
    }

    [Fact]
    public void Writers_write_what_readers_read()
    {
        using TemporaryFolder folder = new();
        using (NpyWriter<float> writer = new(folder.File("v.npy"), columns: 2))
        {
            writer.Write([1, 2]);
            writer.Write([3, 4, 5, 6]);
            Assert.False(File.Exists(folder.File("v.npy")));
            writer.Complete();
        }

        using (VectorSource source = Samples.Open(folder.File("v.npy")))
        {
            Assert.Equal([1, 2, 3, 4, 5, 6], Samples.ReadAll(source));
        }

        using (IvecsWriter writer = new(folder.File("t.ivecs"), columns: 2))
        {
            writer.Write([5, 6, 7, 8]);
            writer.Complete();
        }

        using (NpyWriter<long> writer = new(folder.File("t.npy"), columns: 2))
        {
            writer.Write([5L, 6L, 7L, 8L]);
            writer.Complete();
        }

        foreach (string name in (string[])["t.ivecs", "t.npy"])
        {
            NeighborTable truth = NeighborTable.Read(folder.File(name));
            Assert.Equal((2, 2), (truth.Queries, truth.K));
            Assert.Equal([7, 8], truth[1].ToArray());
        }
    }

    [Fact]
    public void A_writer_that_does_not_complete_leaves_the_old_file_and_nothing_else()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("v.npy", [1, 2, 3]);
        using (NpyWriter<int> writer = new(path, columns: 1))
        {
            writer.Write([1]);
        }

        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Single(Directory.GetFiles(folder.Path));
    }
}
