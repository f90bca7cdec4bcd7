using Vlc.Formats.Columnar.Tables;
using Vlc.Vectors;

namespace Vlc.Formats.Columnar.Arrow;

/// <summary>How the buffers of a field are laid out.</summary>
internal enum ArrowLayout
{
    Null, Fixed, Bits, Text, LargeText, TextView, List, LargeList, ListView, FixedList, Struct, DenseUnion, SparseUnion, RunEnds,
}

/// <summary>A field of the schema, with where its node and its buffers stand among those of a record batch.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Layout">How its buffers are laid out; of a dictionary field, those of its indices.</param>
/// <param name="Type">Type of its values, for messages.</param>
/// <param name="Width">Bytes of a value, or elements of a list of fixed size.</param>
/// <param name="Number">The number that a value can be as a component; null where it is none.</param>
/// <param name="IsInteger">True for whole numbers.</param>
/// <param name="Logical">What an integer stands for.</param>
/// <param name="Dictionary">The dictionary that the values are indices of; null without one.</param>
/// <param name="Children">Fields within it, in a record batch.</param>
internal sealed record ArrowField(
    string Name, ArrowLayout Layout, string Type, int Width, ElementType? Number, bool IsInteger, LogicalType Logical, long? Dictionary,
    ArrowField[] Children)
{
    private const int MaxDepth = 64;

    /// <summary>Buffers in a record batch; those of views come on top.</summary>
    public int Buffers => Layout switch
    {
        ArrowLayout.Null or ArrowLayout.RunEnds => 0,
        ArrowLayout.FixedList or ArrowLayout.Struct or ArrowLayout.SparseUnion => 1,
        ArrowLayout.Text or ArrowLayout.LargeText or ArrowLayout.ListView => 3,
        _ => 2,
    };

    /// <summary>All fields of a schema.</summary>
    /// <exception cref="InvalidDataException">The schema is damaged.</exception>
    public static ArrowField[] All(FlatTable schema)
    {
        // A field takes more bytes than this: more fields than that share theirs.
        int budget = schema.BufferLength / 8;
        return [.. schema.Tables(1).Select(field => Read(field, 0, ref budget))];
    }

    private static ArrowField Read(FlatTable field, int depth, ref int budget)
    {
        const int name = 0, typeNumber = 2, typeTable = 3, dictionary = 4, children = 5;
        if (depth > MaxDepth || --budget < 0) throw new InvalidDataException("fields without end");
        FlatTable[] below = field.Tables(children);
        var fields = new ArrowField[below.Length];
        for (int i = 0; i < below.Length; i++) fields[i] = Read(below[i], depth + 1, ref budget);
        FlatTable? type = field.Table(typeTable);
        ArrowField read = Read(field.Text(name) ?? "", field.Byte(typeNumber), type, fields);
        if (field.Table(dictionary) is not { } encoding) return read;

        // In a record batch the values are indices; the dictionary's own layout is that of its batch.
        int width = encoding.Table(1) is { } index ? index.Int32(0) / 8 : sizeof(int);
        if (width is not (1 or 2 or 4 or 8)) throw new InvalidDataException($"dictionary indices of {width} bytes");
        bool isText = read is { Layout: ArrowLayout.Text, Logical: LogicalType.Text };
        return read with
        {
            Layout = ArrowLayout.Fixed, Type = $"dictionary of {read.Type}", Width = width, Number = null, IsInteger = false,
            Logical = isText ? LogicalType.Text : LogicalType.Other, Dictionary = encoding.Int64(0), Children = [],
        };
    }

    private static ArrowField Read(string name, int type, FlatTable? table, ArrowField[] children)
    {
        return type switch
        {
            1 => Make(ArrowLayout.Null, "null"),
            2 => Integer(name, table?.Int32(0) ?? 0, table?.Bool(1) ?? false),
            3 => Float(name, table?.Int16(0) ?? 0),
            4 => Make(ArrowLayout.Text, "binary", logical: LogicalType.Other),
            5 => Make(ArrowLayout.Text, "text", logical: LogicalType.Text),
            6 => Make(ArrowLayout.Bits, "bool"),
            7 => Make(ArrowLayout.Fixed, "decimal", logical: LogicalType.Other),
            8 => (table?.Int16(0, 1) ?? 1) == 0
                ? Make(ArrowLayout.Fixed, "date", 4, LogicalType.Date)
                : Make(ArrowLayout.Fixed, "date", 8, LogicalType.Milliseconds),
            10 => Make(ArrowLayout.Fixed, "timestamp", 8, (table?.Int16(0) ?? 0) switch
            {
                1 => LogicalType.Milliseconds, 2 => LogicalType.Microseconds, 3 => LogicalType.Nanoseconds, _ => LogicalType.Other,
            }),
            9 or 11 or 15 or 18 => Make(ArrowLayout.Fixed, type == 15 ? "bytes of fixed length" : "time", logical: LogicalType.Other),
            12 or 17 => Make(ArrowLayout.List, type == 17 ? "map" : ListOf()),
            13 => Make(ArrowLayout.Struct, "struct"),
            14 => Make(table?.Int16(0) == 1 ? ArrowLayout.DenseUnion : ArrowLayout.SparseUnion, "union"),
            16 => Make(ArrowLayout.FixedList, ListOf(), table?.Int32(0) ?? 0),
            19 => Make(ArrowLayout.LargeText, "binary", logical: LogicalType.Other),
            20 => Make(ArrowLayout.LargeText, "text", logical: LogicalType.Text),
            21 => Make(ArrowLayout.LargeList, ListOf()),
            22 => Make(ArrowLayout.RunEnds, "run-end encoded"),
            23 => Make(ArrowLayout.TextView, "binary", logical: LogicalType.Other),
            24 => Make(ArrowLayout.TextView, "text", logical: LogicalType.Text),
            25 or 26 => Make(ArrowLayout.ListView, "list view"),
            _ => throw new InvalidDataException($"a field of type {type}"),
        };

        string ListOf() => children is [var item]
            ? $"list of {item.Type}"
            : throw new InvalidDataException($"a list of {children.Length} fields");

        ArrowField Make(ArrowLayout layout, string description, int width = 0, LogicalType logical = LogicalType.None) =>
            new(name, layout, description, width, null, false, logical, null, children);
    }

    private static ArrowField Integer(string name, int bits, bool signed)
    {
        if (bits is not (8 or 16 or 32 or 64)) throw new InvalidDataException($"integers of {bits} bits");
        ElementType? number = (bits, signed) switch
        {
            (8, true) => ElementType.Int8,
            (8, false) => ElementType.UInt8,
            _ => ElementType.Int32,
        };
        return new ArrowField(
            name, ArrowLayout.Fixed, $"{(signed ? "int" : "uint")}{bits}", bits / 8, number, true,
            signed ? LogicalType.Signed : LogicalType.Unsigned, null, []);
    }

    private static ArrowField Float(string name, int precision) => precision switch
    {
        0 => new ArrowField(name, ArrowLayout.Fixed, "float16", 2, ElementType.Float16, false, LogicalType.None, null, []),
        1 => new ArrowField(name, ArrowLayout.Fixed, "float32", 4, ElementType.Float32, false, LogicalType.None, null, []),
        2 => new ArrowField(name, ArrowLayout.Fixed, "float64", 8, ElementType.Float64, false, LogicalType.None, null, []),
        _ => throw new InvalidDataException($"floats of precision {precision}"),
    };
}
