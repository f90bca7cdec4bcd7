using Vlc.Formats.Columnar.Compression;
using Vlc.Formats.Columnar.Tables;

namespace Vlc.Formats.Columnar.Parquet;

/// <summary>Types of stored values, by their number in the file.</summary>
internal enum PhysicalType
{
    Boolean = 0, Int32 = 1, Int64 = 2, Int96 = 3, Float = 4, Double = 5, ByteArray = 6, FixedBytes = 7,
}

/// <summary>One element of the schema, in the order of the file: a group is followed by its children.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Type of the values; null for a group.</param>
/// <param name="Length">Bytes of a value of fixed length.</param>
/// <param name="Repetition">0 required, 1 optional, 2 repeated.</param>
/// <param name="Children">Children of a group.</param>
/// <param name="Logical">What it stands for.</param>
/// <param name="Bits">Bits of an integer.</param>
internal sealed record SchemaElement(
    string Name, PhysicalType? Type, int Length, int Repetition, int Children, LogicalType Logical, int Bits);

/// <summary>The values of one column in one row group.</summary>
internal sealed record ColumnChunk(PhysicalType Type, int Codec, long Values, long Start, long Length);

/// <summary>Rows that are stored together.</summary>
internal sealed record RowGroup(ColumnChunk[] Columns, long Rows);

/// <summary>The footer of a Parquet file, parquet.thrift FileMetaData.</summary>
internal sealed class ParquetMetadata
{
    private readonly string _path;

    private ParquetMetadata(string path)
    {
        _path = path;
    }

    public IReadOnlyList<SchemaElement> Schema { get; private set; } = [];

    public IReadOnlyList<RowGroup> Groups { get; private set; } = [];

    public long Rows { get; private set; }

    /// <summary>Reads the footer.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="footer">Without its length and the signature.</param>
    /// <param name="offset">Where it begins in the file.</param>
    public static ParquetMetadata Read(string path, ReadOnlySpan<byte> footer, long offset)
    {
        ParquetMetadata metadata = new(path);
        ThriftReader reader = new(footer, (at, expected, found) =>
            new VlcFormatException(path, $"footer, offset {offset + at}", expected, found, "The file is damaged."));
        int id = 0;
        while (reader.NextField(ref id, out ThriftType type))
        {
            switch (id)
            {
                case 2: metadata.Schema = ReadSchema(ref reader, type); break;
                case 3: metadata.Rows = reader.ReadInteger(type); break;
                case 4: metadata.Groups = metadata.ReadGroups(ref reader, type); break;
                default: reader.SkipValue(type); break;
            }
        }

        if (reader.Position != footer.Length) throw reader.Damaged("the end of the footer", "more bytes");
        metadata.Validate(offset);
        return metadata;
    }

    /// <summary>The codec of a chunk.</summary>
    /// <exception cref="VlcFormatException">It is not read.</exception>
    public static Codec CodecOf(string path, string where, int codec) => codec switch
    {
        0 => Codec.None,
        1 => Codec.Snappy,
        2 => Codec.Gzip,
        4 => Codec.Brotli,
        5 => Codec.Lz4Hadoop,
        6 => Codec.Zstd,
        7 => Codec.Lz4Block,
        _ => throw new VlcFormatException(
            path, where, "compression by snappy, gzip, brotli, zstd or lz4", codec == 3 ? "lzo" : $"codec {codec}",
            "Write the file with another compression."),
    };

