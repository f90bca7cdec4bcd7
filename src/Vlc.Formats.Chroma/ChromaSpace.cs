using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Vlc.Formats.Chroma;

/// <summary>
/// The distance of a collection's graph. In the space "cosine" the graph's vectors have length 1, and their own lengths stand beside them:
/// a wrong answer would hand out other vectors.
/// </summary>
/// <param name="Name">"l2", "ip" or "cosine".</param>
/// <param name="Note">A sentence that says where the name comes from.</param>
internal sealed record ChromaSpace(string Name, string Note)
{
    /// <summary>What Chroma takes where nothing is stated.</summary>
    private const string Default = "l2";

    // The versions since 0.4 have kept it in four places, and the later ones keep it in two of them at once.
    private static readonly (string Column, string[][] Paths)[] Documents =
    [
        ("schema_str", [["keys", "#embedding", "float_list", "vector_index", "config", "space"]]),
        ("config_json_str", [
            ["hnsw", "space"], ["spann", "space"], ["hnsw_configuration", "space"], ["hnsw_configuration", "_value", "space"],
            ["vector_index", "hnsw", "space"], ["vector_index", "spann", "space"],
        ]),
    ];

    public bool IsCosine => Name == "cosine";

    /// <summary>
    /// Reads every statement of the space. Where they differ, the one that is not the default counts, as in Chroma itself.
    /// </summary>
    /// <exception cref="VlcFormatException">
    /// A space that is not known, two that contradict each other, or a statement that is damaged.
    /// </exception>
    public static ChromaSpace Of(ChromaDatabase database, ChromaCollection collection)
    {
        List<(string Place, string Name)> stated = [.. Metadata(database, collection), .. Configuration(database, collection)];
        string where = $"collection '{collection.Name}'";
        if (stated.Find(statement => statement.Name is not (Default or "ip" or "cosine")) is { Name: not null } unknown)
        {
            throw new VlcFormatException(
                database.Path, where, "the space 'l2', 'ip' or 'cosine'", $"'{unknown.Name}' in {unknown.Place}",
                "Export the vectors with the version of Chroma that wrote the database.");
        }

        string[] names = [.. stated.Select(statement => statement.Name).Distinct()];
        string all = string.Join(", ", stated.Select(statement => $"'{statement.Name}' in {statement.Place}"));
        string[] chosen = [.. names.Where(name => name != Default)];
        return (names, chosen) switch
        {
            ([], _) => new(
                Default,
                "The database states no space; Chroma's default 'l2' is taken, whose vectors are stored as they were added."),
            ([string only], _) => new(only, $"Its space is '{only}'."),
            (_, [string only]) =>
            new(only, $"Its space is stated as {all}; '{only}' is taken, because 'l2' is what stands where nothing was set."),
            _ => throw new VlcFormatException(
                database.Path, where, "one space", all, "Export the vectors with the version of Chroma that wrote the database."),
        };
    }

    private static IEnumerable<(string Place, string Name)> Metadata(ChromaDatabase database, ChromaCollection collection)
    {
        foreach ((string table, string owner, string id) in ((string, string, string)[])[
            ("segment_metadata", "segment_id", collection.VectorSegment ?? ""), ("collection_metadata", "collection_id", collection.Id)])
        {
            if (!database.HasColumn(table, owner)) continue;
            using SqliteCommand command = database.Command($"SELECT str_value FROM {table} WHERE {owner} = $0 AND key = 'hnsw:space'", id);
            if (command.ExecuteScalar() is { } value) yield return (table, value as string ?? "a value that is no text");
        }
    }

    private static IEnumerable<(string Place, string Name)> Configuration(ChromaDatabase database, ChromaCollection collection)
    {
        foreach ((string column, string[][] paths) in Documents)
        {
            if (!database.HasColumn("collections", column)) continue;
            using SqliteCommand command = database.Command($"SELECT {column} FROM collections WHERE id = $0", collection.Id);
            if (command.ExecuteScalar() is not string { Length: > 0 } json) continue;
            foreach (string name in NamesIn(database, column, json, paths)) yield return (column, name);
        }
    }

    private static List<string> NamesIn(ChromaDatabase database, string column, string json, string[][] paths)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            List<string> names = [];
            foreach (string[] path in paths)
            {
                JsonElement element = document.RootElement;
                bool found = Array.TrueForAll(
                    path, name => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out element));
                if (!found || element.ValueKind == JsonValueKind.Null) continue;
                names.Add(element.ValueKind == JsonValueKind.String ? element.GetString()! : element.GetRawText());
            }

            return names;
        }
        catch (JsonException exception)
        {
            throw new VlcFormatException(
                database.Path, $"collections.{column}", "a JSON document", "other text", "The file is damaged.", exception);
        }
    }
}
