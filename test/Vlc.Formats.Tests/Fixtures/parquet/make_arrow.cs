#:package ParquetSharp@25.0.1.2
#:package Apache.Arrow@23.0.0
#:property PublishAot=false

// Makes Parquet files with Arrow C++, the writer of pyarrow, pandas and Hugging Face datasets. Row i, component j is (31 i + 17 j) mod 101.
// Run it outside of the repository, whose build properties are not for it: dotnet run make_arrow.cs
using Apache.Arrow;
using Apache.Arrow.Types;
using ParquetSharp;
using ParquetSharp.Arrow;
using ParquetSharp.Schema;

const int Rows = 60, Dimension = 6;
int[] values = [.. Enumerable.Range(0, Rows * Dimension).Select(at => ((31 * (at / Dimension)) + (17 * (at % Dimension))) % 101)];
(string Name, IArrowType Type, IArrowArray Values)[] types =
[
    ("float16", HalfFloatType.Default, new HalfFloatArray.Builder().AppendRange(values.Select(v => (Half)v)).Build()),
    ("float32", FloatType.Default, new FloatArray.Builder().AppendRange(values.Select(v => (float)v)).Build()),
    ("float64", DoubleType.Default, new DoubleArray.Builder().AppendRange(values.Select(v => (double)v)).Build()),
    ("int8", Int8Type.Default, new Int8Array.Builder().AppendRange(values.Select(v => (sbyte)v)).Build()),
    ("uint8", UInt8Type.Default, new UInt8Array.Builder().AppendRange(values.Select(v => (byte)v)).Build()),
    ("int32", Int32Type.Default, new Int32Array.Builder().AppendRange(values).Build()),
    ("int64", Int64Type.Default, new Int64Array.Builder().AppendRange(values.Select(v => (long)v)).Build()),
];

IArrowArray AsList(IArrowType type, IArrowArray items)
{
    var offsets = new ArrowBuffer.Builder<int>();
    for (int i = 0; i <= Rows; i++) offsets.Append(i * Dimension);
    return new ListArray(new ListType(new Field("element", type, true)), Rows, offsets.Build(), items, ArrowBuffer.Empty);
}

IArrowArray AsFixed(IArrowType type, IArrowArray items) =>
    new FixedSizeListArray(new FixedSizeListType(new Field("element", type, true), Dimension), Rows, items, ArrowBuffer.Empty);

void Write(string name, bool isFixed, Action<WriterPropertiesBuilder> set)
{
    var ids = new StringArray.Builder();
    var numbers = new Int64Array.Builder();
    for (int i = 0; i < Rows; i++)
    {
        ids.Append($"key{i}");
        if (i % 7 == 3) numbers.AppendNull();
        else numbers.Append(i * 10L);
    }

    IArrowArray[] columns =
        [ids.Build(), numbers.Build(), .. types.Select(t => isFixed ? AsFixed(t.Type, t.Values) : AsList(t.Type, t.Values))];
    Field[] fields = [new("id", StringType.Default, true), new("n", Int64Type.Default, true),
        .. types.Select((t, i) => new Field(t.Name, columns[i + 2].Data.DataType, true))];
    var schema = new Apache.Arrow.Schema(fields, null);
    var builder = new WriterPropertiesBuilder();
    set(builder);
    using WriterProperties properties = builder.Build();
    using ArrowWriterProperties arrow = new ArrowWriterPropertiesBuilder().StoreSchema().Build();
    using var writer = new ParquetSharp.Arrow.FileWriter(name, schema, properties, arrow);
    writer.WriteRecordBatch(new RecordBatch(schema, columns, Rows));
    writer.Close();
}

Write("arrow_v1_snappy.parquet", false, b => b.Compression(Compression.Snappy));
Write("arrow_v2_zstd.parquet", false, b => b.Compression(Compression.Zstd).DataPageVersion(ParquetDataPageVersion.V2));
Write("arrow_v2_gzip.parquet", false, b => b.Compression(Compression.Gzip).DataPageVersion(ParquetDataPageVersion.V2));
Write("arrow_v1_brotli_crc.parquet", false, b => b.Compression(Compression.Brotli).EnablePageChecksum());
Write(
    "arrow_v1_lz4_small_pages.parquet", false,
    b => b.Compression(Compression.Lz4).DataPagesize(100).WriteBatchSize(7).DisableDictionary().EnablePageChecksum());
Write(
    "arrow_v2_none_crc.parquet", false,
    b => b.Compression(Compression.Uncompressed).DataPageVersion(ParquetDataPageVersion.V2).EnablePageChecksum());
Write("arrow_fixed_groups.parquet", true, b => b.Compression(Compression.Snappy).MaxRowGroupLength(25));
Write("arrow_fixed_v2_split.parquet", true, b =>
{
    b.Compression(Compression.Zstd).DataPageVersion(ParquetDataPageVersion.V2).DisableDictionary();
    foreach (string name in (string[])["float16", "float32", "float64"]) b.Encoding($"{name}.list.element", Encoding.ByteStreamSplit);
    foreach (string name in (string[])["int8", "uint8", "int32", "int64"]) b.Encoding($"{name}.list.element", Encoding.DeltaBinaryPacked);
    b.Encoding("id", Encoding.DeltaByteArray).Encoding("n", Encoding.DeltaBinaryPacked);
});

// The two-level lists of old writers: of numbers, and of lists of numbers.
Node Leaf(Repetition repetition, string name) => new PrimitiveNode(name, repetition, LogicalType.None(), PhysicalType.Float);
Node List(Repetition repetition, string name, Node child) => new GroupNode(name, repetition, [child], LogicalType.List());
using (var root = new GroupNode("schema", Repetition.Required,
    [List(Repetition.Optional, "legacy", Leaf(Repetition.Repeated, "array")),
        List(Repetition.Optional, "lists", List(Repetition.Repeated, "array", Leaf(Repetition.Repeated, "array")))]))
using (var properties = new WriterPropertiesBuilder().Build())
using (var file = new ParquetFileWriter("legacy.parquet", root, properties))
{
    using RowGroupWriter group = file.AppendRowGroup();
    float[] floats = [.. values.Select(v => (float)v)];
    using (var column = (ColumnWriter<float>)group.NextColumn())
    {
        column.WriteBatch(
            values.Length, [.. values.Select(_ => (short)2)], [.. values.Select((_, i) => (short)(i % Dimension == 0 ? 0 : 1))], floats);
    }

    using (var column = (ColumnWriter<float>)group.NextColumn())
    {
        short Level(int i) => (short)(i % Dimension == 0 ? 0 : i % 3 == 0 ? 1 : 2);
        column.WriteBatch(values.Length, [.. values.Select(_ => (short)3)], [.. values.Select((_, i) => Level(i))], floats);
    }

    file.Close();
}
