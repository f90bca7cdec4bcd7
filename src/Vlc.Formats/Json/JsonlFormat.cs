using System.Text;
using System.Text.Json;
using Vlc.Formats.Binary;
using Vlc.Formats.Text;
using Vlc.Vectors;

namespace Vlc.Formats.Json;

/// <summary>
/// One row to a line: <c>{"id": ..., "embedding": [...]}</c>, the embedding as base64, or the bare list of numbers.
/// </summary>
internal sealed class JsonlFormat : VectorFileFormat
{
    public override string Name => "jsonl";

    public override IReadOnlyList<string> Extensions { get; } = [".jsonl", ".ndjson"];

    /// <summary>
    /// Certain where the first line is a whole object or array and the next begins like it; likely where there is but one line.
    /// </summary>
    public override Recognition Recognize(FileSample sample)
    {
        ReadOnlySpan<byte> head = sample.Head;
        if (head is [0xEF, 0xBB, 0xBF, ..]) head = head[3..];
        head = head.TrimStart(" \t\r\n"u8);
        if (head is not [(byte)'{' or (byte)'[', ..]) return Recognition.None;
        int end = head.IndexOf((byte)'\n');
        bool isWhole = end >= 0 || sample.Length == sample.Head.Length;
        try
        {
            var json = new Utf8JsonReader(end < 0 ? head : head[..end], isWhole, default);
            while (json.Read())
            {
            }

            // Of a first line longer than the head, only that much can be said.
            if (!isWhole) return Recognition.Likely;
            if (json.CurrentDepth != 0) return Recognition.None;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return Recognition.None;
        }

        ReadOnlySpan<byte> next = end < 0 ? default : head[(end + 1)..].TrimStart(" \t\r\n"u8);
        return next.IsEmpty ? Recognition.Likely : next[0] == head[0] ? Recognition.Certain : Recognition.None;
    }

    public override VectorSource Open(string path, VectorFileOptions options) =>
        new TextVectors(new InputFile(path), new JsonlGrammar(path, options));

    public override IReadOnlyList<FilePart> List(string path, VectorFileOptions options)
    {
        using var file = new InputFile(path);
        var reader = new LineReader(file, offset: 0, lineNumber: 1);
        while (reader.TryRead(out ReadOnlySpan<byte> line))
        {
            if (line.Trim(" \t"u8).IsEmpty) continue;
            try
            {
                var survey = JsonSurvey.Of(line);
                JsonPath? chosen = null;
                try
                {
                    chosen = JsonlGrammar.Place(path, $"line {reader.LineNumber}", line, options);
                }
                catch (VlcFormatException)
                {
                    // What cannot be chosen is still listed.
                }

                return survey.Parts(chosen);
            }
            catch (Exception exception) when (exception is JsonException or InvalidOperationException)
            {
                throw JsonTokens.NotJson(path, exception, $"line {reader.LineNumber}");
            }
        }

        return [];
    }
}

/// <summary>A row to a line, the vector at one place in all of them and, in all rows or in none, a key.</summary>
internal sealed class JsonlGrammar(string path, VectorFileOptions options) : LineGrammar(path)
{
    private const string DefaultProperty = "embedding";

    private JsonRow _row = new(path, []);

    /// <summary>Where the vector lies in a line.</summary>
    public static JsonPath Place(string path, string where, ReadOnlySpan<byte> line, VectorFileOptions options)
    {
        if (options.JsonPath is { } told) return JsonPath.Parse(told);
        if (options.Column is { } column) return new JsonPath([JsonStep.Named(column)]);
        try
        {
            var json = new Utf8JsonReader(line);
            json.Read();
            bool isObject = json.TokenType == JsonTokenType.StartObject;
            while (isObject && json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                if (json.ValueTextEquals(DefaultProperty)) return new JsonPath([JsonStep.Named(DefaultProperty)]);
                json.Read();
                json.Skip();
            }

            return JsonSurvey.Of(line).Choose(path, where, column: null, isRow: true);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw JsonTokens.NotJson(path, exception, where);
        }
    }

    public override int Begin(LineReader reader)
    {
        ReadOnlySpan<byte> line = FirstRow(reader);
        string where = $"line {reader.LineNumber}";
        JsonPath place = Place(Path, where, line, options);
        _row = new JsonRow(Path, [.. place.Steps]);
        _row.Begin(line, where, options.KeyColumn, hasOuterKey: false);
        HasKeys = _row.KeySteps is not null;
        HasPayload = _row.HasPayload;
        if (options.JsonPath is null && options.Column is null && place.ToString() is not (DefaultProperty or "$"))
        {
            _row.Notes.Insert(0, $"The vector is {place}.");
        }
        Notes = _row.Notes;
        return ParseVector(line, reader.LineNumber, new float[VectorShape.MaxDimension]);
    }

    public override void CheckStructure(ReadOnlySpan<byte> line, long lineNumber)
    {
        ReadOnlySpan<byte> text = line.Trim(" \t"u8);
        if (text is not ([(byte)'{', .., (byte)'}'] or [(byte)'[', .., (byte)']']))
        {
            throw Unexpected(lineNumber, "a JSON object on one line", text);
        }
    }

    public override int ParseVector(ReadOnlySpan<byte> line, long lineNumber, Span<float> vector)
    {
        int count = _row.ParseVector(line, $"line {lineNumber}", vector);
        return count <= vector.Length ? count : throw Ragged(lineNumber, vector.Length, "more");
    }

    public override string ParseKey(ReadOnlySpan<byte> line, long lineNumber) => _row.ParseKey(line, $"line {lineNumber}");

    public override string ParsePayload(ReadOnlySpan<byte> line, long lineNumber)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, PayloadJson.Options);
        json.WriteStartObject();
        _row.WritePayload(json, line, $"line {lineNumber}");
        json.WriteEndObject();
        json.Flush();
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
