using System.CommandLine;
using System.Diagnostics;
using System.Numerics.Tensors;
using Spectre.Console;
using Vlc.Anchors;
using Vlc.Cli.Compute;
using Vlc.Cli.Evaluation;
using Vlc.Cli.Files;
using Vlc.Cli.Terminal;
using Vlc.Compute;
using Vlc.Gpu;
using Vlc.Gpu.Devices;
using Vlc.Indexing;
using Vlc.Numerics.Kernels;
using Vlc.Search;
using Vlc.Vectors;

namespace Vlc.Cli.Commands;

/// <summary>
/// <c>vlc test-gpu</c>: trains, assigns, encodes and searches on a device and on the processor, and says whether they agree.
/// </summary>
internal static class TestGpuCommand
{
    private const ulong Seed = 42;
    private const int K = 10;

    /// <summary>
    /// Of a squared distance: what rounding may cost a row whose assignment differs, all rows whose codes do, and a place among a query's
    /// nearest.
    /// </summary>
    private const double MostExcess = 1e-5;

    /// <summary>Of the energy: a device that rounds otherwise takes another path to as good anchors.</summary>
    private const double MostEnergyDifference = 1e-3;

    /// <summary>Of all places: a device that rounds otherwise may swap rows that are as near.</summary>
    private const double LeastEqualPlaces = 0.99;

    private static readonly GpuTestSet Small = new(2_000, 32, 64);
    private static readonly GpuTestSet Large = new(10_000, 128, 256);

    private static readonly Option<bool> IsLarge = new("--large") { Description = $"{Large} as well as {Small}." };
    private static readonly Option<string?> Device = DeviceOption.Create(
        "What to test; auto, a GPU or else any OpenCL device, unless given. simulated runs the kernels on ILGPU's simulation, on a small "
        + "set.", simulated: true);

    /// <summary>What the simulation, thousands of times slower than a device, does in seconds.</summary>
    private static readonly GpuTestSet Simulable = new(64, 8, 4, Queries: 2);

    public static Command Create()
    {
        var command = new Command("test-gpu", "Check a GPU against the processor on made-up data: times, energy, assignments, codes, "
            + "search results. Exits with 4 when they disagree.")
        {
            IsLarge, Device,
        };
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        string? word = parsed.GetValue(Device);
        if (word == DeviceOption.Cpu)
        {
            throw new ArgumentException("--device cpu: the processor is what a device is compared with; name another.");
        }
        int threads = parsed.GetValue(SharedOptions.Threads) ?? Environment.ProcessorCount;
        bool simulated = word == DeviceOption.Simulated;
        GpuTestSet[] sets = simulated ? [Simulable] : parsed.GetValue(IsLarge) ? [Small, Large] : [Small];
        using GpuDevices devices = simulated ? GpuDevices.OpenWithSimulation() : GpuDevices.Open();
        using GpuBackend backend = devices.CreateBackend(SelectedDevice.Choose(devices, word));
        using var processor = new CpuBackend(threads);
        TestGpuResult result = terminal.WithProgress(progress => Measure(sets, backend, processor, threads, progress, cancellationToken));
        terminal.Write(result, ResultJsonContext.Readable.TestGpuResult, console => Print(console, result));
        return terminal.Judge(result.Gates);
    }

