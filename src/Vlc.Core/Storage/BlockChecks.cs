namespace Vlc.Storage;

/// <summary>
/// Checks the blocks of a section when they are first touched. Safe for any number of threads: at worst two check the same block.
/// </summary>
/// <param name="reader">The files.</param>
/// <param name="section">The section.</param>
/// <param name="checksums">CRC-32C of each block.</param>
internal sealed class BlockChecks(SectionReader reader, IndexSection section, uint[] checksums)
{
    private readonly ulong[] _checked = new ulong[(checksums.Length + 63) / 64];

    /// <summary>Checks the blocks of some bytes, unless they have been.</summary>
    /// <param name="offset">The first byte, within the section.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="VlcFormatException">A block is not what was written.</exception>
    public void Touch(long offset, long length)
    {
        if (length == 0) return;
        for (long block = offset / SectionDigest.BlockBytes; block <= (offset + length - 1) / SectionDigest.BlockBytes; block++)
        {
            ref ulong bits = ref _checked[block >> 6];
            ulong bit = 1UL << (int)(block & 63);
            if ((Volatile.Read(ref bits) & bit) != 0) continue;
            long first = block * SectionDigest.BlockBytes;
            reader.Check(section, first, Math.Min(SectionDigest.BlockBytes, section.Length - first), checksums[block]);
            Interlocked.Or(ref bits, bit);
        }
    }
}
