using System.CommandLine;
using System.CommandLine.Invocation;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Vlc.Anchors;
using Vlc.Compute;
using Vlc.Formats;
using Vlc.Gpu;
using Vlc.Gpu.Devices;
using Vlc.Indexing;
using Vlc.Numerics.Randomness;
using Vlc.Numerics.Threading;
using Vlc.Search;
using Vlc.Vectors;

namespace Vlc.Bench.Gpu;

/// <summary>
/// Measures a device and compares it with the processor of the same machine: assignment, a whole index, a scan of all codes.
/// </summary>
internal static class GpuBenchmark
{
    private const int Success = 0, Usage = 2, Interrupted = 130;
    private const int RowsPerBlock = 4096;

    private static readonly Option<string?> s_device = new("--device")
    {
        Description = "What to measure, INDEX as vlc devices has it; the first GPU unless given.", HelpName = "cuda|opencl|INDEX",
    };

    private static readonly Option<bool> s_asJson = new("--json") { Description = "Print one JSON document." };
    private static readonly Option<int> s_rows = Size("--rows", 1_000_000, "Rows to assign.");
    private static readonly Option<int> s_dimension = Size("--dim", 768, "Their components.");
    private static readonly Option<int> s_anchors = Size("--anchors", 4096, "Anchors to assign them to.");
    private static readonly Option<int> s_indexRows = Size("--index-rows", 200_000, "Rows of the index that is built.");
    private static readonly Option<int> s_indexDimension = Size("--index-dim", 128, "Their components.");
    private static readonly Option<int> s_queries = Size("--queries", 1000, "Queries that scan it.");
    private static readonly Option<int> s_k = Size("-k", 10, "Neighbours of each.");
    private static readonly Option<int> s_repeats = Size("--repeats", 3, "Measurements, of which the median is given.");
    private static readonly Option<int> s_threads = Size("--threads", Environment.ProcessorCount, "Threads of the processor.");

