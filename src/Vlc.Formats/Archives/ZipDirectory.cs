using System.Buffers.Binary;
using System.Text;
using Vlc.Formats.Binary;

namespace Vlc.Formats.Archives;

/// <summary>A member of a zip archive.</summary>
/// <param name="Name">Its path in the archive.</param>
/// <param name="Method">0 stored, 8 deflated; others are not read.</param>
/// <param name="Crc">Checksum of the content.</param>
/// <param name="StoredLength">Bytes in the archive.</param>
/// <param name="Length">Bytes of the content.</param>
/// <param name="HeaderOffset">Offset of its local header.</param>
/// <param name="Encrypted">True where a password is needed.</param>
internal sealed record ZipEntry(string Name, int Method, uint Crc, long StoredLength, long Length, long HeaderOffset, bool Encrypted);

/// <summary>
/// The directory of a zip archive, 64-bit sizes included. It is read here because a member that is stored without compression is read by
/// position where it lies, which <see cref="System.IO.Compression.ZipArchive"/> does not offer.
/// </summary>
internal static class ZipDirectory
{
    private const uint EndSignature = 0x06054B50, End64Signature = 0x06064B50, Locator64Signature = 0x07064B50;
    private const uint EntrySignature = 0x02014B50, LocalSignature = 0x04034B50;
    private const int EndBytes = 22, LocatorBytes = 20, End64Bytes = 56, EntryBytes = 46, LocalBytes = 30;

    // A directory entry has at least 46 bytes; a million members are 100 MB of names at most.
    private const long MaxDirectoryBytes = 1 << 28;

    /// <summary>All members, in the order of the directory.</summary>
    /// <exception cref="VlcFormatException">No directory, or one that is damaged.</exception>
    public static IReadOnlyList<ZipEntry> Read(InputFile file)
    {
        (long offset, long length, long count) = FindDirectory(file);
        if (offset < 0 || length < 0 || length > MaxDirectoryBytes || offset > file.Length - length || count < 0
            || count > length / EntryBytes)
        {
            throw new VlcFormatException(
                file.Path, "end of the archive", $"a directory within the file's {file.Length} bytes",
                $"{count} members in {length} bytes at {offset}",
                "The file is truncated or damaged.");
        }

        byte[] directory = new byte[length];
        file.ReadExactly(directory, offset, "the archive's directory");
        List<ZipEntry> entries = [];
        ReadOnlySpan<byte> rest = directory;
        for (long i = 0; i < count; i++)
        {
            long at = offset + directory.Length - rest.Length;
            if (rest.Length < EntryBytes || BinaryPrimitives.ReadUInt32LittleEndian(rest) != EntrySignature)
            {
                throw Damaged(file, at, "a member of the directory");
            }
            int name = BinaryPrimitives.ReadUInt16LittleEndian(rest[28..]);
            int extra = BinaryPrimitives.ReadUInt16LittleEndian(rest[30..]);
            int comment = BinaryPrimitives.ReadUInt16LittleEndian(rest[32..]);
            if (rest.Length < EntryBytes + name + extra + comment) throw Damaged(file, at, "a member of the directory");
            entries.Add(ReadEntry(file, at, rest[..EntryBytes], rest.Slice(EntryBytes, name), rest.Slice(EntryBytes + name, extra)));
            rest = rest[(EntryBytes + name + extra + comment)..];
        }

        return entries;
    }

