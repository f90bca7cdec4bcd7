using System.Globalization;
using System.Text;
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

    /// <summary>Writes a cell of a table: null, <see cref="string"/>, <see cref="bool"/> or a number.</summary>
    public static void WriteCell(Utf8JsonWriter json, string name, object? cell)
    {
        switch (cell)
        {
            case null: json.WriteNull(name); break;
            case string value: json.WriteString(name, value); break;
            case long value: json.WriteNumber(name, value); break;
            case ulong value: json.WriteNumber(name, value); break;
            case bool value: json.WriteBoolean(name, value); break;
            case float value when float.IsFinite(value): json.WriteNumber(name, value); break;
            case double value when double.IsFinite(value): json.WriteNumber(name, value); break;

            // JSON has no number for it.
            default: json.WriteString(name, Convert.ToString(cell, CultureInfo.InvariantCulture)); break;
        }
    }

    /// <summary>Row by row the objects that the columns' cells make.</summary>
    /// <param name="names">The columns' names.</param>
    /// <param name="columns">The cells, column by column.</param>
    /// <param name="destination">One object for each row.</param>
    public static void WriteRows(IReadOnlyList<string> names, object?[][] columns, Span<string> destination)
    {
        using MemoryStream text = new();
        for (int row = 0; row < destination.Length; row++)
        {
            text.SetLength(0);
            using (Utf8JsonWriter json = new(text, Options))
            {
                json.WriteStartObject();
                for (int i = 0; i < columns.Length; i++) WriteCell(json, names[i], columns[i][row]);
                json.WriteEndObject();
            }

            destination[row] = Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length);
        }
    }

    /// <summary>A cell as a key.</summary>
    /// <exception cref="VlcFormatException">It is null.</exception>
    public static string Key(object? cell, string path, string where) => cell switch
    {
        string text => text,
        bool truth => truth ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new VlcFormatException(path, where, "a key", "null", "Remove the row, or read without keys: --key-column \"\"."),
    };
}
