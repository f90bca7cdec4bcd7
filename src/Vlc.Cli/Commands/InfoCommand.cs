using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;
using Spectre.Console;
using Vlc.Cli.Files;
using Vlc.Cli.Terminal;
using Vlc.Indexing;
using Vlc.Numerics;
using Vlc.Probing;
using Vlc.Search;
using Vlc.Storage;

namespace Vlc.Cli.Commands;

/// <summary><c>vlc info</c>: what an index is made of, to the byte; without an index, what the program runs on.</summary>
internal static class InfoCommand
{
    private static readonly Option<string> Index = SharedOptions.Index(required: false);

    public static Command Create()
    {
        var command = new Command("info", "Describe an index to the byte; without --idx, describe the program and the machine.") { Index };
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(Index) is not { } basePath)
        {
            EnvironmentResult environment = EnvironmentResult.Current();
            terminal.Write(environment, ResultJsonContext.Readable.EnvironmentResult, console => Print(console, environment));
            return ExitCode.Success;
        }

        var result = InfoResult.Of(IndexInfo.Read(basePath));
        terminal.Write(result, ResultJsonContext.Readable.InfoResult, console => Print(console, result));
        return ExitCode.Success;
    }

    private static void Print(IAnsiConsole console, EnvironmentResult environment) => FactTable.Write(
        console,
        [
            ("vlc", environment.Version), ("runtime", environment.Runtime), ("system", $"{environment.System}, {environment.Architecture}"),
            ("instruction set", environment.InstructionSet), ("processors", $"{environment.Processors}"),
        ]);

    private static void Print(IAnsiConsole console, InfoResult result)
    {
        ByteTable.Write(console, result.Sections, result.N);
        FactTable.Write(
            console,
            [
                ("vectors", $"{result.N:N0} x {result.D}, {result.Metric}" + (result.Deleted > 0 ? $"; {result.Deleted:N0} deleted" : "")),
                ("segments", $"{result.Segments}"),
                ("anchors", $"{result.M:N0}"),
                ("codec", $"{result.Codec}, {result.CodedDimensions} of {result.D} dimensions"),
                ("ratio", $"{result.Ratio:P2} of float32, {result.BytesPerVector:F2} bytes a vector"),
                ("seed, format version", $"{result.Seed}, {result.Version}"),
            ]);
        if (result.ScanCurve is not { } curve) return;
        console.WriteLine($"  recall@{curve.K} on the {curve.Queries:N0} rows of the tuning sample, ± {curve.StandardError:F4}:");
        Table table = FactTable.Create(">probes", ">recall", ">rows scanned", ">at most", ">distance ratio");
        foreach (ProbingPoint point in curve.Points)
        {
            table.Row(
                $"{point.Probes:F0}", $"{point.Recall:F4}", $"{point.MeanRows / result.N:P2}", $"{(double)point.Rows / result.N:P2}",
                point.DistanceRatio is { } ratio ? $"{ratio:F2}" : "");
        }

        console.Write(table);
    }
}

/// <summary>
/// What <c>vlc info</c> reports of an index. The bytes of the sections add up to those of the files. <c>bytes</c> and ratio are about what
/// a search needs; keys and what only updates need are beside it. The version is the file format's.
/// </summary>
internal sealed record InfoResult(
    int N, int D, int M, string Metric, string Codec, int CodedDimensions, ulong Seed, int Version, int Segments, int Deleted, long Bytes,
    long EncoderBytes, long KeysBytes, double BytesPerVector, double Ratio, SectionBytes[] Sections, ProbingCurve? ScanCurve)
{
    public static InfoResult Of(IndexInfo info)
    {
        Manifest manifest = info.Manifest;
        return new InfoResult(
            manifest.Count, manifest.Dimension, manifest.AnchorCount, Spellings.Metric[manifest.Metric], Spellings.Codec[manifest.Codec],
            manifest.CodedDimension, manifest.Seed, manifest.Version, manifest.Segments.Count, manifest.DeletedCount, info.TotalBytes,
            info.Bytes.Encoder, info.Bytes.Keys, info.BytesPerVector, info.Ratio, SectionBytes.Of(info), manifest.Scan);
    }
}

/// <summary>What <c>vlc info</c> reports without an index.</summary>
internal sealed record EnvironmentResult(
    string Version, string Runtime, string System, string Architecture, string InstructionSet, int Processors)
{
    public static EnvironmentResult Current() => new(
        typeof(InfoCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "",
        RuntimeInformation.FrameworkDescription, RuntimeInformation.OSDescription, $"{RuntimeInformation.ProcessArchitecture}",
        $"{InstructionSets.Level}", Environment.ProcessorCount);
}
