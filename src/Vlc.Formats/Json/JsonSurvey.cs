using System.Text.Json;
using Vlc.Formats.Binary;
using Vlc.Formats.Text;

namespace Vlc.Formats.Json;

/// <summary>
/// Finds the vectors of a JSON document: arrays of numbers and the strings that stand for them, and the path that they have in common.
/// </summary>
internal sealed class JsonSurvey
{
    private const int MostVectors = 64;
    private const int LeastComponents = 2;

    // Beyond the first vector; so that a second collection, or a second vector of a row, is seen.
    private const long MostBytes = 4 << 20;

    private static readonly string[] VectorNames =
        ["embedding", "embeddings", "vector", "vectors", "values", "emb", "dense_vector", "text_embedding", "openai_embedding", "feature",
            "features"];

    private readonly List<Frame> _frames = [];
    private readonly List<Found> _found = [];
    private string? _property;
    private long _firstVector = -1;

    private sealed class Frame(bool isArray)
    {
        public bool IsArray { get; } = isArray;

        public int Index { get; set; } = -1;

        public string? Name { get; set; }

        public int Numbers { get; set; }

        public string? FirstNumbers { get; set; }
    }

    private readonly record struct Place(string? Name, int Index);

    private sealed record Found(Place[] Places, int Components, string First)
    {
        public string Pattern => PathOf(Places).ToString();
    }

    /// <summary>The vectors of a whole document or of its beginning.</summary>
    public static JsonSurvey Of(InputFile file)
    {
        var survey = new JsonSurvey();
        JsonTokens.Read(file, survey.Visit);
        return survey;
    }

    /// <summary>The vectors of a line.</summary>
    public static JsonSurvey Of(ReadOnlySpan<byte> line)
    {
        var survey = new JsonSurvey();
        var reader = new Utf8JsonReader(line);
        while (reader.Read() && survey.Visit(ref reader, reader.TokenStartIndex, reader.BytesConsumed))
        {
        }

        return survey;
    }

    /// <summary>A line for each kind of vector found.</summary>
    public IReadOnlyList<FilePart> Parts(JsonPath? chosen) =>
    [
        .. _found.GroupBy(found => chosen is not null
            && Matches(found, chosen) ? chosen.ToString() : found.Pattern).Take(32).Select(group => new FilePart(
            group.Key, "list of numbers", $"{group.First().Components} components", chosen?.ToString() == group.Key
            ? PartUse.Vector
            : PartUse.Left,
            group.First().First, $"--path '{group.Key}'")),
    ];

    /// <summary>The path of the vectors.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="where">The place, for messages.</param>
    /// <param name="column">The property that holds the vector, or null.</param>
    /// <param name="isRow">True where what was surveyed is one row, so that nothing in it may vary.</param>
    /// <exception cref="VlcFormatException">There is none, or more than one.</exception>
    public JsonPath Choose(string path, string where, string? column, bool isRow = false)
    {
        List<Found> group = column is null
            ? _found
            : _found.FindAll(found => found.Places.LastOrDefault(place => place.Name is not null).Name == column);
        if (group.Count == 0)
        {
            throw new VlcFormatException(
                path, where, column is null ? "a list of numbers, or base64 of them" : $"a property \"{column}\" with a list of numbers",
                _found.Count == 0
                ? "none"
                : $"vectors at {Patterns(_found)}", "Name the property that holds the vector with --column, or its place with --path.");
        }

        List<Found> named = Known(group);
        // Of a row with a box and an embedding it is the latter; of a dictionary with the words "vector" and "the" it is both.
        int[] varying = Varying(group, out List<Found> alike);
        if (named.Count > 0 && named.Count < group.Count && (isRow || varying.Length != 1 || alike.Count < group.Count))
        {
            group = named;
            varying = Varying(named, out alike);
        }

        if (varying.Length > 1 || (isRow && varying.Length > 0) || alike.Count < group.Count) throw Several(path, where, group);
        Place[] first = alike[0].Places;
        return new JsonPath([.. first.Select(
            (place, i) => place.Name is null ? JsonStep.Element : varying.Contains(i) ? JsonStep.Property : JsonStep.Named(place.Name))]);
    }

