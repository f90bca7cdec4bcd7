using System.Buffers.Binary;
using Vlc.Anchors;
using Vlc.Codecs;
using Vlc.Numerics.Memory;
using Vlc.Storage;

namespace Vlc.Segments;

/// <summary>
/// The list of each row in its mapped section: u32 a row, or as few bits as number the lists. An open index needs a row's list only to
/// reconstruct it, so that an array of them would be memory for nothing.
/// </summary>
internal sealed class StoredAssignments
{
    private const int RowsAtOnce = 1 << 15;

    /// <summary>
    /// Rows that an index may have without a byte for them, and as many for each byte: a row of an index of two lists takes an eighth of
    /// one.
    /// </summary>
    private const long FewRows = 1 << 20, RowsPerByte = 64;

    private readonly CodeMemory _file;
    private readonly long _offset;
    private readonly int _listCount;
    private readonly int? _bits;

    /// <summary>Opens the assignments of a segment.</summary>
    /// <param name="reader">The files.</param>
    /// <param name="segment">Number of the segment.</param>
    /// <param name="codec">The model.</param>
    /// <exception cref="VlcFormatException">A section of another length, or a list that there is not.</exception>
    public static StoredAssignments Open(SectionReader reader, int segment, CodecModel codec)
    {
        int count = reader.Manifest.Segments[segment].Count;
        IndexSection section = codec.AssignmentBits is null
            ? reader.Require(SectionKind.Assignments, SectionElement.UInt32, (uint)count, 1, segment)
            : reader.RequireBytes(SectionKind.Assignments, segment);
        long expected = codec.AssignmentBits is { } width ? CodecModel.AssignmentBytes(count, width) : section.Length;
        if (section.Length != expected || section.File != IndexFile.Assignments)
        {
            throw new VlcFormatException(
                reader.Files.Path(section.FileId), "length", $"{expected} bytes", $"{section.Length}",
                    "The file is damaged; rebuild the index.");
        }

        // Rows that no byte stands for take memory all the same.
        long bytes = section.Length + (reader.Manifest.Find(SectionKind.Residuals, segment)?.Length ?? 0), most = Math.Max(FewRows,
            bytes * RowsPerByte);
        if (count > most)
        {
            throw new VlcFormatException(
                reader.Files.Path(IndexFile.Manifest), $"rows of segment {segment}",
                    $"at most {most}, for {bytes} bytes of lists and codes", $"{count}",
                "The manifest is damaged; rebuild the index.");
        }

        return new StoredAssignments(
            reader.MemoryOf(section), section.Offset, count, codec.ListCount, codec.AssignmentBits, reader.Files.Path(section.FileId));
    }

    /// <summary>Lists in <paramref name="bits"/> bits each, most significant first; the last byte is filled up with zeros.</summary>
    public static byte[] Pack(ReadOnlySpan<int> lists, int bits)
    {
        byte[] bytes = new byte[CodecModel.AssignmentBytes(lists.Length, bits)];
        ulong pending = 0;
        int pendingBits = 0, next = 0;
        foreach (int list in lists)
        {
            pending = (pending << bits) | (uint)list;
            for (pendingBits += bits; pendingBits >= 8;) bytes[next++] = (byte)(pending >> (pendingBits -= 8));
        }

        if (pendingBits > 0) bytes[next] = (byte)(pending << (8 - pendingBits));
        return bytes;
    }

    /// <summary>Checks every row's list, and sorts the rows by it.</summary>
    /// <param name="file">The memory of the file.</param>
    /// <param name="offset">First byte of the section.</param>
    /// <param name="count">n.</param>
    /// <param name="listCount">Lists.</param>
    /// <param name="bits">Bits of a row's list, most significant first; null for a little-endian u32.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="VlcFormatException">A list that there is not.</exception>
    public StoredAssignments(CodeMemory file, long offset, int count, int listCount, int? bits, string path)
    {
        (_file, _offset, _listCount, _bits) = (file, offset, listCount, bits);
        Lists = new InvertedLists(listCount, count, rows =>
        {
            var lists = new int[Math.Min(RowsAtOnce, count)];
            for (int first = 0; first < count; first += lists.Length)
            {
                Span<int> block = lists.AsSpan(0, Math.Min(lists.Length, count - first));
                Read(first, block);
                int bad = block.IndexOfAnyExceptInRange(0, listCount - 1);
                if (bad >= 0)
                {
                    long place = (first + bad) * (long)(bits ?? 32) / 8;
                    throw new VlcFormatException(
                        path, $"offset {offset + place}", $"a list below {listCount}", $"{(uint)block[bad]}",
                            "The file is damaged; rebuild the index.");
                }

                rows(block, first);
            }
        });
    }

    /// <summary>Rows of each list.</summary>
    public InvertedLists Lists { get; }

    /// <summary>The list of a row.</summary>
    public int this[int row]
    {
        get
        {
            int list = 0;
            Read(row, new Span<int>(ref list));
            // Checked when the index was opened; a file that is overwritten since must not lead outside.
            return (uint)list < (uint)_listCount ? list : 0;
        }
    }

    private void Read(int first, Span<int> lists)
    {
        if (_bits == 0)
        {
            lists.Clear();
            return;
        }

        if (_bits is not { } bits)
        {
            ReadOnlySpan<byte> words = _file.Slice(_offset + (first * (long)sizeof(int)), lists.Length * sizeof(int));
            for (int i = 0; i < lists.Length; i++) lists[i] = BinaryPrimitives.ReadInt32LittleEndian(words[(i * sizeof(int))..]);
            return;
        }

        long bit = first * (long)bits, end = bit + (lists.Length * (long)bits);
        int within = (int)Math.Clamp((((_file.Length - _offset - sizeof(ulong)) * 8) - bit) / bits, 0, lists.Length);
        if (within > 0)
        {
            Unpack(_file.Slice(_offset + (bit / 8), (int)((((bit & 7) + ((within - 1) * (long)bits)) / 8) + sizeof(ulong))),
                (int)(bit & 7), bits, lists[..within]);
            bit += within * (long)bits;
        }

        if (within == lists.Length) return;
        // The last few bytes of the file: from a copy with eight more behind.
        ReadOnlySpan<byte> rest = _file.Slice(_offset + (bit / 8), (int)(((end + 7) / 8) - (bit / 8)));
        Span<byte> padded = stackalloc byte[rest.Length + sizeof(ulong)];
        padded[rest.Length..].Clear();
        rest.CopyTo(padded);
        Unpack(padded, (int)(bit & 7), bits, lists[within..]);
    }

    /// <summary>
    /// Reads lists of <paramref name="bits"/> bits from bit <paramref name="place"/> on: eight bytes hold any list and the bits before it
    /// in its first byte.
    /// </summary>
    private static void Unpack(ReadOnlySpan<byte> bytes, int place, int bits, Span<int> lists)
    {
        foreach (ref int list in lists)
        {
            list = (int)((BinaryPrimitives.ReadUInt64BigEndian(bytes[(place >> 3)..]) << (place & 7)) >> (64 - bits));
            place += bits;
        }
    }
}
