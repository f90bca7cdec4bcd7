using System.Diagnostics;
using System.Globalization;
using Vlc.Anchors;
using Vlc.Evaluation;
using Vlc.Formats;
using Vlc.Indexing;
using Vlc.Codecs;
using Vlc.Search;
using Vlc.Vectors;

namespace Vlc.Bench;

/// <summary>
/// Annealing and maintenance against plain Lloyd, with the same rows, the same seeds and no more processor time. Processor time is used
/// because wall time on a shared machine depends on other programs.
/// </summary>
internal static class TrainingComparison
{
    /// <summary>Iterations of the baseline of <see cref="RunDefaults"/>, each of which reads every row of the base.</summary>
    private const int FullIterations = 25;

    private const int Iterations = 12, K = 10;
    private const double ScannedShare = 0.05;

    private static readonly (string Name, CoolingSchedule Cooling, int Maintenance)[] s_variants =
    [
        ("Lloyd", CoolingSchedule.None, 0),
        ("Lloyd + 6 rounds of merge/split", CoolingSchedule.None, 6),
        ("SR-C, exponential .6, T0 = .1", new CoolingSchedule(CoolingShape.Exponential, 0.1, 0.6), 0),
        ("SR-C, exponential .6, T0 = 1", new CoolingSchedule(CoolingShape.Exponential, 1, 0.6), 0),
        ("SR-C, inverse, T0 = .3", new CoolingSchedule(CoolingShape.Inverse, 0.3, 1), 0),
    ];

    public static int Run(string[] sets)
    {
        Console.WriteLine("| set | training | iterations | CPU s | distortion | against Lloyd | recall@10 at 5 % of the rows |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        string folder = Directory.CreateTempSubdirectory("vlc-training-").FullName;
        try
        {
            foreach (RealSet set in RealSet.Chosen(sets)) Compare(set, Path.Combine(folder, set.Name));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    /// <summary>
    /// The default training on its sample, against 25 full iterations of Lloyd on every row from the same kind of start. It reports
    /// distortion over the whole base and processor time, for the numbers of anchors that the scalar codecs and the packed codec choose.
    /// </summary>
    public static int RunDefaults(string[] sets)
    {
        Console.WriteLine("| set | anchors | Lloyd, 25 full iterations: distortion, CPU s | default: distortion, CPU s, rows | distortion "
            + "ratio | time ratio |");
        Console.WriteLine("|---|---|---|---|---|---|");
        string folder = Directory.CreateTempSubdirectory("vlc-training-").FullName;
        try
        {
            foreach (RealSet set in RealSet.Chosen(sets))
            {
                using VectorSource source = VectorFiles.Open(set.BasePath);
                int n = (int)source.Count, packed = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Sqrt(n));
                while ((long)packed * source.Dimension > 2L * n) packed /= 2;
                int packedSample = Math.Min(n, Math.Max(256 * packed, 160 * source.Dimension));
                foreach ((int anchors, int? sample) in ((int, int?)[])[(AnchorTrainer.DefaultAnchorCount(n), null), (packed, packedSample)])
                {
                    string index = Path.Combine(folder, set.Name);
                    Trial full = Train(source, set.Metric, n, index, new AnchorTrainingOptions
                    {
                        AnchorCount = anchors, PartsFirst = false, MaintenanceRounds = 0, MaxIterations = FullIterations, Tolerance = 0,
                    });
                    Trial trial = Train(source, set.Metric, sample, index, new AnchorTrainingOptions { AnchorCount = anchors });
                    Console.WriteLine(string.Create(
                        CultureInfo.InvariantCulture,
                        $"| {set.Name} | {anchors} | {full.Distortion:G5}, {full.Seconds:F1} | {trial.Distortion:G5}, {trial.Seconds:F1}, "
                        + $"{trial.Rows} of {n} | {trial.Distortion / full.Distortion:F4} | {trial.Seconds / full.Seconds:F3} |"));
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static void Compare(RealSet set, string index)
    {
        using VectorSource source = VectorFiles.Open(set.BasePath);
        float[] queries = RealSet.ReadAll(set.QueryPath);
        int[] exact = ExactNeighbors.Find(source, queries, K, set.Metric);
        Trial? lloyd = null;
        foreach ((string name, CoolingSchedule cooling, int maintenance) in s_variants)
        {
            Trial trial = Train(source, set.Metric, cooling, maintenance, Iterations, index);
            lloyd ??= trial;
            // A method with a longer iteration gets fewer of them.
            if (trial.Seconds > 1.05 * lloyd.Seconds)
            {
                trial = Train(
                    source, set.Metric, cooling, maintenance, Math.Max(1, (int)(Iterations * lloyd.Seconds / trial.Seconds)), index);
            }

            Recall recall = Measure(index, queries, exact);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {set.Name} | {name} | {trial.Iterations} | {trial.Seconds:F1} | {trial.Distortion:G5} | "
                + $"{(trial.Distortion / lloyd.Distortion) - 1:+0.00 %;-0.00 %} | {recall.Value:F4} ± {recall.StandardError:F4} |"));
        }
    }

    private static Trial Train(
        VectorSource source, Metric metric, CoolingSchedule cooling, int maintenance, int iterations, string index) =>
        Train(source, metric, sample: null, index, new AnchorTrainingOptions
        {
            PartsFirst = false, Cooling = cooling, MaintenanceRounds = maintenance, MaxIterations = iterations, Tolerance = 0,
        });

    private static Trial Train(VectorSource source, Metric metric, int? sample, string index, AnchorTrainingOptions training)
    {
        var clock = new TrainingClock();
        var options =
            new IndexOptions { Metric = metric, Codec = CodecKind.Int8, TuningRows = 0, TrainingRows = sample, Training = training };
        IndexReport report = IndexBuilder.Build(source, index, options, clock);
        return new Trial(report.Training.Iterations.Count, report.Training.TrainingRows, clock.Seconds, report.Distortion);
    }

    private static Recall Measure(string index, float[] queries, int[] exact)
    {
        using VlcIndex opened = VlcIndex.Open(index);
        var ids = new int[exact.Length];
        opened.SearchBatch(queries, K, ids, new float[ids.Length], new SearchOptions { ScannedRows = (int)(ScannedShare * opened.Count) });
        return Recall.Compute(ids, exact, K, K);
    }

    private sealed record Trial(int Iterations, int Rows, double Seconds, double Distortion);

    /// <summary>Processor time from the start to the end of training.</summary>
    private sealed class TrainingClock : IProgress<IndexProgress>
    {
        private TimeSpan _start;

        public double Seconds { get; private set; }

        public void Report(IndexProgress value)
        {
            if (value.Phase != IndexPhase.Train) return;
            TimeSpan now = Process.GetCurrentProcess().TotalProcessorTime;
            if (value.Share == 0) _start = now;
            Seconds = (now - _start).TotalSeconds;
        }
    }
}
