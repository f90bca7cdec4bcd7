namespace Vlc.Formats;

/// <summary>
/// A file written under a temporary name beside its own, and renamed when complete: a run that fails, is cancelled or is
/// killed leaves what was there before.
/// </summary>
public sealed class ReplacingFile : IDisposable
{
    private readonly string _path;
    private readonly string _temporaryPath;
    private bool _completed;

    /// <summary>Creates the temporary file.</summary>
    /// <param name="path">The name the file gets on <see cref="Complete"/>.</param>
    /// <exception cref="IOException">The folder does not exist or cannot be written.</exception>
    public ReplacingFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _path = path;
        _temporaryPath = $"{path}.{Guid.NewGuid():N}.tmp";
        Stream = new FileStream(_temporaryPath, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 18);
    }

    /// <summary>The content.</summary>
    public FileStream Stream { get; }

    /// <summary>Flushes to the device, then renames; an older file of the name is replaced in one step.</summary>
    public void Complete()
    {
        Stream.Flush(flushToDisk: true);
        Stream.Dispose();
        File.Move(_temporaryPath, _path, overwrite: true);
        _completed = true;
    }

    /// <summary>Deletes the temporary file unless <see cref="Complete"/> was reached.</summary>
    public void Dispose()
    {
        try
        {
            // What is buffered is written here, which fails on a full disk.
            Stream.Dispose();
        }
        finally
        {
            if (!_completed) File.Delete(_temporaryPath);
        }
    }
}
