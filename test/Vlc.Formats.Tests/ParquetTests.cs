using Vlc.Formats.Columnar;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

/// <summary>
/// Files of Arrow C++, DuckDB and polars (the scripts beside them), whose values follow a rule: row i, component j is (31 i + 17 j) mod
/// 101.
/// </summary>
public sealed class ParquetTests
{
    private static readonly string[] s_arrow =
    [
        "arrow_v1_snappy", "arrow_v2_zstd", "arrow_v2_gzip", "arrow_v1_brotli_crc", "arrow_v1_lz4_small_pages", "arrow_v2_none_crc",
        "arrow_fixed_groups",
        "arrow_fixed_v2_split", "arrow_rs",
    ];

    public static TheoryData<string, string, ElementType> Read
    {
        get
        {
            TheoryData<string, string, ElementType> table = [];
            foreach (string file in s_arrow)
            {
                table.Add(file, "float16", ElementType.Float16);
                table.Add(file, "float32", ElementType.Float32);
                table.Add(file, "float64", ElementType.Float64);
                table.Add(file, "int8", ElementType.Int8);
                table.Add(file, "uint8", ElementType.UInt8);
                table.Add(file, "int32", ElementType.Int32);
                table.Add(file, "int64", ElementType.Int32);
            }

            foreach (string file in (string[])["duckdb", "duckdb_v2"])
            {
                table.Add(file, "embedding", ElementType.Float32);
                table.Add(file, "fixed", ElementType.Float64);
                table.Add(file, "doc.vector", ElementType.Float32);
            }

            table.Add("duckdb_lz4", "embedding", ElementType.Float32);
            foreach (string file in (string[])["polars_zstd", "polars_lz4", "polars_brotli"])
            {
                table.Add(file, "embedding", ElementType.Float32);
                table.Add(file, "array", ElementType.Float32);
            }

            table.Add("legacy", "legacy", ElementType.Float32);
            return table;
        }
    }

    [Theory]
    [MemberData(nameof(Read))]
    public void A_variant_of_a_writer_has_its_values(string file, string column, ElementType type)
    {
        using VectorSource source = Samples.Open(Fixture(file), new VectorFileOptions { Column = column });
        Assert.Equal((60L, 6, type), (source.Count, source.Dimension, source.ElementType));
        Assert.Equal(Expected, Samples.ReadAll(source));

        // Out of order and in parts, over the borders of pages and row groups.
        float[] part = new float[9 * 6];
        foreach (int start in (int[])[40, 3, 30, 31, 51])
        {
            source.Read(start, 9, part);
            Assert.Equal(Expected[(start * 6)..((start + 9) * 6)], part);
        }
    }

