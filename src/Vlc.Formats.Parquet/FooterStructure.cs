namespace Vlc.Formats.Parquet;

/// <summary>
/// Walks a Parquet footer (Thrift, compact protocol) before Parquet.Net sees it, and compares each field's type and length
/// with the file format. Parquet.Net trusts both: a single flipped bit makes it loop over two billion elements that are not there.
/// </summary>
internal ref struct FooterStructure
{
    // The real nesting is five: file, row group, column chunk, column, statistics.
    private const int MaxDepth = 16;

    private readonly string _path;
    private readonly long _offset;
    private readonly ReadOnlySpan<byte> _bytes;
    private int _position;

    private FooterStructure(string path, ReadOnlySpan<byte> bytes, long offset)
    {
        _path = path;
        _bytes = bytes;
        _offset = offset;
    }

    // The compact protocol's type codes; a boolean field has its value (1 or 2) in place of the type.
    private enum Kind : byte
    {
        Stop = 0, True = 1, False = 2, Byte = 3, Int16 = 4, Int32 = 5, Int64 = 6, Double = 7, Binary = 8, List = 9, Set = 10, Map = 11,
        Struct = 12, Uuid = 13,
    }

    private static readonly Shape Any = new("");

    // parquet.thrift, by field number: i = i32, l = i64, s = i16, b = binary, { = struct, [ = list of the next.
    private static readonly Shape Column = new("i [i [b i l l l [{ l l l { [{ l i { {");
    private static readonly Shape ColumnChunk = new("b l { l i l i { b", (3, Column));
    private static readonly Shape RowGroup = new("[{ l l [{ l l s", (1, ColumnChunk));
    private static readonly Shape SchemaElement = new("i i i b i i i i i {");
    private static readonly Shape File = new("i [{ l [{ [{ b [{ { b", (2, SchemaElement), (4, RowGroup));

    /// <summary>Throws unless <paramref name="footer"/> is one whole file metadata structure.</summary>
    /// <param name="path">The file, for the message.</param>
    /// <param name="footer">The footer, without its length and the signature.</param>
    /// <param name="offset">Where it begins in the file, for the message.</param>
    /// <exception cref="VlcFormatException">It is not.</exception>
    public static void ThrowIfDamaged(string path, ReadOnlySpan<byte> footer, long offset)
    {
        FooterStructure walk = new(path, footer, offset);
        walk.WalkStruct(File, depth: 0);
        if (walk._position != footer.Length) throw walk.Damaged("the end of the footer", "more bytes");
    }

    private void WalkStruct(Shape shape, int depth)
    {
        if (depth > MaxDepth) throw Damaged($"at most {MaxDepth} nested structures", "more");
        long id = 0;
        while (true)
        {
            byte header = TakeByte();
            Kind kind = (Kind)(header & 0x0F);
            if (kind == Kind.Stop) return;
            id = header >> 4 == 0 ? ZigZag(TakeVarint()) : id + (header >> 4);
            Kind? expected = shape.KindOf(id);
            if (expected is not null && expected != kind) throw Damaged($"field {id} as {expected}", $"{kind}");
            if (kind is Kind.True or Kind.False) continue;
            WalkValue(kind, shape.ElementOf(id), shape.Nested(id), depth);
        }
    }

    private void WalkValue(Kind kind, Kind? element, Shape nested, int depth)
    {
        switch (kind)
        {
            case Kind.True or Kind.False or Kind.Byte: Skip(1); break;
            case Kind.Int16 or Kind.Int32 or Kind.Int64: TakeVarint(); break;
            case Kind.Double: Skip(sizeof(double)); break;
            case Kind.Binary: Skip(TakeVarint()); break;
            case Kind.Uuid: Skip(16); break;
            case Kind.Struct: WalkStruct(nested, depth + 1); break;
            case Kind.List or Kind.Set: WalkList(element, nested, depth); break;
            default: throw Damaged("a type of the Parquet metadata", $"{kind}");
        }
    }

    private void WalkList(Kind? expected, Shape nested, int depth)
    {
        if (depth > MaxDepth) throw Damaged($"at most {MaxDepth} nested structures", "more");
        byte header = TakeByte();
        Kind kind = (Kind)(header & 0x0F);
        ulong count = header >> 4 == 15 ? TakeVarint() : (ulong)(header >> 4);
        if (expected is not null && expected != kind && count > 0) throw Damaged($"a list of {expected}", $"a list of {kind}");

        // Every element takes a byte at least.
        if (count > (ulong)(_bytes.Length - _position)) throw Damaged("a list within the footer", $"{count} elements");
        for (ulong i = 0; i < count; i++) WalkValue(kind, element: null, nested, depth + 1);
    }

    private byte TakeByte() => _position < _bytes.Length ? _bytes[_position++] : throw Damaged("more metadata", "the end of the footer");

    private ulong TakeVarint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte part = TakeByte();
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }

        throw Damaged("an integer of at most ten bytes", "a longer one");
    }

    private static long ZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);

    private void Skip(ulong length)
    {
        if (length > (ulong)(_bytes.Length - _position)) throw Damaged($"{length} bytes", "the end of the footer");
        _position += (int)length;
    }

    private readonly VlcFormatException Damaged(string expected, string found) =>
        new(_path, $"footer, offset {_offset + _position}", expected, found, "The file is damaged.");

    /// <summary>The expected types of a structure's fields, numbered from 1.</summary>
    private sealed class Shape(string fields, params (long Id, Shape Shape)[] nested)
    {
        private readonly string[] _fields = fields.Split(' ', StringSplitOptions.RemoveEmptyEntries);

        public Kind? KindOf(long id) => Code(id) is { } code ? Parse(code[0]) : null;

        public Kind? ElementOf(long id) => Code(id) is ['[', char element] ? Parse(element) : null;

        public Shape Nested(long id) => nested.FirstOrDefault(entry => entry.Id == id).Shape ?? Any;

        private string? Code(long id) => id >= 1 && id <= _fields.Length ? _fields[id - 1] : null;

        private static Kind? Parse(char code) => code switch
        {
            'i' => Kind.Int32,
            'l' => Kind.Int64,
            's' => Kind.Int16,
            'b' => Kind.Binary,
            '{' => Kind.Struct,
            '[' => Kind.List,
            _ => null,
        };
    }
}
