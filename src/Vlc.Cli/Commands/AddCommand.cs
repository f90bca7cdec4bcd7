using System.CommandLine;
using Spectre.Console;
using Vlc.Cli.Compute;
using Vlc.Cli.Files;
using Vlc.Cli.Terminal;
using Vlc.Evaluation;
using Vlc.Indexing;
using Vlc.Vectors;

namespace Vlc.Cli.Commands;

/// <summary><c>vlc add</c>: codes further vectors with the model of an index, as a segment of its own.</summary>
internal static class AddCommand
{
    private static readonly Option<string> Index = SharedOptions.Index();
    private static readonly VectorInput Vectors = new("--emb", "The vectors to add; their rows follow those of the index.");
    private static readonly Option<string?> Device = DeviceOption.Create("Where rows are assigned and coded; cpu unless given.");

    public static Command Create()
    {
        var command = new Command("add", "Add vectors to an index; nothing is learned again.");
        command.Add(Index);
        Vectors.AddTo(command);
        command.Add(Device);
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        using SelectedDevice device = SelectedDevice.Open(parsed.GetValue(Device) ?? DeviceOption.Cpu);
        using VectorSource source = Vectors.Open(parsed, terminal);
        if (source.HasPayload) terminal.Note("An index keeps vectors and keys; the payload is left in the file.");
        if (source.HasKeys && IndexInfo.Read(parsed.GetRequiredValue(Index)).Bytes.Keys == 0)
        {
            terminal.Note("The index has no keys; those of the file are left.");
        }

        var options = new AddOptions { Threads = parsed.GetValue(SharedOptions.Threads), Backend = device.Backend };
        AddReport report = terminal.WithProgress(progress => IndexUpdater.Add(
            parsed.GetRequiredValue(Index), source, options,
            new Reporting<IndexProgress>(step => progress(IndexCommand.Name(step.Phase), step.Share, step.Detail)), cancellationToken));
        if (report.ClampedRows > 0)
        {
            terminal.Warn(
                $"{report.ClampedRows:N0} of the rows lie outside what the codes can express, so that their distances are wrong; "
                + "build a new index.");
        }

        var result = AddResult.Of(report, device.Name);
        terminal.Write(result, ResultJsonContext.Readable.AddResult, console => Print(console, result));
        return ExitCode.Success;
    }

    private static void Print(IAnsiConsole console, AddResult result)
    {
        List<(string, string)> facts =
        [
            ("added", $"{result.Added:N0} rows, numbers {result.FirstRow} to {result.FirstRow + result.Added - 1}"),
            ("segments", $"{result.Segments}"),
            ("a search needs", $"{result.Bytes:N0} bytes"),
        ];
        if (result is { RecallBefore: { } before, RecallAfter: { } after })
        {
            facts.Add(("recall@10", $"{after.Value:F4} ± {after.StandardError:F4} on the yardstick; {before.Value:F4} before"));
        }

        FactTable.Write(console, facts);
    }
}

/// <summary>What <c>vlc add</c> reports.</summary>
internal sealed record AddResult(
    int Added, int FirstRow, long ClampedRows, int Segments, Recall? RecallBefore, Recall? RecallAfter, long Bytes, string Device)
{
    public static AddResult Of(AddReport report, string device) => new(
        report.Added, report.FirstRow, report.ClampedRows, report.Segments, report.RecallBefore, report.RecallAfter, report.Bytes.Search,
        device);
}
