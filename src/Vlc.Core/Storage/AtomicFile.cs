namespace Vlc.Storage;

/// <summary>Writes a file so that its name holds either what it held before or the whole new content, whatever happens meanwhile.</summary>
public static class AtomicFile
{
    /// <summary>
    /// Writes <paramref name="content"/> under <paramref name="path"/>: temporary name, flush to disk, rename, flush of the folder.
    /// </summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="content">All of its bytes.</param>
    /// <exception cref="IOException">The file could not be written; what was there before is whole.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        string temporary = path + ".tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
            FolderActions.System.FlushFolder(FolderActions.FolderOf(path));
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