    private static TestGpuResult Measure(
        GpuTestSet[] sets, GpuBackend device, CpuBackend processor, int threads, ProgressReport progress,
        CancellationToken cancellationToken)
    {
        progress("compile kernels", 0);
        long start = Stopwatch.GetTimestamp();
        // The simulation compiles nothing.
        if (sets[0] != Simulable)
        {
            var tiny = new GpuTestSet(256, 8, 8);
            Encode(tiny, device, Train(tiny, device, threads, cancellationToken).Rows, cancellationToken);
            Search(tiny, device, threads, cancellationToken);
        }

        double compileSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        List<GpuComparison> comparisons = [];
        List<QualityGate> gates = [];
        foreach (GpuTestSet set in sets)
        {
            progress($"{set}", 0);
            Training onProcessor = Train(set, processor, threads, cancellationToken);
            Training onDevice = Train(set, device, threads, cancellationToken);
            (double processorSeconds, int[] expected) = Assign(set, processor, onProcessor, cancellationToken);
            (double deviceSeconds, int[] assigned) = Assign(set, device, onProcessor, cancellationToken);
            (
                double processorEncode, byte[] expectedStates,
                double expectedError) = Encode(set, processor, onProcessor.Rows, cancellationToken);
            (double deviceEncode, byte[] states, double error) = Encode(set, device, onProcessor.Rows, cancellationToken);
            SearchComparison search = Search(set, device, threads, cancellationToken);
            double difference = Math.Abs(onDevice.Report.Energy - onProcessor.Report.Energy) / onProcessor.Report.Energy;
            (double equal, double excess) = Compare(set, onProcessor, expected, assigned);
            double errorDifference = Math.Abs(error - expectedError) / expectedError;
            bool identical = onDevice.Anchors.AsSpan().SequenceEqual(onProcessor.Anchors) && equal == 1
                && states.AsSpan().SequenceEqual(expectedStates)
                && search.Equal == 1;
            comparisons.Add(new GpuComparison(
                set.Rows, set.Dimension, set.Anchors, onProcessor.Seconds, onDevice.Seconds, onProcessor.Seconds / onDevice.Seconds,
                processorSeconds,
                deviceSeconds, processorSeconds / deviceSeconds, processorEncode, deviceEncode, processorEncode / deviceEncode,
                search.ProcessorSeconds,
                search.DeviceSeconds, search.ProcessorSeconds / search.DeviceSeconds, difference, equal, excess, errorDifference,
                search.Equal, search.ScoreDifference, identical));
            gates.Add(new QualityGate($"{set}: energy difference", MostEnergyDifference, difference, difference <= MostEnergyDifference));
            gates.Add(new QualityGate($"{set}: excess distance", MostExcess, excess, excess <= MostExcess));
            gates.Add(new QualityGate($"{set}: code error difference", MostExcess, errorDifference, errorDifference <= MostExcess));
            gates.Add(new QualityGate($"{set}: equal results", LeastEqualPlaces, search.Equal, search.Equal >= LeastEqualPlaces));
            gates.Add(
                new QualityGate($"{set}: score difference", MostExcess, search.ScoreDifference, search.ScoreDifference <= MostExcess));
        }

        return new TestGpuResult(
            gates.TrueForAll(gate => gate.Passed), device.Name, processor.Name, compileSeconds, [.. comparisons], [.. gates]);
    }

