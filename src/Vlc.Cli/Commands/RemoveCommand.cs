using System.CommandLine;
using Vlc.Cli.Files;
using Vlc.Cli.Terminal;
using Vlc.Indexing;
using Vlc.Segments;

namespace Vlc.Cli.Commands;

/// <summary><c>vlc remove</c>: deletes rows of an index by number or by key.</summary>
internal static class RemoveCommand
{
    private static readonly Option<string> Index = SharedOptions.Index();
    private static readonly Option<string?> Ids =
        new("--ids") { Description = "Numbers of the rows to delete, one a line.", HelpName = "FILE" };
    private static readonly Option<string?> Keys =
        new("--keys") { Description = "Keys of the rows to delete, one a line.", HelpName = "FILE" };

    public static Command Create()
    {
        var command = new Command("remove", "Delete rows of an index; compact gives their bytes back.") { Index, Ids, Keys };
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        string basePath = parsed.GetRequiredValue(Index);
        string? ids = parsed.GetValue(Ids), keys = parsed.GetValue(Keys);
        if (ids is null == keys is null) throw new ArgumentException("Give either --ids or --keys, the rows to delete.");
        int[] rows;
        int total;
        using (VlcIndex index = VlcIndex.Open(basePath))
        {
            total = index.Count;
            rows = ids is not null ? IdListFile.Read(ids, index.Count) : FindRows(index, keys!, terminal);
        }

        int removed = IndexUpdater.Remove(basePath, rows);
        var result = new RemoveResult(removed, IndexInfo.Read(basePath).Manifest.DeletedCount, total);
        if (removed < rows.Length) terminal.Warn($"{rows.Length - removed:N0} of the rows were named twice or deleted before.");
        terminal.Write(
            result, ResultJsonContext.Readable.RemoveResult,
            console => FactTable.Write(
            console, [("deleted", $"{removed:N0} rows; {result.Deleted:N0} of {total:N0} until the index is compacted")]));
        return ExitCode.Success;
    }

    private static int[] FindRows(VlcIndex index, string path, CommandTerminal terminal)
    {
        string[] lines = [.. File.ReadLines(path).Where(line => line.Length > 0)];
        object[] keys = index.KeyKind switch
        {
            KeyKind.None => throw new ArgumentException("The index has no keys; use --ids."),
            KeyKind.Int64 => [.. lines.Select((line, i) => (object)Parse<long>(path, line, i))],
            KeyKind.Guid => [.. lines.Select((line, i) => (object)Parse<Guid>(path, line, i))],
            _ => lines,
        };
        int[] rows = index.FindRows(keys);
        HashSet<object> found = [.. rows.Select(row => index.Key(row)!)];
        if (keys.FirstOrDefault(key => !found.Contains(key)) is { } unknown)
        {
            int count = keys.Count(key => !found.Contains(key));
            terminal.Warn($"{count:N0} of the keys name no row of the index, or a deleted one; the first is '{unknown}'.");
        }

        return rows;
    }

    private static T Parse<T>(string path, string line, int number)
        where T : IParsable<T> => T.TryParse(line, null, out T? value)
            ? value
            : throw new VlcFormatException(path, $"line {number + 1}", $"a key of type {typeof(T).Name}", $"'{line}'");
}

/// <summary>What <c>vlc remove</c> reports.</summary>
/// <param name="Removed">Rows that this command deleted.</param>
/// <param name="Deleted">Rows that are deleted and not yet compacted away.</param>
/// <param name="N">Rows of the index, deleted ones included.</param>
internal sealed record RemoveResult(int Removed, int Deleted, int N);
