using System.Buffers;
using System.Text;
using System.Text.Json;
using Vlc.Formats.Binary;
using Vlc.Formats.Text;
using Vlc.Vectors;

namespace Vlc.Formats.Json;

/// <summary>
/// The rows of a JSON document. Opening passes over the document once and remembers where each row lies; a row is read and parsed when it
/// is asked for.
/// </summary>
internal sealed class JsonVectors : VectorSource
{
    private readonly InputFile _file;
    private readonly JsonIndex _index;
    private readonly JsonRow _row;
    private readonly List<JsonSidecar> _payload = [];
    private readonly JsonSidecar? _keys;
    private readonly List<string> _notes = [];
    private byte[] _buffer = [];

    /// <summary>Takes ownership of <paramref name="file"/>, but not when the document is refused.</summary>
    /// <param name="file">The document.</param>
    /// <param name="place">Where the vectors lie.</param>
    /// <param name="keyName">The property of the key; empty for none, null for a choice.</param>
    /// <param name="told">True where the user named the place.</param>
    public JsonVectors(InputFile file, JsonPath place, string? keyName, bool told)
    {
        _file = file;
        _index = JsonIndex.Of(file, place);
        VectorShape.ThrowIfAbsurd(file.Path, place.ToString(), _index.Rows.Count, dimension: 1);
        _row = new JsonRow(file.Path, place.WithinRow);
        ReadOnlySpan<byte> first = Fetch(_index.Rows[0]);
        bool hasOuterKeys = _index.Names.Count > 0 && keyName is null;
        JsonSidecar[] beside = [.. _index.Sidecars.Where(sidecar => sidecar.Fits(_index))];
        _keys = beside.FirstOrDefault(sidecar => keyName is null ? !hasOuterKeys && sidecar.IsKeys(Name, Fetch) : sidecar.Name == keyName);
        first = Fetch(_index.Rows[0]);
        _row.Begin(first, Where(0), _keys is not null ? "" : keyName, hasOuterKeys);
        _payload.AddRange(beside.Where(sidecar => sidecar != _keys));
        HasOuterKeys = hasOuterKeys;
        Dimension = _row.ParseVector(first, Where(0), new float[VectorShape.MaxDimension]);
        VectorShape.ThrowIfAbsurd(file.Path, Where(0), _index.Rows.Count, Dimension);
        Explain(place, told);
    }

    public override string Name => _file.Path;

    public override long Count => _index.Rows.Count;

    public override int Dimension { get; }

    public override ElementType ElementType => ElementType.Text;

    public override bool HasKeys => HasOuterKeys || _keys is not null || _row.KeySteps is not null;

    public override bool HasPayload => _row.HasPayload || _payload.Count > 0;

    public override IReadOnlyList<string> Notes => _notes;

    private bool HasOuterKeys { get; }

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        const int rowsBetweenChecks = 1024;
        CheckRange(start, count, destination.Length);
        for (int i = 0; i < count; i++)
        {
            if (i % rowsBetweenChecks == 0) cancellationToken.ThrowIfCancellationRequested();
            int row = (int)start + i;
            Span<float> vector = destination.Slice(i * Dimension, Dimension);
            int components = _row.ParseVector(Fetch(_index.Rows[row]), Where(row), vector);
            if (components != Dimension)
            {
                throw new VlcFormatException(
                    Name, Where(row), $"{Dimension} components", components > Dimension
                    ? "more"
                    : $"{components}", "All rows of a file have the same dimension.");
            }

            FiniteCheck.ThrowIfNotFinite(vector, Dimension, row, Name, _ => $"offset {_index.Rows[row].Start}");
        }
    }

    public override void ReadKeys(long start, Span<string> destination)
    {
        if (!HasKeys) base.ReadKeys(start, destination);
        CheckTexts(start, destination);
        for (int i = 0; i < destination.Length; i++)
        {
            int row = (int)start + i;
            destination[i] = _keys is not null
                ? JsonRow.ToText(Name, Fetch(_keys.Values[row]), Where(row)) ?? throw new VlcFormatException(
                    Name, Where(row), $"a string or a number in \"{_keys.Name}\"", "another value")
                : HasOuterKeys
                    ? JsonRow.ToText(Name, Fetch(_index.Names[row]), Where(row))!
                    : _row.ParseKey(Fetch(_index.Rows[row]), Where(row));
        }
    }

    public override void ReadPayload(long start, Span<string> destination)
    {
        if (!HasPayload) base.ReadPayload(start, destination);
        CheckTexts(start, destination);
        var buffer = new ArrayBufferWriter<byte>();
        for (int i = 0; i < destination.Length; i++)
        {
            int row = (int)start + i;
            buffer.ResetWrittenCount();
            using var json = new Utf8JsonWriter(buffer, PayloadJson.Options);
            json.WriteStartObject();
            foreach (JsonSidecar sidecar in _payload)
            {
                JsonRange? value = sidecar.Of(
                    row, sidecar.Named is null ? null : JsonRow.ToText(Name, Fetch(_index.Names[row]), Where(row)));
                if (value is not { } range) continue;
                json.WritePropertyName(sidecar.Name);
                json.WriteRawValue(Fetch(range), skipInputValidation: true);
            }

            _row.WritePayload(json, Fetch(_index.Rows[row]), Where(row));
            json.WriteEndObject();
            json.Flush();
            destination[i] = Encoding.UTF8.GetString(buffer.WrittenSpan);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _file.Dispose();
        base.Dispose(disposing);
    }

    private void CheckTexts(long start, Span<string> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Count - destination.Length);
    }

    private string Where(int row) => $"row {row}, offset {_index.Rows[row].Start}";

    /// <summary>The bytes of a range; valid until the next call.</summary>
    private ReadOnlySpan<byte> Fetch(JsonRange range)
    {
        if (_buffer.Length < range.Length) _buffer = new byte[int.Max(range.Length, 2 * _buffer.Length)];
        Span<byte> bytes = _buffer.AsSpan(0, range.Length);
        _file.ReadExactly(bytes, range.Start, "JSON");
        return bytes;
    }

    private void Explain(JsonPath place, bool told)
    {
        List<string> beside = [];
        if (HasOuterKeys) beside.Add("keys their names");
        if (_keys is not null) beside.Add($"keys {_keys.Name}");
        if (_payload.Count > 0) beside.Add($"payload {string.Join(", ", _payload.Select(sidecar => sidecar.Name))}");
        if (!told || beside.Count > 0)
        {
            _notes.Add($"The vectors are at {place}{(beside.Count > 0 ? "; " + string.Join("; ", beside) : "")}.");
        }
        _notes.AddRange(_row.Notes);
        string[] left =
            [.. _index.Sidecars.Where(sidecar => !sidecar.Fits(_index)).Select(sidecar => $"{sidecar.Name} ({sidecar.Count:N0})")];
        if (left.Length > 0) _notes.Add($"Left, for having another count than the {Count:N0} vectors: {string.Join(", ", left)}.");
    }
}
