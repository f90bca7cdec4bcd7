using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Pickle;

/// <summary>Something in a pickle that can be read as vectors.</summary>
/// <param name="Name">Keys on the way to it, joined by dots; empty for the pickle itself.</param>
/// <param name="Type">What it is, for messages and lists.</param>
/// <param name="Count">Rows.</param>
/// <param name="Dimension">Components.</param>
/// <param name="Matrix">The array or tensor, where the rows are those of one.</param>
/// <param name="Rows">The rows, where each is a value of its own.</param>
/// <param name="Keys">A key for each row; null for none.</param>
/// <param name="Payload">For rows that are dicts, the dict of each; null for none.</param>
/// <param name="Taken">Names within those dicts that are vector or key.</param>
internal sealed record PickleVectors(
    string Name, string Type, long Count, int Dimension, object? Matrix, IReadOnlyList<object?>? Rows, IReadOnlyList<object?>? Keys,
    IReadOnlyList<PickleDictionary>? Payload = null, IReadOnlyList<string>? Taken = null);

/// <summary>Looks for vectors in what was unpickled.</summary>
internal sealed class PickleContent(InputFile file, VectorFileOptions options)
{
    private const int MaxDepth = 6;

    // A model has some thousands of parameters; a graph of dicts that share dicts could have any number of ways through it.
    private const int MaxVisited = 100_000;

    // Names of what was left that a note lists.
    private const int MostLeft = 16;

    private static readonly string[] KeyNames = ["id", "ids", "_id", "key", "keys", "word", "words", "name", "names", "vocab", "uuid"];

    private readonly List<PickleVectors> _found = [];
    private int _visited;

    /// <summary>All that can be read as vectors, in the order of the file.</summary>
    public IReadOnlyList<PickleVectors> Find(object? root)
    {
        Visit(root, "", 0);
        return _found;
    }

    /// <summary>The one that the options name, or the only one.</summary>
    /// <exception cref="VlcFormatException">None, or several.</exception>
    public PickleVectors Choose(IReadOnlyList<PickleVectors> found)
    {
        string? name = options.Tensor ?? options.Array;
        if (name is not null)
        {
            return found.FirstOrDefault(vectors => vectors.Name == name)
                ?? throw new VlcFormatException(file.Path, "content", $"vectors called '{name}'", List(found));
        }

        return found is [PickleVectors only]
            ? only
            : throw new VlcFormatException(
                file.Path, "content", "one matrix, list of vectors or dict of vectors", List(found), found.Count == 0
                    ? PickleCalls.Hint
                    : "Name it with --tensor.");
    }

    /// <summary>A key as text; null for a value that is none.</summary>
    public string? KeyOf(object? value) => value switch
    {
        long number => number.ToString(CultureInfo.InvariantCulture),
        BigInteger number => number.ToString(CultureInfo.InvariantCulture),
        _ => PickleMachine.Text(file, value),
    };

    /// <summary>What a dict has beside the vector and the key, as a JSON object.</summary>
    public string PayloadOf(PickleDictionary entry, IReadOnlyList<string> taken)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            foreach ((object? key, object? value) in entry.Entries)
            {
                if (KeyOf(key) is { } name && !taken.Contains(name)) WriteProperty(writer, name, value);
            }

            writer.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    /// <summary>
    /// What the payload of these dicts leaves out, each with the kind of value it has: a JSON object takes numbers and texts.
    /// </summary>
    public IReadOnlyList<string> LeftOf(IReadOnlyList<PickleDictionary> entries, IReadOnlyList<string> taken)
    {
        HashSet<string> left = [];
        foreach ((object? key, object? value) in entries.SelectMany(entry => entry.Entries))
        {
            if (left.Count == MostLeft) break;
            string? name = KeyOf(key);
            if (name is null) left.Add("entries whose name is no text");
            else if (!taken.Contains(name) && !IsScalar(value)) left.Add($"'{name}' ({KindOf(value)})");
        }

        return [.. left];
    }

    private static string KindOf(object? value) => value switch
    {
        PickleList or object?[] => "a list",
        PickleDictionary => "a dict",
        NumpyArray => "an array",
        TorchTensor => "a tensor",
        PickleObject { Type: { } type } => $"an object of {type}",
        _ => "another value",
    };

    private bool IsScalar(object? value) => value is null or bool or double || KeyOf(value) is not null;

    private void WriteProperty(Utf8JsonWriter writer, string name, object? value)
    {
        switch (value)
        {
            case null: writer.WriteNull(name); break;
            case bool truth: writer.WriteBoolean(name, truth); break;
            case long number: writer.WriteNumber(name, number); break;
            case double number when double.IsFinite(number): writer.WriteNumber(name, number); break;
            // JSON has no such number; a text says which it was.
            case double number: writer.WriteString(name, number.ToString(CultureInfo.InvariantCulture)); break;
            default:
                if (KeyOf(value) is { } text) writer.WriteString(name, text);
                break;
        }
    }

    private static string List(IReadOnlyList<PickleVectors> found)
    {
        const int shown = 8;
        string names = string.Join(
            ", ", found.Take(shown).Select(vectors => $"'{vectors.Name}' {vectors.Type} {vectors.Count} x {vectors.Dimension}"));
        return found.Count == 0 ? "none" : found.Count > shown ? $"{names} and {found.Count - shown} more" : names;
    }

