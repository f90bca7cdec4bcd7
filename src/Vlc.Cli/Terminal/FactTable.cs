using Spectre.Console;

namespace Vlc.Cli.Terminal;

/// <summary>A table of names and values for people.</summary>
internal static class FactTable
{
    /// <summary>An empty table with these columns; those whose heading begins with '>' are aligned right.</summary>
    public static Table Create(params ReadOnlySpan<string> headings)
    {
        Table table = new Table().Border(TableBorder.Simple);
        foreach (string heading in headings)
        {
            bool right = heading.StartsWith('>');
            var column =
                new TableColumn(new Text(heading.TrimStart('>'))) { Alignment = right ? Justify.Right : Justify.Left, NoWrap = true };
            table.AddColumn(column);
        }

        return table;
    }

    /// <summary>Adds a row of plain texts: nothing in them is markup.</summary>
    public static Table Row(this Table table, params string[] cells) => table.AddRow(cells.Select(cell => new Text(cell)));

    /// <summary>Prints names and values under one another, without headings.</summary>
    public static void Write(IAnsiConsole console, IEnumerable<(string Name, string Value)> facts)
    {
        Table table = Create("", "").HideHeaders();
        foreach ((string name, string value) in facts) table.Row(name, value);
        console.Write(table);
    }

    /// <summary>A count of bytes as people read it.</summary>
    public static string Bytes(double bytes) => bytes switch
    {
        >= 1L << 30 => $"{bytes / (1L << 30):F2} GiB",
        >= 1L << 20 => $"{bytes / (1L << 20):F2} MiB",
        >= 1L << 10 => $"{bytes / (1L << 10):F2} KiB",
        _ => $"{bytes:F0} bytes",
    };
}
