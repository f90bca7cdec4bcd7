namespace Vlc.Storage;

/// <summary>
/// The names of an index's files in a folder, and the protocol by which a new state of the index takes the place of the old one at once.
/// </summary>
/// <remarks>
/// <para>
/// A writer holds BASE.lock. It writes every file that is new under its name + ".new" and flushes it to disk, then gives it a name that the
/// new manifest determines: its name, a digest of what the manifest says of the file, ".new". The manifest is written under BASE.idx.tmp,
/// flushed, and renamed to BASE.idx.new. That is the commit: from then on the new state is the one that is there. Renaming the files
/// follows, then those that only the old state had are deleted, and the manifest is renamed last. The folder is flushed before the commit,
/// after it, before the manifest gets its name, and after that. A program killed at any moment, or a loss of power, leaves either the whole
/// old state or the whole new one.
/// </para>
/// <para>
/// Whoever opens the index while BASE.idx.new is there takes each file under the name that this manifest gives it if there is one, else
/// under its own name. A file of another commit is never taken for one of this.
/// </para>
/// <para>A ".new" file without BASE.idx.new belongs to a run that ended early. It is ignored, and the next writer removes it.</para>
/// </remarks>
public sealed class IndexFiles
{
    private const string Pending = ".new";

    /// <summary>The manifest while it is written: unlike ".new", nobody reads it.</summary>
    private const string Unfinished = ".tmp";

    private const int TieDigits = 16;

    /// <summary>The codes of rows that are added, until they are a segment's.</summary>
    private const string UpdateLog = ".update.codes";

    /// <summary>What a build keeps for a later one: the state of training, cells, codes.</summary>
    internal static readonly string[] PartialParts = [".build.anchors", ".build.cells", ".build.codes"];

    /// <summary>The name of an index that is in no folder.</summary>
    private const string Memory = "memory";

    private readonly string _basePath;
    private readonly Func<IndexFileId, string> _pending;

    private readonly Func<IndexFileId, long?>? _lengthInMemory;

    private IndexFiles(string basePath, Func<IndexFileId, string> pending, Func<IndexFileId, long?>? lengthInMemory = null) =>
        (_basePath, _pending, _lengthInMemory) = (basePath, pending, lengthInMemory);

    /// <summary>Files of an index that lies in memory: their names are for messages alone.</summary>
    /// <param name="length">Bytes of a file; null where there is none.</param>
    internal static IndexFiles InMemory(Func<IndexFileId, long?> length) => new(Memory, _ => "", length);

    /// <summary>Where a file lies.</summary>
    /// <param name="file">Which one.</param>
    /// <param name="segment">The segment it belongs to.</param>
    public string Path(IndexFile file, int segment = 0) => Path(new IndexFileId(file, segment));

    /// <summary>Where a file lies.</summary>
    /// <param name="file">Which one.</param>
    public string Path(IndexFileId file) => _basePath + file.Suffix + _pending(file);

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
    public static IndexFiles Final(string basePath) => new(TrimBase(basePath), _ => "");

    /// <summary>The files under the names that a writer uses while it writes them.</summary>
    internal static IndexFiles Writing(string basePath) =>
        new(TrimBase(basePath), file => file == IndexFileId.Manifest ? Unfinished : Pending);

    /// <summary>The files of a state under the names that they have from its commit until they are renamed.</summary>
    internal static IndexFiles Committed(string basePath, Manifest manifest) =>
        new(TrimBase(basePath), file => file == IndexFileId.Manifest ? Pending : $".{manifest.Tie(file)[..TieDigits]}{Pending}");

    /// <summary>Some files under the names that a writer uses, all others under final ones.</summary>
    internal static IndexFiles Mixed(string basePath, Func<IndexFileId, bool> isStaged) =>
        new(TrimBase(basePath), file => isStaged(file) ? Pending : "");

    /// <summary>
    /// Finds the state that is there: the old one, or the new one whose renaming was cut short. Returns its files and its manifest's bytes.
    /// </summary>
    /// <exception cref="FileNotFoundException">There is no index under this name.</exception>
    internal static (IndexFiles Files, byte[] Manifest) Resolve(string basePath)
    {
        if (TryReadCommit(basePath) is { } commit)
        {
            IndexFiles committed = Committed(basePath, commit.Manifest);
            return (new IndexFiles(TrimBase(basePath), file => File.Exists(committed.Path(file)) ? committed._pending(file) : ""),
                commit.Bytes);
        }

        IndexFiles final = Final(basePath);
        string manifest = final.Path(IndexFile.Manifest);
        if (!File.Exists(manifest)) throw new FileNotFoundException($"There is no index {manifest}.", manifest);
        return (final, File.ReadAllBytes(manifest));
    }

