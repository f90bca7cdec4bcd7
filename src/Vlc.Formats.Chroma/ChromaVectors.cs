using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Vlc.Vectors;

namespace Vlc.Formats.Chroma;

/// <summary>The rows of a collection, in the order in which they were added.</summary>
internal sealed class ChromaVectors : VectorSource
{
    // Places of vectors: a record of the segment from 0 on, an entry of the log as its number's complement.
    private readonly long[] _places;
    private readonly long[] _rows;
    private readonly ChromaDatabase _database;
    private readonly HnswSegment? _segment;

    // Prepared once: each is run for every row.
    private readonly SqliteCommand _vectorOfEntry, _keyOfRow, _metadataOfRow;

    private ChromaVectors(
        ChromaDatabase database, HnswSegment? segment, int dimension, long[] rows, long[] places, IReadOnlyList<string> notes)
    {
        _database = database;
        _segment = segment;
        _rows = rows;
        _places = places;
        Dimension = dimension;
        Notes = notes;
        string truth = database.HasColumn("embedding_metadata", "bool_value") ? "bool_value" : "NULL";
        _vectorOfEntry = database.Command("SELECT vector, encoding FROM embeddings_queue WHERE seq_id = $0", 0L);
        _keyOfRow = database.Command("SELECT embedding_id FROM embeddings WHERE id = $0", 0L);
        _metadataOfRow = database.Command(
            $"SELECT key, string_value, int_value, float_value, {truth} FROM embedding_metadata WHERE id = $0 ORDER BY key", 0L);
    }

    private enum Operation : long
    {
        Add = 0, Update = 1, Upsert = 2, Delete = 3,
    }

    public override string Name => _database.Path;

    public override long Count => _rows.Length;

    public override int Dimension { get; }

    public override ElementType ElementType => ElementType.Float32;

    public override bool HasKeys => true;

    public override bool HasPayload => true;

    public override IReadOnlyList<string> Notes { get; }

    /// <summary>Finds each row's vector; takes ownership of <paramref name="database"/> once it returns.</summary>
    public static ChromaVectors Open(ChromaDatabase database, ChromaCollection collection)
    {
        var space = ChromaSpace.Of(database, collection);
        HnswSegment? segment = collection.VectorSegment is null
            ? null
            : HnswSegment.Open(Path.Combine(database.Folder, FolderName(database, collection)), space.IsCosine);
        try
        {
            Dictionary<string, long> places = Places(database, collection, segment);
            List<long> rows = [], found = [];
            long missing = 0;
            using (
                SqliteCommand command = database.Command("SELECT id, embedding_id FROM embeddings WHERE segment_id = $0 ORDER BY id",
                collection.MetadataSegment))
            using (SqliteDataReader reader = command.ExecuteReader())
            {
                while (reader.Read())
                {
                    if (!places.TryGetValue(reader.GetString(1), out long place))
                    {
                        missing++;
                        continue;
                    }

                    rows.Add(reader.GetInt64(0));
                    found.Add(place);
                }
            }

            if (missing > 0 || rows.Count == 0)
            {
                throw new VlcFormatException(
                    database.Path, $"collection '{collection.Name}'", $"a vector for each of {missing + rows.Count} rows",
                    $"none for {missing}",
                    $"Put the folder {collection.VectorSegment} of the same database beside the file.");
            }

            int flushed = found.Count(place => place >= 0);
            int dimension = segment?.Dimension ?? LogDimension(database, ~found[0]);
            VectorShape.ThrowIfAbsurd(database.Path, "vectors", rows.Count, dimension);
            string[] lists = HasLists(database)
                ? ["Lists among the metadata are left in the file."]
                : [];
            string[] notes =
            [
                $"Read the collection '{collection.Name}' of {rows.Count} rows: "
                    + $"{flushed} vectors of its index folder, {rows.Count - flushed} of the log.",
                space.Note,
                "The documents are the payload's 'document', the metadata stand beside it.",
                .. lists,
            ];
            return new ChromaVectors(database, segment, dimension, [.. rows], [.. found], notes);
        }
        catch
        {
            segment?.Dispose();
            throw;
        }
    }

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        CheckRange(start, count, destination.Length);
        for (int i = 0; i < count; i++)
        {
            if (i % 256 == 0) cancellationToken.ThrowIfCancellationRequested();
            long place = _places[start + i];
            Span<float> row = destination.Slice(i * Dimension, Dimension);
            if (place >= 0) _segment!.Read(place, row);
            else _database.Run(() => ReadLog(~place)).CopyTo(row);
        }