    private static Training Train(GpuTestSet set, IComputeBackend backend, int threads, CancellationToken cancellationToken)
    {
        float[] rows = GaussianBlobs.Draw(set.Rows, set.Dimension, set.Anchors, Seed);
        var options = new AnchorTrainingOptions { AnchorCount = set.Anchors, Seed = Seed, Threads = threads, Backend = backend };
        long start = Stopwatch.GetTimestamp();
        (float[] anchors, TrainingReport report) = AnchorTrainer.Train(rows, set.Dimension, options, cancellationToken: cancellationToken);
        return new Training(rows, anchors, report, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    /// <summary>One pass over rows that are already where they are computed.</summary>
    private static (double Seconds, int[] Nearest) Assign(
        GpuTestSet set, IComputeBackend backend, Training training, CancellationToken cancellationToken)
    {
        var nearest = new int[set.Rows];
        var scores = new float[set.Rows];
        using IResidentRows rows = backend.LoadRows(training.Rows, set.Dimension);
        using IResidentAnchors anchors = backend.LoadAnchors(training.Anchors, set.Dimension);
        long start = Stopwatch.GetTimestamp();
        rows.Assign(anchors, nearest, scores, cancellationToken);
        return (Stopwatch.GetElapsedTime(start).TotalSeconds, nearest);
    }

    /// <summary>Searches the trellis code of every row, of 1 to 8 bits a component; its squared error is that of all rows.</summary>
    private static (double Seconds, byte[] States, double Error) Encode(
        GpuTestSet set, IComputeBackend backend, float[] rows, CancellationToken cancellationToken)
    {
        byte[] bits = [.. Enumerable.Range(0, set.Dimension).Select(axis => (byte)(1 + (axis % TrellisTables.MaxBits)))];
        float[] scales = [.. Enumerable.Repeat(1f, set.Dimension)], minima = new float[set.Rows];
        var states = new byte[rows.Length];
        using IResidentTrellis trellis = backend.LoadTrellis(TrellisTables.Designed, new TrellisAxes([0, set.Dimension], scales, bits));
        long start = Stopwatch.GetTimestamp();
        trellis.Encode(new int[set.Rows], rows, states, minima, cancellationToken);
        return (Stopwatch.GetElapsedTime(start).TotalSeconds, states, minima.Sum(minimum => (double)minimum));
    }

    /// <summary>
    /// Indexes the rows with codec packed, on the processor, and searches it on both: every code, which is timed, and then as many as the
    /// index chooses.
    /// </summary>
    private static SearchComparison Search(GpuTestSet set, GpuBackend device, int threads, CancellationToken cancellationToken)
    {
        float[] drawn = GaussianBlobs.Draw(set.Rows + set.Queries, set.Dimension, set.Anchors, Seed);
        ReadOnlyMemory<float> queries = drawn.AsMemory(set.Rows * set.Dimension);
        using var folder = new TemporaryDirectory();
        using (var source = new InMemoryVectors(drawn.AsMemory(0, set.Rows * set.Dimension), set.Dimension))
        {
            var training = new AnchorTrainingOptions { AnchorCount = set.Anchors, Seed = Seed, Threads = threads };
            IndexBuilder.Build(
                source, folder.File("index"), new IndexOptions { Training = training, Resumable = false },
                cancellationToken: cancellationToken);
        }

        using VlcIndex index = VlcIndex.Open(folder.File("index"));
        using DeviceIndex onDevice = index.LoadOnto(device);
        int[] ids = new int[set.Queries * K], expected = new int[ids.Length];
        float[] scores = new float[ids.Length], expectedScores = new float[ids.Length];
        double deviceSeconds = 0, processorSeconds = 0, difference = 0;
        int equal = 0;
        foreach (int? probes in (int?[])[int.MaxValue, null])
        {
            var options = new SearchOptions { Probes = probes, Threads = threads };
            long start = Stopwatch.GetTimestamp();
            onDevice.SearchBatch(queries, K, ids, scores, options, cancellationToken);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            start = Stopwatch.GetTimestamp();
            index.SearchBatch(queries, K, expected, expectedScores, options, cancellationToken);
            if (probes is not null) (deviceSeconds, processorSeconds) = (seconds, Stopwatch.GetElapsedTime(start).TotalSeconds);
            for (int place = 0; place < ids.Length; place++)
            {
                if (ids[place] == expected[place]
                    && BitConverter.SingleToInt32Bits(scores[place]) == BitConverter.SingleToInt32Bits(expectedScores[place]))
                {
                    equal++;
                }
                else difference = Math.Max(difference, Relative(scores[place], expectedScores[place]));
            }
        }

        return new SearchComparison(processorSeconds, deviceSeconds, equal / (2.0 * ids.Length), difference);

        // A place that only one of them fills has no score on the other.
        static double Relative(float score, float expected) => float.IsNaN(score) || float.IsNaN(expected)
            ? double.PositiveInfinity
            : Math.Abs((double)score - expected) / Math.Max(Math.Abs(expected), double.Epsilon);
    }

    /// <summary>The share of rows with the processor's anchor, and how much farther, at most, another anchor is.</summary>
    private static (double Equal, double Excess) Compare(GpuTestSet set, Training training, int[] expected, int[] assigned)
    {
        int equal = 0;
        double excess = 0;
        for (int row = 0; row < set.Rows; row++)
        {
            if (assigned[row] == expected[row])
            {
                equal++;
                continue;
            }

            double best = Squared(expected[row]), other = Squared(assigned[row]);
            excess = Math.Max(excess, (other - best) / Math.Max(best, double.Epsilon));

            double Squared(int anchor)
            {
                float distance = TensorPrimitives.Distance(
                    training.Rows.AsSpan(row * set.Dimension, set.Dimension),
                    training.Anchors.AsSpan(anchor * set.Dimension, set.Dimension));
                return (double)distance * distance;
            }
        }

        return ((double)equal / set.Rows, excess);
    }

    private static void Print(IAnsiConsole console, TestGpuResult result)
    {
        FactTable.Write(
            console, [("device", result.Device), ("against", result.Processor), ("compiling kernels", $"{result.CompileSeconds:F2} s")]);
        Table table = FactTable.Create("set", "step", ">cpu s", ">device s", ">speed-up", "difference");
        foreach (GpuComparison one in result.Comparisons)
        {
            var set = new GpuTestSet(one.N, one.D, one.M);
            table.Row(
                $"{set}", "training", $"{one.CpuTrainingSeconds:F3}", $"{one.DeviceTrainingSeconds:F3}", $"{one.TrainingSpeedUp:F2}",
                $"energy {one.EnergyDifference:G3}");
            table.Row(
                "", "assign", $"{one.CpuAssignSeconds:F4}", $"{one.DeviceAssignSeconds:F4}", $"{one.AssignSpeedUp:F2}",
                $"{one.EqualAssignments:P2} equal, farther by {one.ExcessDistance:G3}");
            table.Row(
                "", "encode", $"{one.CpuEncodeSeconds:F4}", $"{one.DeviceEncodeSeconds:F4}", $"{one.EncodeSpeedUp:F2}",
                $"error {one.CodeErrorDifference:G3}");
            table.Row(
                "", "search", $"{one.CpuSearchSeconds:F4}", $"{one.DeviceSearchSeconds:F4}", $"{one.SearchSpeedUp:F2}",
                $"{one.EqualResults:P2} equal, scores {one.ScoreDifference:G3}");
            table.Row("", "bits", "", "", "", one.Identical ? "identical" : "differ");
        }

        console.Write(table);
        console.WriteLine(result.Passed ? "PASS" : "FAIL");
    }

    private sealed record Training(float[] Rows, float[] Anchors, TrainingReport Report, double Seconds);

    /// <param name="ProcessorSeconds">The batch that scans every code.</param>
    /// <param name="DeviceSeconds">The same on the device.</param>
    /// <param name="Equal">Share of places with the same row and the same bits of the score.</param>
    /// <param name="ScoreDifference">Of the other places, at most and relative.</param>
    private sealed record SearchComparison(double ProcessorSeconds, double DeviceSeconds, double Equal, double ScoreDifference);

    private sealed record GpuTestSet(int Rows, int Dimension, int Anchors, int Queries = 256)
    {
        public override string ToString() => $"{Rows:N0} x {Dimension} with {Anchors} anchors";
    }
}

/// <summary>What <c>vlc test-gpu</c> reports.</summary>
internal sealed record TestGpuResult(
    bool Passed, string Device, string Processor, double CompileSeconds, GpuComparison[] Comparisons, QualityGate[] Gates);

/// <summary>A set on both.</summary>
/// <param name="N">Rows.</param>
/// <param name="D">Components.</param>
/// <param name="M">Anchors.</param>
/// <param name="CpuTrainingSeconds">Training on the processor.</param>
/// <param name="DeviceTrainingSeconds">Training on the device, copies included.</param>
/// <param name="TrainingSpeedUp">The one over the other.</param>
/// <param name="CpuAssignSeconds">One pass over all rows.</param>
/// <param name="DeviceAssignSeconds">The same with rows and anchors on the device.</param>
/// <param name="AssignSpeedUp">The one over the other.</param>
/// <param name="CpuEncodeSeconds">Searching the codes of all rows.</param>
/// <param name="DeviceEncodeSeconds">The same on the device, copies included.</param>
/// <param name="EncodeSpeedUp">The one over the other.</param>
/// <param name="CpuSearchSeconds">256 queries, every code of an index of codec packed, k = 10.</param>
/// <param name="DeviceSearchSeconds">The same on the device, which holds the codes.</param>
/// <param name="SearchSpeedUp">The one over the other.</param>
/// <param name="EnergyDifference">Relative to the processor's energy after training.</param>
/// <param name="EqualAssignments">Share of rows with the processor's anchor, given the same anchors.</param>
/// <param name="ExcessDistance">How much farther, at most and relative, the anchor of another row is.</param>
/// <param name="CodeErrorDifference">Relative to the squared error of the processor's codes.</param>
/// <param name="EqualResults">
/// Share of the queries' nearest, of every code and with automatic probes, that are the same row with the same bits of the score.
/// </param>
/// <param name="ScoreDifference">Of the others, at most and relative.</param>
/// <param name="Identical">Whether trained anchors, assignments, codes and results have the same bits.</param>
internal sealed record GpuComparison(
    int N, int D, int M, double CpuTrainingSeconds, double DeviceTrainingSeconds, double TrainingSpeedUp, double CpuAssignSeconds,
    double DeviceAssignSeconds,
    double AssignSpeedUp, double CpuEncodeSeconds, double DeviceEncodeSeconds, double EncodeSpeedUp, double CpuSearchSeconds,
    double DeviceSearchSeconds,
    double SearchSpeedUp, double EnergyDifference, double EqualAssignments, double ExcessDistance, double CodeErrorDifference,
    double EqualResults, double ScoreDifference,
    bool Identical);
