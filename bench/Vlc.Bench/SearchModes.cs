using System.Diagnostics;
using System.Globalization;
using System.Numerics.Tensors;
using Vlc.Indexing;
using Vlc.Numerics.Kernels;
using Vlc.Scanning;
using Vlc.Search;

namespace Vlc.Bench;

/// <summary>
/// Single queries in every search mode: by the index's plan, all codes, and both among the rows of a filter. Each is compared with a
/// float32 scan of the same rows in the same run.
/// </summary>
internal static class SearchModes
{
    private const int Neighbors = 10, MostQueries = 1000;
    private static readonly TimeSpan LeastTime = TimeSpan.FromSeconds(1);

    /// <param name="sets">Names of sets; none takes all.</param>
    public static int Run(string[] sets)
    {
        Console.WriteLine("| set | rows allowed | scan | recall@10 | QPS | p50, ms | p99, ms | exact, QPS | QPS / exact |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
        string folder = Directory.CreateTempSubdirectory("vlc-search-").FullName;
        try
        {
            foreach (RealSet set in RealSet.Chosen(sets))
            {
                string path = Path.Combine(folder, "index");
                VlcProcess.Run("index", "--emb", set.BasePath, "--metric", set.Metric == Metric.Cosine ? "cosine" : "l2", "--out", path);
                using VlcIndex index = VlcIndex.Open(path);
                Measure(set, index);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static void Measure(RealSet set, VlcIndex index)
    {
        int d = index.Dimension;
        float[] rows = RealSet.ReadAll(set.BasePath), queries = RealSet.ReadAll(set.QueryPath);
        if (set.Metric == Metric.Cosine)
        {
            for (int row = 0; row < rows.Length; row += d)
            {
                TensorPrimitives.Divide(rows.AsSpan(row, d), TensorPrimitives.Norm<float>(rows.AsSpan(row, d)), rows.AsSpan(row, d));
            }
        }

        int queryCount = Math.Min(MostQueries, queries.Length / d);
        foreach (int percent in (int[])[100, 50, 10, 1])
        {
            // Every 100th, 10th or second row: a filter that is independent of the vectors.
            int[] allowed = [.. Enumerable.Range(0, index.Count / (100 / percent)).Select(i => i * (100 / percent))];
            RowFilter? filter = percent == 100 ? null : RowFilter.Allow(index.Count, allowed);
            var truth = new int[queryCount * Neighbors];
            var nearest = new TopK(Neighbors);
            Latencies exact = Time(queryCount, query =>
            {
                Exact(set.Metric, rows, d, allowed, queries.AsSpan(query * d, d), nearest);
                nearest.CopyTo(truth.AsSpan(query * Neighbors, Neighbors));
            });
            foreach ((string scan, SearchOptions options) in ((string, SearchOptions)[])
                [
                    ("plan", new SearchOptions { Filter = filter }),
                    ("all codes", new SearchOptions { Filter = filter, Probes = int.MaxValue }),
                ])
            {
                int[] found = new int[truth.Length];
                float[] scores = new float[Neighbors];
                Latencies own = Time(queryCount, query =>
                {
                    Span<int> ids = found.AsSpan(query * Neighbors, Neighbors);
                    ids[index.Search(queries.AsSpan(query * d, d), ids, scores, options)..].Fill(-1);
                });
                int hits = Enumerable.Range(0, queryCount).Sum(
                    query => Of(found, query).Intersect(Of(truth, query)).Count());
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {set.Name} | {percent} % | {scan} | {(double)hits / truth.Length:F4} | {own.Qps:F0} | {own.P50:F2} | {own.P99:F2} "
                    + $"| {exact.Qps:F0} | {own.Qps / exact.Qps:F1} |"));
            }
        }
    }

    private static void Exact(Metric metric, float[] rows, int d, int[] allowed, ReadOnlySpan<float> query, TopK nearest)
    {
        nearest.Clear();
        foreach (int row in allowed)
        {
            ReadOnlySpan<float> vector = rows.AsSpan(row * d, d);
            float distance = metric == Metric.L2 ? Distances.SquaredEuclidean(query, vector) : -Distances.Dot(query, vector);
            if (distance <= nearest.Bound) nearest.Push(distance, row);
        }
    }

    private static ArraySegment<int> Of(int[] ids, int query) => new(ids, query * Neighbors, Neighbors);

    /// <summary>Runs every query once, unmeasured where that is quick, then once or more for at least a second.</summary>
    private static Latencies Time(int queryCount, Action<int> search)
    {
        long start = Stopwatch.GetTimestamp();
        for (int query = 0; query < queryCount && Stopwatch.GetElapsedTime(start) < LeastTime / 2; query++) search(query);
        List<double> milliseconds = [];
        start = Stopwatch.GetTimestamp();
        for (int query = 0; query < queryCount || Stopwatch.GetElapsedTime(start) < LeastTime; query++)
        {
            long before = Stopwatch.GetTimestamp();
            search(query % queryCount);
            milliseconds.Add(Stopwatch.GetElapsedTime(before).TotalMilliseconds);
        }

        milliseconds.Sort();
        return new Latencies(
            1000 / milliseconds.Average(), milliseconds[milliseconds.Count / 2], milliseconds[(int)(milliseconds.Count * .99)]);
    }

    private sealed record Latencies(double Qps, double P50, double P99);
}