    private void Visit(object? value, string name, int depth)
    {
        if (++_visited > MaxVisited || depth > MaxDepth) return;
        if (PickleRows.MatrixOf(value) is { } shape)
        {
            if (shape.Columns is >= 1 and <= VectorShape.MaxDimension && shape.Rows >= 1)
            {
                string type = value is TorchTensor ? $"tensor of {PickleRows.TypeOf(value)}" : $"array of {PickleRows.TypeOf(value)}";
                _found.Add(new PickleVectors(name, type, shape.Rows, (int)shape.Columns, value, null, null));
            }

            return;
        }

        switch (value)
        {
            case PickleDictionary dictionary: VisitDictionary(dictionary, name, depth); break;
            case PickleObject { State: { } state }: VisitDictionary(state, name, depth); break;
            case PickleList { Floats: null } list:
                VisitSequence(Enumerable.Range(0, list.Count).Select(i => list[i]), list.Count, name, depth);
                break;
            case object?[] tuple: VisitSequence(tuple, tuple.Length, name, depth); break;
        }
    }

    private void VisitDictionary(PickleDictionary dictionary, string name, int depth)
    {
        // The last value of a key counts, as in Python; the place is that of the first.
        Dictionary<string, object?> entries = [];
        foreach ((object? key, object? value) in dictionary.Entries)
        {
            if (KeyOf(key) is not { } text) return;
            entries[text] = value;
        }

        if (entries.Count > 1 && SameLength(entries.Values) is { } dimension)
        {
            _found.Add(new PickleVectors(name, "dict of vectors", entries.Count, dimension, null, [.. entries.Values], [.. entries.Keys]));
            return;
        }

        int before = _found.Count;
        foreach ((string key, object? value) in entries) Visit(value, name.Length == 0 ? key : $"{name}.{key}", depth + 1);
        AddKeysBeside(entries, name, before);
    }

    /// <summary>A list of identifiers or words beside vectors, of the same length, holds their keys.</summary>
    private void AddKeysBeside(Dictionary<string, object?> entries, string name, int first)
    {
        foreach (string candidate in KeyNames)
        {
            if (!entries.TryGetValue(candidate, out object? value) || value is not PickleList { Floats: null } list) continue;
            for (int i = first; i < _found.Count; i++)
            {
                PickleVectors vectors = _found[i];
                string parent = vectors.Name.Contains('.', StringComparison.Ordinal) ? vectors.Name[..vectors.Name.LastIndexOf('.')] : "";
                if (vectors.Keys is null && vectors.Count == list.Count && parent == name)
                {
                    _found[i] = vectors with { Keys = [.. Enumerable.Range(0, list.Count).Select(row => list[row])] };
                }
            }
        }
    }

    private void VisitSequence(IEnumerable<object?> values, int count, string name, int depth)
    {
        if (count == 0) return;
        if (SameLength(values) is { } dimension)
        {
            _found.Add(new PickleVectors(name, "list of vectors", count, dimension, null, [.. values], null));
            return;
        }

        if (values.All(value => value is PickleDictionary) && VisitRecords([.. values.Cast<PickleDictionary>()], name)) return;
        const int fewEnough = 32;
        if (count > fewEnough) return;
        int index = 0;
        foreach (object? value in values)
        {
            string item = index++.ToString(CultureInfo.InvariantCulture);
            Visit(value, name.Length == 0 ? item : $"{name}.{item}", depth + 1);
        }
    }

    /// <summary>A list of dicts with a vector in each; true where it was one.</summary>
    private bool VisitRecords(PickleDictionary[] records, string name)
    {
        string[] vectorNames =
            [.. records[0].Entries.Where(entry => PickleRows.LengthOf(entry.Value) is > 1).Select(entry => KeyOf(entry.Key) ?? "")];
        string? column = options.Column ?? (vectorNames is [string only] ? only : null);
        if (column is null || !vectorNames.Contains(column)) return false;
        string[] scalars = [.. records[0].Entries.Where(entry => KeyOf(entry.Value) is not null).Select(entry => KeyOf(entry.Key) ?? "")];
        string? keyName = options.KeyColumn ?? scalars.FirstOrDefault(candidate => KeyNames.Contains(candidate));
        List<object?> rows = [], keys = [];
        foreach (PickleDictionary record in records)
        {
            rows.Add(Find(record, column));
            if (keyName is not null) keys.Add(Find(record, keyName));
        }

        if (SameLength(rows) is not { } dimension) return false;
        bool hasKeys = keys.Count > 0 && keys.TrueForAll(key => KeyOf(key) is not null);
        string[] taken = hasKeys ? [column, keyName!] : [column];
        _found.Add(
            new PickleVectors(name, $"list of dicts with '{column}'", rows.Count, dimension, null, rows, hasKeys
                ? keys
                : null, records, taken));
        return true;
    }

    private object? Find(PickleDictionary record, string name)
    {
        for (int i = record.Entries.Count - 1; i >= 0; i--)
        {
            if (KeyOf(record.Entries[i].Key) == name) return record.Entries[i].Value;
        }

        return null;
    }

    /// <summary>The length that all values have as rows; null where one is no row or has another.</summary>
    private static int? SameLength(IEnumerable<object?> values)
    {
        int? common = null;
        foreach (object? value in values)
        {
            if (PickleRows.LengthOf(value) is not { } length || (common ??= length) != length) return null;
        }

        return common;
    }
}
