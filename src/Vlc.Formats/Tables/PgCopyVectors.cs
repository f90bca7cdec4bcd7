using System.Globalization;
using System.Text.Json;
using Vlc.Formats.Binary;
using Vlc.Formats.Words;
using Vlc.Vectors;

namespace Vlc.Formats.Tables;

/// <summary>
/// The rows of a table in COPY BINARY: a column of vectors, the first other column that has no nulls as key, the rest as payload.
/// </summary>
internal sealed class PgCopyVectors : VectorSource
{
    private const int RowsPerCheckpoint = 1024;

    // A field of PostgreSQL has at most 1 GB; a key or a document beside a vector has far less.
    private const int MaxTextBytes = 1 << 24;

    private readonly InputFile _file;
    private readonly PgTable _table;
    private readonly PgColumn _vector;
    private readonly PgColumn? _key;
    private readonly PgColumn[] _payload;

    public PgCopyVectors(InputFile file, PgTable table, VectorFileOptions options)
    {
        _file = file;
        _table = table;
        _vector = ChooseVector(options.Column);
        VectorShape.ThrowIfAbsurd(file.Path, $"column {_vector.Number}", table.Count, _vector.Dimension);
        if (_vector.HasNulls)
        {
            throw new VlcFormatException(
                file.Path, $"column {_vector.Number}", "a vector in each row", "a null",
                "Copy with a query: COPY (SELECT ... WHERE embedding IS NOT NULL) TO ...");
        }
        PgColumn[] others = [.. table.Columns.Where(column => column != _vector && column.IsReadable)];
        _key = options.KeyColumn is null
            ? others.FirstOrDefault(column => !column.HasNulls)
            : options.KeyColumn.Length == 0 ? null : Find(others, options.KeyColumn, "a key");
        _payload = [.. others.Where(column => column != _key)];
        string[] left =
        [
            .. table.Columns.Except(others).Where(column => column != _vector).Select(
                column => $"column {column.Number} ({column.Description})"),
        ];
        Notes =
        [
            $"Column {_vector.Number} has {_vector.Description}."
                + (_key is null ? "" : $" Column {_key.Number} ({_key.Description}) is the key.")
                + (_payload.Length == 0
                    ? ""
                    : $" Payload: {string.Join(", ", _payload.Select(column => $"column {column.Number} ({column.Description})"))}."),
            .. left.Length == 0 ? (string[])[] : [$"Left in the file: {string.Join(", ", left)}."],
        ];
    }

    public override string Name => _file.Path;

    public override long Count => _table.Count;

    public override int Dimension => _vector.Dimension;

    public override ElementType ElementType => _vector.Vector ?? ElementType.Float32;

    public override bool HasKeys => _key is not null;

    public override bool HasPayload => _payload.Length > 0;

    public override IReadOnlyList<string> Notes { get; }

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        CheckRange(start, count, destination.Length);
        if (count == 0) return;
        int size = ElementConversion.SizeOf(ElementType);
        byte[] stored = new byte[Dimension * size];
        ByteCursor cursor = Seek(start);
        for (int i = 0; i < count; i++)
        {
            if (i % RowsPerCheckpoint == 0) cancellationToken.ThrowIfCancellationRequested();
            foreach ((PgColumn column, int length) in Fields(cursor))
            {
                if (column != _vector)
                {
                    cursor.Skip(int.Max(length, 0), "a field");
                    continue;
                }

                if (length != 4 + stored.Length)
                {
                    throw new VlcFormatException(
                        Name, $"row {start + i}", $"a vector of {Dimension}", $"{length} bytes",
                        "The file has changed since it was opened.");
                }
                cursor.Skip(4, "a vector's header");
                cursor.Take(stored, "a vector");
            }

            if (BitConverter.IsLittleEndian) ElementConversion.ReverseEndianness(stored, size);
            ElementConversion.ToSingle(stored, ElementType, destination.Slice(i * Dimension, Dimension));
        }

