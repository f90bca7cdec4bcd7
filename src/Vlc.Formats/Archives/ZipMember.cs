using System.IO.Compression;
using Vlc.Formats.Binary;

namespace Vlc.Formats.Archives;

/// <summary>
/// The content of a member of a zip archive, to be read by position: where it lies when it is stored, in a temporary file when it is
/// deflated.
/// Its checksum has been compared.
/// </summary>
internal sealed class ZipMember : IDisposable
{
    private readonly TemporaryFile? _temporary;

    private ZipMember(InputFile file, long offset, long length, TemporaryFile? temporary)
    {
        File = file;
        Offset = offset;
        End = offset + length;
        _temporary = temporary;
    }

    /// <summary>The archive, which the caller owns, or the temporary file.</summary>
    public InputFile File { get; }

    /// <summary>Offset of the content's first byte in <see cref="File"/>.</summary>
    public long Offset { get; }

    /// <summary>Offset just past its last byte.</summary>
    public long End { get; }

    /// <summary>What was unpacked and where, a sentence for the user; null where nothing was.</summary>
    public string? Note => _temporary?.Note;

    /// <summary>Finds the content and compares its checksum.</summary>
    /// <exception cref="VlcFormatException">It is damaged, encrypted, compressed by another method, or too large to unpack.</exception>
    public static ZipMember Open(InputFile archive, ZipEntry entry)
    {
        if (entry.Encrypted)
        {
            throw new VlcFormatException(
                archive.Path, $"'{entry.Name}'", "a member that can be read", "an encrypted one", "Unpack it with its password.");
        }
        long offset = ZipDirectory.DataOffset(archive, entry);
        if (entry.Method == 0)
        {
            if (entry.StoredLength != entry.Length) throw Damaged(archive, entry, $"{entry.Length} bytes", $"{entry.StoredLength} bytes");
            using SectionStream stored = new(archive, offset, entry.Length);
            ThrowIfChecksumDiffers(archive, entry, ChecksumOf(stored, Stream.Null, entry.Length));
            return new ZipMember(archive, offset, entry.Length, null);
        }

        if (entry.Method != 8)
        {
            throw new VlcFormatException(
                archive.Path, $"'{entry.Name}'", "a stored or deflated member", $"compression method {entry.Method}",
                "Unpack the archive.");
        }

        TemporaryFile temporary = TemporaryFile.Create(archive.Path, $"'{entry.Name}' of {archive.Path}");
        try
        {
            using (SectionStream section = new(archive, offset, entry.StoredLength))
            using (DeflateStream deflated = new(section, CompressionMode.Decompress))
            {
                ThrowIfChecksumDiffers(archive, entry, ChecksumOf(deflated, temporary.Output, entry.Length, temporary));
            }

            return new ZipMember(temporary.OpenForReading(archive.Path), 0, entry.Length, temporary);
        }
        catch (InvalidDataException exception)
        {
            temporary.Dispose();
            throw new VlcFormatException(
                archive.Path, $"'{entry.Name}'", "deflated data", "other bytes", "The file is damaged.", exception);
        }
        catch
        {
            temporary.Dispose();
            throw;
        }
    }

    /// <summary>The first bytes of a member, without reading the rest.</summary>
    public static byte[] ReadHead(InputFile archive, ZipEntry entry, int length)
    {
        if (entry.Encrypted || entry.Method is not (0 or 8)) return [];
        using SectionStream section = new(archive, ZipDirectory.DataOffset(archive, entry), entry.StoredLength);
        using Stream content = entry.Method == 0 ? section : new DeflateStream(section, CompressionMode.Decompress);
        byte[] head = new byte[(int)long.Min(length, entry.Length)];
        try
        {
            return head[..content.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        }
        catch (InvalidDataException exception)
        {
            throw new VlcFormatException(
                archive.Path, $"'{entry.Name}'", "deflated data", "other bytes", "The file is damaged.", exception);
        }
    }

    public void Dispose()
    {
        if (_temporary is null) return;
        File.Dispose();
        _temporary.Dispose();
    }

    private static uint ChecksumOf(Stream content, Stream output, long length, TemporaryFile? temporary = null)
    {
        byte[] buffer = new byte[1 << 17];
        Crc32 crc = new();
        long left = length;
        while (left > 0)
        {
            int read = content.Read(buffer, 0, (int)long.Min(buffer.Length, left));
            if (read == 0) break;
            crc.Append(buffer.AsSpan(0, read));
            temporary?.ThrowIfFull(read);
            output.Write(buffer, 0, read);
            left -= read;
        }

        // One byte too many or too few changes the length, which the checksum alone need not show.
        return left == 0 && content.Read(buffer, 0, 1) == 0 ? crc.Value : ~crc.Value;
    }

    private static void ThrowIfChecksumDiffers(InputFile archive, ZipEntry entry, uint crc)
    {
        if (crc != entry.Crc) throw Damaged(archive, entry, $"{entry.Length} bytes with the checksum {entry.Crc:X8}", "other content");
    }

    private static VlcFormatException Damaged(InputFile archive, ZipEntry entry, string expected, string found) =>
        new(archive.Path, $"'{entry.Name}'", expected, found, "The file is damaged.");
}
