using System.CommandLine;
using Vlc.Cli.Terminal;
using Vlc.Formats;
using Vlc.Indexing;
using Vlc.Numerics.Threading;
using Vlc.Search;

namespace Vlc.Cli.Commands;

/// <summary><c>vlc reconstruct</c>: gives the vectors back, as well as the codes know them.</summary>
internal static class ReconstructCommand
{
    private const int RowsAtOnce = 8192;
    private const int RowsPerTask = 256;

    private static readonly Option<string> Index = SharedOptions.Index();
    private static readonly Option<string> Out =
        new("--out") { Description = "The npy file to write, n x d float32.", HelpName = "FILE.npy", Required = true };

    public static Command Create()
    {
        var command = new Command("reconstruct", "Write the vectors that an index stands for.") { Index, Out };
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        string path = parsed.GetRequiredValue(Out);
        if (Path.GetExtension(path) != ".npy") throw new ArgumentException($"--out must end in .npy, not '{Path.GetExtension(path)}'.");
        using VlcIndex index = VlcIndex.Open(parsed.GetRequiredValue(Index));
        int threads = parsed.GetValue(SharedOptions.Threads) ?? Environment.ProcessorCount;
        terminal.WithProgress(progress =>
        {
            Write(index, path, threads, progress, cancellationToken);
            return true;
        });
        var result = new ReconstructResult(index.Count, index.Dimension, path, new FileInfo(path).Length);
        terminal.Write(
            result, ResultJsonContext.Readable.ReconstructResult,
            console => FactTable.Write(console, [("vectors", $"{result.N:N0} x {result.D}"), (result.Out, FactTable.Bytes(result.Bytes))]));
        return ExitCode.Success;
    }

    private static void Write(VlcIndex index, string path, int threads, ProgressReport progress, CancellationToken cancellationToken)
    {
        int dimension = index.Dimension;
        using var writer = new NpyWriter<float>(path, dimension);
        var block = new float[Math.Min(RowsAtOnce, index.Count) * dimension];
        for (int first = 0; first < index.Count; first += RowsAtOnce)
        {
            int start = first, count = Math.Min(RowsAtOnce, index.Count - first);
            BlockScheduler.Run(
                BlockScheduler.BlockCount(count, RowsPerTask), threads,
                (task, _) =>
                {
                    int end = Math.Min((task + 1) * RowsPerTask, count);
                    for (int row = task * RowsPerTask; row < end; row++)
                    {
                        index.Reconstruct(start + row, block.AsSpan(row * dimension, dimension));
                    }
                },
                cancellationToken);
            writer.Write(block.AsSpan(0, count * dimension));
            progress("reconstruct", (double)(first + count) / index.Count);
        }

        writer.Complete();
    }
}

/// <summary>What <c>vlc reconstruct</c> reports.</summary>
internal sealed record ReconstructResult(int N, int D, string Out, long Bytes);
