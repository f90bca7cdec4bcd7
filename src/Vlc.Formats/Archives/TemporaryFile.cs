using Vlc.Formats.Binary;

namespace Vlc.Formats.Archives;

/// <summary>
/// A file among the temporary ones, for content that cannot be read by position where it is; deleted on dispose. It takes at most half of
/// the space that is free when it is created: an archive may state any size, and unpack to any.
/// </summary>
internal sealed class TemporaryFile : IDisposable
{
    private readonly string _folder;
    private readonly string _source;
    private readonly string _what;
    private readonly long _limit;
    private FileStream? _output;
    private long _length;

    private TemporaryFile(string folder, string name, string source, string what)
    {
        _folder = folder;
        _source = source;
        _what = what;
        _limit = new DriveInfo(folder).AvailableFreeSpace / 2;
        Path = System.IO.Path.Combine(folder, name);
        _output = new FileStream(Path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>Receives the content.</summary>
    public Stream Output => _output ?? throw new InvalidOperationException("The temporary file is written.");

    /// <summary>What it holds, a sentence for the user.</summary>
    public string Note => $"{_what} was unpacked to the temporary file '{Path}' of {_length:N0} bytes, which is deleted afterwards.";

    /// <summary>Creates an empty one.</summary>
    /// <param name="source">The file as the user named it, for messages.</param>
    /// <param name="what">What is unpacked, for <see cref="Note"/>.</param>
    /// <param name="name">Its name; the extension may say what the content is.</param>
    public static TemporaryFile Create(string source, string what, string name = "content")
    {
        string folder = Directory.CreateTempSubdirectory("vlc-").FullName;
        try
        {
            return new TemporaryFile(folder, name, source, what);
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>Throws where <paramref name="more"/> bytes exceed the limit; to be called before each write.</summary>
    public void ThrowIfFull(int more)
    {
        _length += more;
        if (_length > _limit)
        {
            throw new VlcFormatException(
                _source, "content", $"at most {_limit:N0} bytes once unpacked, half of what is free in {System.IO.Path.GetTempPath()}",
                "more",
                "Free some space, set TMPDIR to a larger disk, or unpack the file yourself.");
        }
    }

    /// <summary>Copies all of a stream, up to the limit.</summary>
    public void Fill(Stream content)
    {
        byte[] buffer = new byte[1 << 17];
        for (int read; (read = content.Read(buffer)) > 0;)
        {
            ThrowIfFull(read);
            Output.Write(buffer, 0, read);
        }
    }

    /// <summary>Ends writing and opens the content.</summary>
    /// <param name="shownAs">The file as the user named it, for messages.</param>
    public InputFile OpenForReading(string shownAs)
    {
        Close();
        return new InputFile(Path, shownAs);
    }

    /// <summary>Ends writing.</summary>
    public void Close()
    {
        _output?.Dispose();
        _output = null;
    }

    public void Dispose()
    {
        Close();
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }
}