        FiniteCheck.ThrowIfNotFinite(destination[..(count * Dimension)], Dimension, start, Name);
    }

    public override void ReadKeys(long start, Span<string> destination)
    {
        if (_key is null) base.ReadKeys(start, destination);
        ReadTexts(start, destination, [_key!], texts => texts[0] ?? "");
    }

    public override void ReadPayload(long start, Span<string> destination)
    {
        if (!HasPayload) base.ReadPayload(start, destination);
        ReadTexts(start, destination, _payload, texts =>
        {
            using MemoryStream stream = new();
            using (Utf8JsonWriter writer = new(stream))
            {
                writer.WriteStartObject();
                for (int i = 0; i < texts.Length; i++)
                {
                    if (texts[i] is not null) writer.WriteString($"column_{_payload[i].Number}", texts[i]);
                }

                writer.WriteEndObject();
            }

            return System.Text.Encoding.UTF8.GetString(stream.ToArray());
        });
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _file.Dispose();
        base.Dispose(disposing);
    }

    private PgColumn ChooseVector(string? name)
    {
        PgColumn[] vectors = [.. _table.Columns.Where(column => column.Vector is not null)];
        if (name is not null) return Find(vectors, name, "vectors");
        string found = _table.Columns.Count == 0
            ? "no rows"
            : string.Join(", ", _table.Columns.Select(column => $"{column.Number}: {column.Description}"));
        return vectors is [PgColumn only]
            ? only
            : throw new VlcFormatException(
                _file.Path, "columns", "one column of pgvector's vector or halfvec", found,
                vectors.Length == 0
                    ? "Cast the column in a query: COPY (SELECT id, embedding::vector FROM t) TO ..."
                    : "Name the column by its number with --column.");
    }

    private PgColumn Find(PgColumn[] among, string name, string what) =>
        Array.Find(among, column => column.Number.ToString(CultureInfo.InvariantCulture) == name)
        ?? throw new VlcFormatException(
            _file.Path, "columns", $"a column {name} of {what}",
            string.Join(", ", _table.Columns.Select(column => $"{column.Number}: {column.Description}")));

    private void ReadTexts(long start, Span<string> destination, PgColumn[] columns, Func<string?[], string> join)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Count - destination.Length);
        if (destination.IsEmpty) return;
        ByteCursor cursor = Seek(start);
        for (int i = 0; i < destination.Length; i++)
        {
            string?[] texts = new string?[columns.Length];
            foreach ((PgColumn column, int length) in Fields(cursor))
            {
                int at = Array.IndexOf(columns, column);
                if (at < 0 || length < 0)
                {
                    cursor.Skip(int.Max(length, 0), "a field");
                    continue;
                }

                if (length > MaxTextBytes)
                {
                    throw new VlcFormatException(
                        Name, $"row {start + i}, column {column.Number}", $"at most {MaxTextBytes} bytes", $"{length}");
                }
                byte[] value = new byte[length];
                cursor.Take(value, "a field");
                texts[at] = column.Text(value);
            }

            destination[i] = join(texts);
        }
    }

    /// <summary>The next row's columns and lengths; the caller passes each field's bytes.</summary>
    private IEnumerable<(PgColumn Column, int Length)> Fields(ByteCursor cursor)
    {
        if (PgCopyFormat.TakeFieldCount(cursor) != _table.Columns.Count)
        {
            throw new VlcFormatException(
                Name, $"offset {cursor.Position}", $"{_table.Columns.Count} fields", "another number",
                "The file has changed since it was opened.");
        }

        foreach (PgColumn column in _table.Columns) yield return (column, PgCopyFormat.TakeLength(cursor));
    }

    private ByteCursor Seek(long row)
    {
        ByteCursor cursor = new(_file, _table.Checkpoints[(int)(row / RowsPerCheckpoint)]);
        for (long at = row - (row % RowsPerCheckpoint); at < row; at++)
        {
            foreach ((_, int length) in Fields(cursor)) cursor.Skip(int.Max(length, 0), "a field");
        }

        return cursor;
    }
}
