using System.CommandLine;
using Vlc.Cli.Terminal;
using Vlc.Indexing;

namespace Vlc.Cli.Commands;

/// <summary><c>vlc compact</c>: copies the codes of the rows that are left into one segment.</summary>
internal static class CompactCommand
{
    private static readonly Option<string> Index = SharedOptions.Index();

    public static Command Create()
    {
        var command = new Command(
            "compact",
            "Merge the segments of an index and drop deleted rows. Codes are copied; row numbers close up, keys stay.") { Index };
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        CompactReport report = IndexUpdater.Compact(parsed.GetRequiredValue(Index), cancellationToken);
        var result = new CompactResult(
            report.NewNumbers.Length - report.Removed, report.Removed, report.Before.Total, report.After.Total, report.After.Search);
        terminal.Write(
            result, ResultJsonContext.Readable.CompactResult,
            console => FactTable.Write(
                console,
                [
                    ("rows", $"{result.N:N0}; {result.Removed:N0} deleted ones are gone"),
                    ("all files", $"{result.TotalBytesBefore:N0} bytes before, {result.TotalBytes:N0} now"),
                ]));
        return ExitCode.Success;
    }
}

/// <summary>What <c>vlc compact</c> reports.</summary>
internal sealed record CompactResult(int N, int Removed, long TotalBytesBefore, long TotalBytes, long Bytes);
