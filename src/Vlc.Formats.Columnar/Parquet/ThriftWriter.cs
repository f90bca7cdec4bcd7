using System.Text;

namespace Vlc.Formats.Columnar.Parquet;

/// <summary>Writes Thrift's compact protocol: the fields of a structure in ascending order, each with its number from 1.</summary>
internal sealed class ThriftWriter
{
    private readonly List<byte> _bytes = [];
    private readonly Stack<int> _above = new();
    private int _last;

    public byte[] ToArray() => [.. _bytes];

    public ThriftWriter Int32(int field, int value) => Number(field, ThriftType.Int32, value);

    public ThriftWriter Int64(int field, long value) => Number(field, ThriftType.Int64, value);

    public ThriftWriter Text(int field, string value)
    {
        Header(field, ThriftType.Binary);
        Binary(value);
        return this;
    }

    /// <summary>A structure; <paramref name="content"/> writes its fields.</summary>
    public ThriftWriter Struct(int field, Action content)
    {
        Header(field, ThriftType.Struct);
        Element(content);
        return this;
    }

    /// <summary>A list of structures, each of which <see cref="Element"/> writes.</summary>
    public ThriftWriter Structs(int field, int count, Action content)
    {
        BeginList(field, ThriftType.Struct, count);
        content();
        return this;
    }

    public ThriftWriter Int32s(int field, params int[] values)
    {
        BeginList(field, ThriftType.Int32, values.Length);
        foreach (int value in values) Varint(ZigZag(value));
        return this;
    }

    public ThriftWriter Texts(int field, params string[] values)
    {
        BeginList(field, ThriftType.Binary, values.Length);
        foreach (string value in values) Binary(value);
        return this;
    }

    /// <summary>A structure in a list, or the outermost one.</summary>
    public void Element(Action content)
    {
        _above.Push(_last);
        _last = 0;
        content();
        _bytes.Add((byte)ThriftType.Stop);
        _last = _above.Pop();
    }

    private ThriftWriter Number(int field, ThriftType type, long value)
    {
        Header(field, type);
        Varint(ZigZag(value));
        return this;
    }

    private void BeginList(int field, ThriftType element, int count)
    {
        const int inHeader = 15;
        Header(field, ThriftType.List);
        _bytes.Add((byte)((int.Min(count, inHeader) << 4) | (int)element));
        if (count >= inHeader) Varint((ulong)count);
    }

    private void Header(int field, ThriftType type)
    {
        _bytes.Add((byte)(((field - _last) << 4) | (int)type));
        _last = field;
    }

    private void Binary(string value)
    {
        byte[] text = Encoding.UTF8.GetBytes(value);
        Varint((ulong)text.Length);
        _bytes.AddRange(text);
    }

    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7) _bytes.Add((byte)(value | 0x80));
        _bytes.Add((byte)value);
    }

    private static ulong ZigZag(long value) => (ulong)((value << 1) ^ (value >> 63));
}
