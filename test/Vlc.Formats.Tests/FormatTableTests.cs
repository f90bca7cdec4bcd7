using System.Globalization;
using System.Text;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

/// <summary>
/// docs/formats.md ends in a table of every file of the fixtures and what reading it gives. With VLC_APPROVE=1 the test writes the table,
/// else it compares.
/// </summary>
public sealed class FormatTableTests
{
    private const string Marker = "<!-- From here on FormatTableTests writes. -->";
    private const int PartsOfAFile = 16;
    private const int LineWidth = 138;

    private static readonly string[] s_sources = [".py", ".mjs", ".cs"];

    private static string Document => Path.Combine(RepositoryPaths.Root, "docs", "formats.md");

    [Fact]
    public void The_table_of_the_document_is_what_the_readers_do()
    {
        string table = Marker + "\n\n" + Table();
        string text = File.ReadAllText(Document);
        int at = text.IndexOf(Marker, StringComparison.Ordinal);
        if (Environment.GetEnvironmentVariable("VLC_APPROVE") == "1") File.WriteAllText(Document, text[..at] + table);
        else Assert.Equal(table, text[at..].ReplaceLineEndings("\n"));
    }

    [Fact]
    public void The_document_names_every_format_and_extension()
    {
        string text = File.ReadAllText(Document);
        Assert.All(Samples.AllFormats, format => Assert.Contains($"`{format.Name}`", text, StringComparison.Ordinal));
        Assert.All(
            Samples.AllFormats.SelectMany(format => format.Extensions),
            extension => Assert.Contains($"`{extension}`", text, StringComparison.Ordinal));
    }

    private static string Table()
    {
        var text = new StringBuilder("| file | option | result |\n|---|---|---|\n");
        string fixtures = Path.Combine(RepositoryPaths.Root, "test", "Vlc.Formats.Tests", "Fixtures");
        foreach (string path in Directory.GetFiles(fixtures, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            if (s_sources.Contains(Path.GetExtension(path))) continue;
            string name = Path.GetRelativePath(fixtures, path).Replace('\\', '/');
            foreach ((string option, VectorFileOptions options) in Choices(path))
            {
                string row = $"| {name} | {option} | {Result(path, name, options)}";
                text.Append(row.Length > LineWidth ? row[..(LineWidth - 3)] + "..." : row).Append(" |\n");
            }
        }

        return text.ToString();
    }

    /// <summary>The file as it stands, and each part that can be chosen.</summary>
    private static IEnumerable<(string Option, VectorFileOptions Options)> Choices(string path)
    {
        var plain = new VectorFileOptions();
        yield return ("", plain);
        IReadOnlyList<FilePart> parts;
        try
        {
            parts = VectorFiles.Recognize(path, plain, Samples.AllFormats).Format.List(path, plain);
        }
        catch (VlcFormatException)
        {
            yield break;
        }

        foreach (string selector in parts.Select(part => part.Selector).OfType<string>().Take(PartsOfAFile))
        {
            int space = selector.IndexOf(' ', StringComparison.Ordinal);
            string value = selector[(space + 1)..].Trim('\'');
            yield return (selector.Replace("|", "\\|", StringComparison.Ordinal), selector[..space] switch
            {
                "--tensor" => plain with { Tensor = value },
                "--dataset" => plain with { Dataset = value },
                "--array" => plain with { Array = value },
                "--column" => plain with { Column = value },
                "--columns" => plain with { Columns = ColumnRange.Parse(value, null) },
                "--path" => plain with { JsonPath = value },
                var other => throw new InvalidOperationException($"No option {other}."),
            });
        }
    }

    private static string Result(string path, string name, VectorFileOptions options)
    {
        try
        {
            using VectorSource source = Samples.Open(path, options);
            Samples.ReadAll(source);
            string beside = (source.HasKeys ? ", keys" : "") + (source.HasPayload ? ", payload" : "");
            return string.Create(
                CultureInfo.InvariantCulture,
                $"read: {source.Count} x {source.Dimension} {source.ElementType.ToString().ToLowerInvariant()}{beside}");
        }
        catch (VlcFormatException exception)
        {
            string found = exception.Found.Replace(path, name, StringComparison.Ordinal).Replace("|", "\\|", StringComparison.Ordinal);
            return $"refused: {found.ReplaceLineEndings(" ")}";
        }
    }
}
