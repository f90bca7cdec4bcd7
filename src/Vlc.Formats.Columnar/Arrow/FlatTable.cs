using System.Buffers.Binary;
using System.Text;

namespace Vlc.Formats.Columnar.Arrow;

/// <summary>A table of a FlatBuffer. Every offset is compared with the bytes before it is followed.</summary>
/// <exception cref="InvalidDataException">An offset leads outside.</exception>
internal sealed class FlatTable
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly int _position;
    private readonly int _vtable;
    private readonly int _fields;

    private FlatTable(ReadOnlyMemory<byte> bytes, int position)
    {
        _bytes = bytes;
        _position = position;
        _vtable = Within((long)position - BinaryPrimitives.ReadInt32LittleEndian(At(position, sizeof(int))), sizeof(int));
        int size = BinaryPrimitives.ReadUInt16LittleEndian(At(_vtable, sizeof(ushort)));
        if (size < 4) throw new InvalidDataException("a table without fields");
        At(_vtable, size);
        _fields = (size - 4) / 2;
    }

    /// <summary>The table that a buffer begins with the offset of.</summary>
    public static FlatTable Root(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length < sizeof(uint)) throw new InvalidDataException("metadata that end too early");
        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span);
        return offset <= bytes.Length - sizeof(int)
            ? new FlatTable(bytes, (int)offset)
            : throw new InvalidDataException("an offset outside of the metadata");
    }

    /// <summary>Bytes of the buffer.</summary>
    public int BufferLength => _bytes.Length;

    public byte Byte(int field, byte absent = 0) => Field(field) is { } at ? At(at, 1)[0] : absent;

    public bool Bool(int field) => Byte(field) != 0;

    public short Int16(int field, short absent = 0) => Field(field) is { } at
        ? BinaryPrimitives.ReadInt16LittleEndian(At(at, sizeof(short)))
        : absent;

    public int Int32(int field) => Field(field) is { } at ? BinaryPrimitives.ReadInt32LittleEndian(At(at, sizeof(int))) : 0;

    public long Int64(int field) => Field(field) is { } at ? BinaryPrimitives.ReadInt64LittleEndian(At(at, sizeof(long))) : 0;

    public string? Text(int field)
    {
        if (Follow(field) is not { } at) return null;
        int length = Count(at, 1);
        return Encoding.UTF8.GetString(At(at + sizeof(int), length));
    }

    public FlatTable? Table(int field) => Follow(field) is { } at ? new FlatTable(_bytes, at) : null;

    public FlatTable[] Tables(int field)
    {
        if (Follow(field) is not { } at) return [];
        var tables = new FlatTable[Count(at, sizeof(int))];
        for (int i = 0; i < tables.Length; i++) tables[i] = new FlatTable(_bytes, Target(at + sizeof(int) + (i * sizeof(int))));
        return tables;
    }

    /// <summary>A vector of structs of <paramref name="size"/> bytes, as one span.</summary>
    public ReadOnlySpan<byte> Structs(int field, int size) =>
        Follow(field) is { } at ? At(at + sizeof(int), Count(at, size) * size) : [];

    private int Count(int at, int size)
    {
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(At(at, sizeof(uint)));
        return count <= (_bytes.Length - at - sizeof(uint)) / size ? (int)count : throw new InvalidDataException($"a vector of {count}");
    }

    private int? Field(int field)
    {
        if (field >= _fields) return null;
        int offset = BinaryPrimitives.ReadUInt16LittleEndian(At(_vtable + 4 + (field * 2), sizeof(ushort)));
        return offset == 0 ? null : _position + offset;
    }

    private int? Follow(int field) => Field(field) is { } at ? Target(at) : null;

    private int Target(int at) => Within(at + (long)BinaryPrimitives.ReadUInt32LittleEndian(At(at, sizeof(uint))), sizeof(int));

    private int Within(long at, int length) =>
        at >= 0 && at <= _bytes.Length - length ? (int)at : throw new InvalidDataException("an offset outside of the metadata");

    private ReadOnlySpan<byte> At(int at, int length) => _bytes.Span.Slice(Within(at, length), length);
}
