using System.CommandLine;
using System.CommandLine.Invocation;
using Vlc.Cli.Commands;
using Vlc.Cli.Terminal;

namespace Vlc.Cli;

/// <summary>The command <c>vlc</c>: parses arguments, runs the command they name, and answers with an exit code.</summary>
internal static class VlcCommandLine
{
    // A run that is interrupted deletes its temporary files first; a large block of rows takes seconds to come to its end.
    private static readonly TimeSpan TerminationTimeout = TimeSpan.FromSeconds(30);

    /// <summary>The whole tree of commands and options.</summary>
    public static RootCommand Root { get; } = Create();

    /// <summary>
    /// Runs a command line. Results go to <paramref name="output"/>; progress and complaints to <paramref name="error"/>.
    /// </summary>
    public static Task<int> InvokeAsync(
        IReadOnlyList<string> args, TextWriter output, TextWriter error, CancellationToken cancellationToken = default)
    {
        ParseResult parsed = Root.Parse(args);
        if (parsed.Action is ParseErrorAction) return Task.FromResult((int)Refuse(parsed, output, error));
        var invocation = new InvocationConfiguration
        {
            Output = output,
            Error = error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = TerminationTimeout,
        };
        return parsed.InvokeAsync(invocation, cancellationToken);
    }

    /// <summary>
    /// Has <paramref name="command"/> run <paramref name="body"/>, and failures reported as <see cref="CommandFailure"/> has them.
    /// </summary>
    public static void SetBody(this Command command, Func<ParseResult, CommandTerminal, CancellationToken, ExitCode> body) =>
        command.SetAction((parsed, cancellationToken) =>
        {
            var terminal = CommandTerminal.For(parsed);
            // On another thread: System.CommandLine listens for Ctrl-C only once the action has returned its task.
            return Task.Run(
                () =>
                {
                    try
                    {
                        return (int)body(parsed, terminal, cancellationToken);
                    }
                    catch (Exception exception)
                    {
                        return (int)terminal.Report(CommandFailure.Of(exception, terminal.Step));
                    }
                },
                CancellationToken.None);
        });

    private static RootCommand Create()
    {
        var root = new RootCommand(
            "Vector-Lattice Compression: compresses embedding vectors with a learned Voronoi tessellation "
            + "and searches them without the originals.")
        {
            IndexCommand.Create(),
            TuneCommand.Create(),
            QueryCommand.Create(),
            AddCommand.Create(),
            RemoveCommand.Create(),
            CompactCommand.Create(),
            EvalCommand.Create(),
            InspectCommand.Create(),
            ConvertCommand.Create(),
            InfoCommand.Create(),
            ReconstructCommand.Create(),
            VerifyCommand.Create(),
            TestCommand.Create(),
            TestGpuCommand.Create(),
            DevicesCommand.Create(),
            DemoCommand.Create(),
        };
        foreach (Option option in SharedOptions.All) root.Add(option);
        return root;
    }

    private static ExitCode Refuse(ParseResult parsed, TextWriter output, TextWriter error)
    {
        string command = parsed.CommandResult.Command is RootCommand ? "vlc" : $"vlc {parsed.CommandResult.Command.Name}";
        string message = string.Join(" ", parsed.Errors.Select(parseError => parseError.Message).Distinct());
        // Asked of the results, not of the values: reading a value of a command line with errors throws.
        bool json = parsed.GetResult(SharedOptions.Json) is { Implicit: false };
        var terminal = new CommandTerminal(output, error, json, quiet: false, colours: false);
        return terminal.Report(new CommandFailure(ExitCode.Usage, $"{message} See {command} --help."));
    }
}
