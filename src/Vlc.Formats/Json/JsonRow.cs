using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Vlc.Formats.Binary;
using Vlc.Formats.Text;
using Vlc.Vectors;

namespace Vlc.Formats.Json;

/// <summary>How a row of JSON becomes a vector, a key and payload. Shared by jsonl, whose lines are rows, and by documents.</summary>
internal sealed class JsonRow
{
    private static readonly string[] KeyNames = ["id", "_id", "key", "uuid", "doc_id", "custom_id", "word"];

    private readonly string _path;
    private readonly JsonStep[] _vector;
    private JsonStep[]? _key;

    /// <param name="path">The file, for messages.</param>
    /// <param name="vector">From the row to its vector.</param>
    public JsonRow(string path, JsonStep[] vector) => (_path, _vector) = (path, vector);

    /// <summary>From a row to its key; null where rows have none.</summary>
    public IReadOnlyList<JsonStep>? KeySteps => _key;

    /// <summary>True where rows have anything beside the vector and the key.</summary>
    public bool HasPayload { get; private set; }

    /// <summary>How base64 is read.</summary>
    public ElementType Base64Type { get; private set; } = ElementType.Float32;

    /// <summary>Sentences on what was decided.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>Looks at the first row: which property is the key, whether there is payload, what base64 holds.</summary>
    /// <param name="row">The row's JSON.</param>
    /// <param name="where">Its place, for messages.</param>
    /// <param name="keyName">The property that the user names; empty for no key, null for a choice.</param>
    /// <param name="hasOuterKey">True where the row's name is its key.</param>
    public void Begin(ReadOnlySpan<byte> row, string where, string? keyName, bool hasOuterKey)
    {
        List<string> names = Names(row, where);
        if (!hasOuterKey && keyName is not "")
        {
            JsonStep[][] candidates = keyName is not null
                ? [[.. JsonPath.Parse(keyName).Steps]]
                : [.. KeyNames.Select(name => (JsonStep[])[JsonStep.Named(name)]),
                    .. _vector.Length > 1 ? (JsonStep[][])[[.. _vector[..^1], JsonStep.Named("id")]] : []];
            foreach (JsonStep[] candidate in candidates)
            {
                ReadOnlySpan<byte> value = Locate(row, candidate, where);
                if (value.IsEmpty || value[0] is not ((byte)'"' or (byte)'-' or (>= (byte)'0' and <= (byte)'9'))) continue;
                _key = candidate;
                break;
            }

            if (_key is null && keyName is not null)
            {
                throw new VlcFormatException(_path, where, $"a string or a number as \"{keyName}\"", "none");
            }
        }

        string[] beside =
            [.. names.Where(name => !(_vector.Length > 0 && _vector[0].Name == name) && !(_key is [{ } only] && only.Name == name))];
        HasPayload = beside.Length > 0;
        string key = _key is null ? "" : $"key {JsonPath.Describe(_key)}";
        string payload = HasPayload
            ? $"payload {string.Join(", ", beside.Take(6))}{(beside.Length > 6 ? $" and {beside.Length - 6} more" : "")}"
            : "";
        if (HasPayload) Notes.Add($"Beside the vector: {string.Join(", ", ((string[])[key, payload]).Where(text => text.Length > 0))}.");
        ReadOnlySpan<byte> vector = Locate(row, _vector, where);
        if (vector is [(byte)'"', ..] && DecodeBase64(vector) is { } bytes) ChooseBase64(bytes, where);
    }

    /// <summary>Parses the vector; more components than <paramref name="vector"/> takes count as its length and one.</summary>
    public int ParseVector(ReadOnlySpan<byte> row, string where, Span<float> vector)
    {
        ReadOnlySpan<byte> value = Locate(row, _vector, where);
        if (value.IsEmpty)
        {
            throw new VlcFormatException(
                _path, where, $"a vector at {JsonPath.Describe(_vector)}", "none",
                "Name the property that holds the vector with --column.");
        }
        if (value[0] == (byte)'"') return ParseText(value, where, vector);
        try
        {
            return ParseArray(value, where, vector);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw JsonTokens.NotJson(_path, exception, where);
        }
    }

    private int ParseArray(ReadOnlySpan<byte> value, string where, Span<float> vector)
    {
        var json = new Utf8JsonReader(value);
        json.Read();
        if (json.TokenType != JsonTokenType.StartArray)
        {
            throw new VlcFormatException(
                _path, where, $"an array of numbers or a base64 string as \"{JsonPath.Describe(_vector)}\"", json.TokenType.ToString());
        }

        int count = 0;
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (count == vector.Length) return count + 1;
            if (json.TokenType != JsonTokenType.Number || !json.TryGetSingle(out vector[count]))
            {
                ReadOnlySpan<byte> found = json.ValueSpan[..int.Min(json.ValueSpan.Length, 40)];
                throw new VlcFormatException(_path, $"{where}, component {count}", "a number", $"'{Encoding.UTF8.GetString(found)}'");
            }

            count++;
        }

