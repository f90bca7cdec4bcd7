using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Vlc.Numerics.Memory;

namespace Vlc.Storage;

/// <summary>
/// The right to write an index, held by one writer at a time: a file BASE.lock that is held open exclusively. The system ends the hold when
/// the process dies, however it dies; the file that is left then hinders nobody.
/// </summary>
/// <remarks>
/// The file is deleted while it is held. Whoever opened it before and gets the hold afterwards holds a file without a name, and another
/// writer could make a new one; so a writer that has the hold writes a text of its own into the file, reads it back under the name, and
/// begins again unless it finds it there.
/// </remarks>
internal sealed class IndexLock : IDisposable
{
    private const string Extension = ".lock";
    private const int MostBytes = 512;

    private readonly string _path;
    private readonly SafeFileHandle _handle;

    private IndexLock(string path, SafeFileHandle handle) => (_path, _handle) = (path, handle);

    /// <summary>Takes the hold, or fails at once.</summary>
    /// <param name="basePath">BASE of the index.</param>
    /// <exception cref="IndexInUseException">Another writer has it.</exception>
    public static IndexLock Acquire(string basePath)
    {
        string path = IndexFiles.Beside(basePath, Extension);
        while (true)
        {
            SafeFileHandle handle = Open(path, basePath);
            try
            {
                string text = Describe();
                RandomAccess.SetLength(handle, 0);
                RandomAccess.Write(handle, Encoding.UTF8.GetBytes(text), 0);
                if (Read(path) == text) return new IndexLock(path, handle);
            }
            catch
            {
                handle.Dispose();
                throw;
            }

            handle.Dispose();
        }
    }

    /// <summary>
    /// The kind of a network file system that a folder lies on; null for a local one. There a lock holds only as far as the server honours
    /// it.
    /// </summary>
    /// <param name="folder">An existing folder.</param>
    public static string? NetworkFileSystem(string folder)
    {
        if (OperatingSystem.IsWindows() && folder.StartsWith(@"\\", StringComparison.Ordinal)) return "a share";
        try
        {
            var drive = new DriveInfo(folder);
            return drive.DriveType == DriveType.Network ? drive.DriveFormat : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        // Deleted while it is held: later, it could be another writer's.
        if (!_handle.IsClosed) File.Delete(_path);
        _handle.Dispose();
    }

    private static SafeFileHandle Open(string path, string basePath)
    {
        // On Unix any sharing is a lock that two writers can have; on Windows reading is allowed, so that the holder can be named, and
        // deleting, for the end.
        FileShare share = OperatingSystem.IsWindows() ? FileShare.Read | FileShare.Delete : FileShare.None;
        try
        {
            return File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, share);
        }
        catch (IOException exception) when (IsHeld(exception))
        {
            string network = NetworkFileSystem(FolderActions.FolderOf(path)) is { } kind
                ? $" The folder is on a network file system ({kind})." : "";
            throw new IndexInUseException($"{basePath}: another build of this index is running{Holder(Read(path))}.{network}", exception);
        }
    }

    /// <summary>
    /// Whether an exception says that another has the file: EWOULDBLOCK of Linux and of macOS, and the sharing violation of Windows.
    /// </summary>
    private static bool IsHeld(IOException exception) => exception.HResult is 11 or 35 or unchecked((int)0x80070020);

    private static string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Environment.ProcessId}\n{DateTime.UtcNow:yyyy-MM-dd HH:mm:ss} UTC\n{Environment.MachineName}\n{Guid.NewGuid()}\n");

    private static string Holder(string? text)
    {
        // Four lines once the holder has written them all.
        string[] lines = (text ?? "").Split('\n');
        if (lines.Length < 4) return "";
        string machine = lines[2] == Environment.MachineName ? "" : $" on {lines[2]}";
        return $" (process {lines[0]}{machine}, since {lines[1]})";
    }

    /// <summary>What the file of a name holds; null where there is none.</summary>
    private static string? Read(string path)
    {
        try
        {
            using SafeFileHandle? handle = OperatingSystem.IsWindows()
                ? File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete)
                : UnixFile.TryOpen(path);
            if (handle is null) return null;
            var bytes = new byte[MostBytes];
            return Encoding.UTF8.GetString(bytes.AsSpan(0, RandomAccess.Read(handle, bytes, 0)));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