    private static List<SchemaElement> ReadSchema(ref ThriftReader reader, ThriftType list)
    {
        int count = reader.BeginList(list, ThriftType.Struct);
        List<SchemaElement> schema = [];
        for (int i = 0; i < count; i++)
        {
            int id = 0, physical = -1, length = 0, repetition = 0, children = 0, bits = 0;
            string name = "";
            LogicalType converted = LogicalType.None, logical = LogicalType.None;
            while (reader.NextField(ref id, out ThriftType type))
            {
                switch (id)
                {
                    case 1: physical = reader.ReadInt32(type); break;
                    case 2: length = reader.ReadInt32(type); break;
                    case 3: repetition = reader.ReadInt32(type); break;
                    case 4: name = reader.ReadText(type); break;
                    case 5: children = reader.ReadInt32(type); break;
                    case 6: (converted, bits) = Converted(reader.ReadInt32(type), bits); break;
                    case 10: (logical, bits) = ReadLogical(ref reader, type, bits); break;
                    default: reader.SkipValue(type); break;
                }
            }

            if (physical is < -1 or > 7 || repetition is < 0 or > 2 || children < 0 || length < 0 || (physical >= 0 && children > 0))
            {
                throw reader.Damaged("an element of a schema", $"type {physical}, repetition {repetition}, {children} children");
            }

            schema.Add(new SchemaElement(
                name, physical < 0 ? null : (PhysicalType)physical, length, repetition, children,
                logical == LogicalType.None ? converted : logical, bits));
        }

        return schema;
    }

    private static (LogicalType Type, int Bits) Converted(int type, int bits) => type switch
    {
        0 or 4 or 19 => (LogicalType.Text, bits),
        1 or 2 => (LogicalType.Map, bits),
        3 => (LogicalType.List, bits),
        5 => (LogicalType.Decimal, bits),
        6 => (LogicalType.Date, bits),
        9 => (LogicalType.Milliseconds, bits),
        10 => (LogicalType.Microseconds, bits),
        >= 11 and <= 14 => (LogicalType.Unsigned, 8 << (type - 11)),
        >= 15 and <= 18 => (LogicalType.Signed, 8 << (type - 15)),
        _ => (type is 7 or 8 or 21 ? LogicalType.TimeOrInterval : LogicalType.Other, bits),
    };

    private static (LogicalType Type, int Bits) ReadLogical(ref ThriftReader reader, ThriftType union, int bits)
    {
        reader.ExpectStruct(union);
        var result = LogicalType.None;
        int id = 0;
        while (reader.NextField(ref id, out ThriftType type))
        {
            reader.ExpectStruct(type);
            (result, bits) = id switch
            {
                1 or 4 or 12 => (LogicalType.Text, bits),
                2 => (LogicalType.Map, bits),
                3 => (LogicalType.List, bits),
                5 => (LogicalType.Decimal, bits),
                6 => (LogicalType.Date, bits),
                7 => (LogicalType.TimeOrInterval, bits),
                8 => (ReadUnit(ref reader), bits),
                10 => ReadInteger(ref reader),
                14 => (LogicalType.Uuid, bits),
                15 => (LogicalType.Float16, bits),
                _ => (LogicalType.Other, bits),
            };
            if (id is not (8 or 10)) reader.SkipValue(ThriftType.Struct);
        }

        return (result, bits);
    }

    private static LogicalType ReadUnit(ref ThriftReader reader)
    {
        LogicalType unit = LogicalType.Other;
        int id = 0;
        while (reader.NextField(ref id, out ThriftType type))
        {
            if (id != 2)
            {
                reader.SkipValue(type);
                continue;
            }

            reader.ExpectStruct(type);
            int which = 0;
            while (reader.NextField(ref which, out ThriftType empty))
            {
                unit = which switch
                {
                    1 => LogicalType.Milliseconds,
                    2 => LogicalType.Microseconds,
                    3 => LogicalType.Nanoseconds,
                    _ => LogicalType.Other,
                };
                reader.SkipValue(empty);
            }
        }

        return unit;
    }

    private static (LogicalType Type, int Bits) ReadInteger(ref ThriftReader reader)
    {
        int id = 0, bits = 0;
        bool signed = true;
        while (reader.NextField(ref id, out ThriftType type))
        {
            if (id == 1) bits = reader.ReadInt32(type);
            else if (id == 2) signed = reader.ReadBool(type);
            else reader.SkipValue(type);
        }

        return (signed ? LogicalType.Signed : LogicalType.Unsigned, bits);
    }

