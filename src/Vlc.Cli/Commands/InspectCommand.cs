using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vlc.Cli.Files;
using Vlc.Cli.Terminal;
using Vlc.Formats;
using Vlc.Vectors;

namespace Vlc.Cli.Commands;

/// <summary><c>vlc inspect</c>: what a file is, what it holds, what <c>vlc index</c> would take of it, and by which command.</summary>
internal static class InspectCommand
{
    private const int RowsShown = 3;
    private const int ComponentsShown = 6;

    private static readonly VectorInput Input = new("FILE", "The file to look at.");
    private static readonly Argument<string> File = new("FILE") { Description = "The file to look at." };

    public static Command Create()
    {
        var command = new Command("inspect", "Say what a file of vectors is, what it holds, and how to index it.") { File };
        Input.AddReadingOptionsTo(command);
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        string path = parsed.GetRequiredValue(File);
        if (path == VectorInput.StandardInput)
        {
            throw new ArgumentException("inspect looks at a file more than once: save standard input to one.");
        }
        VectorFileOptions options = Input.Read(parsed) with { Formats = VectorInput.Formats };
        RecognizedFile recognized = VectorFiles.Recognize(path, options, VectorInput.Formats);
        FilePart[] parts = [.. recognized.Format.List(path, options)];
        InspectResult result = Look(path, recognized, parts, options, Given(parsed), cancellationToken);
        terminal.Write(result, ResultJsonContext.Readable.InspectResult, console => Print(console, result));
        return ExitCode.Success;
    }

    /// <summary>The options of the command line, as they go into the command to run.</summary>
    private static string Given(ParseResult parsed) => string.Concat(
        Input.ReadingOptions.Select(
        option => parsed.GetResult(option) is { Implicit: false, Tokens: [var token] } ? $" {option.Name} {Quoted(token.Value)}" : ""));

    private static InspectResult Look(
        string path, RecognizedFile recognized, FilePart[] parts, VectorFileOptions options, string given,
        CancellationToken cancellationToken)
    {
        InspectPart[] shown = [.. parts.Select(part => new InspectPart(part.Name, part.Type, part.Shape,
            part.Use.ToString().ToLowerInvariant(), part.First, part.Selector))];
        long bytes = Directory.Exists(path) ? 0 : new FileInfo(path).Length;
        var result = new InspectResult(path, bytes, recognized.Format.Name, shown);
        string output = Quoted(Path.GetFileNameWithoutExtension(path.TrimEnd('/')) is { Length: > 0 } name ? name : "vectors");
        try
        {
            using VectorSource source = VectorFiles.Open(path, options, VectorInput.Formats);
            int rows = (int)long.Min(RowsShown, source.Count), components = int.Min(ComponentsShown, source.Dimension);
            float[] first = new float[rows * source.Dimension];
            source.Read(0, rows, first, cancellationToken);
            string[] keys = new string[source.HasKeys ? rows : 0], payload = new string[source.HasPayload ? rows : 0];
            if (source.HasKeys) source.ReadKeys(0, keys);
            if (source.HasPayload) source.ReadPayload(0, payload);
            return result with
            {
                N = source.Count,
                D = source.Dimension,
                ElementType = source.ElementType.ToString().ToLowerInvariant(),
                First = [.. Enumerable.Range(0, rows).Select(row => first.AsSpan(row * source.Dimension, components).ToArray())],
                Keys = source.HasKeys ? keys : null,
                Payload = source.HasPayload ? payload : null,
                Decided = source.Notes.Count > 0 ? [.. source.Notes] : null,
                Command = $"vlc index --emb {Quoted(path)}{given} --out {output}",
            };
        }
        catch (VlcFormatException exception)
        {
            // Where the vectors are chosen, no option mends what is wrong with them; where there is a choice, the user makes it.
            string[] selectors = parts.Any(part => part.Use == PartUse.Vector)
                ? []
                : [.. parts.Select(part => part.Selector).OfType<string>()];
            string? selector = selectors.Length switch { 0 => null, 1 => selectors[0], _ => "OPTION" };
            return result with { Refused = exception.Message, Command = selector is null ? null : $"vlc index --emb {Quoted(path)}{given} "
                + $"{selector} --out {output}" };
        }
    }

    private static string Quoted(string word) =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '/' or '-' or '_' or ':' or ',' or '+' or '=')
            ? word
            : "'" + word.Replace("'", "'\\''", StringComparison.Ordinal) + "'";

    private static void Print(IAnsiConsole console, InspectResult result)
    {
        List<(string, string)> facts = [("file", $"{result.File}, {FactTable.Bytes(result.Bytes)}"), ("format", result.Format)];
        if (result.N is { } count) facts.Add(("vectors", $"{count:N0} x {result.D}, {result.ElementType}"));
        foreach ((int row, float[] vector) in (result.First ?? []).Index())
        {
            string values = string.Join(", ", vector.Select(value => value.ToString("G6", CultureInfo.InvariantCulture)));
            facts.Add(($"row {row}", $"{values}{(vector.Length < result.D ? ", ..." : "")}"));
        }

        if (result.Keys is { } keys) facts.Add(("keys", string.Join(", ", keys.Select(key => Cut(key, 40)))));
        if (result.Payload is [var payload, ..]) facts.Add(("payload", Cut(payload, 120)));
        facts.AddRange((result.Decided ?? []).Select(note => ("", note)));
        FactTable.Write(console, facts);
        if (result.Parts.Length > 0)
        {
            Table table = FactTable.Create("part", "type", "shape", "taken as", "first", "chosen by");
            foreach (InspectPart part in result.Parts)
            {
                table.Row(Cut(part.Name, 48), part.Type, part.Shape ?? "", part.Use, Cut(part.First ?? "", 48), part.Selector ?? "");
            }
            console.Write(table);
        }

        // In no table: it may break a line, and the command is for copying.
        if (result.Refused is { } refused) console.WriteLine($"  Refused as it stands: {refused}");
        if (result.Command is { } command) console.WriteLine($"  {(result.Refused is null ? "To index it" : "To choose")}: {command}");
    }

    private static string Cut(string text, int length) => (text.Length > length ? text[..length] + "..." : text).ReplaceLineEndings(" ");
}

/// <summary>What <c>vlc inspect</c> reports; what follows the parts is missing where the file is refused as it stands.</summary>
internal sealed record InspectResult(string File, long Bytes, string Format, InspectPart[] Parts)
{
    public long? N { get; init; }

    public int? D { get; init; }

    public string? ElementType { get; init; }

    public float[][]? First { get; init; }

    public string[]? Keys { get; init; }

    public string[]? Payload { get; init; }

    public string[]? Decided { get; init; }

    /// <summary>Why <c>vlc index</c> would refuse the file, or null.</summary>
    public string? Refused { get; init; }

    /// <summary>The command to run, or null.</summary>
    public string? Command { get; init; }
}

/// <summary>A part of the file.</summary>
internal sealed record InspectPart(string Name, string Type, string? Shape, string Use, string? First, string? Selector);
