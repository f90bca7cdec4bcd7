namespace Vlc.Formats.Columnar.Parquet;

/// <summary>
/// The three delta encodings: integers by their differences, text by lengths, text by what it shares with the one before.
/// </summary>
internal static class DeltaEncoding
{
    /// <summary>DELTA_BINARY_PACKED. Returns the bytes that it took.</summary>
    /// <exception cref="InvalidDataException">The blocks are damaged, or hold another number of values.</exception>
    public static int Decode(ReadOnlySpan<byte> bytes, Span<long> values)
    {
        int at = 0;
        ulong block = Varint(bytes, ref at), miniblocks = Varint(bytes, ref at), total = Varint(bytes, ref at);
        long value = ZigZag(Varint(bytes, ref at));
        if (total != (ulong)values.Length) throw new InvalidDataException($"{total} values in place of {values.Length}");
        if (block is 0 or > 1 << 20 || miniblocks is 0 or > 1 << 10 || block % (miniblocks * 32) != 0)
        {
            throw new InvalidDataException($"blocks of {block} / {miniblocks}");
        }
        int each = (int)(block / miniblocks), done = 0;
        if (values.Length > 0) values[done++] = value;
        while (done < values.Length)
        {
            long least = ZigZag(Varint(bytes, ref at));
            if ((int)miniblocks > bytes.Length - at) throw new InvalidDataException("blocks that end too early");
            ReadOnlySpan<byte> widths = bytes.Slice(at, (int)miniblocks);
            at += (int)miniblocks;
            for (int i = 0; i < widths.Length && done < values.Length; i++)
            {
                int width = widths[i], size = each / 8 * width;
                if (width > 64 || size > bytes.Length - at) throw new InvalidDataException("blocks that end too early");
                ReadOnlySpan<byte> packed = bytes.Slice(at, size);
                at += size;
                int count = int.Min(each, values.Length - done);
                for (int j = 0; j < count; j++)
                {
                    value = unchecked(value + least + (long)Bits(packed, (long)j * width, width));
                    values[done++] = value;
                }
            }
        }

        return at;
    }

    /// <summary>DELTA_LENGTH_BYTE_ARRAY.</summary>
    public static byte[][] DecodeLengths(ReadOnlySpan<byte> bytes, int count)
    {
        long[] lengths = new long[count];
        ReadOnlySpan<byte> data = bytes[Decode(bytes, lengths)..];
        byte[][] values = new byte[count][];
        for (int i = 0; i < count; i++)
        {
            if (lengths[i] < 0 || lengths[i] > data.Length) throw new InvalidDataException($"text of {lengths[i]} bytes");
            values[i] = data[..(int)lengths[i]].ToArray();
            data = data[(int)lengths[i]..];
        }

        return values;
    }

    /// <summary>DELTA_BYTE_ARRAY. What the values share is written out, so that memory is bounded by <paramref name="maxBytes"/>.</summary>
    public static byte[][] DecodePrefixes(ReadOnlySpan<byte> bytes, int count, long maxBytes)
    {
        long[] shared = new long[count];
        byte[][] values = DecodeLengths(bytes[Decode(bytes, shared)..], count);
        byte[] before = [];
        for (int i = 0; i < count; i++)
        {
            if (shared[i] < 0 || shared[i] > before.Length) throw new InvalidDataException($"{shared[i]} bytes shared");
            maxBytes -= shared[i];
            if (maxBytes < 0) throw new InvalidDataException("text beyond memory");
            if (shared[i] > 0) values[i] = [.. before.AsSpan(0, (int)shared[i]), .. values[i]];
            before = values[i];
        }

        return values;
    }

    private static ulong Bits(ReadOnlySpan<byte> packed, long bit, int width)
    {
        ulong value = 0;
        for (int have = 0; have < width;)
        {
            int within = (int)(bit & 7), take = int.Min(8 - within, width - have);
            value |= (ulong)((packed[(int)(bit >> 3)] >> within) & ((1 << take) - 1)) << have;
            have += take;
            bit += take;
        }

        return value;
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            if (at >= bytes.Length) throw new InvalidDataException("blocks that end too early");
            byte part = bytes[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }

        throw new InvalidDataException("a number of more than ten bytes");
    }

    private static long ZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);
}
