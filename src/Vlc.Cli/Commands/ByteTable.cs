using Spectre.Console;
using Vlc.Cli.Terminal;
using Vlc.Storage;

namespace Vlc.Cli.Commands;

/// <summary>Bytes of a part of an index.</summary>
/// <param name="Name">What it is.</param>
/// <param name="File">Name of the file it lies in.</param>
/// <param name="Bytes">Its bytes; those of all parts add up to those of the files.</param>
internal sealed record SectionBytes(string Name, string File, long Bytes)
{
    public static SectionBytes[] Of(IndexInfo info) =>
    [
        .. info.Sections.Select(section =>
            new SectionBytes(section.Name, Path.GetFileName(info.Files.Path(section.File)), section.Bytes)),
    ];
}

/// <summary>The byte table as people read it.</summary>
internal static class ByteTable
{
    public static void Write(IAnsiConsole console, IReadOnlyList<SectionBytes> sections, int vectors, long? keysBytes)
    {
        long total = sections.Sum(section => section.Bytes);
        Table table = FactTable.Create("section", "file", ">bytes", ">a vector", ">share");
        foreach (SectionBytes section in sections)
        {
            double bytes = section.Bytes;
            table.Row(section.Name, section.File, $"{bytes:N0}", $"{bytes / vectors:F3}", $"{bytes / total:P1}");
        }

        table.Row("total", "", $"{total:N0}", $"{(double)total / vectors:F3}", $"{1:P1}");
        if (keysBytes is { } keys) table.Row("keys (yours, not counted)", "", $"{keys:N0}", $"{(double)keys / vectors:F3}", "");
        console.Write(table);
    }
}
