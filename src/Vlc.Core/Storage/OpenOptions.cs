namespace Vlc.Storage;

/// <summary>When the checksums of an index's files are compared with its bytes.</summary>
public enum ChecksumPolicy
{
    /// <summary>
    /// What an index reads when it is opened, at that time; codes and keys in blocks of 64 KiB, each when a search first comes by it. A
    /// damaged block is an error, never a wrong answer.
    /// </summary>
    FirstTouch = 0,

    /// <summary>Never.</summary>
    Never = 1,

    /// <summary>Everything when the index is opened, which reads its files whole.</summary>
    AtOpen = 2,
}

/// <summary>How an index is opened.</summary>
public sealed class OpenOptions
{
    internal static OpenOptions Default { get; } = new();

    /// <summary>When checksums are compared.</summary>
    public ChecksumPolicy Checksums { get; init; }

    /// <summary>
    /// Whether the files are read into memory instead of being mapped. A mapped file that another program shortens or overwrites in place
    /// ends the process, or gives it other bytes; what has been read stays as it is.
    /// </summary>
    public bool InMemory { get; init; }
}
