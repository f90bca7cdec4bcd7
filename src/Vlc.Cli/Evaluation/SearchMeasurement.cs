using System.Diagnostics;
using Vlc.Cli.Terminal;
using Vlc.Evaluation;
using Vlc.Indexing;
using Vlc.Scanning;
using Vlc.Search;

namespace Vlc.Cli.Evaluation;

/// <summary>Queries with their true neighbours.</summary>
/// <param name="Rows">Row-major, q x d.</param>
/// <param name="Dimension">d.</param>
/// <param name="Truth">q x <paramref name="TruthWidth"/> row numbers, nearest first.</param>
/// <param name="TruthWidth">At least k.</param>
internal sealed record JudgedQueries(float[] Rows, int Dimension, int[] Truth, int TruthWidth)
{
    public int Count => Rows.Length / Dimension;

    public ReadOnlySpan<float> this[int query] => Rows.AsSpan(query * Dimension, Dimension);
}

/// <summary>How well and how fast an index answers, by the rules that docs/evaluation.md gives.</summary>
internal sealed record SearchMeasurement
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(0.3);
    private static readonly TimeSpan LeastTime = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(10);

    /// <summary>Queries asked.</summary>
    public required int Queries { get; init; }

    /// <summary>Recall with <see cref="Probes"/>.</summary>
    public required Recall Recall { get; init; }

    /// <summary>Recall of a scan of every cell: what the codes know.</summary>
    public required Recall Exhaustive { get; init; }

    /// <summary>Cells scanned for a query, on average.</summary>
    public required double Probes { get; init; }

    /// <summary>Mean share of all rows that lie in those cells.</summary>
    public required double ScannedShare { get; init; }

    /// <summary>Latencies with one thread, one query at a time.</summary>
    public required Latencies Single { get; init; }

    /// <summary>Queries a second of a batch on <see cref="Threads"/> threads, or on a device.</summary>
    public required double BatchQps { get; init; }

    /// <summary>Threads of the batch.</summary>
    public required int Threads { get; init; }

    /// <summary>Queries a second of the exact scan on one thread; null where there was none.</summary>
    public required double? ExactQps { get; init; }

    /// <summary>How many times faster than the exact scan.</summary>
    public double? Speedup => Single.Qps / ExactQps;

    /// <summary>
    /// Measures everything; <paramref name="onDevice"/> searches the batches, unless it is null; <paramref name="exact"/> is the scan to
    /// compare with, or null.
    /// </summary>
    public static SearchMeasurement Take(
        VlcIndex index, DeviceIndex? onDevice, JudgedQueries queries, int k, SearchOptions options, ExactScan? exact,
        ProgressReport progress,
        CancellationToken cancellationToken)
    {
        int threads = options.Threads ?? Environment.ProcessorCount;
        int[] found = new int[queries.Count * k];
        float[] scores = new float[found.Length];

        progress("scan every cell", 0);
        var exhaustive = new SearchOptions { Probes = int.MaxValue, Threads = threads };
        SearchBatch(exhaustive);
        Recall exhaustiveRecall = Recall.Compute(found, queries.Truth, k, queries.TruthWidth);

        progress("search a batch", 0);
        SearchBatch(options);
        long start = Stopwatch.GetTimestamp();
        SearchBatch(options);
        double batchSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;

        progress("search one by one", 0);
        int[] ids = new int[k];
        Latencies single = Measure(queries, query => index.Search(queries[query], ids, scores.AsSpan(0, k), options), cancellationToken);

        double? exactQps = null;
        if (exact is not null)
        {
            progress("scan the originals", 0);
            var nearest = new TopK(k);
            exactQps = Measure(queries, query => exact.Search(queries[query], nearest), cancellationToken, LeastTime * 2).Qps;
        }

        (int Cells, int Rows)[] extents = [.. Enumerable.Range(0, queries.Count).Select(query => index.Extent(queries[query], k, options))];
        return new SearchMeasurement
        {
            Queries = queries.Count,
            Recall = Recall.Compute(found, queries.Truth, k, queries.TruthWidth),
            Exhaustive = exhaustiveRecall,
            Probes = extents.Average(extent => extent.Cells),
            ScannedShare = extents.Average(extent => (double)extent.Rows) / index.Count,
            Single = single,
            BatchQps = queries.Count / batchSeconds,
            Threads = threads,
            ExactQps = exactQps,
        };

        void SearchBatch(SearchOptions how)
        {
            if (onDevice is null) index.SearchBatch(queries.Rows, k, found, scores, how, cancellationToken);
            else onDevice.SearchBatch(queries.Rows, k, found, scores, how, cancellationToken);
        }
    }

    /// <summary>
    /// Times one query after the other on this thread: after a warm-up, every query at least once unless <paramref name="mostTime"/> runs
    /// out.
    /// </summary>
    private static Latencies Measure(
        JudgedQueries queries, Action<int> search, CancellationToken cancellationToken, TimeSpan? mostTime = null)
    {
        TimeSpan limit = mostTime ?? MostTime;
        long start = Stopwatch.GetTimestamp();
        for (int query = 0; Stopwatch.GetElapsedTime(start) < WarmUp; query = (query + 1) % queries.Count) search(query);

        List<double> milliseconds = [];
        start = Stopwatch.GetTimestamp();
        for (int query = 0; ; query++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            if (query > 0 && (elapsed >= limit || (query >= queries.Count && elapsed >= LeastTime))) break;
            long before = Stopwatch.GetTimestamp();
            search(query % queries.Count);
            milliseconds.Add(Stopwatch.GetElapsedTime(before).TotalMilliseconds);
        }

        return Latencies.Of(milliseconds);
    }
}

/// <summary>Latencies of single queries.</summary>
/// <param name="Qps">Queries a second: one over the mean.</param>
/// <param name="P50Ms">Median, in milliseconds.</param>
/// <param name="P99Ms">99th percentile, in milliseconds.</param>
internal sealed record Latencies(double Qps, double P50Ms, double P99Ms)
{
    /// <summary>Summarises measured milliseconds; percentiles by nearest rank.</summary>
    public static Latencies Of(List<double> milliseconds)
    {
        double[] ascending = [.. milliseconds.Order()];
        return new Latencies(1000 / ascending.Average(), Rank(0.5), Rank(0.99));

        double Rank(double share) => ascending[(int)Math.Ceiling(share * ascending.Length) - 1];
    }
}
