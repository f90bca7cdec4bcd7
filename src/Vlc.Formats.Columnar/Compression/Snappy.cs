namespace Vlc.Formats.Columnar.Compression;

/// <summary>The Snappy block format: literals, and references to what has been written.</summary>
internal static class Snappy
{
    // A reference of three bytes gives at most 64: what is stated beyond that is not there.
    private const int MaxExpansion = 64;

    /// <exception cref="InvalidDataException">The block is damaged, or holds another number of bytes.</exception>
    public static byte[] Decompress(ReadOnlySpan<byte> source, int length)
    {
        int at = 0;
        long stated = 0;
        for (int shift = 0; ; shift += 7)
        {
            if (at >= source.Length || shift > 28) throw Damaged("its length");
            byte part = source[at++];
            stated |= (long)(part & 0x7F) << shift;
            if (part < 0x80) break;
        }

        if (stated != length || length > (long)source.Length * MaxExpansion)
        {
            throw new InvalidDataException($"{stated} bytes in place of {length}");
        }
        byte[] target = new byte[length];
        int to = 0;
        while (at < source.Length)
        {
            int tag = source[at++];
            if ((tag & 3) == 0)
            {
                int run = tag >> 2;
                if (run >= 60) run = Number(source, ref at, run - 59);
                run++;
                if (run <= 0 || run > source.Length - at || run > length - to) throw Damaged("a literal");
                source.Slice(at, run).CopyTo(target.AsSpan(to));
                at += run;
                to += run;
                continue;
            }

            (int count, int back) = (tag & 3) switch
            {
                1 => (((tag >> 2) & 7) + 4, ((tag >> 5) << 8) | Number(source, ref at, 1)),
                2 => ((tag >> 2) + 1, Number(source, ref at, 2)),
                _ => ((tag >> 2) + 1, Number(source, ref at, 4)),
            };
            Lz4.CopyBack(target, ref to, back, count);
        }

        return to == length ? target : throw new InvalidDataException($"{to} bytes in place of {length}");
    }

    private static int Number(ReadOnlySpan<byte> source, ref int at, int bytes)
    {
        if (bytes > source.Length - at) throw Damaged("its end");
        uint value = 0;
        for (int i = 0; i < bytes; i++) value |= (uint)source[at++] << (8 * i);
        return (int)uint.Min(value, int.MaxValue);
    }

    private static InvalidDataException Damaged(string where) => new($"a Snappy block that is damaged at {where}");
}
