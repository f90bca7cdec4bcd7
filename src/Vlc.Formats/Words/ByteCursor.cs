using System.Buffers.Binary;
using Vlc.Formats.Binary;

namespace Vlc.Formats.Words;

/// <summary>Bytes of a file one after the other, through a buffer, for formats whose rows differ in length.</summary>
internal sealed class ByteCursor(InputFile file, long position)
{
    private readonly byte[] _buffer = new byte[(int)long.Clamp(file.Length - position, 1, 1 << 18)];
    private long _bufferOffset = position;
    private int _buffered;

    /// <summary>Offset of the next byte.</summary>
    public long Position { get; private set; } = position;

    /// <summary>Bytes left in the file.</summary>
    public long Left => file.Length - Position;

    /// <summary>The next byte, or -1 at the end of the file.</summary>
    public int Peek()
    {
        long at = Position - _bufferOffset;
        if (at < 0 || at >= _buffered)
        {
            _bufferOffset = Position;
            _buffered = file.Read(_buffer, Position);
            if (_buffered == 0) return -1;
            at = 0;
        }

        return _buffer[at];
    }

    public void Skip(long bytes, string what)
    {
        if (bytes < 0 || bytes > Left) throw Truncated(bytes, what);
        Position += bytes;
    }

    public void Take(Span<byte> bytes, string what)
    {
        if (bytes.Length > Left) throw Truncated(bytes.Length, what);
        long at = Position - _bufferOffset;
        if (at >= 0 && at + bytes.Length <= _buffered) _buffer.AsSpan((int)at, bytes.Length).CopyTo(bytes);
        else file.ReadExactly(bytes, Position, what);
        Position += bytes.Length;
    }

    public byte TakeByte(string what)
    {
        int value = Peek();
        if (value < 0) throw Truncated(1, what);
        Position++;
        return (byte)value;
    }

    public int TakeInt32(string what)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        Take(bytes, what);
        return BinaryPrimitives.ReadInt32LittleEndian(bytes);
    }

    public long TakeInt64(string what)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        Take(bytes, what);
        return BinaryPrimitives.ReadInt64LittleEndian(bytes);
    }

    /// <summary>Bytes up to a separator, which is passed.</summary>
    public byte[] TakeUntil(byte separator, int limit, string what)
    {
        List<byte> bytes = [];
        for (int value; (value = TakeByte(what)) != separator;)
        {
            if (bytes.Count == limit)
            {
                throw new VlcFormatException(
                    file.Path, $"offset {Position}", $"{what} of at most {limit} bytes", "a longer one",
                    "The file is damaged, or of another format.");
            }

            bytes.Add((byte)value);
        }

        return [.. bytes];
    }

    private VlcFormatException Truncated(long bytes, string what) =>
        new(file.Path, $"offset {Position}", $"{bytes} bytes of {what}", $"{Left} bytes before the end of the file",
            "The file is truncated or damaged.");
}
