using System.Buffers.Binary;
using Microsoft.Data.Sqlite;

namespace Vlc.Formats.Chroma;

/// <summary>A collection and the segments that hold its vectors and its metadata.</summary>
internal sealed record ChromaCollection(string Id, string Name, long Rows, string? VectorSegment, string MetadataSegment);

/// <summary>
/// chroma.sqlite3, opened for reading. Nothing is written, no log is rolled back, and of its schema only plain tables are read.
/// </summary>
internal sealed class ChromaDatabase : IDisposable
{
    private readonly SqliteConnection _connection;

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="VlcFormatException">It is no database of Chroma.</exception>
    public ChromaDatabase(string path)
    {
        if (!File.Exists(path)) throw new FileNotFoundException($"{path} does not exist.", path);
        Path = path;
        // Without a log of pending writes the file is complete, and opening it as immutable leaves nothing beside it.
        bool pending = new FileInfo(path + "-wal") is { Exists: true, Length: > 0 };
        string uri = new Uri(System.IO.Path.GetFullPath(path)).AbsoluteUri + (pending ? "" : "?immutable=1");
        _connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = uri, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
        try
        {
            Run(() =>
            {
                _connection.Open();
                foreach (string pragma in (string[])["trusted_schema=OFF", "query_only=ON", "cell_size_check=ON"])
                {
                    Execute($"PRAGMA {pragma}");
                }
                foreach (
                    string table in (string[])["collections", "segments", "embeddings", "embedding_metadata", "embeddings_queue",
                    "max_seq_id"])
                {
                    ThrowUnlessTable(table);
                }
                return true;
            });
        }
        catch
        {
            _connection.Dispose();
            throw;
        }
    }

    /// <summary>The file, for messages.</summary>
    public string Path { get; }

    /// <summary>The folder that holds the segments' folders.</summary>
    public string Folder => System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path)) ?? ".";

    /// <summary>Runs a query, with SQLite's failures as those of the file.</summary>
    public T Run<T>(Func<T> query)
    {
        try
        {
            return query();
        }
        catch (Exception exception) when (
            exception is SqliteException or InvalidCastException or InvalidOperationException or OverflowException)
        {
            throw new VlcFormatException(
                Path, "database", "a readable Chroma database", exception.Message.ReplaceLineEndings(" ").TrimEnd('.'),
                "The file is truncated or damaged.", exception);
        }
    }

    /// <summary>A command with parameters $0, $1, ...; the caller disposes of it.</summary>
    public SqliteCommand Command(string text, params object[] parameters)
    {
        SqliteCommand command = _connection.CreateCommand();
#pragma warning disable CA2100 // The texts are constants of this assembly; what comes from the file or the user is a parameter.
        command.CommandText = text;
#pragma warning restore CA2100
        for (int i = 0; i < parameters.Length; i++) command.Parameters.AddWithValue($"${i}", parameters[i]);
        return command;
    }

    /// <summary>Whether a table has a column; earlier versions of Chroma lack some.</summary>
    public bool HasColumn(string table, string column)
    {
        using SqliteCommand command = Command("SELECT count(*) FROM pragma_table_info($0) WHERE name = $1", table, column);
        return (long)command.ExecuteScalar()! > 0;
    }

    /// <summary>Collections of that name or identifier, or all that have rows.</summary>
    public static List<ChromaCollection> Candidates(List<ChromaCollection> collections, string? name) => name is null
        ? collections.FindAll(collection => collection.Rows > 0)
        : collections.FindAll(collection => collection.Name == name || collection.Id == name);

    /// <summary>The collection of that name or identifier, or the only one that has rows.</summary>
    /// <exception cref="VlcFormatException">None, or several.</exception>
    public ChromaCollection Choose(string? name)
    {
        List<ChromaCollection> collections = Collections();
        return Candidates(collections, name) is [ChromaCollection only]
            ? only
            : throw new VlcFormatException(
                Path, "collections", name is null ? "one collection with rows" : $"a collection '{name}'",
                collections.Count == 0
                    ? "none"
                    : string.Join(
                        ", ", collections.Take(12).Select(collection => $"'{collection.Name}' ({collection.Rows} rows, {collection.Id})")),
                "Name the collection with --array, or give its identifier.");
    }

    /// <summary>
    /// The last entry of the log that a segment has taken up; -1 where none is stated, which applies the whole log: Chroma began to cut its
    /// log after it had begun to state this.
    /// </summary>
    /// <exception cref="VlcFormatException">A number that Chroma does not write.</exception>
    public long FlushedUpTo(string segment)
    {
        using SqliteCommand command = Command("SELECT seq_id FROM max_seq_id WHERE segment_id = $0", segment);
        return command.ExecuteScalar() switch
        {
            null or DBNull => -1,
            long sequence => sequence,
            // Earlier versions stored 8 bytes, or 24 for the numbers of a message queue, most significant first.
            byte[] { Length: 8 or 24 } bytes when !bytes.AsSpan(0, bytes.Length - 8).ContainsAnyExcept((byte)0)
                && bytes[^8] < 0x80 => BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(bytes.Length - 8)),
            object other => throw new VlcFormatException(
                Path, "table max_seq_id", "an integer, or 8 or 24 bytes of one",
                other is byte[] bytes ? $"{bytes.Length} bytes, 0x{Convert.ToHexString(bytes[..int.Min(bytes.Length, 24)])}" : $"'{other}'",
                "The file is damaged, or of a version of Chroma that is not known."),
        };
    }

    public void Dispose() => _connection.Dispose();

    /// <summary>All collections, by name.</summary>
    public List<ChromaCollection> Collections()
    {
        List<ChromaCollection> collections = [];
        using SqliteCommand command = Command(
            """
            SELECT c.id, c.name, v.id, m.id, (SELECT count(*) FROM embeddings e WHERE e.segment_id = m.id)
            FROM collections c JOIN segments m ON m.collection = c.id AND m.scope = 'METADATA'
            LEFT JOIN segments v ON v.collection = c.id AND v.scope = 'VECTOR' ORDER BY c.name
            """);
        using SqliteDataReader reader = command.ExecuteReader();
        while (reader.Read())
        {
            collections.Add(
                new ChromaCollection(reader.GetString(0), reader.GetString(1), reader.GetInt64(4), reader.IsDBNull(2)
                    ? null
                    : reader.GetString(2), reader.GetString(3)));
        }

        return collections;
    }

    private void ThrowUnlessTable(string name)
    {
        // A view or a virtual table of that name could run for ever.
        using SqliteCommand command = Command(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = $0 AND sql LIKE 'CREATE TABLE%'", name);
        if ((long)command.ExecuteScalar()! != 1)
        {
            throw new VlcFormatException(
                Path, "schema", $"a table '{name}', as Chroma 0.4 and later have", "none",
                "Export the vectors with the version of Chroma that wrote the database.");
        }
    }

    private void Execute(string text)
    {
        using SqliteCommand command = Command(text);
        command.ExecuteNonQuery();
    }
}
