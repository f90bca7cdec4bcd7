namespace Vlc.Storage;

/// <summary>The names of an index's files in a folder, and the protocol by which a new state of the index takes the place of the old one at once.</summary>
/// <remarks>
/// <para>
/// A writer writes every file that is new under its name + ".new", the manifest last, each flushed to disk. A whole BASE.idx.new is the commit: from
/// then on the new state is the one that is there. Renaming follows, then files that only the old state had are deleted, and the manifest is renamed
/// last. Whoever opens the index while BASE.idx.new is there and whole takes each file under its ".new" name if there is one. A program killed at any
/// moment leaves either the whole old state or the whole new one.
/// </para>
/// <para>A ".new" file without a whole BASE.idx.new belongs to a run that ended early. It is ignored, and the next writer removes it.</para>
/// </remarks>
public sealed class IndexFiles
{
    internal const string Pending = ".new";

    /// <summary>Extension of the codes of an update that is running.</summary>
    internal const string UpdateLog = ".update.codes";

    /// <summary>Extension of the file that a writer holds locked.</summary>
    private const string WriterLock = ".lock";

    /// <summary>The name of an index that is in no folder.</summary>
    private const string Memory = "memory";

    private readonly string _basePath;
    private readonly Func<IndexFileId, bool> _isStaged;
    private readonly Func<IndexFileId, long?>? _lengthInMemory;

    private IndexFiles(string basePath, Func<IndexFileId, bool> isStaged, Func<IndexFileId, long?>? lengthInMemory = null) =>
        (_basePath, _isStaged, _lengthInMemory) = (basePath, isStaged, lengthInMemory);

    /// <summary>Files of an index that lies in memory: their names are for messages alone.</summary>
    /// <param name="length">Bytes of a file; null where there is none.</param>
    internal static IndexFiles InMemory(Func<IndexFileId, long?> length) => new(Memory, _ => false, length);

    /// <summary>Where a file lies.</summary>
    /// <param name="file">Which one.</param>
    /// <param name="segment">The segment it belongs to.</param>
    public string Path(IndexFile file, int segment = 0) => Path(new IndexFileId(file, segment));

    /// <summary>Where a file lies.</summary>
    /// <param name="file">Which one.</param>
    public string Path(IndexFileId file) => _basePath + file.Suffix + (_isStaged(file) ? Pending : "");

    /// <summary>Length of a file in bytes.</summary>
    /// <param name="file">Which one.</param>
    /// <exception cref="VlcFormatException">It is missing.</exception>
    public long Length(IndexFileId file)
    {
        if (_lengthInMemory is not null) return _lengthInMemory(file) ?? throw Missing(Path(file));
        var info = new FileInfo(Path(file));
        if (!info.Exists) throw Missing(Path(file));
        return info.Length;
    }

    /// <summary>The files under their final names.</summary>
    /// <param name="basePath">BASE; a trailing ".idx" is dropped.</param>
    public static IndexFiles Final(string basePath) => new(TrimBase(basePath), _ => false);

    /// <summary>The files under the names that a writer uses until it commits.</summary>
    internal static IndexFiles Staged(string basePath) => new(TrimBase(basePath), _ => true);

    /// <summary>Some files under staged names, all others under final ones.</summary>
    internal static IndexFiles Mixed(string basePath, Func<IndexFileId, bool> isStaged) => new(TrimBase(basePath), isStaged);

    /// <summary>Finds the state that is there: the old one, or the new one whose renaming is under way or was cut short.</summary>
    /// <returns>Its files, its manifest's bytes, and whether its files are still to be renamed.</returns>
    /// <exception cref="FileNotFoundException">There is no index under this name.</exception>
    internal static (IndexFiles Files, byte[] Manifest, bool IsRenaming) Resolve(string basePath)
    {
        IndexFiles final = Final(basePath), staged = Staged(basePath);
        if (TryReadCommit(staged) is { } committed) return (Mixed(basePath, file => File.Exists(staged.Path(file))), committed, true);
        string manifest = final.Path(IndexFile.Manifest);
        if (!File.Exists(manifest)) throw new FileNotFoundException($"There is no index {manifest}.", manifest);
        return (final, File.ReadAllBytes(manifest), false);
    }

    /// <summary>Finishes a renaming that was cut short, then removes what runs that ended early left behind.</summary>
    internal static void Recover(string basePath)
    {
        IndexFiles staged = Staged(basePath);
        if (TryReadCommit(staged) is { } manifest) FinishCommit(basePath, Manifest.Parse(manifest, staged));
        foreach (IndexFileId file in Possible()) File.Delete(staged.Path(file));
        File.Delete(Beside(basePath, UpdateLog));
    }

    /// <summary>Renames a committed state to its final names and removes the files that it does not have.</summary>
    internal static void FinishCommit(string basePath, Manifest manifest)
    {
        IndexFiles final = Final(basePath), staged = Staged(basePath);
        HashSet<IndexFileId> needed = [.. manifest.Files, IndexFileId.Manifest];
        foreach (IndexFileId file in manifest.Files)
        {
            if (File.Exists(staged.Path(file))) File.Move(staged.Path(file), final.Path(file), overwrite: true);
        }

        // Before the manifest gets its name: a run that is cut short here goes on the next time.
        foreach (IndexFileId file in Possible().Where(file => !needed.Contains(file))) File.Delete(final.Path(file));
        File.Move(staged.Path(IndexFile.Manifest), final.Path(IndexFile.Manifest), overwrite: true);
    }

    /// <summary>
    /// Keeps other writers away until it is disposed of, which deletes the file. A file that a killed writer left is not locked and stops nobody.
    /// </summary>
    /// <exception cref="IOException">Another writer is at work.</exception>
    internal static FileStream Lock(string basePath)
    {
        string path = Beside(basePath, WriterLock);
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
        }
        catch (IOException exception) when (exception is not (DirectoryNotFoundException or PathTooLongException) && File.Exists(path))
        {
            throw new IOException($"{Final(basePath).Path(IndexFile.Manifest)} is being written by someone else ({path}); try again when that is done.", exception);
        }
    }

    /// <summary>A file beside the index that is none of its own: BASE and an extension.</summary>
    internal static string Beside(string basePath, string extension) => TrimBase(basePath) + extension;

    internal static VlcFormatException Missing(string path) =>
        new(path, "file", "a file of the index", "none", "All files of an index belong together; copy or rebuild it whole.");

    /// <summary>Every file that an index can have.</summary>
    private static IEnumerable<IndexFileId> Possible()
    {
        foreach (IndexFile file in Enum.GetValues<IndexFile>())
        {
            yield return new IndexFileId(file);
            for (int segment = 1; IndexFileId.IsOfSegment(file) && segment < Manifest.MaxSegments; segment++) yield return new IndexFileId(file, segment);
        }
    }

    /// <summary>Bytes of BASE.idx.new if it is whole, else null.</summary>
    private static byte[]? TryReadCommit(IndexFiles staged)
    {
        string path = staged.Path(IndexFile.Manifest);
        if (!File.Exists(path)) return null;
        try
        {
            byte[] bytes = File.ReadAllBytes(path);
            Manifest.Parse(bytes, staged);
            return bytes;
        }
        catch (Exception exception) when (exception is VlcFormatException or FileNotFoundException)
        {
            return null;
        }
    }

    private static string TrimBase(string basePath)
    {
        string extension = IndexFileId.Manifest.Suffix;
        return basePath.EndsWith(extension, StringComparison.Ordinal) ? basePath[..^extension.Length] : basePath;
    }
}
