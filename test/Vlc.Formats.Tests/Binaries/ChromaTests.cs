using Microsoft.Data.Sqlite;
using Vlc.Formats.Chroma;
using Vlc.Tests;
using Vlc.Vectors;
using static Vlc.Formats.Tests.Binaries.Values;

namespace Vlc.Formats.Tests.Binaries;

/// <summary>
/// Databases with the tables of chromadb/migrations, and segment folders as Chroma's hnswlib persists them. The pickle in the folder was
/// written by Python's pickler (Fixtures/python/make.py): it gives id0 to id4 the labels 1 to 5.
/// </summary>
public sealed class ChromaTests
{
    private const string Collection = "11111111-2222-3333-4444-555555555555";
    private const string VectorSegment = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

    private static readonly string[] Ids = ["id0", "id1", "id2", "id3", "id4"];

    [Fact]
    public void Vectors_that_were_not_flushed_are_those_of_the_log()
    {
        using TemporaryFolder folder = new();
        Make(folder, database =>
        {
            for (int i = 0; i < Rows; i++) database.Log(i + 1, 0, $"id{i}", Row(i));
        });
        foreach (string path in (string[])[folder.File("chroma.sqlite3"), folder.Path])
        {
            using VectorSource source = Samples.Open(path);
            AssertMatrix(source);
            Assert.Equal(Ids, Keys(source));
            Assert.Equal("""{"document":"text 2","flag":true,"page":2,"score":1.5}""", Payload(source)[2]);
        }

        Assert.Equal(["chroma.sqlite3"], Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("chroma_object.pickle", "l2")]
    [InlineData("chroma_dict.pickle", "cosine")]
    public void Flushed_vectors_are_those_of_the_folder(string pickle, string space)
    {
        using TemporaryFolder folder = new();
        Make(folder, database => database.Space(space));
        Flush(folder, pickle, normalized: space == "cosine");
        using VectorSource source = Samples.Open(folder.Path);
        float[] rows = Samples.ReadAll(source);
        for (int i = 0; i < rows.Length; i++) Assert.InRange(rows[i], Matrix[i] - 1e-5f, Matrix[i] + 1e-5f);
        Assert.Equal(Ids, Keys(source));
        Assert.Contains(source.Notes, note => note.Contains("5 vectors of its index folder, 0 of the log", StringComparison.Ordinal));
    }

    [Fact]
    public void The_log_goes_on_where_the_folder_ends()
    {
        using TemporaryFolder folder = new();
        float[] changed = [9, 9, 9, 9], upserted = [8, 8, 8, 8], ignored = [7, 7, 7, 7];
        Make(folder, database =>
        {
            database.Flushed(10L);
            database.Log(3, 0, "id0", ignored);     // Flushed long ago: not applied again.
            database.Log(11, 1, "id1", changed);    // UPDATE
            database.Log(12, 2, "id2", upserted);   // UPSERT
            database.Log(13, 0, "id3", ignored);    // ADD of what is there
            database.Log(14, 3, "id4", null);       // DELETE, then ADD again
            database.Log(15, 0, "id4", Row(4));
            database.Log(16, 1, "id3", null);       // UPDATE of metadata alone
            database.Log(17, 2, "gone", ignored);
            database.Log(18, 3, "gone", null);
        });
        Flush(folder, "chroma_object.pickle", normalized: false);
        using VectorSource source = Samples.Open(folder.Path);
        AssertRows([.. Row(0), .. changed, .. upserted, .. Row(3), .. Row(4)], source);
    }

    [Fact]
    public void A_row_without_a_vector_is_refused()
    {
        using TemporaryFolder folder = new();
        Make(folder, database => database.Log(1, 0, "id0", Row(0)));
        AssertRefused(folder.Path, "none for 4", VectorSegment);
    }

    [Fact]
    public void Ids_that_are_not_wanted_are_left_and_the_payload_stays()
    {
        using TemporaryFolder folder = new();
        Make(folder, database =>
        {
            for (int i = 0; i < Rows; i++) database.Log(i + 1, 0, $"id{i}", Row(i));
        });
        AssertKeyless(folder.Path);
        using VectorSource source = Samples.Open(folder.Path, new VectorFileOptions { KeyColumn = "" });
        Assert.Contains("text 2", Payload(source)[2], StringComparison.Ordinal);
    }

    [Fact]
    public void Several_collections_have_to_be_named()
    {
        using TemporaryFolder folder = new();
        Make(folder, database =>
        {
            for (int i = 0; i < Rows; i++) database.Log(i + 1, 0, $"id{i}", Row(i));
            database.AddCollection("99999999-2222-3333-4444-555555555555", "other", "m2", "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee", ["x"]);
        });
        AssertRefused(folder.Path, "'docs' (5 rows", "'other' (1 rows");
        IReadOnlyList<FilePart> parts = ChromaFormat.Instance.List(folder.Path, new VectorFileOptions { Array = "docs" });
        Assert.Equal([("docs", PartUse.Vector), ("other", PartUse.Left)], parts.Select(part => (part.Name, part.Use)));
        using VectorSource source = Samples.Open(folder.Path, new VectorFileOptions { Array = "docs" });
        AssertMatrix(source);
    }

    [Fact]
    public void Damage_is_named()
    {
        using TemporaryFolder folder = new();
        Make(folder, _ => { });
        Flush(folder, "chroma_object.pickle", normalized: false);
        string data = Path.Combine(folder.Path, VectorSegment, "data_level0.bin");
        File.WriteAllBytes(data, File.ReadAllBytes(data)[..100]);
        AssertRefused(folder.Path, "6 records of", "100 bytes");
        byte[] database = File.ReadAllBytes(folder.File("chroma.sqlite3"));
        using TemporaryFolder other = new();
        AssertRefused(other.Write("chroma.sqlite3", database[..(database.Length / 2)]), "chroma.sqlite3");
        Execute(other.File("plain.sqlite3"), "CREATE TABLE embeddings_queue (a)");
        AssertRefused(other.File("plain.sqlite3"), "a table 'collections'");
    }

    [Fact]
    public void A_space_that_the_vectors_do_not_have_is_refused()
    {
        using TemporaryFolder folder = new();
        Make(folder, database => database.Space("cosine"));
        Flush(folder, "chroma_object.pickle", normalized: false);
        AssertRefused(folder.Path, "a vector of length 1");
    }

    [Theory]
    [InlineData(null, null, "The database states no space; Chroma's default 'l2' is taken")]
    [InlineData("ip", null, "Its space is 'ip'.")]
    [InlineData(null, """{"hnsw":{"space":"l2"},"spann":null}""", "Its space is 'l2'.")]
    [InlineData("ip", """{"hnsw_configuration":{"space":"l2","_type":"HNSWConfigurationInternal"}}""",
        "'ip' is taken, because 'l2' is what stands")]
    [InlineData("l2", """{"vector_index":{"hnsw":{"space":"ip"}}}""", "'ip' is taken, because 'l2' is what stands")]
    public void The_space_and_where_it_is_stated_are_said(string? metadata, string? configuration, string note)
    {
        using TemporaryFolder folder = new();
        Make(folder, database => database.State(metadata, configuration));
        Flush(folder, "chroma_object.pickle", normalized: false);
        using VectorSource source = Samples.Open(folder.Path);
        AssertMatrix(source);
        Assert.Contains(source.Notes, text => text.Contains(note, StringComparison.Ordinal));
    }

    [Fact]
    public void A_cosine_space_that_the_configuration_alone_states_gives_the_lengths_back()
    {
        using TemporaryFolder folder = new();
        Make(folder, database => database.State("l2", """{"hnsw":{"space":"cosine"}}"""));
        Flush(folder, "chroma_object.pickle", normalized: true);
        using VectorSource source = Samples.Open(folder.Path);
        float[] rows = Samples.ReadAll(source);
        for (int i = 0; i < rows.Length; i++) Assert.InRange(rows[i], Matrix[i] - 1e-5f, Matrix[i] + 1e-5f);
    }

    [Theory]
    [InlineData("hamming", null, "'hamming' in collection_metadata")]
    [InlineData(null, """{"hnsw":{"space":7}}""", "'7' in config_json_str")]
    [InlineData("ip", """{"hnsw":{"space":"cosine"}}""", "'ip' in collection_metadata, 'cosine' in config_json_str")]
    [InlineData(null, """{"hnsw":""", "a JSON document")]
    public void A_space_that_is_unknown_or_contradicted_is_refused(string? metadata, string? configuration, string found)
    {
        using TemporaryFolder folder = new();
        Make(folder, database => database.State(metadata, configuration));
        Flush(folder, "chroma_object.pickle", normalized: false);
        AssertRefused(folder.Path, found);
    }

    [Theory]
    [InlineData("0000000000000102", 0x0102)]
    [InlineData("000000000000000000000000000000000000000000000102", 0x0102)]
    public void The_number_up_to_which_the_log_was_flushed_may_be_bytes(string hex, long flushed)
    {
        using TemporaryFolder folder = new();
        float[] changed = [9, 9, 9, 9], ignored = [7, 7, 7, 7];
        Make(folder, database =>
        {
            database.Flushed(Convert.FromHexString(hex));
            database.Log(flushed, 1, "id0", ignored);
            database.Log(flushed + 1, 1, "id1", changed);
        });
        Flush(folder, "chroma_object.pickle", normalized: false);
        using VectorSource source = Samples.Open(folder.Path);
        AssertRows([.. Row(0), .. changed, .. Row(2), .. Row(3), .. Row(4)], source);
    }

    [Theory]
    [InlineData("0102", "2 bytes")]
    [InlineData("8000000000000000", "8 bytes")]
    [InlineData("000000000000000000000000000001000000000000000102", "24 bytes")]
    public void A_number_of_the_log_that_Chroma_does_not_write_is_refused(string hex, string found)
    {
        using TemporaryFolder folder = new();
        Make(folder, database => database.Flushed(Convert.FromHexString(hex)));
        Flush(folder, "chroma_object.pickle", normalized: false);
        AssertRefused(folder.Path, "table max_seq_id", found);
    }

    private static float[] Row(int row) => Matrix[(row * Columns)..((row + 1) * Columns)];

    internal static void Make(TemporaryFolder folder, Action<Database> fill)
    {
        using Database database = new(folder.File("chroma.sqlite3"));
        database.AddCollection(Collection, "docs", "m1", VectorSegment, Ids);
        fill(database);
    }

    private static void Execute(string path, string text)
    {
        using SqliteConnection connection = new($"Data Source={path};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }

    /// <summary>A segment's folder: the records of id4 to id0, so that labels and positions differ, and a deleted one.</summary>
    internal static void Flush(TemporaryFolder folder, string pickle, bool normalized)
    {
        const int links = 4, count = Rows + 1;
        string path = Directory.CreateDirectory(Path.Combine(folder.Path, VectorSegment)).FullName;
        int vectorOffset = sizeof(uint) + (links * sizeof(uint)), labelOffset = vectorOffset + (
            Columns * sizeof(float)), record = labelOffset + sizeof(long);
        using (BinaryWriter header = new(File.Create(Path.Combine(path, "header.bin"))))
        {
            header.Write(1);                        // PERSISTENCE_VERSION
            // offsetLevel0, max_elements, cur_element_count, size_data_per_element, label_offset, offsetData
            foreach (long field in (long[])[0, 1000, count, record, labelOffset, vectorOffset]) header.Write(field);
            header.Write(0);                        // maxlevel
            header.Write(0);                        // enterpoint_node
            foreach (long field in (long[])[2, links, 2]) header.Write(field); // maxM, maxM0, M
            header.Write(1.0);                      // mult
            header.Write(100L);                     // ef_construction
        }

        using (BinaryWriter data = new(File.Create(Path.Combine(path, "data_level0.bin"))))
        using (BinaryWriter lengths = new(File.Create(Path.Combine(path, "length.bin"))))
        {
            for (int position = 0; position < count; position++)
            {
                int row = int.Max(Rows - 1 - position, 0);
                bool deleted = position == Rows;
                float[] vector = Row(row);
                float length = float.Sqrt(vector.Sum(value => value * value));
                data.Write(deleted ? 0x0001_0000u : 0u);    // Number of links, and the mark above it.
                data.Write(new byte[links * sizeof(uint)]);
                foreach (float value in vector) data.Write(deleted ? 0.5f : normalized ? value / length : value);
                data.Write(deleted ? 77L : row + 1L);
                lengths.Write(normalized ? length : -123f);
            }
        }

        File.Copy(PickleTests.Fixture(pickle), Path.Combine(path, "index_metadata.pickle"));
    }

    /// <summary>The tables that are read, with the columns of Chroma's migrations.</summary>
    internal sealed class Database : IDisposable
    {
        private readonly SqliteConnection _connection;
        private long _row;

        public Database(string path)
        {
            _connection = new SqliteConnection($"Data Source={path};Pooling=False");
            _connection.Open();
            Execute("""
                CREATE TABLE collections (id TEXT PRIMARY KEY, name TEXT NOT NULL, dimension INTEGER, database_id TEXT NOT NULL,
                    config_json_str TEXT);
                CREATE TABLE collection_metadata (collection_id TEXT, key TEXT NOT NULL, str_value TEXT, int_value INTEGER,
                    float_value REAL, bool_value INTEGER);
                CREATE TABLE segments (id TEXT PRIMARY KEY, type TEXT NOT NULL, scope TEXT NOT NULL, collection TEXT);
                CREATE TABLE segment_metadata (segment_id TEXT, key TEXT NOT NULL, str_value TEXT, int_value INTEGER,
                    float_value REAL, bool_value INTEGER);
                CREATE TABLE embeddings_queue (seq_id INTEGER PRIMARY KEY, created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
                    operation INTEGER NOT NULL, topic TEXT NOT NULL, id TEXT NOT NULL, vector BLOB, encoding TEXT, metadata TEXT);
                CREATE TABLE embeddings (id INTEGER PRIMARY KEY, segment_id TEXT NOT NULL, embedding_id TEXT NOT NULL, seq_id BLOB NOT NULL,
                    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
                CREATE TABLE embedding_metadata (id INTEGER, key TEXT NOT NULL, string_value TEXT, int_value INTEGER, float_value REAL,
                    bool_value INTEGER, PRIMARY KEY (id, key));
                CREATE TABLE max_seq_id (segment_id TEXT PRIMARY KEY, seq_id INTEGER)
                """);
        }

        public void AddCollection(string id, string name, string metadataSegment, string vectorSegment, string[] ids)
        {
            Execute("INSERT INTO collections VALUES ($0, $1, 4, 'd', '{}')", id, name);
            Execute("INSERT INTO segments VALUES ($0, 'urn:chroma:segment/metadata/sqlite', 'METADATA', $1)", metadataSegment, id);
            Execute("INSERT INTO segments VALUES ($0, 'urn:chroma:segment/vector/hnsw-local-persisted', 'VECTOR', $1)", vectorSegment, id);
            foreach ((int index, string key) in ids.Index())
            {
                Execute(
                    "INSERT INTO embeddings (id, segment_id, embedding_id, seq_id) VALUES ($0, $1, $2, 1)", ++_row, metadataSegment, key);
                Execute("INSERT INTO embedding_metadata VALUES ($0, 'chroma:document', $1, NULL, NULL, NULL)", _row, $"text {index}");
                Execute("INSERT INTO embedding_metadata VALUES ($0, 'page', NULL, $1, NULL, NULL)", _row, index);
                Execute("INSERT INTO embedding_metadata VALUES ($0, 'score', NULL, NULL, 1.5, NULL)", _row);
                Execute("INSERT INTO embedding_metadata VALUES ($0, 'flag', NULL, NULL, NULL, 1)", _row);
            }
        }

        public void Log(long sequence, int operation, string id, float[]? vector) => Execute(
            "INSERT INTO embeddings_queue (seq_id, operation, topic, id, vector, encoding) VALUES ($0, $1, $2, $3, $4, 'FLOAT32')",
            sequence, operation, $"persistent://default/default/{Collection}", id, vector is null ? DBNull.Value : Samples.Bytes(vector));

        public void Flushed(object sequence) => Execute("INSERT INTO max_seq_id VALUES ($0, $1)", VectorSegment, sequence);

        public void Space(string space) =>
            Execute("INSERT INTO collection_metadata VALUES ($0, 'hnsw:space', $1, NULL, NULL, NULL)", Collection, space);

        public void State(string? metadata, string? configuration)
        {
            if (metadata is not null) Space(metadata);
            if (configuration is not null) Execute("UPDATE collections SET config_json_str = $0 WHERE id = $1", configuration, Collection);
        }

        public void Dispose() => _connection.Dispose();

        private void Execute(string text, params object[] parameters)
        {
            using SqliteCommand command = _connection.CreateCommand();
            command.CommandText = text;
            for (int i = 0; i < parameters.Length; i++) command.Parameters.AddWithValue($"${i}", parameters[i]);
            command.ExecuteNonQuery();
        }
    }
}
