namespace Vlc.Formats;

/// <summary>Names a file by its first bytes, so that an error can say what was found and not only what was not.</summary>
public static class FileSignature
{
    /// <summary>Bytes of a file's head that are enough to tell.</summary>
    public const int Length = 16;

    /// <summary>The npy signature: 0x93, then "NUMPY".</summary>
    public static ReadOnlySpan<byte> Npy => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>The HDF5 signature, at offset 0 of a file without a user block.</summary>
    public static ReadOnlySpan<byte> Hdf5 => [0x89, (byte)'H', (byte)'D', (byte)'F', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>The Parquet signature, "PAR1", at both ends of a file.</summary>
    public static ReadOnlySpan<byte> Parquet => "PAR1"u8;

    /// <summary>What a file with this head is, with its article; null where the bytes are nothing known.</summary>
    /// <param name="head">The first bytes of the file, <see cref="Length"/> or all of it.</param>
    public static string? Describe(ReadOnlySpan<byte> head)
    {
        if (head.IsEmpty) return "an empty file";
        if (head.StartsWith(Npy)) return "an npy file";
        if (head.StartsWith(Hdf5)) return "an HDF5 file";
        if (head.StartsWith(Parquet)) return "a Parquet file";
        if (head.StartsWith("ARROW1"u8)) return "an Arrow file";
        if (head.StartsWith("PK\u0003\u0004"u8)) return "a zip archive";
        if (head is [0x1F, 0x8B, 0x08, ..]) return "a gzip file";
        if (head is [0x28, 0xB5, 0x2F, 0xFD, ..]) return "a Zstandard file";
        return null;
    }

    /// <summary>As <see cref="Describe"/>, with the bytes themselves where they are nothing known.</summary>
    /// <param name="head">The first bytes of the file, <see cref="Length"/> or all of it.</param>
    public static string DescribeOrQuote(ReadOnlySpan<byte> head) =>
        Describe(head) ?? "bytes " + Convert.ToHexString(head[..int.Min(head.Length, 8)]);
}