    private static readonly JsonSerializerOptions s_json =
        new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true };

    /// <summary>Runs a command line; Ctrl-C ends it with 130.</summary>
    public static async Task<int> InvokeAsync(
        string[] arguments, TextWriter output, TextWriter error, CancellationToken cancellationToken = default)
    {
        var root = new RootCommand(
            "Measures a device and compares it with the processor of the same machine: assignment, a whole index, a scan of all codes.")
        {
            s_device, s_asJson, s_rows, s_dimension, s_anchors, s_indexRows, s_indexDimension, s_queries, s_k, s_repeats, s_threads,
        };
        // It runs on another thread, because System.CommandLine listens for Ctrl-C only once the action has returned its task.
        root.SetAction((parsed, cancelled) => Task.Run(() => Run(parsed, output, error, cancelled), CancellationToken.None));
        ParseResult parsed = root.Parse(arguments);
        if (parsed.Action is ParseErrorAction)
        {
            foreach (string message in parsed.Errors.Select(one => one.Message).Distinct()) error.WriteLine(message);
            return Usage;
        }

        return await parsed.InvokeAsync(
            new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false }, cancellationToken);
    }

    private static int Run(ParseResult parsed, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        try
        {
            if ((long)parsed.GetValue(s_rows) * parsed.GetValue(s_dimension) > Array.MaxLength)
            {
                throw new ArgumentException($"--rows x --dim must be at most {Array.MaxLength}.");
            }

            using GpuDevices devices = GpuDevices.Open();
            GpuDevice device = Choose(devices, parsed.GetValue(s_device));
            using GpuBackend backend = devices.CreateBackend(device);
            using var processor = new CpuBackend(parsed.GetValue(s_threads));
            error.WriteLine($"{backend.Name} against {processor.Name}");
            var result = new GpuBenchmarkResult(
                backend.Name, processor.Name, Assign(backend, device, processor, parsed, error, cancellationToken),
                Index(backend, parsed, error, cancellationToken));
            if (parsed.GetValue(s_asJson)) output.WriteLine(JsonSerializer.Serialize(result, s_json));
            else Print(output, result);
            return Success;
        }
        catch (ArgumentException exception)
        {
            error.WriteLine(exception.Message);
            return Usage;
        }
        catch (OperationCanceledException)
        {
            error.WriteLine("Interrupted.");
            return Interrupted;
        }
    }

    private static Option<int> Size(string name, int value, string meaning)
    {
        var option = new Option<int>(name) { Description = meaning, HelpName = "N", DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (!result.Errors.Any() && result.GetValueOrDefault<int>() < 1) result.AddError($"{name} must be a whole number from 1 on.");
        });
        return option;
    }

    /// <summary>Passes over rows that are on the device already; the last is compared with the processor's.</summary>
    private static AssignResult Assign(
        GpuBackend backend, GpuDevice device, CpuBackend processor, ParseResult parsed, TextWriter error,
        CancellationToken cancellationToken)
    {
        int n = parsed.GetValue(s_rows), d = parsed.GetValue(s_dimension), m = parsed.GetValue(s_anchors);
        error.WriteLine($"assign {n:N0} x {d} to {m:N0} anchors");
        float[] rows = Gaussian(n, d, stream: 1, parsed.GetValue(s_threads), cancellationToken);
        float[] anchors = Gaussian(m, d, stream: 2, parsed.GetValue(s_threads), cancellationToken);
        int[] nearest = new int[n], expected = new int[n];
        float[] scores = new float[n], expectedScores = new float[n];
        long start = Stopwatch.GetTimestamp();
        using IResidentRows resident = backend.LoadRows(rows, d);
        double copySeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        using IResidentAnchors residentAnchors = backend.LoadAnchors(anchors, d);
        double seconds = Median(parsed.GetValue(s_repeats), () => resident.Assign(residentAnchors, nearest, scores, cancellationToken));
        using IResidentRows onProcessor = processor.LoadRows(rows, d);
        using IResidentAnchors anchorsOnProcessor = processor.LoadAnchors(anchors, d);
        start = Stopwatch.GetTimestamp();
        onProcessor.Assign(anchorsOnProcessor, expected, expectedScores, cancellationToken);
        double processorSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        double tera = 2.0 * n * m * d / 1e12;
        Float32Peak peak = Float32Peak.Of(device);
        return new AssignResult(
            n, d, m, copySeconds, seconds, tera / seconds, peak.TeraFlops, tera / seconds / peak.TeraFlops, peak.Derivation,
            processorSeconds, tera / processorSeconds,
            nearest.AsSpan().SequenceEqual(expected) && scores.AsSpan().SequenceEqual(expectedScores));
    }

    /// <summary>Builds the same index on both, then scans it on both.</summary>
    private static IndexResult Index(GpuBackend backend, ParseResult parsed, TextWriter error, CancellationToken cancellationToken)
    {
        int n = parsed.GetValue(s_indexRows), d = parsed.GetValue(s_indexDimension), q = parsed.GetValue(s_queries);
        int k = parsed.GetValue(s_k);
        string folder = Directory.CreateTempSubdirectory("vlc-bench-gpu-").FullName;
        try
        {
            error.WriteLine($"index {n:N0} x {d} on the processor, then on the device");
            string rows = Path.Combine(folder, "rows.fbin"), queryFile = Path.Combine(folder, "queries.fbin");
            var vectors = new EmbeddingLikeVectors(n, d, seed: 1);
            vectors.Write(rows, n, queries: false);
            vectors.Write(queryFile, q, queries: true);
            string onProcessor = Path.Combine(folder, "processor"), onDevice = Path.Combine(folder, "device");
            double processorSeconds = Build(rows, onProcessor, backend: null), deviceSeconds = Build(rows, onDevice, backend);
            bool same = IndexFilesAreEqual(folder, "processor", "device");
            using VlcIndex index = VlcIndex.Open(onDevice);
            if (k > n) throw new ArgumentException($"-k {k} is more than the {n} rows of the index.");
            using VectorSource source = VectorFiles.Open(queryFile);
            float[] queries = new float[q * d];
            source.Read(0, q, queries, cancellationToken);
            error.WriteLine($"scan with {q:N0} queries");
            return new IndexResult(
                n, d, processorSeconds, deviceSeconds, same, Scan(backend, index, queries, k, parsed, cancellationToken));

            double Build(string from, string to, IComputeBackend? backend)
            {
                using VectorSource emb = VectorFiles.Open(from);
                long start = Stopwatch.GetTimestamp();
                var training = new AnchorTrainingOptions { Threads = parsed.GetValue(s_threads), Backend = backend };
                var options = new IndexOptions { Resumable = false, Training = training };
                IndexBuilder.Build(emb, to, options, cancellationToken: cancellationToken);
                return Stopwatch.GetElapsedTime(start).TotalSeconds;
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static ScanResult Scan(
        GpuBackend backend, VlcIndex index, float[] queries, int k, ParseResult parsed, CancellationToken cancellationToken)
    {
        int q = queries.Length / index.Dimension, threads = parsed.GetValue(s_threads);
        int[] ids = new int[q * k], expected = new int[q * k];
        float[] scores = new float[q * k], expectedScores = new float[q * k];
        var everything = new SearchOptions { Probes = int.MaxValue, Threads = threads };
        var chosen = new SearchOptions { Threads = threads };
        long start = Stopwatch.GetTimestamp();
        using DeviceIndex resident = index.LoadOnto(backend);
        double copySeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        bool same = true;
        double device = OnBoth(everything, out double processor), deviceChosen = OnBoth(chosen, out double processorChosen);
        return new ScanResult(
            q, k, resident.CodeBytes, resident.IsStreamed, copySeconds, q / device, resident.CodeBytes * (double)q / device / 1e9,
            q / processor, resident.CodeBytes * (double)q / processor / 1e9,
            q / deviceChosen, q / processorChosen, same);

        double OnBoth(SearchOptions how, out double processorSeconds)
        {
            double seconds = Median(
                parsed.GetValue(s_repeats), () => resident.SearchBatch(queries, k, ids, scores, how, cancellationToken));
            processorSeconds = Median(
                parsed.GetValue(s_repeats), () => index.SearchBatch(queries, k, expected, expectedScores, how, cancellationToken));
            same &= ids.AsSpan().SequenceEqual(expected) && scores.AsSpan().SequenceEqual(expectedScores);
            return seconds;
        }
    }

    /// <summary>The median of some runs. One run before them is not counted, since it compiles kernels and touches memory.</summary>
    private static double Median(int repeats, Action action)
    {
        action();
        var seconds = new double[repeats];
        for (int i = 0; i < repeats; i++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        Array.Sort(seconds);
        return seconds[repeats / 2];
    }

    private static bool IndexFilesAreEqual(string folder, string one, string other)
    {
        string[] files = Directory.GetFiles(folder, one + ".*");
        return files.Length > 0 && files.All(file => File.ReadAllBytes(file).AsSpan().SequenceEqual(File.ReadAllBytes(Counterpart(file))));

        string Counterpart(string file) => Path.Combine(folder, other + Path.GetFileName(file)[one.Length..]);
    }

    private static float[] Gaussian(int count, int dimension, ulong stream, int threads, CancellationToken cancellationToken)
    {
        var rows = new float[(long)count * dimension];
        BlockScheduler.Run(
            BlockScheduler.BlockCount(count, RowsPerBlock), threads,
            (block, _) =>
            {
                var random = new SeededRandom(stream, (ulong)block);
                int first = block * RowsPerBlock;
                foreach (ref float value in rows.AsSpan(first * dimension, Math.Min(RowsPerBlock, count - first) * dimension))
                {
                    value = random.NextGaussian();
                }
            },
            cancellationToken);
        return rows;
    }

    private static GpuDevice Choose(GpuDevices devices, string? word)
    {
        if (word is null)
        {
            return devices.FirstGpu() ?? throw new ArgumentException(
                $"There is no GPU: cuda: {devices.WhyNone(GpuKind.Cuda)}; opencl: "
                + $"{(devices.First(GpuKind.OpenCL) is null ? devices.WhyNone(GpuKind.OpenCL) : "runs on the processor alone")}. An "
                + $"OpenCL runtime on the processor is taken when named: --device opencl.");
        }

        if (word is "cuda" or "opencl")
        {
            GpuKind kind = word == "cuda" ? GpuKind.Cuda : GpuKind.OpenCL;
            return devices.First(kind) ?? throw new ArgumentException(
                $"--device {word}: there is no such device: {devices.WhyNone(kind)}.");
        }

        if (int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < devices.All.Count)
        {
            return devices.All[index];
        }

        throw new ArgumentException(
            $"--device must be cuda, opencl or a number below {devices.All.Count}, as vlc devices counts them, not '{word}'.");
    }

    private static void Print(TextWriter output, GpuBenchmarkResult result)
    {
        AssignResult assign = result.Assign;
        IndexResult index = result.Index;
        ScanResult scan = index.Scan;
        string share = assign.ShareOfPeak is { } part
            ? Invariant($"{part:P1} of {assign.PeakTeraFlops:F1} TFLOP/s ({assign.PeakDerivation})")
            : assign.PeakDerivation;
        (string, string)[] lines =
        [
            ("device", result.Device),
            ("processor", result.Processor),
            ("assign", Invariant($"{assign.Rows} x {assign.Dimension} to {assign.Anchors} anchors: {assign.Seconds:F4} s, ")
                + Invariant($"{assign.TeraFlops:F3} TFLOP/s; copied in {assign.CopySeconds:F2} s")),
            ("share of peak", share),
            ("processor", Invariant($"{assign.ProcessorSeconds:F4} s, {assign.ProcessorTeraFlops:F3} TFLOP/s; ")
                + Invariant($"bits {Bits(assign.Identical)}")),
            ("whole index", Invariant($"{index.Rows} x {index.Dimension}: {index.DeviceSeconds:F2} s; processor ")
                + Invariant($"{index.ProcessorSeconds:F2} s; bytes {Bits(index.Identical)}")),
            ("scan of all", Invariant($"{scan.Queries} queries, k = {scan.K}: {scan.QueriesPerSecond:F1} a second, ")
                + Invariant($"{scan.CodeGigabytesPerSecond:F3} GB/s of code")),
            ("processor", Invariant($"{scan.ProcessorQueriesPerSecond:F1} a second, ")
                + Invariant($"{scan.ProcessorCodeGigabytesPerSecond:F3} GB/s of code")),
            ("scan, automatic", Invariant($"{scan.AutomaticQueriesPerSecond:F1} a second; ")
                + Invariant($"processor {scan.ProcessorAutomaticQueriesPerSecond:F1}")),
            ("codes", Invariant($"{scan.CodeBytes} bytes{(scan.IsStreamed ? ", copied for every batch" : "")}, copied in ")
                + Invariant($"{scan.CopySeconds:F3} s; results {Bits(scan.Identical)}")),
        ];
        foreach ((string name, string value) in lines) output.WriteLine($"{name,-16}{value}");
    }

    private static string Bits(bool identical) => identical ? "identical" : "differ";

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The printed document.</summary>
internal sealed record GpuBenchmarkResult(string Device, string Processor, AssignResult Assign, IndexResult Index);

/// <summary>Assignment of rows that are on the device; the copy is timed separately.</summary>
internal sealed record AssignResult(
    int Rows, int Dimension, int Anchors, double CopySeconds, double Seconds, double TeraFlops, double? PeakTeraFlops, double? ShareOfPeak,
    string PeakDerivation,
    double ProcessorSeconds, double ProcessorTeraFlops, bool Identical);

/// <summary>An index of default options, file to file.</summary>
internal sealed record IndexResult(int Rows, int Dimension, double ProcessorSeconds, double DeviceSeconds, bool Identical, ScanResult Scan);

/// <summary>Batches of queries, with their preparation on the processor. Gigabytes are those of the codes, once a query.</summary>
internal sealed record ScanResult(
    int Queries, int K, long CodeBytes, bool IsStreamed, double CopySeconds, double QueriesPerSecond, double CodeGigabytesPerSecond,
    double ProcessorQueriesPerSecond,
    double ProcessorCodeGigabytesPerSecond, double AutomaticQueriesPerSecond, double ProcessorAutomaticQueriesPerSecond, bool Identical);
