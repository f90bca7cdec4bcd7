using Spectre.Console;
using Vlc.Cli.Terminal;
using Vlc.Indexing;
using Vlc.Storage;

namespace Vlc.Cli.Commands;

/// <summary>Bytes of a part of an index.</summary>
/// <param name="Name">What it is.</param>
/// <param name="File">Name of the file it lies in.</param>
/// <param name="Bytes">Its bytes; those of all parts add up to those of the files.</param>
/// <param name="Counted">Whether a search needs it, so that it counts in the ratio.</param>
internal sealed record SectionBytes(string Name, string File, long Bytes, bool Counted)
{
    public static SectionBytes[] Of(IndexInfo info) =>
    [
        .. info.Sections.Select(section =>
            new SectionBytes(
                section.Name, Path.GetFileName(info.Files.Path(section.File)), section.Bytes,
                section.File.File is not (IndexFile.Encoder or IndexFile.Keys))),
    ];
}

/// <summary>The byte table as people read it.</summary>
internal static class ByteTable
{
    public static void Write(IAnsiConsole console, IReadOnlyList<SectionBytes> sections, int vectors)
    {
        long total = sections.Where(section => section.Counted).Sum(section => section.Bytes);
        Table table = FactTable.Create("section", "file", ">bytes", ">a vector", ">share");
        foreach (SectionBytes section in sections.Where(section => section.Counted)) Row(section, $"{(double)section.Bytes / total:P1}");
        table.Row("a search needs", "", $"{total:N0}", $"{(double)total / vectors:F3}", $"{1:P1}");
        SectionBytes[] others = [.. sections.Where(section => !section.Counted)];
        foreach (SectionBytes section in others) Row(section, "");
        if (others.Length > 0)
        {
            long all = sections.Sum(section => section.Bytes);
            table.Row("all files", "", $"{all:N0}", $"{(double)all / vectors:F3}", "");
        }

        console.Write(table);

        void Row(SectionBytes section, string share) =>
            table.Row(section.Name, section.File, $"{section.Bytes:N0}", $"{(double)section.Bytes / vectors:F3}", share);
    }
}