    /// <summary>Offset of a member's first byte, behind its local header.</summary>
    public static long DataOffset(InputFile file, ZipEntry entry)
    {
        Span<byte> header = stackalloc byte[LocalBytes];
        file.ReadExactly(header, entry.HeaderOffset, $"the header of '{entry.Name}'");
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != LocalSignature)
        {
            throw Damaged(file, entry.HeaderOffset, $"the header of '{entry.Name}'");
        }
        long offset = entry.HeaderOffset + LocalBytes + BinaryPrimitives.ReadUInt16LittleEndian(header[26..])
            + BinaryPrimitives.ReadUInt16LittleEndian(header[28..]);
        return offset <= file.Length - entry.StoredLength
            ? offset
            : throw new VlcFormatException(
                file.Path, $"'{entry.Name}', offset {offset}", $"{entry.StoredLength} bytes",
                $"{file.Length - offset} bytes before the end of the file",
                "The file is truncated.");
    }

    private static ZipEntry ReadEntry(
        InputFile file, long at, ReadOnlySpan<byte> fixedPart, ReadOnlySpan<byte> name, ReadOnlySpan<byte> extra)
    {
        long stored = BinaryPrimitives.ReadUInt32LittleEndian(fixedPart[20..]);
        long length = BinaryPrimitives.ReadUInt32LittleEndian(fixedPart[24..]);
        long header = BinaryPrimitives.ReadUInt32LittleEndian(fixedPart[42..]);
        // The 64-bit field has only those of the three numbers that did not fit, in this order.
        for (; extra.Length >= 4; extra = extra[(4 + BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]))..])
        {
            int size = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (size > extra.Length - 4) throw Damaged(file, at, "a member's extra fields");
            if (BinaryPrimitives.ReadUInt16LittleEndian(extra) != 1) continue;
            ReadOnlySpan<byte> wide = extra.Slice(4, size);
            length = Widen(length, ref wide);
            stored = Widen(stored, ref wide);
            header = Widen(header, ref wide);
        }

        if (length < 0 || stored < 0 || header < 0 || header > file.Length || stored > file.Length)
        {
            throw Damaged(file, at, "a member within the file");
        }
        return new ZipEntry(
            Encoding.UTF8.GetString(name), BinaryPrimitives.ReadUInt16LittleEndian(fixedPart[10..]),
            BinaryPrimitives.ReadUInt32LittleEndian(fixedPart[16..]), stored, length, header, (fixedPart[8] & 1) != 0);
    }

    private static long Widen(long value, ref ReadOnlySpan<byte> wide)
    {
        if (value != uint.MaxValue || wide.Length < sizeof(long)) return value;
        value = BinaryPrimitives.ReadInt64LittleEndian(wide);
        wide = wide[sizeof(long)..];
        return value;
    }

    private static (long Offset, long Length, long Count) FindDirectory(InputFile file)
    {
        // The end record may be followed by a comment of up to 65,535 bytes.
        byte[] tail = new byte[(int)long.Min(file.Length, EndBytes + ushort.MaxValue)];
        long tailOffset = file.Length - tail.Length;
        file.ReadExactly(tail, tailOffset, "the end of the archive");
        for (int i = tail.Length - EndBytes; i >= 0; i--)
        {
            ReadOnlySpan<byte> end = tail.AsSpan(i);
            if (BinaryPrimitives.ReadUInt32LittleEndian(end) != EndSignature) continue;
            if (EndBytes + BinaryPrimitives.ReadUInt16LittleEndian(end[20..]) != end.Length) continue;
            return FindDirectory64(file, tailOffset + i)
                ?? (BinaryPrimitives.ReadUInt32LittleEndian(end[16..]), BinaryPrimitives.ReadUInt32LittleEndian(end[12..]),
                BinaryPrimitives.ReadUInt16LittleEndian(end[10..]));
        }

        throw new VlcFormatException(file.Path, "end of the file", "the directory of a zip archive", "none", "The file is truncated.");
    }

    private static (long Offset, long Length, long Count)? FindDirectory64(InputFile file, long endOffset)
    {
        if (endOffset < LocatorBytes) return null;
        Span<byte> locator = stackalloc byte[LocatorBytes];
        file.ReadExactly(locator, endOffset - LocatorBytes, "the end of the archive");
        if (BinaryPrimitives.ReadUInt32LittleEndian(locator) != Locator64Signature) return null;
        long offset = BinaryPrimitives.ReadInt64LittleEndian(locator[8..]);
        Span<byte> end = stackalloc byte[End64Bytes];
        if (offset < 0 || offset > file.Length - End64Bytes) throw Damaged(file, endOffset - LocatorBytes, "the 64-bit directory's place");
        file.ReadExactly(end, offset, "the 64-bit end of the archive");
        if (BinaryPrimitives.ReadUInt32LittleEndian(end) != End64Signature) throw Damaged(file, offset, "the 64-bit end of the archive");
        return (
            BinaryPrimitives.ReadInt64LittleEndian(end[48..]), BinaryPrimitives.ReadInt64LittleEndian(end[40..]),
            BinaryPrimitives.ReadInt64LittleEndian(end[32..]));
    }

    private static VlcFormatException Damaged(InputFile file, long at, string what) =>
        new(file.Path, $"offset {at}", what, "other bytes", "The file is truncated or damaged.");
}
