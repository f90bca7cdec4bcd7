using System.Text;
using System.Text.RegularExpressions;
using Vlc.Tests;

namespace Vlc.Core.Tests.Repository;

/// <summary>
/// The namespaces of Vlc.Core form a directed graph without cycles, which docs/architecture.md draws. VLC_APPROVE=1 writes the drawing
/// anew, so that a new reference shows up in a review.
/// </summary>
public sealed partial class NamespaceGraphTests
{
    private const string Begin = "<!-- namespaces: written by NamespaceGraphTests -->", End = "<!-- end of namespaces -->";

    private static readonly string s_source = Path.Combine(RepositoryPaths.Root, "src", "Vlc.Core");
    private static readonly string s_document = Path.Combine(RepositoryPaths.Root, "docs", "architecture.md");

    [Fact]
    public void A_namespace_is_named_after_its_folder()
    {
        foreach (Source source in Sources())
        {
            string folder = Path.GetRelativePath(s_source, Path.GetDirectoryName(source.Path)!).Replace('\\', '/');
            Assert.True(
                source.Namespace == (folder == "." ? "" : folder.Replace('/', '.')),
                $"{source.Path} is in the namespace {source.Namespace}");
        }
    }

    [Fact]
    public void Namespaces_refer_to_each_other_in_one_direction()
    {
        SortedDictionary<string, SortedSet<string>> graph = Graph(Sources());
        foreach (string name in graph.Keys)
        {
            string[] cycle = PathFrom(graph, name, name);
            Assert.True(cycle.Length == 0, $"a cycle: {name} -> {string.Join(" -> ", cycle)}");
        }
    }

    [Fact]
    public void The_drawing_of_the_namespaces_is_current()
    {
        string document = File.ReadAllText(s_document).ReplaceLineEndings("\n");
        int begin = document.IndexOf(Begin, StringComparison.Ordinal), end = document.IndexOf(End, StringComparison.Ordinal);
        Assert.True(begin >= 0 && end > begin, $"{s_document} has no lines '{Begin}' and '{End}'");
        string drawing = Draw(Graph(Sources()));
        if (Environment.GetEnvironmentVariable("VLC_APPROVE") == "1")
        {
            document = $"{document[..(begin + Begin.Length)]}\n\n{drawing}\n{document[end..]}";
            File.WriteAllText(s_document, document);
            end = document.IndexOf(End, StringComparison.Ordinal);
        }

        Assert.True(
            document[(begin + Begin.Length)..end].Trim() == drawing.Trim(),
            $"The drawing in docs/architecture.md is stale; VLC_APPROVE=1 writes it anew:\n{drawing}");
    }

    [Fact]
    public void References_are_found_in_using_lines_in_qualified_names_and_in_names_of_an_enclosing_namespace()
    {
        Source[] sources =
        [
            new("a.cs", "A", "namespace Vlc.A;\npublic class One;"),
            new("b.cs", "A.B", "namespace Vlc.A.B;\nclass Two : One;"),
            new("c.cs", "C", "using Vlc.A;\nnamespace Vlc.C;\nclass Three;"),
            new("d.cs", "D", "namespace Vlc.D;\n// Vlc.C.Three\nclass Four { Vlc.A.One? _one; }"),
        ];
        SortedDictionary<string, SortedSet<string>> graph = Graph(sources);
        Assert.Empty(graph["A"]);
        Assert.Equal(["A"], graph["A.B"]);
        Assert.Equal(["A"], graph["C"]);
        Assert.Equal(["A"], graph["D"]);
        graph["A"].Add("C");
        Assert.Equal(["C", "A"], PathFrom(graph, "A", "A"));
    }

