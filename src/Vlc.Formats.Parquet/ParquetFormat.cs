using Parquet;
using Parquet.Schema;
using Vlc.Vectors;

namespace Vlc.Formats.Parquet;

/// <summary>Parquet: a column of lists of float, double or int32, all of the same length. Read row group by row group.</summary>
public sealed class ParquetFormat : VectorFileFormat
{
    // The footer of a file with ten thousand row groups has a few megabytes.
    private const uint MaxFooterBytes = 1 << 29;

    private ParquetFormat()
    {
    }

    /// <summary>The format, to add to <see cref="VectorFiles.Default"/>.</summary>
    public static ParquetFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "parquet";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Extensions { get; } = [".parquet"];

    /// <inheritdoc/>
    public override Recognition Recognize(FileSample sample) =>
        sample is not null && sample.Head.StartsWith(FileSignature.Parquet) && sample.Tail.EndsWith(FileSignature.Parquet) ? Recognition.Certain : Recognition.None;

    /// <inheritdoc/>
    public override VectorSource Open(string path, VectorFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        long length = ThrowIfUnframed(path);
        ParquetReader reader = ForeignFailure.Rethrow(path, "footer", () => ParquetReader.CreateAsync(path).GetAwaiter().GetResult());
        try
        {
            ParquetSchema schema = ForeignFailure.Rethrow(path, "schema", () => reader.Schema);
            DataField column = Choose(path, schema, options.Column);
            return new ParquetVectors(path, length, reader, column);
        }
        catch
        {
            ParquetVectors.Close(reader);
            throw;
        }
    }

    /// <summary>Both ends carry the signature; between them the footer has to fit. Returns the file's length.</summary>
    private static long ThrowIfUnframed(string path)
    {
        // "PAR1", then at the end the footer's length and "PAR1" again.
        const int smallest = 12;
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        Span<byte> head = stackalloc byte[FileSignature.Length];
        head = head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        if (!head.StartsWith(FileSignature.Parquet))
        {
            throw new VlcFormatException(path, "offset 0", "\"PAR1\"", FileSignature.DescribeOrQuote(head));
        }

        if (stream.Length < smallest)
        {
            throw new VlcFormatException(path, $"offset {stream.Length}", "a footer", "the end of the file", "The file is truncated.");
        }

        Span<byte> tail = stackalloc byte[8];
        stream.Seek(-tail.Length, SeekOrigin.End);
        stream.ReadExactly(tail);
        if (!tail[4..].SequenceEqual(FileSignature.Parquet))
        {
            throw new VlcFormatException(
                path, $"offset {stream.Length - 4}", "\"PAR1\" at the end", FileSignature.DescribeOrQuote(tail[4..]),
                "The file is truncated, or has trailing bytes.");
        }

        uint footer = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (footer > long.Min(stream.Length - smallest, MaxFooterBytes))
        {
            throw new VlcFormatException(
                path, $"offset {stream.Length - 8}", $"a footer within the file's {stream.Length} bytes, at most {MaxFooterBytes}",
                $"{footer} bytes");
        }

        byte[] metadata = new byte[footer];
        long offset = stream.Length - 8 - footer;
        stream.Position = offset;
        stream.ReadExactly(metadata);
        FooterStructure.ThrowIfDamaged(path, metadata, offset);
        return stream.Length;
    }

    private static DataField Choose(string path, ParquetSchema schema, string? name)
    {
        Dictionary<string, DataField> lists = [];
        foreach (Field field in schema.Fields)
        {
            DataField? item = field switch
            {
                ListField list => list.Item as DataField,
                DataField { IsArray: true } repeated => repeated,
                _ => null,
            };
            if (item is not null && ParquetVectors.TypeOf(item) is not null) lists.Add(field.Name, item);
        }

        if (name is null && lists.Count == 1) return lists.Values.Single();
        if (name is not null && lists.TryGetValue(name, out DataField? named)) return named;
        string found = string.Join(", ", schema.Fields.Select(field => $"'{field.Name}'"));
        throw name is not null
            ? new VlcFormatException(path, "schema", $"a list column '{name}' of float, double or int32", found)
            : new VlcFormatException(
                path, "schema", "one list column of float, double or int32",
                lists.Count == 0 ? $"none among {found}" : string.Join(", ", lists.Keys.Select(key => $"'{key}'")), "Name the column.");
    }
}
