using System.Buffers.Binary;
using System.Text;

namespace Vlc.Formats.Hdf5;

/// <summary>Reads a block of metadata field by field; a field beyond its end is damage, with its place.</summary>
internal sealed class Cursor(Hdf5File file, ReadOnlyMemory<byte> bytes, long address, string what)
{
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: false);

    public Hdf5File File => file;

    public int Position { get; private set; }

    public int Remaining => bytes.Length - Position;

    public ReadOnlySpan<byte> Bytes(int count)
    {
        if (count < 0 || count > Remaining) throw Damaged($"{count} bytes more", $"{Remaining}");
        Position += count;
        return bytes.Span.Slice(Position - count, count);
    }

    public void Skip(int count) => Bytes(count);

    public byte U8() => Bytes(1)[0];

    public int U16() => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(sizeof(ushort)));

    public uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(sizeof(uint)));

    /// <summary>A number of 1 to 8 bytes that fits a signed one.</summary>
    public long Number(int size)
    {
        ulong value = Raw(size);
        return value <= long.MaxValue ? (long)value : throw Damaged("a length below 2^63", $"{value}");
    }

    /// <summary>A length of the file's size of lengths.</summary>
    public long Length() => Number(file.LengthSize);

    /// <summary>An address, or null for the undefined one.</summary>
    public long? Address()
    {
        ulong value = Raw(file.OffsetSize);
        ulong undefined = file.OffsetSize == sizeof(ulong) ? ulong.MaxValue : uint.MaxValue;
        if (value == undefined) return null;
        return value <= long.MaxValue ? (long)value : throw Damaged("an address below 2^63", $"{value}");
    }

    /// <summary>A block of the same metadata with its own cursor.</summary>
    public Cursor Slice(int count)
    {
        int start = Position;
        Skip(count);
        return new Cursor(file, bytes.Slice(start, count), address + start, what);
    }

    /// <summary>The same block from its beginning.</summary>
    public Cursor Restarted() => new(file, bytes, address, what);

    /// <summary>Text up to a zero byte, which is consumed.</summary>
    public string ZeroTerminated()
    {
        int end = bytes.Span[Position..].IndexOf((byte)0);
        if (end < 0) throw Damaged("text with an end", "none");
        string text = Text(end);
        Skip(1);
        return text;
    }

    public string Text(int count) => s_utf8.GetString(Bytes(count));

    public void Expect(ReadOnlySpan<byte> signature)
    {
        ReadOnlySpan<byte> found = Bytes(signature.Length);
        if (!found.SequenceEqual(signature))
        {
            throw Damaged($"\"{Encoding.ASCII.GetString(signature)}\"", $"bytes {Convert.ToHexString(found)}");
        }
    }

    public void ExpectVersion(int version)
    {
        int found = U8();
        if (found != version) throw Damaged($"version {version}", $"version {found}");
    }

    /// <summary>Compares all bytes so far with the checksum that follows them.</summary>
    public void ThrowIfChecksumDiffers()
    {
        uint expected = Checksum.Lookup3(bytes.Span[..Position]);
        uint stored = U32();
        if (stored != expected) throw Damaged($"checksum {expected:x8} of the bytes before it", $"{stored:x8}");
    }

    public VlcFormatException Damaged(string expected, string found) => file.Damaged(address + Position, $"{what} with {expected}", found);

    private ulong Raw(int size)
    {
        ulong value = 0;
        ReadOnlySpan<byte> stored = Bytes(size);
        for (int i = size - 1; i >= 0; i--) value = (value << 8) | stored[i];
        return value;
    }
}
