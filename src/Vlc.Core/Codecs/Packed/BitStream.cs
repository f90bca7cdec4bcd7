namespace Vlc.Codecs.Packed;

/// <summary>Writes numbers of few bits, most significant bit first: bit i of the stream is bit 7 - i mod 8 of byte i / 8.</summary>
internal sealed class BitWriter
{
    private readonly List<byte> _bytes = [];
    private ulong _pending;
    private int _pendingBits;

    /// <summary>Appends the low <paramref name="bits"/> bits of <paramref name="value"/>; 0 to 32.</summary>
    public void Write(uint value, int bits)
    {
        _pending = (_pending << bits) | (value & ((1UL << bits) - 1));
        _pendingBits += bits;
        while (_pendingBits >= 8)
        {
            _pendingBits -= 8;
            _bytes.Add((byte)(_pending >> _pendingBits));
        }
    }

    /// <summary>All bytes; the last one is filled with zero bits.</summary>
    public byte[] ToArray()
    {
        byte[] bytes = [.. _bytes];
        return _pendingBits == 0 ? bytes : [.. bytes, (byte)(_pending << (8 - _pendingBits))];
    }
}

/// <summary>Reads what <see cref="BitWriter"/> wrote.</summary>
internal ref struct BitReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private long _position;

    /// <summary>Bits read so far.</summary>
    public readonly long Position => _position;

    /// <summary>True when a read went past the end. Such reads give zero bits.</summary>
    public bool Overrun { get; private set; }

    /// <summary>The next <paramref name="bits"/> bits; 0 to 32.</summary>
    public uint Read(int bits)
    {
        uint value = 0;
        for (int taken = 0; taken < bits;)
        {
            int index = (int)(_position >> 3), offset = (int)(_position & 7), count = Math.Min(8 - offset, bits - taken);
            uint part = 0;
            if (index < _bytes.Length) part = (uint)(_bytes[index] >> (8 - offset - count)) & ((1u << count) - 1);
            else Overrun = true;
            value = (value << count) | part;
            taken += count;
            _position += count;
        }

        return value;
    }
}
