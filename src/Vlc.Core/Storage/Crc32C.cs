using System.Numerics;
using System.Runtime.InteropServices;

namespace Vlc.Storage;

/// <summary>
/// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected, as in iSCSI and SSE 4.2): finds every change of up to 32 neighbouring bits, so
/// any flipped byte. It guards against accidents, not against an adversary.
/// </summary>
internal static class Crc32C
{
    /// <summary>Checksum of some bytes.</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes) => Finish(Append(Start, bytes));

    /// <summary>State before the first byte.</summary>
    public const uint Start = uint.MaxValue;

    /// <summary>State after further bytes.</summary>
    public static uint Append(uint state, ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words) state = BitOperations.Crc32C(state, word);
        foreach (byte value in bytes[(words.Length * sizeof(ulong))..]) state = BitOperations.Crc32C(state, value);
        return state;
    }

    /// <summary>Checksum from the last state.</summary>
    public static uint Finish(uint state) => ~state;
}
