namespace Vlc.Storage;

/// <summary>
/// The names of an index's files, and the protocol by which a new index takes the place of an old one at once.
/// </summary>
/// <remarks>
/// <para>
/// A writer writes every file under its name + ".new", the manifest last, each flushed to disk. A whole BASE.idx.new is the commit: from then on the new
/// index is the one that is there. Renaming follows, the manifest last again. Whoever opens the index while BASE.idx.new is there and whole takes
/// each file under its ".new" name if there is one; so a program killed at any moment leaves either the whole old index or the whole new one.
/// </para>
/// <para>A ".new" file without a whole BASE.idx.new belongs to a run that ended early; it is ignored, and the next writer removes it.</para>
/// </remarks>
public sealed class IndexFiles
{
    internal const string Pending = ".new";

    private static readonly string[] Extensions = [".idx", ".anchors.bin", ".assign.bin", ".jacobians.bin", ".residuals.bin"];

    private readonly string[] _paths;

    private IndexFiles(string[] paths) => _paths = paths;

    /// <summary>Every file of an index.</summary>
    internal static IReadOnlyList<IndexFile> All { get; } = Enum.GetValues<IndexFile>();

    /// <summary>Where a file lies.</summary>
    /// <param name="file">Which one.</param>
    public string Path(IndexFile file) => _paths[(int)file];

    /// <summary>Length of a file in bytes.</summary>
    /// <param name="file">Which one.</param>
    /// <exception cref="VlcFormatException">It is missing.</exception>
    public long Length(IndexFile file)
    {
        var info = new FileInfo(Path(file));
        if (!info.Exists) throw Missing(Path(file));
        return info.Length;
    }

    /// <summary>The files under their final names.</summary>
    /// <param name="basePath">BASE; a trailing ".idx" is dropped.</param>
    public static IndexFiles Final(string basePath) => new([.. Extensions.Select(extension => TrimBase(basePath) + extension)]);

    /// <summary>The files under the names that a writer uses until it commits.</summary>
    internal static IndexFiles Staged(string basePath) => new([.. Extensions.Select(extension => TrimBase(basePath) + extension + Pending)]);

    /// <summary>Finds the index that is there: the old one, or the new one whose renaming was cut short. Returns its files and its manifest's bytes.</summary>
    /// <exception cref="FileNotFoundException">There is no index under this name.</exception>
    internal static (IndexFiles Files, byte[] Manifest) Resolve(string basePath)
    {
        IndexFiles final = Final(basePath), staged = Staged(basePath);
        if (TryReadCommit(staged) is { } committed)
        {
            string[] paths = [.. All.Select(file => File.Exists(staged.Path(file)) ? staged.Path(file) : final.Path(file))];
            return (new IndexFiles(paths), committed);
        }

        string manifest = final.Path(IndexFile.Manifest);
        if (!File.Exists(manifest)) throw new FileNotFoundException($"There is no index {manifest}.", manifest);
        return (final, File.ReadAllBytes(manifest));
    }

    /// <summary>Finishes a renaming that was cut short, then removes what runs that ended early left behind.</summary>
    internal static void Recover(string basePath)
    {
        IndexFiles final = Final(basePath), staged = Staged(basePath);
        if (TryReadCommit(staged) is { } manifest) FinishCommit(basePath, Manifest.Parse(manifest, staged));
        foreach (IndexFile file in All) File.Delete(staged.Path(file));
    }

    /// <summary>Renames a committed index to its final names and removes files of the old one that the new one does not have.</summary>
    internal static void FinishCommit(string basePath, Manifest manifest)
    {
        IndexFiles final = Final(basePath), staged = Staged(basePath);
        foreach (IndexFile file in All)
        {
            if (file == IndexFile.Manifest) continue;
            if (File.Exists(staged.Path(file))) File.Move(staged.Path(file), final.Path(file), overwrite: true);
        }

        File.Move(staged.Path(IndexFile.Manifest), final.Path(IndexFile.Manifest), overwrite: true);
        foreach (IndexFile file in All)
        {
            if (file != IndexFile.Manifest && manifest.Sections.All(section => section.File != file)) File.Delete(final.Path(file));
        }
    }

    /// <summary>A file beside the index that is none of its own: BASE and an extension.</summary>
    internal static string Beside(string basePath, string extension) => TrimBase(basePath) + extension;

    internal static VlcFormatException Missing(string path) =>
        new(path, "file", "a file of the index", "none", "All files of an index belong together; copy or rebuild it whole.");

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

    private static string TrimBase(string basePath) =>
        basePath.EndsWith(Extensions[0], StringComparison.Ordinal) ? basePath[..^Extensions[0].Length] : basePath;
}
