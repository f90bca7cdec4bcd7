using System.Globalization;
using System.Text;
using Vlc.Tests;

namespace Vlc.Core.Tests.Repository;

/// <summary>Lines of C# and Markdown end at 140 columns. Tables in Markdown may be longer, because their rows cannot be broken.</summary>
public sealed class LineWidthTests
{
    private const int MostColumns = 140;

    private static readonly string[] s_generated = ["bin", "obj", "artifacts", "TestResults", "BenchmarkDotNet.Artifacts"];

    [Fact]
    public void Lines_of_code_and_prose_end_at_140_columns()
    {
        string[] violations = [.. Files(new DirectoryInfo(RepositoryPaths.Root)).SelectMany(Violations).Order(StringComparer.Ordinal)];
        if (violations.Length > 0)
        {
            Assert.Fail($"{violations.Length} lines are longer than {MostColumns} columns:\n{string.Join('\n', violations)}");
        }
    }

    [Theory]
    [InlineData("a.cs", 141, 1)]
    [InlineData("a.cs", 140, 0)]
    [InlineData("a.md", 141, 1)]
    public void A_longer_line_is_named_with_its_file_and_number(string name, int columns, int expected)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File(name);
        File.WriteAllText(path, $"short\n{new string('x', columns)}\n");
        string[] violations = [.. Violations(new FileInfo(path))];
        Assert.Equal(expected, violations.Count(violation => violation.EndsWith($"{name}:2: {columns} columns", StringComparison.Ordinal)));
    }

    [Fact]
    public void Only_a_row_of_a_table_in_Markdown_may_be_longer()
    {
        using var folder = new TemporaryFolder();
        string row = $"| {new string('x', MostColumns)} |";
        File.WriteAllText(folder.File("a.md"), row);
        File.WriteAllText(folder.File("a.cs"), row);
        Assert.Empty(Violations(new FileInfo(folder.File("a.md"))));
        Assert.Single(Violations(new FileInfo(folder.File("a.cs"))));
    }

    [Fact]
    public void A_combining_mark_takes_no_column()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("a.md"), string.Concat(Enumerable.Repeat("r\u0302", MostColumns)));
        Assert.Empty(Violations(new FileInfo(folder.File("a.md"))));
    }

    private static IEnumerable<FileInfo> Files(DirectoryInfo folder)
    {
        IEnumerable<FileInfo> files = folder.EnumerateFiles().Where(file => file.Extension is ".cs" or ".md");
        IEnumerable<DirectoryInfo> folders = folder.EnumerateDirectories()
            .Where(inner => inner.LinkTarget is null && inner.Name[0] != '.' && !s_generated.Contains(inner.Name));
        return files.Concat(folders.SelectMany(Files));
    }

    private static IEnumerable<string> Violations(FileInfo file) =>
        File.ReadAllLines(file.FullName)
            .Select((line, index) => (Line: line, Number: index + 1, Columns: Columns(line)))
            .Where(line => line.Columns > MostColumns && !(file.Extension == ".md" && line.Line.TrimStart().StartsWith('|')))
            .Select(line => $"{Relative(file)}:{line.Number}: {line.Columns} columns");

    private static int Columns(string line) =>
        line.EnumerateRunes().Count(rune => Rune.GetUnicodeCategory(rune) != UnicodeCategory.NonSpacingMark);

    private static string Relative(FileInfo file) => Path.GetRelativePath(RepositoryPaths.Root, file.FullName).Replace('\\', '/');
}
