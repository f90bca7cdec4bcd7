using Vlc.Vectors;

namespace Vlc.Formats.Chroma;

/// <summary>
/// A Chroma database: chroma.sqlite3, or the folder that holds it. Vectors lie in the database's log until they are flushed to a folder
/// beside it;
/// both are read. Ids are the keys, documents and metadata the payload.
/// </summary>
public sealed class ChromaFormat : VectorFileFormat
{
    private const string DatabaseName = "chroma.sqlite3";

    private ChromaFormat()
    {
    }

    /// <summary>The format, to add to <see cref="VectorFiles.Default"/>.</summary>
    public static ChromaFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "chroma";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Extensions { get; } = [".sqlite3"];

    /// <inheritdoc/>
    public override Recognition Recognize(FileSample sample)
    {
        ArgumentNullException.ThrowIfNull(sample);
        if (sample.IsFolder) return File.Exists(Path.Combine(sample.Path, DatabaseName)) ? Recognition.Certain : Recognition.None;
        // The schema stands in the first pages.
        return sample.Head.StartsWith("SQLite format 3\0"u8)
            && (sample.Head.IndexOf("embeddings_queue"u8) >= 0 || sample.Head.IndexOf("embedding_metadata"u8) >= 0)
            ? Recognition.Certain
            : Recognition.None;
    }

    /// <inheritdoc/>
    public override VectorSource Open(string path, VectorFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ChromaDatabase database = new(FileOf(path));
        try
        {
            return database.Run(() => ChromaVectors.Open(database, database.Choose(NameOf(options))));
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<FilePart> List(string path, VectorFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        using ChromaDatabase database = new(FileOf(path));
        return database.Run(() =>
        {
            List<ChromaCollection> collections = database.Collections(), chosen = ChromaDatabase.Candidates(collections, NameOf(options));
            return collections.ConvertAll(collection => new FilePart(
                collection.Name, "collection", $"{collection.Rows}", chosen is [ChromaCollection only] && only == collection
                    ? PartUse.Vector
                    : PartUse.Left,
                Selector: collection.Rows > 0 ? $"--array {collection.Name}" : null));
        });
    }

    private static string FileOf(string path) => Directory.Exists(path) ? Path.Combine(path, DatabaseName) : path;

    private static string? NameOf(VectorFileOptions options) => options.Array ?? options.Dataset;
}
