using System.IO.Compression;
using Vlc.Storage;

namespace Vlc.Indexing;

/// <summary>An index as one stream: a zip archive whose entries are the index's files, stored as they are, named as they are in a folder but for BASE.</summary>
internal static class IndexArchive
{
    private const string Base = "index";

    /// <summary>Bytes of an archive's files at most: what an array holds each, and no more than this in all.</summary>
    private const long MostBytes = 64L << 30;

    public static void Write(Stream stream, SectionReader reader, MemoryContainer? memory)
    {
        using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        foreach (IndexFileId file in reader.Manifest.Files.Prepend(IndexFileId.Manifest))
        {
            using Stream entry = archive.CreateEntry(Base + file.Suffix, CompressionLevel.NoCompression).Open();
            if (memory is not null) entry.Write(memory.Committed[file]);
            else if (file == IndexFileId.Manifest) entry.Write(reader.ManifestContent.Span);
            else reader.CopyTo(file, entry);
        }
    }

    /// <summary>The files of an archive.</summary>
    /// <exception cref="VlcFormatException">Not an archive, or one with other entries.</exception>
    public static Dictionary<IndexFileId, byte[]> Read(Stream stream)
    {
        try
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
            var files = new Dictionary<IndexFileId, byte[]>();
            long total = 0;
            foreach (ZipArchiveEntry entry in archive.Entries)
            {
                IndexFileId file = Parse(entry.FullName);
                total += entry.Length;
                if (entry.Length > Array.MaxLength || total > MostBytes)
                {
                    throw Bad(entry.FullName, $"files of at most {Array.MaxLength} bytes", $"{entry.Length}");
                }

                // The length is what the archive says: a deflated entry may claim much, so that memory grows with what is really there.
                using Stream content = entry.Open();
                using var bytes = new MemoryStream();
                content.CopyTo(bytes);
                if (!files.TryAdd(file, bytes.ToArray())) throw Bad(entry.FullName, "each file once", "twice");
            }

            return files;
        }
        catch (InvalidDataException exception)
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
