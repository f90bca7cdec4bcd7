using System.Diagnostics;
using System.Globalization;
using Vlc.Formats;
using Vlc.Indexing;
using Vlc.Search;
using Vlc.Vectors;

namespace Vlc.Bench.Opening;

/// <summary>
/// Measures the cost of opening an index and the memory of an open one: one index, one process, only the page cache warm.
/// </summary>
internal static class Program
{
    private const int Queries = 20;

    /// <param name="arguments">BASE and a file of at least 20 queries.</param>
    private static int Main(string[] arguments)
    {
        if (arguments is not [string basePath, string queryPath])
        {
            Console.Error.WriteLine("usage: Vlc.Bench.Opening BASE QUERIES");
            return 2;
        }

        float[] queries;
        using (VectorSource source = VectorFiles.Open(queryPath))
        {
            queries = new float[Queries * source.Dimension];
            source.Read(0, Queries, queries);
        }

        double start = SinceStart();
        Dictionary<string, long> before = Resident();
        long heapBefore = GC.GetTotalMemory(forceFullCollection: true), clock = Stopwatch.GetTimestamp();
        using VlcIndex index = VlcIndex.Open(basePath);
        double opened = Milliseconds(clock);
        int[] ids = new int[10];
        float[] scores = new float[10];
        clock = Stopwatch.GetTimestamp();
        index.Search(queries.AsSpan(0, index.Dimension), ids, scores);
        double first = Milliseconds(clock), processed = SinceStart();
        clock = Stopwatch.GetTimestamp();
        index.Search(queries.AsSpan(0, index.Dimension), ids, scores);
        double second = Milliseconds(clock);
        // Every code is touched, so that all pages that can be resident are.
        for (int i = 0; i < Queries; i++)
        {
            index.Search(queries.AsSpan(i * index.Dimension, index.Dimension), ids, scores, SearchOptions.Exhaustive);
        }

        long heap = GC.GetTotalMemory(forceFullCollection: true) - heapBefore;
        Dictionary<string, long> after = Resident();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{{\"index\":{index.TotalBytes},\"startMs\":{start:F0},\"openMs\":{opened:F1},\"firstSearchMs\":{first:F1},"
            + $"\"secondSearchMs\":{second:F2},\"processToFirstResultMs\":{processed:F0},"
            + $"\"heapBytes\":{heap},\"heapShare\":{(double)heap / index.TotalBytes:F3},"
            + $"\"residentAnonymous\":{after["RssAnon"] - before["RssAnon"]},"
            + $"\"residentFile\":{after["RssFile"] - before["RssFile"]},"
            + $"\"residentShare\":{(double)(after["VmRSS"] - before["VmRSS"]) / index.TotalBytes:F3}}}"));
        return 0;
    }

    private static double SinceStart() => (DateTime.Now - Process.GetCurrentProcess().StartTime).TotalMilliseconds;

    private static double Milliseconds(long since) => Stopwatch.GetElapsedTime(since).TotalMilliseconds;

    /// <summary>Resident bytes by kind, as Linux reports them; zeros elsewhere.</summary>
    private static Dictionary<string, long> Resident()
    {
        var bytes = new Dictionary<string, long> { ["VmRSS"] = 0, ["RssAnon"] = 0, ["RssFile"] = 0 };
        if (!File.Exists("/proc/self/status")) return bytes;
        foreach (string line in File.ReadLines("/proc/self/status"))
        {
            string[] words = line.Split([':', '\t', ' '], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 2 && bytes.ContainsKey(words[0]))
            {
                bytes[words[0]] = 1024 * long.Parse(words[1], CultureInfo.InvariantCulture);
            }
        }

        return bytes;
    }
}
