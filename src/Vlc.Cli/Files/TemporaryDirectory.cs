namespace Vlc.Cli.Files;

/// <summary>A folder for one run: a new one that is deleted at the end, or one that the user names and keeps.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public TemporaryDirectory(string? kept = null)
    {
        Kept = kept is not null;
        Path = Kept ? Directory.CreateDirectory(kept!).FullName : Directory.CreateTempSubdirectory("vlc-").FullName;
    }

    public string Path { get; }

    /// <summary>True for a folder of the user's.</summary>
    public bool Kept { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        if (!Kept) Directory.Delete(Path, recursive: true);
    }
}
