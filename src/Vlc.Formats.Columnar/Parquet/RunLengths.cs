namespace Vlc.Formats.Columnar.Parquet;

/// <summary>The hybrid of run lengths and bit packing that levels and dictionary indices are stored in.</summary>
internal static class RunLengths
{
    /// <summary>Fills <paramref name="values"/>.</summary>
    /// <exception cref="InvalidDataException">The runs end before.</exception>
    public static void Decode(ReadOnlySpan<byte> bytes, int width, Span<int> values)
    {
        if (width is < 0 or > 31) throw new InvalidDataException($"values of {width} bits");
        if (width == 0)
        {
            values.Clear();
            return;
        }

        int at = 0, byteWidth = (width + 7) / 8;
        while (!values.IsEmpty)
        {
            uint header = Varint(bytes, ref at);
            if ((header & 1) == 0)
            {
                int run = (int)uint.Min(header >> 1, (uint)values.Length);
                if (byteWidth > bytes.Length - at) throw new InvalidDataException("runs that end too early");
                uint value = 0;
                for (int i = 0; i < byteWidth; i++) value |= (uint)bytes[at++] << (8 * i);
                if (value >> width != 0) throw new InvalidDataException($"value {value} in {width} bits");
                values[..run].Fill((int)value);
                values = values[run..];
                if (run == 0) throw new InvalidDataException("an empty run");
            }
            else
            {
                long groups = header >> 1;
                long packed = groups * width;
                int available = (int)long.Min(packed, bytes.Length - at);
                int run = (int)long.Min(values.Length, groups * 8);
                if (run == 0) throw new InvalidDataException("an empty run");

                // The last group may be cut off behind its last value.
                if ((((long)run * width) + 7) / 8 > available) throw new InvalidDataException("runs that end too early");
                Unpack(bytes.Slice(at, available), width, values[..run]);
                at += available;
                values = values[run..];
            }
        }
    }

    private static void Unpack(ReadOnlySpan<byte> bytes, int width, Span<int> values)
    {
        ulong window = 0, mask = (1ul << width) - 1;
        int have = 0, at = 0;
        for (int i = 0; i < values.Length; i++)
        {
            while (have < width)
            {
                window |= (ulong)bytes[at++] << have;
                have += 8;
            }

            values[i] = (int)(window & mask);
            window >>= width;
            have -= width;
        }
    }

    private static uint Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        uint value = 0;
        for (int shift = 0; shift < 35; shift += 7)
        {
            if (at >= bytes.Length) throw new InvalidDataException("runs that end too early");
            byte part = bytes[at++];
            value |= (uint)(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }

        throw new InvalidDataException("a run length of more than five bytes");
    }
}