        // Reads past the array, so that text after it is an error.
        json.Read();
        return count;
    }

    /// <summary>The key as text; asked for only where <see cref="KeySteps"/> is not null.</summary>
    public string ParseKey(ReadOnlySpan<byte> row, string where)
    {
        ReadOnlySpan<byte> value = Locate(row, _key!, where);
        return ToText(_path, value, where) ?? throw new VlcFormatException(
            _path, where, $"an \"{JsonPath.Describe(_key!)}\", as in the first row",
            value.IsEmpty ? "none" : "neither a string nor a number");
    }

    /// <summary>A string or a number as text; null for anything else.</summary>
    public static string? ToText(string path, ReadOnlySpan<byte> value, string where)
    {
        if (value.IsEmpty) return null;
        try
        {
            var json = new Utf8JsonReader(value);
            json.Read();
            return json.TokenType switch
            {
                JsonTokenType.String => json.GetString(),
                JsonTokenType.Number => Encoding.UTF8.GetString(json.ValueSpan),
                _ => null,
            };
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw JsonTokens.NotJson(path, exception, where);
        }
    }

    /// <summary>Writes what the row has beside the vector and the key.</summary>
    public void WritePayload(Utf8JsonWriter json, ReadOnlySpan<byte> row, string where)
    {
        try
        {
            var reader = new Utf8JsonReader(row);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string name = reader.GetString()!;
                reader.Read();
                int start = (int)reader.TokenStartIndex;
                reader.Skip();
                if ((_vector.Length > 0 && _vector[0].Name == name) || (_key is [{ } only] && only.Name == name)) continue;
                json.WritePropertyName(name);
                json.WriteRawValue(row[start..(int)reader.BytesConsumed], skipInputValidation: true);
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw JsonTokens.NotJson(_path, exception, where);
        }
    }

    /// <summary>
    /// The value at the end of steps, with its quotation marks; empty where there is none. Checks the whole row's grammar.
    /// </summary>
    private ReadOnlySpan<byte> Locate(ReadOnlySpan<byte> row, ReadOnlySpan<JsonStep> steps, string where)
    {
        try
        {
            foreach (JsonStep step in steps)
            {
                row = Child(row, step, where);
                if (row.IsEmpty) return row;
            }

            return row.Trim(" \t\r\n"u8);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw JsonTokens.NotJson(_path, exception, where);
        }
    }

    private ReadOnlySpan<byte> Child(ReadOnlySpan<byte> value, JsonStep step, string where)
    {
        var json = new Utf8JsonReader(value);
        json.Read();
        bool array = step.Kind == StepKind.Element;
        if (json.TokenType != (array ? JsonTokenType.StartArray : JsonTokenType.StartObject)) return default;
        ReadOnlySpan<byte> found = default;
        while (json.Read() && json.TokenType is not (JsonTokenType.EndArray or JsonTokenType.EndObject))
        {
            bool wanted = array || json.ValueTextEquals(step.Name);
            if (!array) json.Read();
            int start = (int)json.TokenStartIndex;
            json.Skip();
            if (!wanted) continue;
            if (!found.IsEmpty)
            {
                throw new VlcFormatException(_path, where, array ? "one element in a row's array" : $"one \"{step.Name}\"", "two");
            }
            found = value[start..(int)json.BytesConsumed];
        }

        // Reads past the value, so that text after it is an error.
        json.Read();
        return found;
    }

    private List<string> Names(ReadOnlySpan<byte> row, string where)
    {
        List<string> names = [];
        try
        {
            var json = new Utf8JsonReader(row);
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject) return names;
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                names.Add(json.GetString()!);
                json.Read();
                json.Skip();
            }

            return names;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw JsonTokens.NotJson(_path, exception, where);
        }
    }

    private int ParseText(ReadOnlySpan<byte> value, string where, Span<float> vector)
    {
        if (NumberList.TryParse(value[1..^1], vector, out int numbers, out _)) return numbers;
        int size = ElementConversion.SizeOf(Base64Type);
        if (DecodeBase64(value) is not { } bytes || bytes.Length % size != 0)
        {
            string found = Encoding.UTF8.GetString(value[..int.Min(value.Length, 40)]);
            throw new VlcFormatException(
                _path, where, $"base64 of {Base64Type.ToString().ToLowerInvariant()} values as \"{JsonPath.Describe(_vector)}\"", found);
        }

        int count = bytes.Length / size;
        if (count > vector.Length) return vector.Length + 1;
        if (!BitConverter.IsLittleEndian) ElementConversion.ReverseEndianness(bytes, size);
        ElementConversion.ToSingle(bytes, Base64Type, vector[..count]);
        return count;
    }

    private static byte[]? DecodeBase64(ReadOnlySpan<byte> value)
    {
        var json = new Utf8JsonReader(value);
        json.Read();
        return json.TryGetBytesFromBase64(out byte[]? bytes) ? bytes : null;
    }

    /// <summary>
    /// Numbers of one vector are of like size; the bytes of another type read as float32 scatter over the whole range of exponents.
    /// Bytes that are no float32 by that measure, and not clearly of another type, are refused.
    /// </summary>
    private void ChooseBase64(byte[] bytes, string where)
    {
        const double likelySpread = 3.5, unlikelySpread = 5;
        const int leastValues = 8;
        if (bytes.AsSpan().IndexOfAnyExcept((byte)0) < 0) return;
        bool halves = Spread(bytes, ElementType.Float16) is < likelySpread && HasLowHalves(bytes);
        if (Spread(bytes, ElementType.Float32) is <= unlikelySpread && !IsWidened(bytes) && !halves) return;
        foreach (ElementType type in (ReadOnlySpan<ElementType>)[ElementType.Float64, ElementType.Float16])
        {
            if (bytes.Length < leastValues * ElementConversion.SizeOf(type) || Spread(bytes, type) is not < likelySpread) continue;
            if (type == ElementType.Float16 && !HasExponents(bytes)) continue;
            Base64Type = type;
            Notes.Add($"The base64 is read as {type.ToString().ToLowerInvariant()}: as float32 its values would scatter over the whole "
                + $"range of exponents.");
            return;
        }

        throw new VlcFormatException(
            _path, where, $"base64 that is clearly of float32, float64 or float16 values as \"{JsonPath.Describe(_vector)}\"",
            $"{bytes.Length} bytes that may be of another type", "Write the vectors as lists of numbers, or as base64 of float32.");
    }

    /// <summary>
    /// False where the lower half of most float32 values is zero, as in 0.5 and 2: read as float16 they are zeros, and tell nothing.
    /// </summary>
    private static bool HasLowHalves(byte[] bytes)
    {
        ReadOnlySpan<ushort> halves = MemoryMarshal.Cast<byte, ushort>(bytes);
        int low = 0;
        for (int i = 0; i < halves.Length; i += 2) low += halves[i] != 0 ? 1 : 0;
        return low * 4 > halves.Length / 2;
    }

    /// <summary>True where the second byte of each pair varies less than the first but for its sign, as an exponent does.</summary>
    private static bool HasExponents(byte[] bytes) => Deviation(bytes, 1) * 2 < Deviation(bytes, 0);

    private static double Deviation(byte[] bytes, int first)
    {
        double sum = 0, squares = 0;
        int count = 0;
        for (int i = 0; i + 1 < bytes.Length; i += 2)
        {
            // Zeros have no exponent.
            if (bytes[i] == 0 && (bytes[i + 1] & 0x7F) == 0) continue;
            int value = bytes[i + first] & 0x7F;
            sum += value;
            squares += value * value;
            count++;
        }

        return count == 0 ? 0 : Math.Sqrt(Math.Max(0, (squares / count) - (sum / count * (sum / count))));
    }

    /// <summary>
    /// True for float64 that was float32 or less: the last 29 bits of every value are zero, and those of the upper halves are not.
    /// </summary>
    private static bool IsWidened(byte[] bytes)
    {
        const uint lowBits = (1u << 29) - 1;
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(bytes);
        bool upperVary = false;
        for (int i = 0; i + 1 < words.Length; i += 2)
        {
            if ((words[i] & lowBits) != 0) return false;
            upperVary |= (words[i + 1] & lowBits) != 0;
        }

        return upperVary;
    }

    /// <summary>Standard deviation of the binary logarithms; null where a value is not finite or there are none but zeros.</summary>
    private static double? Spread(byte[] bytes, ElementType type)
    {
        int size = ElementConversion.SizeOf(type);
        if (bytes.Length % size != 0) return null;
        double sum = 0, squares = 0;
        int count = 0;
        for (int i = 0; i < bytes.Length; i += size)
        {
            double value = type switch
            {
                ElementType.Float64 => BitConverter.ToDouble(bytes, i),
                ElementType.Float16 => (double)BitConverter.ToHalf(bytes, i),
                _ => BitConverter.ToSingle(bytes, i),
            };
            if (!double.IsFinite(value)) return null;
            if (value == 0) continue;
            double log = Math.Log2(Math.Abs(value));
            sum += log;
            squares += log * log;
            count++;
        }

        return count == 0 ? null : Math.Sqrt(Math.Max(0, (squares / count) - (sum / count * (sum / count))));
    }
}
