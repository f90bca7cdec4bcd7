using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Vlc.Formats.Binary;

namespace Vlc.Formats.Faiss;

/// <summary>Walks a FAISS index file from its beginning: numbers are little-endian, a vector is a uint64 count and its elements.</summary>
internal sealed class FaissCursor(InputFile file)
{
    public InputFile File => file;

    /// <summary>Offset of the next byte.</summary>
    public long Position { get; private set; }

    public byte TakeByte(string what)
    {
        Span<byte> bytes = stackalloc byte[1];
        Take(bytes, what);
        return bytes[0];
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

    public float TakeSingle(string what) => BitConverter.Int32BitsToSingle(TakeInt32(what));

    /// <summary>The four characters that name a kind of index, transform or list.</summary>
    public string TakeFourCharacters(string what)
    {
        Span<byte> bytes = stackalloc byte[4];
        Take(bytes, what);
        return string.Concat(bytes.ToArray().Select(value => value is >= 0x20 and < 0x7F ? $"{(char)value}" : $"\\x{value:x2}"));
    }

    /// <summary>Passes a vector and says where its elements lie; they lie in the file.</summary>
    /// <param name="elementBytes">Bytes of an element as its count counts them.</param>
    /// <param name="what">What the vector is, for messages.</param>
    public (long Offset, long Count) PassVector(int elementBytes, string what)
    {
        long at = Position;
        long count = TakeInt64($"the length of {what}");
        if (count < 0 || count > (file.Length - Position) / elementBytes)
        {
            throw new VlcFormatException(
                file.Path, $"offset {at}", $"{what} within the file's {file.Length} bytes",
                $"{(ulong)count} elements of {elementBytes} bytes",
                "The file is truncated or damaged, or was written by a version of FAISS that stores other fields.");
        }

        long offset = Position;
        Position += count * elementBytes;
        return (offset, count);
    }

    /// <summary>Reads a vector of numbers of at most <paramref name="limit"/> elements.</summary>
    public T[] TakeVector<T>(long limit, string what)
        where T : unmanaged
    {
        int bytes = Marshal.SizeOf<T>();
        (long offset, long count) = PassVector(bytes, what);
        if (count > limit) throw new VlcFormatException(file.Path, $"offset {offset}", $"{what} of at most {limit} elements", $"{count}");
        byte[] stored = new byte[count * bytes];
        file.ReadExactly(stored, offset, what);
        if (!BitConverter.IsLittleEndian) ElementConversion.ReverseEndianness(stored, bytes);
        return MemoryMarshal.Cast<byte, T>(stored).ToArray();
    }

    /// <summary>Passes over <paramref name="bytes"/> bytes that have to lie in the file.</summary>
    public void Pass(Int128 bytes, string what)
    {
        if (bytes < 0 || bytes > file.Length - Position)
        {
            throw new VlcFormatException(
                file.Path, $"offset {Position}", $"{bytes} bytes of {what}", $"{file.Length - Position} bytes before the end of the file",
                "The file is truncated or damaged.");
        }

        Position += (long)bytes;
    }

    private void Take(Span<byte> bytes, string what)
    {
        file.ReadExactly(bytes, Position, what);
        Position += bytes.Length;
    }
}
