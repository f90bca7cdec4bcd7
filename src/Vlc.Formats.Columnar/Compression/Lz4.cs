using System.Buffers.Binary;

namespace Vlc.Formats.Columnar.Compression;

/// <summary>LZ4: the block format, Hadoop's framing of it in old Parquet files, and the frame format of Arrow.</summary>
internal static class Lz4
{
    // 255 bytes of output for a byte of input is the most that a block gives.
    private const int MaxExpansion = 256;

    private const uint FrameMagic = 0x184D2204;

    /// <exception cref="InvalidDataException">The block is damaged, or holds another number of bytes.</exception>
    public static byte[] DecompressBlock(ReadOnlySpan<byte> source, int length)
    {
        byte[] target = Allocate(source.Length, length);
        int to = 0;
        AddBlock(source, target, ref to);
        return to == length ? target : throw Length(to, length);
    }

    /// <summary>Blocks, each behind its decompressed and its compressed length, most significant byte first.</summary>
    public static byte[] DecompressHadoop(ReadOnlySpan<byte> source, int length)
    {
        const int prefix = 8;
        byte[] target = Allocate(source.Length, length);
        int to = 0;
        while (!source.IsEmpty)
        {
            if (source.Length < prefix) throw Damaged();
            uint raw = BinaryPrimitives.ReadUInt32BigEndian(source), stored = BinaryPrimitives.ReadUInt32BigEndian(source[4..]);
            if (stored > source.Length - prefix) throw Damaged();
            int from = to;
            AddBlock(source.Slice(prefix, (int)stored), target, ref to);
            if (to - from != raw) throw Length(to - from, raw);
            source = source[(prefix + (int)stored)..];
        }

        return to == length ? target : throw Length(to, length);
    }

    public static byte[] DecompressFrame(ReadOnlySpan<byte> source, int length)
    {
        const uint notCompressed = 0x80000000;
        byte[] target = Allocate(source.Length, length);
        if (source.Length < 7 || BinaryPrimitives.ReadUInt32LittleEndian(source) != FrameMagic || source[4] >> 6 != 1) throw Damaged();
        int flags = source[4];
        bool hasBlockChecksums = (flags & 0x10) != 0, hasSize = (flags & 0x08) != 0;
        bool hasChecksum = (flags & 0x04) != 0, hasDictionary = (flags & 0x01) != 0;
        int at = 7 + (hasSize ? 8 : 0) + (hasDictionary ? 4 : 0);
        int to = 0;
        while (true)
        {
            if (source.Length - at < sizeof(uint)) throw Damaged();
            uint stored = BinaryPrimitives.ReadUInt32LittleEndian(source[at..]);
            at += sizeof(uint);
            if (stored == 0) break;
            uint size = stored & ~notCompressed;
            if (size > source.Length - at) throw Damaged();
            ReadOnlySpan<byte> block = source.Slice(at, (int)size);
            if ((stored & notCompressed) == 0)
            {
                AddBlock(block, target, ref to);
            }
            else
            {
                if (block.Length > target.Length - to) throw Damaged();
                block.CopyTo(target.AsSpan(to));
                to += block.Length;
            }

            at += (int)size + (hasBlockChecksums ? sizeof(uint) : 0);
        }

        if (at + (hasChecksum ? sizeof(uint) : 0) > source.Length) throw Damaged();
        return to == length ? target : throw Length(to, length);
    }

    /// <summary>Copies bytes from what has been written, which may overlap with what they make.</summary>
    public static void CopyBack(byte[] target, ref int to, int back, int count)
    {
        if (back <= 0 || back > to || count > target.Length - to) throw Damaged();
        if (back >= count)
        {
            target.AsSpan(to - back, count).CopyTo(target.AsSpan(to));
            to += count;
            return;
        }

        for (int end = to + count; to < end; to++) target[to] = target[to - back];
    }

    private static byte[] Allocate(int source, int length) =>
        length <= (long)source * MaxExpansion
            ? new byte[length]
            : throw new InvalidDataException($"{source} bytes that cannot hold {length}");

    private static void AddBlock(ReadOnlySpan<byte> source, byte[] target, ref int to)
    {
        const int shortest = 4;
        int at = 0;
        while (at < source.Length)
        {
            int token = source[at++];
            int run = Run(source, ref at, token >> 4);
            if (run > source.Length - at || run > target.Length - to) throw Damaged();
            source.Slice(at, run).CopyTo(target.AsSpan(to));
            at += run;
            to += run;
            if (at == source.Length) return;
            if (source.Length - at < 2) throw Damaged();
            int back = BinaryPrimitives.ReadUInt16LittleEndian(source[at..]);
            at += 2;
            CopyBack(target, ref to, back, Run(source, ref at, token & 15) + shortest);
        }
    }

    private static int Run(ReadOnlySpan<byte> source, ref int at, int first)
    {
        const int more = 15;
        long run = first;
        if (first != more) return first;
        while (true)
        {
            if (at >= source.Length) throw Damaged();
            byte part = source[at++];
            run += part;
            if (part < 255) return (int)long.Min(run, int.MaxValue - 64);
        }
    }

    private static InvalidDataException Damaged() => new("a damaged LZ4 stream");

    private static InvalidDataException Length(long found, long expected) => new($"{found} bytes in place of {expected}");
}
