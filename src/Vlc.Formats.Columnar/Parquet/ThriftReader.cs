namespace Vlc.Formats.Columnar.Parquet;

/// <summary>The types of Thrift's compact protocol; a boolean field has its value in place of the type.</summary>
internal enum ThriftType : byte
{
    Stop = 0, True = 1, False = 2, Byte = 3, Int16 = 4, Int32 = 5, Int64 = 6, Double = 7, Binary = 8, List = 9, Set = 10, Map = 11,
    Struct = 12,
}

/// <summary>
/// Reads Thrift's compact protocol from memory. Every count is compared with the bytes that are left before it is believed.
/// </summary>
internal ref struct ThriftReader(ReadOnlySpan<byte> bytes, Func<long, string, string, VlcFormatException> damaged)
{
    // The real nesting of Parquet's metadata is five.
    private const int MaxDepth = 16;

    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly Func<long, string, string, VlcFormatException> _damaged = damaged;
    private int _depth;

    public int Position { get; private set; }

    /// <summary>The next field of a struct; false at its end.</summary>
    /// <param name="id">Number of the field before it, 0 at the beginning; then its own.</param>
    /// <param name="type">Type of its value.</param>
    public bool NextField(ref int id, out ThriftType type)
    {
        byte header = Take();
        type = (ThriftType)(header & 0x0F);
        if (type == ThriftType.Stop) return false;
        if (type > ThriftType.Struct) throw Damaged("a type of the compact protocol", $"{(int)type}");
        long next = header >> 4 == 0 ? ZigZag(Varint()) : id + (header >> 4);
        if (next is < 1 or > short.MaxValue) throw Damaged("a field number", $"{next}");
        id = (int)next;
        return true;
    }

    public int ReadInt32(ThriftType type) => ReadInteger(type) is >= int.MinValue and <= int.MaxValue and var value
        ? (int)value
        : throw Damaged("an integer of 32 bits", "a larger one");

    public long ReadInteger(ThriftType type) => type switch
    {
        ThriftType.Byte => (sbyte)Take(),
        ThriftType.Int16 or ThriftType.Int32 or ThriftType.Int64 => ZigZag(Varint()),
        _ => throw Damaged("an integer", $"{type}"),
    };

    public readonly bool ReadBool(ThriftType type) => type switch
    {
        ThriftType.True => true,
        ThriftType.False => false,
        _ => throw Damaged("a boolean", $"{type}"),
    };

    public ReadOnlySpan<byte> ReadBinary(ThriftType type)
    {
        if (type != ThriftType.Binary) throw Damaged("text", $"{type}");
        return Skip(Varint());
    }

    public string ReadText(ThriftType type) => System.Text.Encoding.UTF8.GetString(ReadBinary(type));

    /// <summary>Begins a list. Every element takes a byte at least.</summary>
    public int BeginList(ThriftType type, ThriftType element)
    {
        if (type != ThriftType.List) throw Damaged("a list", $"{type}");
        byte header = Take();
        ulong count = header >> 4 == 15 ? Varint() : (ulong)(header >> 4);
        if (count > 0 && (ThriftType)(header & 0x0F) != element)
        {
            throw Damaged($"a list of {element}", $"one of {(ThriftType)(header & 0x0F)}");
        }
        return count <= (ulong)(_bytes.Length - Position) ? (int)count : throw Damaged("a list within the metadata", $"{count} elements");
    }

    public readonly void ExpectStruct(ThriftType type)
    {
        if (type != ThriftType.Struct) throw Damaged("a structure", $"{type}");
    }

    public void SkipValue(ThriftType type)
    {
        switch (type)
        {
            case ThriftType.True or ThriftType.False: break;
            case ThriftType.Byte: Skip(1); break;
            case ThriftType.Int16 or ThriftType.Int32 or ThriftType.Int64: Varint(); break;
            case ThriftType.Double: Skip(sizeof(double)); break;
            case ThriftType.Binary: Skip(Varint()); break;
            case ThriftType.Struct: SkipStruct(); break;
            case ThriftType.List or ThriftType.Set: SkipList(); break;
            default: throw Damaged("a type of Parquet's metadata", $"{type}");
        }
    }

    public readonly VlcFormatException Damaged(string expected, string found) => _damaged(Position, expected, found);

    private void SkipStruct()
    {
        Enter();
        int id = 0;
        while (NextField(ref id, out ThriftType type)) SkipValue(type);
        _depth--;
    }

    private void SkipList()
    {
        Enter();
        byte header = Take();
        var element = (ThriftType)(header & 0x0F);
        ulong count = header >> 4 == 15 ? Varint() : (ulong)(header >> 4);
        if (count > (ulong)(_bytes.Length - Position)) throw Damaged("a list within the metadata", $"{count} elements");

        // A boolean in a list takes a byte; as a field it takes none.
        if (element is ThriftType.True or ThriftType.False) element = ThriftType.Byte;
        for (ulong i = 0; i < count; i++) SkipValue(element);
        _depth--;
    }

    private void Enter()
    {
        if (++_depth > MaxDepth) throw Damaged($"at most {MaxDepth} nested structures", "more");
    }

    private byte Take() => Position < _bytes.Length ? _bytes[Position++] : throw Damaged("more metadata", "its end");

    private ReadOnlySpan<byte> Skip(ulong length)
    {
        if (length > (ulong)(_bytes.Length - Position)) throw Damaged($"{length} bytes", "the end of the metadata");
        Position += (int)length;
        return _bytes.Slice(Position - (int)length, (int)length);
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte part = Take();
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }

        throw Damaged("an integer of at most ten bytes", "a longer one");
    }

    private static long ZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);
}
