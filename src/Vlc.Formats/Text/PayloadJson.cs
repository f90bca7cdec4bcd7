using System.Text.Encodings.Web;
using System.Text.Json;

namespace Vlc.Formats.Text;

/// <summary>Payload as a JSON object: text readable, numbers as they were written.</summary>
internal static class PayloadJson
{
    /// <summary>How payload is written.</summary>
    public static JsonWriterOptions Options { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>True for text that is a number in JSON's own spelling: no leading zero or plus, so that "007" stays text.</summary>
    public static bool IsNumber(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || text[0] is not ((>= (byte)'0' and <= (byte)'9') or (byte)'-')) return false;
        try
        {
            var reader = new Utf8JsonReader(text);
            return reader.Read() && reader.TokenType == JsonTokenType.Number && reader.BytesConsumed == text.Length;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Writes a number with the digits that it has.</summary>
    public static void WriteNumber(Utf8JsonWriter json, string name, ReadOnlySpan<byte> text)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(text);
    }
}