    /// <summary>What each namespace refers to. The root namespace, which all may use, is left out.</summary>
    private static SortedDictionary<string, SortedSet<string>> Graph(Source[] sources)
    {
        string[] names = [.. sources.Select(source => source.Namespace).Distinct().Order(StringComparer.Ordinal)];
        ILookup<string, string> types = sources
            .SelectMany(source => Declaration().Matches(source.Code).Select(match => (source.Namespace, Type: match.Groups[1].Value)))
            .ToLookup(type => type.Namespace, type => type.Type);
        var graph = new SortedDictionary<string, SortedSet<string>>(StringComparer.Ordinal);
        foreach (string name in names.Where(name => name.Length > 0)) graph[name] = new SortedSet<string>(StringComparer.Ordinal);
        foreach (Source source in sources.Where(source => source.Namespace.Length > 0))
        {
            var words = Word().Matches(source.Code).Select(match => match.Value).ToHashSet(StringComparer.Ordinal);
            foreach (string other in graph.Keys.Where(other => other != source.Namespace))
            {
                bool isNamed = Regex.IsMatch(
                    source.Code, $@"(using (\w+ = )?Vlc\.{Regex.Escape(other)};|\bVlc\.{Regex.Escape(other)}\.[A-Z]\w*\b(?!\.))")
                    || Regex.IsMatch(source.Code, $@"(?<![\w.]){Regex.Escape(other)}\.({string.Join('|', types[other].Append("_"))})\b");
                bool encloses = source.Namespace.StartsWith($"{other}.", StringComparison.Ordinal) && types[other].Any(words.Contains);
                if (isNamed || encloses) graph[source.Namespace].Add(other);
            }
        }

        return graph;
    }

    /// <summary>
    /// The namespaces after <paramref name="from"/> on a shortest way to <paramref name="to"/>; none where there is no way.
    /// </summary>
    private static string[] PathFrom(SortedDictionary<string, SortedSet<string>> graph, string from, string to)
    {
        var before = new Dictionary<string, string>(StringComparer.Ordinal);
        var queue = new Queue<string>([from]);
        while (queue.TryDequeue(out string? name))
        {
            foreach (string next in graph[name])
            {
                if (!before.TryAdd(next, name)) continue;
                if (next == to)
                {
                    var path = new List<string> { next };
                    for (string step = name; step != from; step = before[step]) path.Insert(0, step);
                    return [.. path];
                }

                queue.Enqueue(next);
            }
        }

        return [];
    }

    /// <summary>The graph as a drawing without the references that follow from others, and as a table of all of them.</summary>
    private static string Draw(SortedDictionary<string, SortedSet<string>> graph)
    {
        var text = new StringBuilder("```mermaid\nflowchart TD\n");
        foreach ((string name, SortedSet<string> references) in graph)
        {
            foreach (string other in references)
            {
                bool follows = references.Any(between => between != other && PathFrom(graph, between, other).Length > 0);
                if (!follows) text.Append("    ").Append(name).Append(" --> ").Append(other).Append('\n');
            }
        }

        text.Append("```\n\n| namespace | refers to |\n|---|---|\n");
        foreach ((string name, SortedSet<string> references) in graph)
        {
            text.Append("| ").Append(name).Append(" | ").Append(
                references.Count == 0 ? "nothing" : string.Join(", ", references)).Append(" |\n");
        }

        return text.ToString();
    }

    private static Source[] Sources()
    {
        Source[] sources =
        [
            .. Directory.GetFiles(s_source, "*.cs", SearchOption.AllDirectories)
                .Where(path => !Path.GetRelativePath(s_source, path).Split('/', '\\').Any(folder => folder is "obj" or "bin"))
                .Select(path => (Path: path, Text: File.ReadAllText(path)))
                .Select(file => new Source(file.Path, Namespace().Match(file.Text).Groups[1].Value.TrimStart('.'), file.Text)),
        ];
        Assert.NotEmpty(sources);
        return sources;
    }

    [GeneratedRegex(@"^namespace Vlc((?:\.\w+)*);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"^\s*//.*$", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\b(?:class|struct|interface|enum|record)\s+(?!struct\b|class\b)([A-Z]\w*)")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"\b[A-Z]\w*\b")]
    private static partial Regex Word();

    private sealed record Source(string Path, string Namespace, string Text)
    {
        public string Code { get; } = Comment().Replace(Text, "");
    }
}
