using System.CommandLine;
using Spectre.Console;
using Vlc.Cli.Compute;
using Vlc.Cli.Evaluation;
using Vlc.Cli.Files;
using Vlc.Cli.Terminal;
using Vlc.Evaluation;
using Vlc.Formats;
using Vlc.Indexing;
using Vlc.Scanning;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Cli.Commands;

/// <summary><c>vlc eval</c>: measures recall and speed against true neighbours.</summary>
internal static class EvalCommand
{
    private static readonly Option<string> Index = SharedOptions.Index();
    private static readonly VectorInput Queries = new("--queries", "Vectors that are not in the index.", defaultDataset: "test");
    private static readonly VectorInput Originals = new(
        "--emb", "The vectors that the index was made from; true neighbours are computed.", required: false, prefix: "emb-");
    private static readonly Option<string?> Truth = new("--truth")
    {
        Description = "True neighbours of the queries: ivecs, npy of integers, or the dataset neighbors of an HDF5 file.",
        HelpName = "FILE",
    };

    private static readonly Option<int?> Neighbors = SharedOptions.Neighbors();
    private static readonly Option<int?> Probes = SharedOptions.Probes();
    private static readonly Option<double?> TargetRecall = SharedOptions.TargetRecall();
    private static readonly Option<double?> MinRecall = SharedOptions.MinRecall("recall");
    private static readonly Option<double?> MaxRatio = SharedOptions.MaxRatio();
    private static readonly Option<string?> Device = DeviceOption.Create(
        "Where batches of queries are scanned; cpu unless given. Single queries always run on the processor.");

    public static Command Create()
    {
        var command = new Command("eval", "Measure recall, latency and queries a second of an index.");
        command.Add(Index);
        Queries.AddTo(command);
        Originals.AddTo(command);
        foreach (Option option in new Option[] { Truth, Neighbors, Probes, TargetRecall, MinRecall, MaxRatio, Device }) command.Add(option);
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        bool compute = parsed.GetValue(Originals.File) is not null;
        if (compute == (parsed.GetValue(Truth) is not null)) throw new ArgumentException("eval needs either --emb or --truth.");
        string basePath = parsed.GetRequiredValue(Index);
        int k = parsed.GetValue(Neighbors) ?? SharedOptions.DefaultNeighbors;
        using VlcIndex index = VlcIndex.Open(basePath);
        if (k > index.AliveCount)
        {
            throw new ArgumentException($"-k {k} is more than the index's {index.AliveCount} vectors.");
        }

        using SelectedDevice device = SelectedDevice.Open(parsed.GetValue(Device) ?? DeviceOption.Cpu);
        using DeviceIndex? onDevice = device.Load(index, k);
        var options = new SearchOptions
        {
            Probes = NumberOption.ValueOf(parsed, Probes),
            TargetRecall = parsed.GetValue(TargetRecall),
            Threads = parsed.GetValue(SharedOptions.Threads),
        };

        SearchMeasurement measured = terminal.WithProgress(progress =>
        {
            using VectorSource queries = Queries.Open(parsed, terminal);
            float[] rows = QueryVectors.ReadAll(queries, index.Dimension, index.Metric, cancellationToken);
            using VectorSource? originals = compute ? Originals.Open(parsed, terminal) : null;
            JudgedQueries judged = originals is null
                ? ReadTruth(parsed.GetValue(Truth)!, rows, index, k, terminal)
                : FindTruth(originals, rows, index, k, options.Threads, progress, cancellationToken);
            ExactScan? exact = originals is null ? null : ExactScan.TryLoad(originals, index.Metric, cancellationToken);
            return SearchMeasurement.Take(index, onDevice, judged, k, options, exact, progress, cancellationToken);
        });
        var result = EvalResult.Of(
            index.Manifest, index.TotalBytes, measured, k, device.Name, parsed.GetValue(MinRecall), parsed.GetValue(MaxRatio));
        terminal.Write(result, ResultJsonContext.Readable.EvalResult, console => Print(console, result));
        return terminal.Judge(result.Gates);
    }

    private static JudgedQueries FindTruth(
        VectorSource originals, float[] rows, VlcIndex index, int k, int? threads, ProgressReport progress,
        CancellationToken cancellationToken)
    {
        if (originals.Dimension != index.Dimension || originals.Count != index.Count)
        {
            throw new VlcFormatException(
                originals.Name, "shape", $"{index.Count} x {index.Dimension}, the index's", $"{originals.Count} x {originals.Dimension}",
                "Name a file of all rows of the index, in their order, those that were added or deleted included.");
        }

        RowFilter? alive = index.AliveCount < index.Count ? RowFilter.Where(index.Count, row => !index.IsDeleted(row)) : null;
        int[] truth = ExactNeighbors.Find(
            originals, rows, k, index.Metric, alive, threads, new Reporting<double>(share => progress("find true neighbours", share)),
            cancellationToken);
        return new JudgedQueries(rows, index.Dimension, truth, k);
    }

