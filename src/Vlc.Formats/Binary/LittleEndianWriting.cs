using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Vlc.Formats.Binary;

/// <summary>Writes numbers as every format here stores them, least significant byte first.</summary>
internal static class LittleEndianWriting
{
    public static void Write<T>(Stream stream, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        if (!BitConverter.IsLittleEndian)
        {
            byte[] reversed = bytes.ToArray();
            ElementConversion.ReverseEndianness(reversed, Unsafe.SizeOf<T>());
            bytes = reversed;
        }

        stream.Write(bytes);
    }
}