    /// <summary>Refuses a BASE under which no index can lie, before any work.</summary>
    /// <exception cref="ArgumentException">A folder, a path that is not UTF-8, or a folder in place of one of the files.</exception>
    internal static void CheckBase(string basePath)
    {
        string trimmed = TrimBase(basePath);
        if (System.IO.Path.GetFileName(trimmed).Length == 0)
        {
            string example = System.IO.Path.Combine(basePath, "index");
            throw new ArgumentException($"{basePath} is a folder; an index needs a name in it, such as {example}.");
        }

        // What the system hands over and is not UTF-8 has become this character.
        if (trimmed.Contains('\uFFFD', StringComparison.Ordinal))
        {
            throw new ArgumentException($"{basePath} is not UTF-8; give the index another name.");
        }

        IndexFiles final = Final(basePath), writing = Writing(basePath);
        IEnumerable<string> paths =
        [
            .. Possible().Select(final.Path), .. Possible().Select(writing.Path), .. PartialParts.Select(part => trimmed + part),
            trimmed + UpdateLog,
        ];
        foreach (string path in paths.Where(Directory.Exists))
        {
            throw new ArgumentException(
                $"{path} is a folder, and a file of the index would have its name; remove it, or give the index another name.");
        }
    }

    /// <summary>Whether a path is one of the names that files of an index have.</summary>
    /// <param name="basePath">BASE of the index.</param>
    /// <param name="path">Any path.</param>
    public static bool IsOwn(string basePath, string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string own = System.IO.Path.GetFullPath(TrimBase(basePath)), other = System.IO.Path.GetFullPath(path);
        return other.StartsWith(own, StringComparison.Ordinal) && Suffixes().Contains(other[own.Length..]);
    }

    /// <summary>
    /// Finishes a renaming that was cut short, then removes what runs that ended early left behind. The caller holds the lock.
    /// </summary>
    internal static void Recover(string basePath, FolderActions actions)
    {
        if (TryReadCommit(basePath) is { } commit) FinishCommit(basePath, commit.Manifest, actions);
        foreach (string path in Leftovers(basePath)) actions.Delete(path);
    }

    /// <summary>Renames a committed state to its final names and removes the files that it does not have.</summary>
    internal static void FinishCommit(string basePath, Manifest manifest, FolderActions actions)
    {
        IndexFiles final = Final(basePath), committed = Committed(basePath, manifest);
        string folder = FolderActions.FolderOf(final.Path(IndexFile.Manifest));
        HashSet<IndexFileId> needed = [.. manifest.Files, IndexFileId.Manifest];
        foreach (IndexFileId file in manifest.Files)
        {
            if (File.Exists(committed.Path(file))) actions.Move(committed.Path(file), final.Path(file));
        }

        // Before the manifest gets its name: a run that is cut short here goes on the next time.
        foreach (string path in Possible().Where(file => !needed.Contains(file)).Select(final.Path).Where(File.Exists))
        {
            actions.Delete(path);
        }

        actions.FlushFolder(folder);
        actions.Move(committed.Path(IndexFile.Manifest), final.Path(IndexFile.Manifest));
        actions.FlushFolder(folder);
    }

    /// <summary>A file beside the index that is none of its own: BASE and an extension.</summary>
    internal static string Beside(string basePath, string extension) => TrimBase(basePath) + extension;

    /// <summary>The output of an update while it grows.</summary>
    internal static string UpdateLogOf(string basePath) => Beside(basePath, UpdateLog);

    internal static VlcFormatException Missing(string path) =>
        new(path, "file", "a file of the index", "none", "All files of an index belong together; copy or rebuild it whole.");

    /// <summary>Every file that an index can have.</summary>
    private static IEnumerable<IndexFileId> Possible()
    {
        foreach (IndexFile file in Enum.GetValues<IndexFile>())
        {
            yield return new IndexFileId(file);
            for (int segment = 1; IndexFileId.IsOfSegment(file) && segment < Manifest.MaxSegments; segment++)
            {
                yield return new IndexFileId(file, segment);
            }
        }
    }

    private static HashSet<string> Suffixes() => [.. Possible().Select(file => file.Suffix)];

    /// <summary>Files that only a run that ended early can have left: the names that files have before they get their own.</summary>
    private static List<string> Leftovers(string basePath)
    {
        string trimmed = TrimBase(basePath), name = System.IO.Path.GetFileName(trimmed);
        HashSet<string> suffixes = Suffixes();
        var found = new List<string>();
        foreach (string path in Directory.EnumerateFiles(FolderActions.FolderOf(trimmed)))
        {
            string file = System.IO.Path.GetFileName(path);
            if (!file.StartsWith(name, StringComparison.Ordinal)) continue;
            string rest = file[name.Length..];
            if (rest == UpdateLog || rest == IndexFileId.Manifest.Suffix + Unfinished || IsPending(rest)) found.Add(path);
        }

        return found;

        bool IsPending(string rest)
        {
            if (!rest.EndsWith(Pending, StringComparison.Ordinal)) return false;
            rest = rest[..^Pending.Length];
            int tie = rest.Length - TieDigits - 1;
            bool tied = tie > 0 && rest[tie] == '.' && rest[(tie + 1)..].All(char.IsAsciiHexDigitLower);
            return suffixes.Contains(rest) || (tied && suffixes.Contains(rest[..tie]));
        }
    }

    /// <summary>BASE.idx.new if it is whole, else null.</summary>
    private static (byte[] Bytes, Manifest Manifest)? TryReadCommit(string basePath)
    {
        string path = Beside(basePath, IndexFileId.Manifest.Suffix + Pending);
        if (!File.Exists(path)) return null;
        try
        {
            byte[] bytes = File.ReadAllBytes(path);
            return (bytes, Manifest.Parse(bytes, new IndexFiles(TrimBase(basePath), _ => Pending)));
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
