using System.CommandLine;
using Vlc.Cli.Files;
using Vlc.Cli.Terminal;
using Vlc.Formats;
using Vlc.Formats.Columnar;
using Vlc.Vectors;

namespace Vlc.Cli.Commands;

/// <summary><c>vlc convert</c>: writes what can be read to a plain file.</summary>
internal static class ConvertCommand
{
    private static readonly IReadOnlyList<VectorFileWriter> Writers = [.. VectorFileWriter.Default, ParquetFileWriter.Instance];
    private static readonly string Extensions = string.Join(", ", Writers.Select(writer => writer.Extension));
    private static readonly VectorInput Input = new("IN", "The file to read.");
    private static readonly Argument<string> In = new("IN") { Description = "The file to read; - is standard input, with --format." };
    private static readonly Argument<string> Out = new("OUT") { Description = $"The file to write: {Extensions}, by its name." };

    public static Command Create()
    {
        var command = new Command("convert", "Write a file of vectors as another format; components become float32.") { In, Out };
        Input.AddReadingOptionsTo(command);
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        string path = parsed.GetRequiredValue(Out);
        VectorFileWriter writer = Writers.FirstOrDefault(
            candidate => candidate.Extension.Equals(Path.GetExtension(path), StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"OUT must end in one of {Extensions}, not '{Path.GetExtension(path)}'.");
        using VectorSource source = VectorInput.Open(parsed.GetRequiredValue(In), Input.Read(parsed));
        terminal.Note(source);
        if (!writer.KeepsKeys && (source.HasKeys || source.HasPayload))
        {
            string left = source.HasKeys && source.HasPayload ? "keys and payload" : source.HasKeys ? "keys" : "payload";
            terminal.Note($"{writer.Extension} holds vectors alone: the {left} were left; .jsonl and .parquet take them.");
        }

        terminal.WithProgress(progress =>
        {
            writer.Write(source, path, new Reporting<double>(share => progress("convert", share)), cancellationToken);
            return true;
        });
        var result = new ConvertResult(
            source.Name, path, source.Count, source.Dimension, source.HasKeys && writer.KeepsKeys, source.HasPayload
            && writer.KeepsKeys, new FileInfo(path).Length);
        terminal.Write(result, ResultJsonContext.Readable.ConvertResult, console => FactTable.Write(
            console, [("vectors", $"{result.N:N0} x {result.D}"), (result.Out, FactTable.Bytes(result.Bytes))]));
        return ExitCode.Success;
    }
}

/// <summary>What <c>vlc convert</c> reports.</summary>
internal sealed record ConvertResult(string In, string Out, long N, int D, bool Keys, bool Payload, long Bytes);
