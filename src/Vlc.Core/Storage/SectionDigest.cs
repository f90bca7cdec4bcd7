namespace Vlc.Storage;

/// <summary>The checksum of a section while it is written, and the checksum of each of its blocks.</summary>
internal sealed class SectionDigest
{
    /// <summary>
    /// Bytes of a block: a first touch reads no more of a section than it needs, and a table of blocks is small beside it.
    /// </summary>
    public const int BlockBytes = 1 << 16;

    private readonly List<uint> _blocks = [];
    private uint _whole = Crc32C.Start;
    private uint _block = Crc32C.Start;

    /// <summary>Bytes so far.</summary>
    public long Length { get; private set; }

    /// <summary>CRC-32C of all bytes.</summary>
    public uint Checksum => Crc32C.Finish(_whole);

    /// <summary>CRC-32C of each block; the last may be shorter.</summary>
    public uint[] Blocks => Length % BlockBytes == 0 ? [.. _blocks] : [.. _blocks, Crc32C.Finish(_block)];

    /// <summary>Number of blocks of a section.</summary>
    public static long BlockCount(long length) => (length + BlockBytes - 1) / BlockBytes;

    /// <summary>
    /// Whether a section has checksums of blocks besides its own: those that are read piece by piece, where they have more than one.
    /// </summary>
    public static bool HasBlocks(IndexSection section) => IsReadByPieces(section.Kind) && section.Length > BlockBytes;

    /// <summary>Whether an open index reads a section only as searches come by it.</summary>
    public static bool IsReadByPieces(SectionKind kind) => kind is SectionKind.Residuals or SectionKind.Keys;

    /// <summary>Adds bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        _whole = Crc32C.Append(_whole, bytes);
        while (!bytes.IsEmpty)
        {
            int room = BlockBytes - (int)(Length % BlockBytes), taken = Math.Min(room, bytes.Length);
            _block = Crc32C.Append(_block, bytes[..taken]);
            Length += taken;
            bytes = bytes[taken..];
            if (taken < room) return;
            _blocks.Add(Crc32C.Finish(_block));
            _block = Crc32C.Start;
        }
    }
}