    [Theory]
    [InlineData("arrow_v1_snappy")]
    [InlineData("arrow_v2_zstd")]
    [InlineData("arrow_v1_lz4_small_pages")]
    [InlineData("arrow_fixed_groups")]
    [InlineData("arrow_fixed_v2_split")]
    public void Keys_and_payload_come_along(string file)
    {
        using VectorSource source = Samples.Open(Fixture(file), new VectorFileOptions { Column = "float32" });
        Assert.True(source.HasKeys && source.HasPayload);
        string[] keys = new string[60], payload = new string[60];
        source.ReadKeys(0, keys);
        source.ReadPayload(0, payload);
        Assert.Equal(Enumerable.Range(0, 60).Select(i => $"key{i}"), keys);
        Assert.Equal(Enumerable.Range(0, 60).Select(i => i % 7 == 3 ? """{"n":null}""" : $$"""{"n":{{i * 10}}}"""), payload);
        source.ReadKeys(31, keys.AsSpan(0, 3));
        Assert.Equal(["key31", "key32", "key33"], keys[..3]);
        source.ReadPayload(24, payload.AsSpan(0, 2));
        Assert.Equal(["""{"n":null}""", """{"n":250}"""], payload[..2]);
        Assert.Contains(
            source.Notes, note => note.Contains("the key is 'id', payload is 'n', left is 'float16'", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("duckdb")]
    [InlineData("duckdb_v2")]
    public void Payload_is_written_as_what_it_stands_for(string file)
    {
        using VectorSource source = Samples.Open(Fixture(file));
        Assert.Contains(source.Notes, note => note.Contains("'embedding' is the vector", StringComparison.Ordinal));
        string[] payload = new string[2];
        source.ReadPayload(30, payload);
        Assert.Equal("""{"n":300,"doc.kind":"k0","text":"text 30","day":"2026-01-31","even":true}""", payload[0]);
        Assert.Equal("""{"n":310,"doc.kind":"k1","text":"text 31","day":"2026-02-01","even":false}""", payload[1]);
    }

    [Fact]
    public void One_column_a_dimension_is_a_vector()
    {
        using VectorSource source = Samples.Open(Fixture("duckdb_wide"));
        Assert.Equal(Expected, Samples.ReadAll(source));
        Assert.Contains(source.Notes, note => note.Contains("columns 'd0' to 'd5'", StringComparison.Ordinal));
        string[] keys = new string[60], payload = new string[60];
        source.ReadKeys(0, keys);
        source.ReadPayload(0, payload);
        Assert.Equal("key59", keys[59]);
        Assert.Equal("""{"label":59}""", payload[59]);

        using VectorSource some = Samples.Open(
            Fixture("duckdb_wide"), new VectorFileOptions { Columns = new ColumnRange("d1", "d2"), KeyColumn = "" });
        Assert.Equal((2, false), (some.Dimension, some.HasKeys));
        float[] row = new float[2];
        some.Read(59, 1, row);
        Assert.Equal(Expected[(59 * 6 + 1)..(59 * 6 + 3)], row);
    }

    [Theory]
    [InlineData("legacy", "lists", "'lists' list of list of float")]
    [InlineData("duckdb", "id", "a column 'id' of lists of numbers")]
    [InlineData("duckdb", "x", "'doc.vector' list of float")]
    [InlineData("arrow_v1_snappy", null, "Name the column with --column")]
    public void What_is_no_vector_is_refused_by_name(string file, string? column, string fact)
    {
        VlcFormatException exception = Assert.Throws<VlcFormatException>(
            () => Samples.Open(Fixture(file), new VectorFileOptions { Column = column }));
        Assert.Contains(fact, exception.Message, StringComparison.Ordinal);
    }

    /// <summary>Parquet.Net, which shares no code with the writer, and our own reader read what is written.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 7)]
    [InlineData(9_000, 40)]
    [InlineData(300_000, 30)]
    public async Task What_is_written_can_be_read(int rows, int dimension)
    {
        float[] values = [.. Enumerable.Range(0, rows * dimension).Select(i => i % 1013 * 0.25f)];
        using TemporaryFolder folder = new();
        string path = folder.File("v.parquet"), jsonl = folder.File("v.jsonl");
        int keyed = int.Min(rows, 5_000);
        File.WriteAllLines(jsonl, values.Chunk(dimension).Take(keyed).Select((row, i) =>
            $$"""{"id":"k{{i}}","text":"t{{i}}","embedding":[{{string.Join(',', row)}}]}"""));
        using (VectorSource source = rows > keyed ? new InMemoryVectors(values, dimension) : Samples.Open(jsonl))
        {
            ParquetFileWriter.Instance.Write(source, path, new Progress<double>(), TestContext.Current.CancellationToken);
        }

        using (VectorSource read = Samples.Open(path))
        {
            Assert.Equal(values, Samples.ReadAll(read));
            Assert.Equal(rows <= keyed, read.HasKeys);
            if (read.HasKeys)
            {
                string[] keys = new string[rows], payload = new string[rows];
                read.ReadKeys(0, keys);
                read.ReadPayload(0, payload);
                Assert.Equal(Enumerable.Range(0, rows).Select(i => $"k{i}"), keys);
                Assert.Equal("""{"payload":"{\"text\":\"t0\"}"}""", payload[0]);
            }
        }

        await using global::Parquet.ParquetReader oracle = await global::Parquet.ParquetReader.CreateAsync(
            path, cancellationToken: TestContext.Current.CancellationToken);
        List<float> all = [];
        global::Parquet.Schema.DataField field = oracle.Schema.DataFields.Single(column => column.Path.FirstPart == "embedding");
        for (int i = 0; i < oracle.RowGroupCount; i++)
        {
            global::Parquet.ParquetRowGroupReader group = oracle.RowGroups[i];
            int count = (int)group.GetMetadata(field)!.MetaData!.NumValues;
            float[] part = new float[count];
            await group.ReadRawAsync<float>(field, part, new int[count], new int[count], TestContext.Current.CancellationToken);
            all.AddRange(part);
        }

        Assert.Equal(values, all);
    }

    [Fact]
    public void A_page_whose_checksum_differs_is_refused()
    {
        byte[] bytes = File.ReadAllBytes(Fixture("arrow_v2_none_crc"));

        // The values of the float64 column: 17.0 stands in its dictionary.
        int at = bytes.AsSpan().IndexOf(BitConverter.GetBytes(17.0));
        bytes[at] ^= 1;
        using TemporaryFolder folder = new();
        string path = folder.Write("v.parquet", bytes);
        VlcFormatException exception = Assert.Throws<VlcFormatException>(() =>
        {
            using VectorSource source = Samples.Open(path, new VectorFileOptions { Column = "float64" });
            Samples.ReadAll(source);
        });
        Assert.Contains("checksum", exception.Message, StringComparison.Ordinal);
    }

    private static float[] Expected { get; } =
        [.. Enumerable.Range(0, 360).Select(at => (float)(((31 * (at / 6)) + (17 * (at % 6))) % 101))];

    private static string Fixture(string name) =>
        Path.Combine(RepositoryPaths.Root, "test", "Vlc.Formats.Tests", "Fixtures", "parquet", name + ".parquet");
}
