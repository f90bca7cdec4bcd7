using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Spectre.Console;
using Vlc.Cli.Commands;
using Vlc.Cli.Evaluation;
using Vlc.Vectors;

namespace Vlc.Cli.Terminal;

/// <summary>
/// Where a command speaks: results on standard output, as tables or as one JSON document; everything else on standard error.
/// </summary>
internal sealed class CommandTerminal
{
    // Wide enough that no table is broken where a program or a file reads it.
    private const int UnattendedWidth = 200;

    private readonly TextWriter _output;
    private readonly TextWriter _error;
    private readonly bool _quiet;
    private readonly bool _colours;
    private readonly List<string> _notes = [];

    public CommandTerminal(TextWriter output, TextWriter error, bool json, bool quiet, bool colours) =>
        (_output, _error, Json, _quiet, _colours) = (output, error, json, quiet, colours);

    /// <summary>True when the result is wanted as one JSON document.</summary>
    public bool Json { get; }

    /// <summary>The terminal that a command line asks for.</summary>
    public static CommandTerminal For(ParseResult parsed)
    {
        // https://no-color.org: any value but an empty one.
        bool colours = !parsed.GetValue(SharedOptions.NoColor) && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        InvocationConfiguration invocation = parsed.InvocationConfiguration;
        return new CommandTerminal(
            invocation.Output, invocation.Error, parsed.GetValue(SharedOptions.Json), parsed.GetValue(SharedOptions.Quiet), colours);
    }

    /// <summary>
    /// Writes the result: <paramref name="result"/> as JSON, with the notes where there are any, or what <paramref name="render"/> prints
    /// for people.
    /// </summary>
    public void Write<T>(T result, JsonTypeInfo<T> type, Action<IAnsiConsole> render)
    {
        if (Json)
        {
            JsonNode document = JsonSerializer.SerializeToNode(result, type)!;
            if (_notes.Count > 0) document["notes"] = new JsonArray([.. _notes.Select(note => (JsonNode)note)]);
            _output.WriteLine(document.ToJsonString(type.Options));
        }
        else render(ConsoleOn(_output, IsTerminal(_output, Console.Out, Console.IsOutputRedirected)));
        _output.Flush();
    }

    /// <summary>
    /// Says on standard error, and in the JSON document, what was decided in reading a file, what was taken and what was left.
    /// </summary>
    public void Note(VectorSource source)
    {
        foreach (string note in source.Notes) Note($"{source.Name}: {note}");
    }

    /// <summary>The same for one sentence.</summary>
    public void Note(string message)
    {
        _notes.Add(message);
        if (!_quiet) _error.WriteLine($"vlc: note: {message}");
    }

    /// <summary>Says on standard error what deserves attention but stops nothing.</summary>
    public void Warn(string message)
    {
        if (!_quiet) _error.WriteLine($"vlc: warning: {message}");
    }

    /// <summary>Reports a failure on standard error, and as the JSON document where one is wanted.</summary>
    public ExitCode Report(CommandFailure failure)
    {
        _error.WriteLine($"vlc: {failure.Message}");
        if (Json)
        {
            var document = new ErrorDocument(new ErrorBody(failure.ExitCode, failure.Message));
            _output.WriteLine(JsonSerializer.Serialize(document, ResultJsonContext.Readable.ErrorDocument));
            _output.Flush();
        }

        return failure.ExitCode;
    }

    /// <summary>Complains of gates that were missed; their exit code.</summary>
    public ExitCode Judge(IEnumerable<QualityGate> gates)
    {
        QualityGate[] missed = [.. gates.Where(gate => !gate.Passed)];
        foreach (QualityGate gate in missed) _error.WriteLine($"vlc: {gate.Complaint}");
        return missed.Length == 0 ? ExitCode.Success : ExitCode.GateMissed;
    }

    /// <summary>Runs <paramref name="work"/> while showing how far it has come.</summary>
    public T WithProgress<T>(Func<ProgressReport, T> work)
    {
        if (_quiet) return work((_, _, _) => { });
        if (!IsTerminal(_error, Console.Error, Console.IsErrorRedirected))
        {
            var lines = new ProgressLines(_error);
            return work(lines.Report);
        }

        return ConsoleOn(_error, terminal: true).Progress().AutoClear(true)
            .Columns(
                new SpinnerColumn(), new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .Start(context =>
            {
                var bars = new ProgressBars(context);
                return work(bars.Report);
            });
    }

    private static bool IsTerminal(TextWriter writer, TextWriter console, bool redirected) =>
        ReferenceEquals(writer, console) && !redirected;

    private IAnsiConsole ConsoleOn(TextWriter writer, bool terminal)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = terminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = terminal && _colours ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = terminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!terminal) console.Profile.Width = UnattendedWidth;
        return console;
    }
}
