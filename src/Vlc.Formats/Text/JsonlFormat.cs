using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Text;

/// <summary>
/// One JSON object to a line: <c>{"id": ..., "embedding": [...]}</c>, or the embedding as base64 of little-endian float32.
/// </summary>
internal sealed class JsonlFormat : VectorFileFormat
{
    public override string Name => "jsonl";

    public override IReadOnlyList<string> Extensions { get; } = [".jsonl", ".ndjson"];

    public override VectorSource Open(string path, VectorFileOptions options) =>
        new TextVectors(new InputFile(path), new JsonlGrammar(path, options.Column ?? "embedding"));
}

/// <summary>An object with the vector under one name and, in all rows or in none, a string or a number under "id".</summary>
internal sealed class JsonlGrammar(string path, string property) : LineGrammar(path)
{
    public override int Begin(LineReader reader)
    {
        ReadOnlySpan<byte> line = FirstRow(reader);
        HasKeys = FindKey(line, reader.LineNumber) is not null;
        return ParseVector(line, reader.LineNumber, new float[VectorShape.MaxDimension]);
    }

    public override void CheckStructure(ReadOnlySpan<byte> line, long lineNumber)
    {
        ReadOnlySpan<byte> text = line.Trim(" \t"u8);
        if (text is not [(byte)'{', .., (byte)'}']) throw Unexpected(lineNumber, "a JSON object on one line", text);
    }

    public override int ParseVector(ReadOnlySpan<byte> line, long lineNumber, Span<float> vector)
    {
        try
        {
            Utf8JsonReader json = new(line);
            EnterObject(ref json, lineNumber);
            int? count = null;
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                bool isVector = json.ValueTextEquals(property);
                json.Read();
                if (!isVector)
                {
                    json.Skip();
                    continue;
                }

                if (count is not null) throw Error(lineNumber, $"one \"{property}\"", "two");
                count = json.TokenType == JsonTokenType.String
                    ? DecodeBase64(ref json, lineNumber, vector)
                    : ParseArray(ref json, lineNumber, vector);
            }

            // Reads past the object, so that text after it is an error.
            json.Read();
            return count ?? throw Error(lineNumber, $"a property \"{property}\"", "none", "Name the property that holds the vector.");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The latter is what the reader throws for text that is not UTF-8.
            throw NotJson(lineNumber, exception);
        }
    }

    public override string ParseKey(ReadOnlySpan<byte> line, long lineNumber) =>
        FindKey(line, lineNumber) ?? throw Error(lineNumber, "an \"id\", as in the first row", "none");

    private string? FindKey(ReadOnlySpan<byte> line, long lineNumber)
    {
        try
        {
            Utf8JsonReader json = new(line);
            EnterObject(ref json, lineNumber);
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                bool isKey = json.ValueTextEquals("id"u8);
                json.Read();
                if (isKey)
                {
                    return json.TokenType switch
                    {
                        JsonTokenType.String => json.GetString(),
                        JsonTokenType.Number => Encoding.UTF8.GetString(json.ValueSpan),
                        _ => throw Error(lineNumber, "a string or a number as \"id\"", json.TokenType.ToString()),
                    };
                }

                json.Skip();
            }

            return null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw NotJson(lineNumber, exception);
        }
    }

    private void EnterObject(ref Utf8JsonReader json, long lineNumber)
    {
        if (!json.Read() || json.TokenType != JsonTokenType.StartObject) throw Error(lineNumber, "a JSON object", $"{json.TokenType}");
    }

    private int ParseArray(ref Utf8JsonReader json, long lineNumber, Span<float> vector)
    {
        if (json.TokenType != JsonTokenType.StartArray)
        {
            throw Error(lineNumber, $"an array of numbers or a base64 string as \"{property}\"", json.TokenType.ToString());
        }

        int count = 0;
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (count == vector.Length) throw Ragged(lineNumber, vector.Length, "more");
            if (json.TokenType != JsonTokenType.Number || !json.TryGetSingle(out vector[count]))
            {
                throw Unexpected(lineNumber, "a number", json.ValueSpan, $", component {count}");
            }

            count++;
        }

        return count;
    }

    private int DecodeBase64(ref Utf8JsonReader json, long lineNumber, Span<float> vector)
    {
        if (!json.TryGetBytesFromBase64(out byte[]? bytes) || bytes.Length % sizeof(float) != 0)
        {
            throw Unexpected(lineNumber, $"base64 of float32 values as \"{property}\"", json.ValueSpan);
        }

        int count = bytes.Length / sizeof(float);
        if (count > vector.Length) throw Ragged(lineNumber, vector.Length, $"{count}");
        if (!BitConverter.IsLittleEndian) ElementConversion.ReverseEndianness(bytes, sizeof(float));
        MemoryMarshal.Cast<byte, float>(bytes).CopyTo(vector);
        return count;
    }

    private VlcFormatException NotJson(long lineNumber, Exception exception) => new(
        Path,
        exception is JsonException { BytePositionInLine: { } position } ? $"line {lineNumber}, byte {position}" : $"line {lineNumber}",
        "JSON", exception.Message.TrimEnd('.'), innerException: exception);

    private VlcFormatException Error(long lineNumber, string expected, string found, string? hint = null) =>
        new(Path, $"line {lineNumber}", expected, found, hint);
}
