using System.Buffers.Binary;

namespace Vlc.Formats.Hdf5;

/// <summary>
/// The head of an HDF5 file, read for one fact: where the file ends. PureHDF does not compare it with the length, so that a
/// truncated file would be noticed only when its last rows are read.
/// </summary>
internal static class Superblock
{
    public static void ThrowIfDamaged(string path)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        byte[] bytes = new byte[64];
        ReadOnlySpan<byte> block = bytes.AsSpan(0, stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));
        if (!block.StartsWith(FileSignature.Hdf5))
        {
            throw new VlcFormatException(
                path, "offset 0", "the HDF5 signature",
                FileSignature.DescribeOrQuote(block[..int.Min(block.Length, FileSignature.Length)]));
        }

        if (block.Length < bytes.Length)
        {
            throw new VlcFormatException(path, $"offset {block.Length}", "a superblock", "the end of the file", "The file is truncated.");
        }

        // HDF5 file format 3.0, II.A: where sizes and base address stand depends on the version.
        int version = block[8];
        (int offsetSize, int baseAddress) = version switch
        {
            0 => (block[13], 24),
            1 => (block[13], 28),
            2 or 3 => (block[9], 12),
            _ => throw new VlcFormatException(path, "offset 8", "superblock version 0 to 3", $"version {version}"),
        };

        // Other offset sizes, and files behind a user block, are left to the library.
        if (offsetSize != sizeof(ulong) || BinaryPrimitives.ReadUInt64LittleEndian(block[baseAddress..]) != 0) return;
        int endAddress = baseAddress + (2 * sizeof(ulong));
        ulong end = BinaryPrimitives.ReadUInt64LittleEndian(block[endAddress..]);
        if (end != (ulong)stream.Length)
        {
            throw new VlcFormatException(
                path, $"offset {endAddress}, end of file", $"{end} bytes", $"{stream.Length} bytes",
                end > (ulong)stream.Length ? "The file is truncated." : "There are trailing bytes.");
        }
    }
}
