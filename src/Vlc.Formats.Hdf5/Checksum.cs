using System.Buffers.Binary;
using System.Numerics;

namespace Vlc.Formats.Hdf5;

/// <summary>The two checksums of HDF5: Bob Jenkins' lookup3 over metadata, Fletcher-32 over chunks.</summary>
internal static class Checksum
{
    /// <summary>lookup3 "hashlittle" with initial value zero.</summary>
    public static uint Lookup3(ReadOnlySpan<byte> bytes)
    {
        uint a, b, c;
        a = b = c = 0xdeadbeef + (uint)bytes.Length;
        while (bytes.Length > 12)
        {
            a += BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            b += BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            c += BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
            a -= c; a ^= BitOperations.RotateLeft(c, 4); c += b;
            b -= a; b ^= BitOperations.RotateLeft(a, 6); a += c;
            c -= b; c ^= BitOperations.RotateLeft(b, 8); b += a;
            a -= c; a ^= BitOperations.RotateLeft(c, 16); c += b;
            b -= a; b ^= BitOperations.RotateLeft(a, 19); a += c;
            c -= b; c ^= BitOperations.RotateLeft(b, 4); b += a;
            bytes = bytes[12..];
        }

        if (bytes.IsEmpty) return c;
        Span<byte> last = stackalloc byte[12];
        last.Clear();
        bytes.CopyTo(last);
        a += BinaryPrimitives.ReadUInt32LittleEndian(last);
        b += BinaryPrimitives.ReadUInt32LittleEndian(last[4..]);
        c += BinaryPrimitives.ReadUInt32LittleEndian(last[8..]);
        c ^= b; c -= BitOperations.RotateLeft(b, 14);
        a ^= c; a -= BitOperations.RotateLeft(c, 11);
        b ^= a; b -= BitOperations.RotateLeft(a, 25);
        c ^= b; c -= BitOperations.RotateLeft(b, 16);
        a ^= c; a -= BitOperations.RotateLeft(c, 4);
        b ^= a; b -= BitOperations.RotateLeft(a, 14);
        c ^= b; c -= BitOperations.RotateLeft(b, 24);
        return c;
    }

    /// <summary>Fletcher-32 as the library computes it: over 16-bit words with the most significant byte first.</summary>
    public static uint Fletcher32(ReadOnlySpan<byte> bytes)
    {
        // 360 words are the most that can be added before the 32-bit sums have to be folded.
        const int wordsBeforeFold = 360;
        uint low = 0, high = 0;
        int words = bytes.Length / 2, at = 0;
        while (words > 0)
        {
            int run = int.Min(words, wordsBeforeFold);
            words -= run;
            for (; run > 0; run--, at += 2)
            {
                low += BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]);
                high += low;
            }

            low = (low & 0xFFFF) + (low >> 16);
            high = (high & 0xFFFF) + (high >> 16);
        }

        if (bytes.Length % 2 != 0)
        {
            low += (uint)bytes[^1] << 8;
            high += low;
            low = (low & 0xFFFF) + (low >> 16);
            high = (high & 0xFFFF) + (high >> 16);
        }

        low = (low & 0xFFFF) + (low >> 16);
        high = (high & 0xFFFF) + (high >> 16);
        return (high << 16) | low;
    }
}
