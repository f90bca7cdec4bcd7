using System.Text;

namespace Vlc.Formats.Json;

/// <summary>A place in a JSON document: names, "[]" for every element of an array, "*" for every property of an object.</summary>
internal sealed record JsonPath(IReadOnlyList<JsonStep> Steps)
{
    /// <summary>The wildcard whose values are the rows; -1 where the document is one row.</summary>
    public int RowLevel { get; } = Steps.Index().LastOrDefault(step => step.Item.Kind != StepKind.Name, (-1, default)).Item1;

    /// <summary>From a row to its vector.</summary>
    public JsonStep[] WithinRow => [.. Steps.Skip(RowLevel + 1)];

    /// <summary>Reads "data[].embedding", "embedding_dict.*", "[]"; a backslash takes the next character as part of a name.</summary>
    /// <exception cref="ArgumentException">Not of that form.</exception>
    public static JsonPath Parse(string text)
    {
        List<JsonStep> steps = [];
        var name = new StringBuilder();
        bool escaped = false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '\\' && i + 1 < text.Length)
            {
                name.Append(text[++i]);
                escaped = true;
            }
            else if (c is '.' or '[')
            {
                End();
                if (c == '[' && (++i >= text.Length || text[i] != ']'))
                {
                    throw new ArgumentException($"'{text}' is no path such as data[].embedding.");
                }
                if (c == '[') steps.Add(JsonStep.Element);
            }
            else
            {
                name.Append(c);
            }
        }

        End();
        return new JsonPath(steps);

        void End()
        {
            if (name.Length > 0 && name.ToString() is var word && word != "$")
            {
                steps.Add(word == "*" && !escaped ? JsonStep.Property : JsonStep.Named(word));
            }
            name.Clear();
            escaped = false;
        }
    }

    /// <summary>The steps within a row as text: "_additional.vector"; "the row itself" for none.</summary>
    public static string Describe(IReadOnlyList<JsonStep> steps) =>
        steps.Count == 0 ? "the row itself" : new JsonPath([.. steps]).ToString();

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (JsonStep step in Steps)
        {
            if (step.Kind != StepKind.Element && text.Length > 0) text.Append('.');
            text.Append(step.Kind switch
            {
                StepKind.Element => "[]",
                StepKind.Property => "*",
                _ => step.Name!.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(".", "\\.", StringComparison.Ordinal)
                    .Replace("[", "\\[", StringComparison.Ordinal),
            });
        }

        return text.Length == 0 ? "$" : text.ToString();
    }
}

/// <summary>One step of a path.</summary>
internal readonly record struct JsonStep(StepKind Kind, string? Name)
{
    public static JsonStep Element { get; } = new(StepKind.Element, null);

    public static JsonStep Property { get; } = new(StepKind.Property, null);

    public static JsonStep Named(string name) => new(StepKind.Name, name);
}

internal enum StepKind
{
    Name,
    Element,
    Property,
}
