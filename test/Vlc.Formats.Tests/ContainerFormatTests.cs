using Parquet;
using Parquet.Schema;
using PureHDF;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

public sealed class ContainerFormatTests
{
    [Fact]
    public void Datasets_of_an_ann_benchmarks_file_are_chosen_by_name()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("v.hdf5", Samples.Hdf5(new H5File
        {
            ["train"] = new float[,] { { 1, 2 }, { 3, 4 } },
            ["test"] = new float[,] { { 5, 6 } },
            ["neighbors"] = new int[,] { { 1, 0 } },
            ["distances"] = new double[,] { { 0.5, 1.5 } },
            ["pixels"] = new byte[,] { { 0, 255 } },
            ["signed"] = new sbyte[,] { { -128, 127 } },
        }));
        (string? Name, ElementType Type, float[] Rows)[] expected =
        [
            (null, ElementType.Float32, [1, 2, 3, 4]),
            ("test", ElementType.Float32, [5, 6]),
            ("neighbors", ElementType.Int32, [1, 0]),
            ("distances", ElementType.Float64, [0.5f, 1.5f]),
            ("pixels", ElementType.UInt8, [0, 255]),
            ("signed", ElementType.Int8, [-128, 127]),
        ];
        foreach ((string? name, ElementType type, float[] rows) in expected)
        {
            using VectorSource source = Samples.Open(path, new VectorFileOptions { Dataset = name });
            Assert.Equal(type, source.ElementType);
            Assert.Equal(rows, Samples.ReadAll(source));
            if (type == ElementType.Int32) Assert.Equal([1, 0], NeighborTable.From(source)[0].ToArray());
            else Assert.Throws<VlcFormatException>(() => NeighborTable.From(source));
        }
    }

    [Fact]
    public void A_chunked_dataset_is_read_across_its_chunks()
    {
        float[,] rows = new float[1000, 8];
        for (int i = 0; i < rows.Length; i++) rows[i / 8, i % 8] = i;
        using TemporaryFolder folder = new();
        string path = folder.Write("v.hdf5", Samples.Hdf5(new H5File { ["train"] = new H5Dataset(rows, chunks: [64, 3]) }));
        using VectorSource source = Samples.Open(path);
        float[] part = new float[200 * 8];
        source.Read(100, 200, part);
        Assert.Equal(Enumerable.Range(800, 1600).Select(i => (float)i), part);
    }

    [Fact]
    public async Task Parquet_columns_are_chosen_by_name_and_converted()
    {
        ListField doubles = new("doubles", new DataField<double>("element"));
        ListField integers = new("integers", new DataField<int>("element"));
        ParquetSchema schema = new(doubles, integers);
        using TemporaryFolder folder = new();
        string path = folder.File("v.parquet");
        using (FileStream stream = File.Create(path))
        {
            await using ParquetWriter writer = await ParquetWriter.CreateAsync(schema, stream);
            using ParquetRowGroupWriter group = writer.CreateRowGroup();
            int[] top = [.. Enumerable.Repeat(schema.DataFields[0].MaxDefinitionLevel, 4)];
            await group.WriteAllPartsAsync<double>(schema.DataFields[0], new double[] { 1, 2, 3, 4 }, top, new[] { 0, 1, 0, 1 }, default);
            await group.WriteAllPartsAsync<int>(schema.DataFields[1], new[] { 5, 6, 7, 8 }, top, new[] { 0, 1, 0, 1 }, default);
        }

        foreach ((string name, ElementType type, float[] rows) in new (string, ElementType, float[])[]
            { ("doubles", ElementType.Float64, [1, 2, 3, 4]), ("integers", ElementType.Int32, [5, 6, 7, 8]) })
        {
            using VectorSource source = Samples.Open(path, new VectorFileOptions { Column = name });
            Assert.Equal(type, source.ElementType);
            Assert.Equal(rows, Samples.ReadAll(source));
        }

        VlcFormatException exception = Assert.Throws<VlcFormatException>(() => Samples.Open(path));
        Assert.Contains("'doubles' list of double, 'integers' list of int32", exception.Message, StringComparison.Ordinal);
        exception = Assert.Throws<VlcFormatException>(() => Samples.Open(path, new VectorFileOptions { Column = "x" }));
        Assert.Contains("'x'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_is_chosen_by_name()
    {
        string header = """{"__metadata__":{"a":"b"},"u":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]}"""
            + ""","v":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}""";
        using TemporaryFolder folder = new();
        string path = folder.Write("v.safetensors", Samples.Safetensors(header, Samples.Bytes<float>([1, 2])));
        using VectorSource source = Samples.Open(path, new VectorFileOptions { Tensor = "u" });
        Assert.Equal([2], Samples.ReadAll(source));
        Assert.Throws<VlcFormatException>(() => Samples.Open(path, new VectorFileOptions { Tensor = "x" }));
    }
}