        FiniteCheck.ThrowIfNotFinite(destination[..(count * Dimension)], Dimension, start, Name);
    }

    public override void ReadKeys(long start, Span<string> destination)
    {
        CheckTexts(start, destination.Length);
        for (int i = 0; i < destination.Length; i++) destination[i] = KeyOf(_rows[start + i]);
    }

    public override void ReadPayload(long start, Span<string> destination)
    {
        CheckTexts(start, destination.Length);
        for (int i = 0; i < destination.Length; i++)
        {
            long row = _rows[start + i];
            destination[i] = _database.Run(() => PayloadOf(row));
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _vectorOfEntry.Dispose();
            _keyOfRow.Dispose();
            _metadataOfRow.Dispose();
            _segment?.Dispose();
            _database.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>The name of a segment's folder, which is its identifier; a hostile database may state another path.</summary>
    private static string FolderName(ChromaDatabase database, ChromaCollection collection) =>
        Guid.TryParse(collection.VectorSegment, out Guid id)
            ? id.ToString()
            : throw new VlcFormatException(database.Path, "segments", "a segment's UUID", "another text", "The file is damaged.");

    /// <summary>Where the vector of each id is, after what the log has done to those of the index folder.</summary>
    private static Dictionary<string, long> Places(ChromaDatabase database, ChromaCollection collection, HnswSegment? segment)
    {
        Dictionary<string, long> places = [];
        foreach ((string id, long label) in segment?.Labels ?? new Dictionary<string, long>())
        {
            if (segment!.Records.TryGetValue(label, out long record)) places[id] = record;
        }

        long flushed = segment is null || collection.VectorSegment is null ? -1 : database.FlushedUpTo(collection.VectorSegment);
        // A topic ends with the collection's identifier, whatever the version puts before it.
        using SqliteCommand command = database.Command(
            """
            SELECT seq_id, operation, id, vector IS NOT NULL FROM embeddings_queue
            WHERE substr(topic, -length($0)) = $0 AND seq_id > $1 ORDER BY seq_id
            """,
            collection.Id, flushed);
        using SqliteDataReader reader = command.ExecuteReader();
        while (reader.Read())
        {
            string id = reader.GetString(2);
            bool known = places.ContainsKey(id), hasVector = reader.GetBoolean(3);
            switch ((Operation)reader.GetInt64(1))
            {
                case Operation.Delete:
                    places.Remove(id);
                    break;
                // Chroma itself ignores an addition of what is there and a change of what is not.
                case Operation.Add when hasVector && !known:
                case Operation.Update when hasVector && known:
                case Operation.Upsert when hasVector:
                    places[id] = ~reader.GetInt64(0);
                    break;
            }
        }

        return places;
    }

    /// <summary>Whether the database keeps lists among the metadata, which the latest versions put into a table of their own.</summary>
    private static bool HasLists(ChromaDatabase database)
    {
        using SqliteCommand command = database.Command(
            @"SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name LIKE 'embedding\_metadata\_%' ESCAPE '\'");
        return (long)command.ExecuteScalar()! > 0;
    }

    private static int LogDimension(ChromaDatabase database, long sequence)
    {
        using SqliteCommand command = database.Command("SELECT length(vector) FROM embeddings_queue WHERE seq_id = $0", sequence);
        return (int)long.Clamp((long)command.ExecuteScalar()! / sizeof(float), 0, int.MaxValue);
    }

    private float[] ReadLog(long sequence)
    {
        _vectorOfEntry.Parameters[0].Value = sequence;
        using SqliteDataReader reader = _vectorOfEntry.ExecuteReader();
        if (!reader.Read() || reader.GetValue(0) is not byte[] blob || blob.Length != Dimension * sizeof(float))
        {
            throw new VlcFormatException(
                Name, $"log entry {sequence}", $"a vector of {Dimension} components", "another value", "The file is damaged.");
        }

        string encoding = reader.GetString(1);
        float[] vector = new float[Dimension];
        for (int i = 0; i < vector.Length; i++)
        {
            ReadOnlySpan<byte> stored = blob.AsSpan(i * sizeof(float));
            vector[i] = encoding switch
            {
                "FLOAT32" => BinaryPrimitives.ReadSingleLittleEndian(stored),
                "INT32" => BinaryPrimitives.ReadInt32LittleEndian(stored),
                _ => throw new VlcFormatException(Name, $"log entry {sequence}", "the encoding FLOAT32 or INT32", $"'{encoding}'"),
            };
        }

        return vector;
    }

    private string KeyOf(long row) => _database.Run(() =>
    {
        _keyOfRow.Parameters[0].Value = row;
        return (string)_keyOfRow.ExecuteScalar()!;
    });

    private string PayloadOf(long row)
    {
        _metadataOfRow.Parameters[0].Value = row;
        using SqliteDataReader reader = _metadataOfRow.ExecuteReader();
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            while (reader.Read())
            {
                string key = reader.GetString(0);
                if (key == "chroma:document") key = "document";
                if (!reader.IsDBNull(1)) writer.WriteString(key, reader.GetString(1));
                else if (!reader.IsDBNull(2)) writer.WriteNumber(key, reader.GetInt64(2));
                else if (!reader.IsDBNull(3)) WriteNumber(writer, key, reader.GetDouble(3));
                else if (!reader.IsDBNull(4)) writer.WriteBoolean(key, reader.GetInt64(4) != 0);
            }

            writer.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }

    private static void WriteNumber(Utf8JsonWriter writer, string key, double value)
    {
        if (double.IsFinite(value)) writer.WriteNumber(key, value);
        else writer.WriteString(key, value.ToString(CultureInfo.InvariantCulture));
    }

    private void CheckTexts(long start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Count - count);
    }
}
