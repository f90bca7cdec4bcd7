using System.IO.Compression;
using Vlc.Storage;

namespace Vlc.Indexing;

/// <summary>
/// An index as one stream: a zip archive whose entries are the index's files, stored as they are, named as they are in a folder but for
/// BASE.
/// </summary>
internal static class IndexArchive
{
    private const string Base = "index";

    public static void Write(Stream stream, SectionReader reader)
    {
        using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        foreach (IndexFileId file in reader.Manifest.Files.Prepend(IndexFileId.Manifest))
        {
            using Stream entry = archive.CreateEntry(Base + file.Suffix, CompressionLevel.NoCompression).Open();
            if (file == IndexFileId.Manifest) entry.Write(reader.ManifestContent.Span);
            else reader.CopyTo(file, entry);
        }
    }

    /// <summary>The files of an archive.</summary>
    /// <exception cref="VlcFormatException">Not an archive, or one with other entries.</exception>
    public static MemoryContainer Read(Stream stream)
    {
        if (stream.CanSeek) return ReadSeekable(stream);
        using var whole = new MemoryStream();
        stream.CopyTo(whole);
        return ReadSeekable(whole);
    }

    private static MemoryContainer ReadSeekable(Stream stream)
    {
        try
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
            var files = new Dictionary<IndexFileId, byte[]>();
            long total = 0;
            foreach (ZipArchiveEntry entry in archive.Entries)
            {
                // Save compresses nothing. All entries together are no longer than the archive: none can claim memory that is not there.
                total += entry.Length;
                if (entry.Length != entry.CompressedLength || entry.Length > Array.MaxLength || total > stream.Length)
                {
                    throw Bad(entry.FullName, "a file stored as it is", $"{entry.CompressedLength} bytes for {entry.Length}");
                }

                byte[] content = new byte[(int)entry.Length];
                using (Stream opened = entry.Open()) opened.ReadExactly(content);
                if (!files.TryAdd(Parse(entry.FullName), content)) throw Bad(entry.FullName, "each file once", "twice");
            }

            return new MemoryContainer(files);
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException)
        {
            throw Bad("archive", "a zip archive that Save wrote", exception.Message);
        }
    }

    private static IndexFileId Parse(string name)
    {
        foreach (IndexFile file in Enum.GetValues<IndexFile>())
        {
            int most = IndexFileId.IsOfSegment(file) ? Manifest.MaxSegments : 1;
            for (int segment = 0; segment < most; segment++)
            {
                var id = new IndexFileId(file, segment);
                if (name == Base + id.Suffix) return id;
            }
        }

        throw Bad(name, "a file of an index", "another name");
    }

    private static VlcFormatException Bad(string where, string expected, string found) =>
        new("stream", where, expected, found, "Read it from an index that was saved to a stream.");
}
