using System.Buffers.Binary;
using Vlc.Formats.Binary;

namespace Vlc.Formats.Hdf5;

/// <summary>
/// An open HDF5 file: what its superblock says, and reads by address. Addresses count from the base address, behind a user block.
/// </summary>
internal sealed class Hdf5File : IDisposable
{
    private const int SignatureLength = 8;

    // A user block has 512 bytes or a power of two above; h5py and h5jam write far less than this.
    private const long MaxUserBlock = 1L << 30;

    private readonly InputFile _file;
    private readonly long _base;

    private Hdf5File(InputFile file, long start)
    {
        _file = file;
        _base = start;
        OffsetSize = LengthSize = sizeof(ulong);
        Root = ReadSuperblock();
    }

    public string Path => _file.Path;

    /// <summary>Bytes from the base address to the end of the file.</summary>
    public long Length => _file.Length - _base;

    /// <summary>Bytes of an address.</summary>
    public int OffsetSize { get; private set; }

    /// <summary>Bytes of a length.</summary>
    public int LengthSize { get; private set; }

    /// <summary>Address of the root group's object header.</summary>
    public long Root { get; }

    /// <summary>Opens a file and validates its superblock.</summary>
    /// <exception cref="VlcFormatException">It is no HDF5 file, or its superblock is damaged.</exception>
    public static Hdf5File Open(string path)
    {
        InputFile file = new(path);
        try
        {
            return new Hdf5File(file, FindSignature(file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads a block of metadata.</summary>
    /// <exception cref="VlcFormatException">It does not lie within the file.</exception>
    public Cursor Take(long address, long length, string what)
    {
        ThrowIfOutside(address, length, what);
        byte[] bytes = new byte[length];
        _file.ReadExactly(bytes, _base + address, what);
        return new Cursor(this, bytes, address, what);
    }

    /// <summary>Reads raw data.</summary>
    public void ReadExactly(Span<byte> buffer, long address, string what)
    {
        ThrowIfOutside(address, buffer.Length, what);
        _file.ReadExactly(buffer, _base + address, what);
    }

    public void ThrowIfOutside(long address, long length, string what)
    {
        if (address < 0 || length < 0 || length > Length - address)
        {
            throw Damaged(address, $"{length} bytes of {what} within the file's {_file.Length} bytes", "a place outside of it");
        }
    }

    public VlcFormatException Damaged(long address, string expected, string found) =>
        new(Path, $"offset {_base + address}", expected, found, "The file is truncated or damaged.");

    public void Dispose() => _file.Dispose();

    private static long FindSignature(InputFile file)
    {
        Span<byte> head = stackalloc byte[SignatureLength];
        for (long start = 0; start <= long.Min(file.Length - SignatureLength, MaxUserBlock); start = start == 0 ? 512 : start * 2)
        {
            file.ReadExactly(head, start, "signature");
            if (head.SequenceEqual(FileSignature.Hdf5)) return start;
        }

        Span<byte> found = stackalloc byte[FileSignature.Length];
        found = found[..file.Read(found, 0)];
        throw new VlcFormatException(file.Path, "offset 0", "the HDF5 signature", FileSignature.DescribeOrQuote(found));
    }

    /// <summary>HDF5 file format 3.0, II.A. Returns the address of the root group.</summary>
    private long ReadSuperblock()
    {
        Cursor block = Take(0, long.Min(Length, 256), "superblock");
        block.Skip(SignatureLength);
        int version = block.U8();
        if (version > 3) throw new VlcFormatException(Path, $"offset {_base + 8}", "superblock version 0 to 3", $"version {version}");
        int flags = 0;
        if (version < 2)
        {
            block.Skip(4);
            ReadSizes(block);
            block.Skip(version == 0 ? 1 + 2 + 2 + 4 : 1 + 2 + 2 + 4 + 2 + 2);
        }
        else
        {
            ReadSizes(block);
            flags = block.U8();
        }

        long start = block.Number(OffsetSize);
        if (start != _base && start != 0)
        {
            throw new VlcFormatException(Path, $"offset {_base}", $"base address {_base}, where the signature is", $"{start}");
        }

        long? extension = block.Address();
        long end = block.Number(OffsetSize);
        if (end + (_base - start) != _file.Length)
        {
            throw new VlcFormatException(
                Path, $"offset {_base}, end of file", $"{end} bytes", $"{_file.Length} bytes",
                end > _file.Length ? "The file is truncated." : "There are trailing bytes.");
        }

        if (version >= 2)
        {
            long root = block.Address() ?? throw Damaged(0, "a root group", "none");
            block.ThrowIfChecksumDiffers();
            if ((flags & 0b101) != 0)
            {
                throw new VlcFormatException(
                    Path, $"offset {_base + 11}", "a file that was closed", "a mark that it is open for writing",
                    $"Close the program that writes it, or run: h5clear -s {System.IO.Path.GetFileName(Path)}");
            }

            if (extension is { } address) ThrowIfShared(new ObjectHeader(this, address));
            return root;
        }

        if (block.Address() is { } driver) throw Unsupported("driver information block", driver);
        block.Skip(OffsetSize);
        return block.Address() ?? throw Damaged(0, "a root group", "none");
    }

    private void ReadSizes(Cursor block)
    {
        OffsetSize = block.U8();
        LengthSize = block.U8();
        if (OffsetSize is not (4 or 8) || LengthSize is not (4 or 8))
        {
            throw new VlcFormatException(
                Path, $"offset {_base}", "addresses and lengths of 4 or 8 bytes", $"{OffsetSize} and {LengthSize}");
        }
    }

    private static void ThrowIfShared(ObjectHeader extension)
    {
        const int sharedMessages = 0x000F, driver = 0x0014;
        if (extension.Find(sharedMessages) is not null) throw extension.File.Unsupported("table of shared messages", extension.Address);
        if (extension.Find(driver) is not null) throw extension.File.Unsupported("driver information", extension.Address);
    }

    private VlcFormatException Unsupported(string what, long address) =>
        new(Path, $"offset {_base + address}", "a file of one part without shared messages", $"a {what}",
            $"Convert it: h5repack {System.IO.Path.GetFileName(Path)} converted.h5");
}
