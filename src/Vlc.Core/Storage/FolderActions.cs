using Microsoft.Win32.SafeHandles;
using Vlc.Numerics.Memory;

namespace Vlc.Storage;

/// <summary>
/// The steps of which a commit to a folder is made. Tests put a recorder in their place, to stop after each of them and to forget what a
/// loss of power may forget.
/// </summary>
internal class FolderActions
{
    /// <summary>The steps as the system takes them.</summary>
    public static FolderActions System { get; } = new();

    /// <summary>
    /// Brings the bytes of a file to where they outlast a loss of power. A failure is final: what a second try would report is not known.
    /// </summary>
    /// <param name="file">The open file.</param>
    /// <param name="path">Its name.</param>
    public virtual void Flush(SafeFileHandle file, string path) => RandomAccess.FlushToDisk(file);

    /// <summary>Gives a file another name, in place of a file that has it.</summary>
    public virtual void Move(string from, string to) => File.Move(from, to, overwrite: true);

    /// <summary>Deletes a file if it is there.</summary>
    public virtual void Delete(string path) => File.Delete(path);

    /// <summary>Brings the names in a folder to where they outlast a loss of power; on Windows the file system does so itself.</summary>
    /// <exception cref="IOException">The folder cannot be opened or flushed.</exception>
    public virtual void FlushFolder(string folder)
    {
        if (OperatingSystem.IsWindows()) return;
        using SafeFileHandle handle = UnixFile.TryOpen(folder)
            ?? throw new IOException($"{folder}: the folder cannot be opened to be flushed.");
        RandomAccess.FlushToDisk(handle);
    }

    /// <summary>The folder that a file lies in.</summary>
    public static string FolderOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path))!;
}