    private static JudgedQueries ReadTruth(string path, float[] rows, VlcIndex index, int k, CommandTerminal terminal)
    {
        const string Hdf5Dataset = "neighbors";
        NeighborTable table;
        if (Path.GetExtension(path) is ".hdf5" or ".h5" or ".hdf")
        {
            using VectorSource neighbors = VectorInput.Open(path, new VectorFileOptions { Dataset = Hdf5Dataset });
            terminal.Note(neighbors);
            table = NeighborTable.From(neighbors);
        }
        else
        {
            table = NeighborTable.Read(path);
        }

        int queries = rows.Length / index.Dimension;
        if (table.Queries != queries) throw new VlcFormatException(path, "rows", $"{queries}, one a query", $"{table.Queries}");
        if (table.K < k) throw new ArgumentException($"-k {k} is more than the {table.K} neighbours of {path}.");
        var truth = new int[queries * k];
        for (int query = 0; query < queries; query++)
        {
            ReadOnlySpan<int> ids = table[query][..k];
            int bad = ids.IndexOfAnyExceptInRange(0, index.Count - 1);
            if (bad >= 0)
            {
                throw new VlcFormatException(path, $"row {query}, column {bad}", $"a row number below {index.Count}", $"{ids[bad]}");
            }

            ids.CopyTo(truth.AsSpan(query * k));
        }

        return new JudgedQueries(rows, index.Dimension, truth, k);
    }

    private static void Print(IAnsiConsole console, EvalResult result)
    {
        List<(string, string)> facts =
        [
            ("index", $"{result.N:N0} x {result.D}, {result.Metric}, {result.Codec}, {result.M:N0} anchors"),
            ("ratio", $"{result.Ratio:P2} of float32, {result.BytesPerVector:F2} bytes a vector"),
            ($"recall@{result.K}",
                $"{result.Recall:F4} ± {result.RecallStdErr:F4} with {result.Probes:F0} probes, {result.ScannedShare:P1} of the rows "
                + $"({result.Queries:N0} queries)"),
            ("exhaustive", $"{result.RecallExhaustive:F4}"),
            ("one thread", $"{result.Qps:N0} queries a second, p50 {result.P50Ms:F3} ms, p99 {result.P99Ms:F3} ms"),
            (
            "batch",
            $"{result.BatchQps:N0} queries a second, {(result.Device == DeviceOption.Cpu ? $"{result.Threads} threads" : result.Device)}"),
        ];
        if (result.ExactQps is { } exact)
        {
            facts.Add(("exact float32 scan", $"{exact:N1} queries a second, one thread; the index is {result.Speedup:F1} times faster"));
        }

        FactTable.Write(console, facts);
    }
}

/// <summary>What <c>vlc eval</c> reports.</summary>
internal sealed record EvalResult(
    double Recall, double RecallStdErr, double RecallExhaustive, int K, int Queries, int N, int D, int M, string Metric, string Codec,
    double Probes, double ScannedShare, double BytesPerVector, double Ratio, double Qps, double P50Ms, double P99Ms, double BatchQps,
    int Threads, string Device, double? ExactQps, double? Speedup, QualityGate[] Gates)
{
    public static EvalResult Of(
        Manifest manifest, long bytes, SearchMeasurement measured, int k, string device, double? minRecall, double? maxRatio)
    {
        double bytesPerVector = (double)bytes / manifest.Count;
        double ratio = bytesPerVector / (manifest.Dimension * sizeof(float));
        return new EvalResult(
            measured.Recall.Value, measured.Recall.StandardError, measured.Exhaustive.Value, k, measured.Queries,
            manifest.Count, manifest.Dimension, manifest.AnchorCount, Spellings.Metric[manifest.Metric], Spellings.Codec[manifest.Codec],
            measured.Probes, measured.ScannedShare,
            bytesPerVector, ratio, measured.Single.Qps, measured.Single.P50Ms, measured.Single.P99Ms, measured.BatchQps, measured.Threads,
            device,
            measured.ExactQps, measured.Speedup, QualityGate.Judge(minRecall, measured.Recall.Value, maxRatio, ratio));
    }
}
