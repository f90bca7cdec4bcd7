using System.Text.Json;

namespace Vlc.Cli.Tests.Commands;

/// <summary>A command line that has run within the test's process.</summary>
internal sealed record CommandRun(ExitCode ExitCode, string Output, string Error)
{
    public static async Task<CommandRun> Of(IEnumerable<string> args, CancellationToken cancellationToken = default)
    {
        using StringWriter output = new(), error = new();
        int code = await VlcCommandLine.InvokeAsync([.. args], output, error, cancellationToken);
        return new CommandRun((ExitCode)code, output.ToString(), error.ToString());
    }

    public static Task<CommandRun> Of(params string[] args) => Of(args, default);

    /// <summary>Runs a command that must succeed.</summary>
    public static async Task<CommandRun> Succeeding(params string[] args)
    {
        CommandRun run = await Of(args);
        Assert.True(run.ExitCode == ExitCode.Success, $"{string.Join(' ', args)}: {run.ExitCode}\n{run.Error}");
        return run;
    }

    /// <summary>The one JSON document on standard output; anything before or after it throws.</summary>
    public JsonElement Json() => JsonDocument.Parse(Output).RootElement;
}
