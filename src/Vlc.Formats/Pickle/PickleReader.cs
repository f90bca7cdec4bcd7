using System.Buffers.Binary;
using System.Text;
using Vlc.Formats.Binary;

namespace Vlc.Formats.Pickle;

/// <summary>The bytes of a pickle one after the other, through a buffer; a section of a file that may hold more.</summary>
internal sealed class PickleReader(InputFile file, long start, long end)
{
    // A line of a text protocol has a number or a short name; strings of the binary protocols state their length.
    private const int MaxLineBytes = 1 << 20;

    private readonly byte[] _buffer = new byte[(int)long.Clamp(end - start, 1, 1 << 16)];
    private long _bufferOffset = start;
    private int _buffered;

    public InputFile File => file;

    /// <summary>Offset of the next byte.</summary>
    public long Position { get; private set; } = start;

    /// <summary>Bytes left.</summary>
    public long Left => end - Position;

    public byte TakeByte()
    {
        long at = Position - _bufferOffset;
        if (at >= _buffered || at < 0)
        {
            _bufferOffset = Position;
            _buffered = file.Read(_buffer.AsSpan(0, (int)long.Clamp(Left, 0, _buffer.Length)), Position);
            if (_buffered == 0) throw Truncated(1);
            at = 0;
        }

        Position++;
        return _buffer[at];
    }

    public void Take(Span<byte> bytes)
    {
        if (bytes.Length > Left) throw Truncated(bytes.Length);
        long at = Position - _bufferOffset;
        if (at >= 0 && at + bytes.Length <= _buffered) _buffer.AsSpan((int)at, bytes.Length).CopyTo(bytes);
        else file.ReadExactly(bytes, Position, "a pickled value");
        Position += bytes.Length;
    }

    public uint TakeUInt32()
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        Take(bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    public long TakeInt64()
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        Take(bytes);
        return BinaryPrimitives.ReadInt64LittleEndian(bytes);
    }

    /// <summary>Passes bytes and says where they lie.</summary>
    public PickleBytes Pass(long length, bool isString)
    {
        if (length < 0 || length > Left) throw Truncated(length);
        PickleBytes bytes = new(Position, length, isString);
        Position += length;
        return bytes;
    }

    public string TakeText(long length)
    {
        if (length < 0 || length > Left || length > Array.MaxLength) throw Truncated(length);
        byte[] bytes = new byte[length];
        Take(bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>A line of the text protocols, without its end.</summary>
    public string TakeLine()
    {
        StringBuilder line = new();
        for (byte value; (value = TakeByte()) != (byte)'\n';)
        {
            if (line.Length == MaxLineBytes)
            {
                throw new VlcFormatException(file.Path, $"offset {Position}", $"a line of at most {MaxLineBytes} bytes", "a longer one");
            }
            line.Append((char)value);
        }

        return line.ToString().TrimEnd('\r');
    }

    private VlcFormatException Truncated(long length) =>
        new(file.Path, $"offset {Position}", $"{length} bytes of a pickled value", $"{Left} bytes before the end of the pickle",
            "The file is truncated or damaged.");
}
