using System.Text.Json;
using Vlc.Formats.Binary;

namespace Vlc.Formats.Json;

/// <summary>Bytes of a document.</summary>
internal readonly record struct JsonRange(long Start, int Length);

/// <summary>
/// Where the rows of a document lie, and where the arrays and objects beside them lie that may hold a value for each row: the parallel
/// lists of a Chroma or Cohere document, the dictionaries of llama_index.
/// </summary>
internal sealed class JsonIndex
{
    // Sixteen bytes each; a list that has more beside the vectors is no list of keys or texts.
    private const int MostSidecarValues = 16_000_000;

    private readonly JsonPath _path;
    private readonly List<Frame> _frames = [];
    private string? _property;
    private JsonRange _propertyRange;

    private sealed class Frame(bool isArray, int level, JsonSidecar? sidecar, long start)
    {
        public bool IsArray { get; } = isArray;

        /// <summary>Steps of the path that lead here; -1 off the path.</summary>
        public int Level { get; } = level;

        /// <summary>The list beside the rows that this is, or null.</summary>
        public JsonSidecar? Sidecar { get; } = sidecar;

        public long Start { get; } = start;

        /// <summary>The property's name where the parent is an object.</summary>
        public JsonRange Name { get; init; }

        public string? Word { get; init; }
    }

    private JsonIndex(JsonPath path) => _path = path;

    /// <summary>The rows, in the order of the document.</summary>
    public List<JsonRange> Rows { get; } = [];

    /// <summary>The rows' names, with quotation marks, where the path says "*"; empty otherwise.</summary>
    public List<JsonRange> Names { get; } = [];

    /// <summary>Lists and dictionaries beside the rows.</summary>
    public List<JsonSidecar> Sidecars { get; } = [];

    private bool ByName => _path.RowLevel >= 0 && _path.Steps[_path.RowLevel].Kind == StepKind.Property;

    public static JsonIndex Of(InputFile file, JsonPath path)
    {
        var index = new JsonIndex(path);
        JsonTokens.Read(file, (ref Utf8JsonReader token, long start, long end) =>
        {
            index.Visit(file.Path, ref token, start, end);
            return true;
        });
        return index.Rows.Count > 0 || path.RowLevel < 0
            ? index
            : throw new VlcFormatException(
                file.Path, path.ToString(), "at least one row", "none", "Name the place of the vectors with --path.");
    }

    private void Visit(string path, ref Utf8JsonReader token, long start, long end)
    {
        switch (token.TokenType)
        {
            case JsonTokenType.PropertyName:
                // Only where something depends on the name: most names are of rows, which are read later.
                Frame parent = _frames[^1];
                bool matters = parent.Sidecar is not null || (parent.Level >= 0 && parent.Level <= _path.RowLevel);
                _property = matters ? token.GetString() : null;
                // Without the colon.
                _propertyRange = new JsonRange(start, token.ValueSpan.Length + 2);
                break;
            case JsonTokenType.StartArray or JsonTokenType.StartObject:
                _frames.Add(Enter(token.TokenType == JsonTokenType.StartArray, isContainer: true, start));
                break;
            case JsonTokenType.EndArray or JsonTokenType.EndObject:
                Frame closed = _frames[^1];
                _frames.RemoveAt(_frames.Count - 1);
                Close(path, closed, end);
                break;
            default:
                Frame scalar = Enter(isArray: false, isContainer: false, start);
                Close(path, scalar, end);
                break;
        }
    }

    private Frame Enter(bool isArray, bool isContainer, long start)
    {
        if (_frames.Count == 0) return new Frame(isArray, level: 0, sidecar: null, start);
        Frame parent = _frames[^1];
        int level = -1;
        JsonSidecar? sidecar = null;
        if (parent.Level >= 0 && parent.Level <= _path.RowLevel)
        {
            JsonStep step = _path.Steps[parent.Level];
            bool fits = step.Kind switch
            {
                StepKind.Element => parent.IsArray,
                StepKind.Property => !parent.IsArray,
                _ => !parent.IsArray && step.Name == _property,
            };
            if (fits) level = parent.Level + 1;
            else if (isContainer && step.Kind == StepKind.Name && !parent.IsArray && isArray != ByName && _property is not null)
            {
                sidecar = SidecarOf(_property);
            }
        }

        return new Frame(isArray, level, sidecar, start) { Name = _propertyRange, Word = parent.IsArray ? null : _property };
    }

    private void Close(string path, Frame closed, long end)
    {
        long length = end - closed.Start;
        if (closed.Level == _path.RowLevel + 1)
        {
            if (length > JsonTokens.MaxBytes)
            {
                throw new VlcFormatException(
                    path, $"offset {closed.Start}", $"a row of at most {JsonTokens.MaxBytes} bytes", $"{length} bytes",
                    "Name the place of the vectors with --path.");
            }

            Rows.Add(new JsonRange(closed.Start, (int)length));
            if (ByName) Names.Add(closed.Name);
        }
        else if (_frames.Count > 0 && _frames[^1].Sidecar is { } sidecar && length <= JsonTokens.MaxBytes)
        {
            if (sidecar.Count < MostSidecarValues) sidecar.Add(closed.Word, new JsonRange(closed.Start, (int)length));
        }
    }

    private JsonSidecar SidecarOf(string name)
    {
        JsonSidecar? known = Sidecars.Find(sidecar => sidecar.Name == name);
        if (known is null) Sidecars.Add(known = new JsonSidecar(name, ByName));
        return known;
    }
}

/// <summary>A list, or a dictionary, beside the rows.</summary>
internal sealed class JsonSidecar(string name, bool byName)
{
    private static readonly string[] KeyNames = ["ids", "id", "keys", "words", "vocab", "uuids"];

    public string Name { get; } = name;

    /// <summary>The values of a list, one for each row.</summary>
    public List<JsonRange> Values { get; } = [];

    /// <summary>The values of a dictionary by the row's name; null for a list.</summary>
    public Dictionary<string, JsonRange>? Named { get; } = byName ? [] : null;

    public int Count => Named?.Count ?? Values.Count;

    public void Add(string? word, JsonRange value)
    {
        if (Named is null) Values.Add(value);
        else if (word is not null) Named[word] = value;
    }

    /// <summary>The value of a row, or null where a dictionary has none for it.</summary>
    public JsonRange? Of(int row, string? word) =>
        Named is null ? Values[row] : word is not null && Named.TryGetValue(word, out JsonRange value) ? value : null;

    /// <summary>True where there is a value for each row; of a dictionary, for some.</summary>
    public bool Fits(JsonIndex index) =>
        Named is null ? Values.Count == index.Rows.Count : Named.Count > 0 && Named.Count <= index.Rows.Count;

    /// <summary>True for a list of strings or numbers with a name that keys have.</summary>
    public bool IsKeys(string path, Func<JsonRange, ReadOnlySpan<byte>> fetch) =>
        Named is null && KeyNames.Contains(Name, StringComparer.OrdinalIgnoreCase)
            && JsonRow.ToText(path, fetch(Values[0]), Name) is not null;
}