    private List<RowGroup> ReadGroups(ref ThriftReader reader, ThriftType list)
    {
        int count = reader.BeginList(list, ThriftType.Struct);
        List<RowGroup> groups = [];
        for (int i = 0; i < count; i++)
        {
            int id = 0;
            long rows = -1;
            ColumnChunk[] columns = [];
            while (reader.NextField(ref id, out ThriftType type))
            {
                if (id == 1) columns = ReadColumns(ref reader, type, i);
                else if (id == 3) rows = reader.ReadInteger(type);
                else reader.SkipValue(type);
            }

            groups.Add(new RowGroup(columns, rows));
        }

        return groups;
    }

    private ColumnChunk[] ReadColumns(ref ThriftReader reader, ThriftType list, int group)
    {
        int count = reader.BeginList(list, ThriftType.Struct);
        var columns = new ColumnChunk[count];
        for (int i = 0; i < count; i++)
        {
            int id = 0;
            ColumnChunk? chunk = null;
            while (reader.NextField(ref id, out ThriftType type))
            {
                switch (id)
                {
                    case 1:
                        throw new VlcFormatException(
                            _path, $"row group {group}", "data in the file itself", $"data in '{reader.ReadText(type)}'",
                            "Read that file.");
                    case 3:
                        reader.ExpectStruct(type);
                        chunk = ReadChunk(ref reader);
                        break;
                    case 8 or 9:
                        throw new VlcFormatException(
                            _path, $"row group {group}", "data that are not encrypted", "an encrypted column", "Decrypt the file.");
                    default:
                        reader.SkipValue(type);
                        break;
                }
            }

            columns[i] = chunk ?? throw reader.Damaged($"metadata of column {i} in row group {group}", "none");
        }

        return columns;
    }

    private static ColumnChunk ReadChunk(ref ThriftReader reader)
    {
        int id = 0, physical = -1, codec = -1;
        long values = -1, length = -1, data = -1, dictionary = -1;
        while (reader.NextField(ref id, out ThriftType type))
        {
            switch (id)
            {
                case 1: physical = reader.ReadInt32(type); break;
                case 4: codec = reader.ReadInt32(type); break;
                case 5: values = reader.ReadInteger(type); break;
                case 7: length = reader.ReadInteger(type); break;
                case 9: data = reader.ReadInteger(type); break;
                case 11: dictionary = reader.ReadInteger(type); break;
                default: reader.SkipValue(type); break;
            }
        }

        // Writers without a dictionary have left its offset at zero.
        long start = dictionary > 0 && dictionary < data ? dictionary : data;
        if (physical is < 0 or > 7 || values < 0 || length < 0 || start < 4)
        {
            throw reader.Damaged("metadata of a column", $"type {physical}, {values} values in {length} bytes at {start}");
        }

        return new ColumnChunk((PhysicalType)physical, codec, values, start, length);
    }

    private void Validate(long dataEnd)
    {
        long rows = 0;
        for (int i = 0; i < Groups.Count; i++)
        {
            RowGroup group = Groups[i];
            if (group.Rows < 0 || group.Rows > long.MaxValue - rows)
            {
                throw new VlcFormatException(_path, $"row group {i}", "a number of rows", $"{group.Rows}");
            }
            rows += group.Rows;
            foreach (ColumnChunk chunk in group.Columns)
            {
                if (chunk.Start > dataEnd || chunk.Length > dataEnd - chunk.Start)
                {
                    throw new VlcFormatException(
                        _path, $"row group {i}", $"columns within the {dataEnd} bytes before the footer",
                        $"{chunk.Length} bytes at {chunk.Start}",
                        "The file is truncated or damaged.");
                }
            }
        }

        if (rows != Rows)
        {
            throw new VlcFormatException(_path, "footer", $"{rows} rows, as the row groups have", $"{Rows}", "The file is damaged.");
        }
    }
}
