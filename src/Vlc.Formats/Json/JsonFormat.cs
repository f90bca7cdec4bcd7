using System.Text.Json;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Json;

/// <summary>
/// A JSON document with vectors anywhere in it: arrays of arrays, arrays of objects, a dictionary from words or ids to vectors, an API's
/// answer, the export of a vector database. Read without holding the document.
/// </summary>
internal sealed class JsonFormat : VectorFileFormat
{
    public override string Name => "json";

    public override IReadOnlyList<string> Extensions { get; } = [".json"];

    /// <summary>Certain where the head is the beginning of one JSON object or array.</summary>
    public override Recognition Recognize(FileSample sample)
    {
        const int fewTokens = 3;
        ReadOnlySpan<byte> head = sample.Head;
        if (head is [0xEF, 0xBB, 0xBF, ..]) head = head[3..];
        head = head.TrimStart(" \t\r\n"u8);
        if (head is not [(byte)'{' or (byte)'[', ..]) return Recognition.None;
        int tokens = 0;
        try
        {
            var json = new Utf8JsonReader(head, isFinalBlock: sample.Length == sample.Head.Length, default);
            while (json.Read()) tokens++;
            return tokens >= fewTokens ? Recognition.Certain : Recognition.None;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // A long beginning is JSON all the same; the place of the fault is what the reader says.
            return tokens > head.Length / 64 && tokens >= 64 ? Recognition.Likely : Recognition.None;
        }
    }

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        var file = new InputFile(path);
        try
        {
            JsonPath place = options.JsonPath is { } told
                ? JsonPath.Parse(told)
                : JsonSurvey.Of(file).Choose(path, "document", options.Column);
            return new JsonVectors(file, place, options.KeyColumn, told: options.JsonPath is not null);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public override IReadOnlyList<FilePart> List(string path, VectorFileOptions options)
    {
        using var file = new InputFile(path);
        var survey = JsonSurvey.Of(file);
        JsonPath? chosen = null;
        try
        {
            chosen = options.JsonPath is { } told ? JsonPath.Parse(told) : survey.Choose(path, "document", options.Column);
        }
        catch (VlcFormatException)
        {
            // What cannot be chosen is still listed.
        }

        return survey.Parts(chosen);
    }
}
