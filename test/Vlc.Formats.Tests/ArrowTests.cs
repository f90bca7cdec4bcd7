using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

/// <summary>
/// Files of polars and arrow-rs (the scripts beside them), whose values follow a rule: row i, component j is (31 i + 17 j) mod 101.
/// </summary>
public sealed class ArrowTests
{
    private static float[] Expected { get; } =
        [.. Enumerable.Range(0, 360).Select(at => (float)(((31 * (at / 6)) + (17 * (at % 6))) % 101))];

    [Theory]
    [InlineData("polars_uncompressed", "embedding", ElementType.Float32)]
    [InlineData("polars_uncompressed", "array", ElementType.Float32)]
    [InlineData("polars_lz4", "embedding", ElementType.Float32)]
    [InlineData("polars_lz4", "array", ElementType.Float32)]
    [InlineData("polars_zstd", "embedding", ElementType.Float32)]
    [InlineData("polars_zstd", "array", ElementType.Float32)]
    [InlineData("arrow_rs_stream", "float16", ElementType.Float16)]
    [InlineData("arrow_rs_stream", "float32", ElementType.Float32)]
    [InlineData("arrow_rs_stream", "float64", ElementType.Float64)]
    [InlineData("arrow_rs_stream", "int8", ElementType.Int8)]
    [InlineData("arrow_rs_stream", "uint8", ElementType.UInt8)]
    [InlineData("arrow_rs_stream", "int32", ElementType.Int32)]
    [InlineData("arrow_rs_stream", "int64", ElementType.Int32)]
    public void A_variant_of_a_writer_has_its_values(string file, string column, ElementType type)
    {
        using VectorSource source = Samples.Open(Fixture(file), new VectorFileOptions { Column = column });
        Assert.Equal((60L, 6, type), (source.Count, source.Dimension, source.ElementType));
        Assert.Equal(Expected, Samples.ReadAll(source));
        float[] part = new float[9 * 6];
        foreach (int start in (int[])[40, 3, 30, 31, 51])
        {
            source.Read(start, 9, part);
            Assert.Equal(Expected[(start * 6)..((start + 9) * 6)], part);
        }
    }

    [Theory]
    [InlineData("polars_uncompressed", """{"n":310,"text":"text 31"}""")]
    [InlineData("polars_zstd", """{"n":310,"text":"text 31"}""")]
    [InlineData("arrow_rs_stream", """{"n":null}""")]
    public void Keys_and_payload_come_along(string file, string expected)
    {
        using VectorSource source = Samples.Open(
            Fixture(file), new VectorFileOptions { Column = file.StartsWith("polars", StringComparison.Ordinal) ? null : "float32" });
        string[] keys = new string[60], payload = new string[60];
        source.ReadKeys(0, keys);
        source.ReadPayload(0, payload);
        Assert.Equal(Enumerable.Range(0, 60).Select(i => $"key{i}"), keys);
        Assert.Equal(expected, payload[31]);
        source.ReadKeys(47, keys.AsSpan(0, 2));
        Assert.Equal(["key47", "key48"], keys[..2]);
    }

    [Theory]
    [InlineData("js_stream")]
    [InlineData("js_file")]
    public void A_field_of_a_struct_is_the_vector_and_dictionaries_are_text(string file)
    {
        using VectorSource source = Samples.Open(Fixture(file));
        Assert.Equal(Expected, Samples.ReadAll(source));
        string[] keys = new string[2], payload = new string[3];
        source.ReadKeys(30, keys);
        source.ReadPayload(32, payload);
        Assert.Equal(["key30", "key31"], keys);
        Assert.Equal("""{"kind":"k2","even":true,"at":"2026-01-01T00:00:32.000","doc.text":"text 32"}""", payload[0]);
        Assert.Equal("""{"kind":null,"even":true,"at":"2026-01-01T00:00:34.000","doc.text":"text 34"}""", payload[2]);
    }

    [Fact]
    public void A_stream_is_known_by_its_content()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("data", File.ReadAllBytes(Fixture("js_stream")));
        using VectorSource source = Samples.Open(path);
        Assert.Equal(Expected, Samples.ReadAll(source));
    }

    [Fact]
    public void Lance_is_refused_by_name()
    {
        using TemporaryFolder folder = new();
        string dataset = folder.File("v.lance");
        Directory.CreateDirectory(Path.Combine(dataset, "_versions"));
        string file = folder.Write("data.lance", [.. new byte[100], .. "LANC"u8]);
        foreach (string path in (string[])[dataset, file])
        {
            VlcFormatException exception = Assert.Throws<VlcFormatException>(() => Samples.Open(path));
            Assert.Contains("Lance", exception.Message, StringComparison.Ordinal);
            Assert.Contains("write_table", exception.Message, StringComparison.Ordinal);
        }
    }

    private static string Fixture(string name) =>
        Path.Combine(RepositoryPaths.Root, "test", "Vlc.Formats.Tests", "Fixtures", "arrow", name + ".arrow");
}
