using System.Globalization;
using System.Text;
using Parquet;
using Parquet.Schema;
using PureHDF;
using Vlc.Formats.Chroma;
using Vlc.Formats.Columnar;
using Vlc.Formats.Hdf5;
using Vlc.Formats.Zstandard;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

/// <summary>Files of each format, built by hand from the format's description and not by the code under test.</summary>
internal static class Samples
{
    public static IReadOnlyList<VectorFileFormat> AllFormats { get; } =
        [
            .. VectorFiles.Default, Hdf5Format.Instance, ParquetFormat.Instance, ArrowFormat.Instance, ChromaFormat.Instance,
                ZstandardFormat.Instance,
        ];

    /// <summary>Extensions of the formats whose components are float32, as they are or as text.</summary>
    public static readonly string[] FloatExtensions =
        [".npy", ".fvecs", ".fbin", ".safetensors", ".jsonl", ".csv", ".tsv", ".txt", ".hdf5", ".parquet"];

    public static VectorSource Open(string path, VectorFileOptions? options = null) => VectorFiles.Open(path, options, AllFormats);

    public static float[] ReadAll(VectorSource source)
    {
        float[] rows = new float[source.Count * source.Dimension];
        source.Read(0, (int)source.Count, rows);
        return rows;
    }

    /// <summary>A small file of the extension's format with the given rows.</summary>
    public static byte[] Build(string extension, float[] rows, int dimension) => extension switch
    {
        ".npy" => Npy("<f4", rows.Length / dimension, dimension, Bytes(rows)),
        ".fvecs" => Vecs(rows, dimension),
        ".fbin" => [.. BitConverter.GetBytes(rows.Length / dimension), .. BitConverter.GetBytes(dimension), .. Bytes(rows)],
        ".safetensors" => Safetensors(
        $$"""{"w":{"dtype":"F32","shape":[{{rows.Length / dimension}},{{dimension}}],"data_offsets":[0,{{rows.Length * 4}}] } }""",
        Bytes(rows)),
        ".jsonl" => Lines(rows, dimension, (i, row) => $$"""{"id":"k{{i}}","embedding":[{{string.Join(", ", row)}}]}"""),
        ".csv" => Lines(rows, dimension, (i, row) => $"k{i}," + string.Join(",", row)),
        ".tsv" => Lines(rows, dimension, (i, row) => string.Join("\t", row)),
        ".txt" => Lines(rows, dimension, (i, row) => $"k{i} " + string.Join(" ", row)),
        ".hdf5" => Hdf5(rows, dimension),
        ".parquet" => ParquetFile(rows, Enumerable.Repeat(dimension, rows.Length / dimension).ToArray(), rowsPerGroup: 7),
        _ => throw new ArgumentOutOfRangeException(nameof(extension), extension, null),
    };

    public static byte[] Npy(string descr, object rows, object columns, byte[] data, string order = "False", int version = 1) =>
        NpyRaw($"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({rows}, {columns}), }}", data, version);

    public static byte[] NpyRaw(string dictionary, byte[] data, int version = 1)
    {
        int preamble = version == 1 ? 10 : 12;
        int padding = 63 - ((preamble + dictionary.Length) % 64);
        byte[] text = Encoding.ASCII.GetBytes(dictionary + new string(' ', padding) + "\n");
        byte[] length = version == 1 ? BitConverter.GetBytes((ushort)text.Length) : BitConverter.GetBytes(text.Length);
        return [0x93, .. "NUMPY"u8, (byte)version, 0, .. length, .. text, .. data];
    }

    public static byte[] Vecs(float[] rows, int dimension) =>
        [.. rows.Chunk(dimension).SelectMany(row => (byte[])[.. BitConverter.GetBytes(row.Length), .. Bytes(row)])];

    public static byte[] Safetensors(string header, byte[] data) =>
        [.. BitConverter.GetBytes((ulong)header.Length), .. Encoding.UTF8.GetBytes(header), .. data];

    public static byte[] Bytes<T>(T[] values)
        where T : unmanaged => System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).ToArray();

    public static byte[] Hdf5(float[] rows, int dimension, string name = "train")
    {
        float[,] matrix = new float[rows.Length / dimension, dimension];
        Buffer.BlockCopy(rows, 0, matrix, 0, rows.Length * sizeof(float));
        return Hdf5(new H5File { [name] = matrix });
    }

    public static byte[] Hdf5(H5File file, H5WriteOptions? options = null)
    {
        using MemoryStream stream = new();
        file.Write(stream, options);
        return stream.ToArray();
    }

    /// <summary>A Parquet file with a column of lists of the given lengths; -1 is a null row.</summary>
    public static byte[] ParquetFile(float[] values, int[] lengths, int rowsPerGroup)
    {
        ListField list = new("embedding", new DataField<float>("element"));
        ParquetSchema schema = new(new DataField<string>("id"), list);
        int top = schema.DataFields[1].MaxDefinitionLevel;
        using MemoryStream stream = new();
        ParquetWriter writer = ParquetWriter.CreateAsync(schema, stream).GetAwaiter().GetResult();
        int at = 0, first = 0;
        foreach (int[] group in lengths.Chunk(rowsPerGroup))
        {
            using ParquetRowGroupWriter rows = writer.CreateRowGroup();
            rows.WriteAsync(schema.DataFields[0], group.Select((_, i) => $"k{first + i}").ToArray()).GetAwaiter().GetResult();
            int count = group.Sum(length => int.Max(length, 0));
            int[] definitions = [.. group.SelectMany(length => length < 0 ? [0] : Enumerable.Repeat(top, length))];
            int[] repetitions = [.. group.SelectMany(length => length < 0 ? [0] : Enumerable.Range(0, length).Select(i => int.Min(i, 1)))];
            rows.WriteAllPartsAsync<float>(schema.DataFields[1], values.AsMemory(at, count), definitions, repetitions, default)
                .GetAwaiter().GetResult();
            at += count;
            first += group.Length;
        }

        writer.DisposeAsync().AsTask().GetAwaiter().GetResult();
        return stream.ToArray();
    }

    private static byte[] Lines(float[] rows, int dimension, Func<int, IEnumerable<string>, string> format) =>
        Encoding.UTF8.GetBytes(string.Concat(rows.Chunk(dimension).Select(
            (row, i) => format(i, row.Select(value => value.ToString("R", CultureInfo.InvariantCulture))) + "\n")));
}