    private static List<Found> Known(List<Found> group)
    {
        foreach (string name in VectorNames)
        {
            List<Found> named = group.FindAll(
                found => Array.Exists(found.Places, place => string.Equals(place.Name, name, StringComparison.OrdinalIgnoreCase)));
            if (named.Count > 0) return named;
        }

        return [];
    }

    /// <summary>The places in which the vectors of the same kind of path differ.</summary>
    private static int[] Varying(List<Found> group, out List<Found> alike)
    {
        Place[] first = group[0].Places;
        alike = group.FindAll(found => found.Places.Length == first.Length
            && found.Places.Index().All(place => (place.Item.Name is null) == (first[place.Index].Name is null)));
        List<Found> same = alike;
        return [.. Enumerable.Range(0, first.Length).Where(i => same.Exists(found => found.Places[i] != first[i]))];
    }

    private static VlcFormatException Several(string path, string where, List<Found> alike) => new(
        path, where, "one vector a row", $"vectors at {Patterns(alike)}", "Name one with --path, or the property with --column.");

    private static string Patterns(List<Found> group)
    {
        const int shown = 6;
        string[] patterns = [.. group.Select(found => found.Pattern).Distinct()];
        return string.Join(", ", patterns.Take(shown)) + (patterns.Length > shown ? ", ..." : "");
    }

    private static JsonPath PathOf(Place[] places) =>
        new([.. places.Select(place => place.Name is null ? JsonStep.Element : JsonStep.Named(place.Name))]);

    private static bool Matches(Found found, JsonPath path) =>
        found.Places.Length == path.Steps.Count && found.Places.Index().All(place => path.Steps[place.Index] switch
    {
        { Kind: StepKind.Element } => place.Item.Name is null,
        { Kind: StepKind.Property } => place.Item.Name is not null,
        var step => place.Item.Name == step.Name,
    });

    private bool Visit(ref Utf8JsonReader token, long start, long end)
    {
        switch (token.TokenType)
        {
            case JsonTokenType.PropertyName:
                _property = token.GetString();
                return true;
            case JsonTokenType.StartObject or JsonTokenType.StartArray:
                Enter();
                _frames.Add(new Frame(token.TokenType == JsonTokenType.StartArray));
                return true;
            case JsonTokenType.EndArray or JsonTokenType.EndObject:
                Frame closed = _frames[^1];
                _frames.RemoveAt(_frames.Count - 1);
                if (closed.IsArray && closed.Numbers >= LeastComponents && closed.Numbers == closed.Index + 1)
                {
                    Add(closed.Numbers, closed.FirstNumbers!, start);
                }
                break;
            case JsonTokenType.Number:
                Enter();
                if (_frames.Count > 0)
                {
                    Frame frame = _frames[^1];
                    if (frame.Numbers++ < 3)
                    {
                        frame.FirstNumbers += (frame.Numbers > 1 ? ", " : "") + System.Text.Encoding.UTF8.GetString(token.ValueSpan);
                    }
                }

                break;
            case JsonTokenType.String:
                Enter();
                if (_frames.Count > 0 && IsVector(token.ValueSpan)) Add(1, "as text", start);
                break;
            default:
                Enter();
                break;
        }

        return _found.Count < MostVectors && (_firstVector < 0 || end - _firstVector < MostBytes);
    }

    /// <summary>A list of numbers as text, or base64 of eight bytes and more under a name that vectors have.</summary>
    private bool IsVector(ReadOnlySpan<byte> text)
    {
        if (NumberList.Looks(text)) return true;
        return text.Length >= 12 && text.Length % 4 == 0 && _frames[^1] is { IsArray: false, Name: { } name }
            && VectorNames.Contains(name, StringComparer.OrdinalIgnoreCase) && System.Buffers.Text.Base64.IsValid(text);
    }

    private void Enter()
    {
        if (_frames.Count == 0) return;
        Frame parent = _frames[^1];
        if (parent.IsArray) parent.Index++;
        else parent.Name = _property;
    }

    private void Add(int components, string first, long at)
    {
        if (_firstVector < 0) _firstVector = at;
        _found.Add(new Found([.. _frames.Select(frame => frame.IsArray ? new Place(null, frame.Index) : new Place(frame.Name, 0))],
            components, first));
    }
}
