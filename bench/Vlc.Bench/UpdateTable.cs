using System.Diagnostics;
using System.Globalization;
using Vlc.Evaluation;
using Vlc.Formats;
using Vlc.Indexing;
using Vlc.Numerics.Randomness;
using Vlc.Search;
using Vlc.Vectors;

namespace Vlc.Bench;

/// <summary>
/// What changing an index costs, on generated vectors: adding a hundredth of the rows, deleting a fifth, compacting; and what ten segments
/// cost a search.
/// </summary>
internal static class UpdateTable
{
    private const int Queries = 1000, K = 10, Parts = 10, Rounds = 5;

    /// <param name="arguments">[--rows N] [--dim D] [--folder PATH]; the folder needs room for the vectors and two indexes.</param>
    public static int Run(string[] arguments)
    {
        var named = new Dictionary<string, string>();
        for (int i = 0; i + 1 < arguments.Length; i += 2) named[arguments[i]] = arguments[i + 1];
        int rows = int.Parse(named.GetValueOrDefault("--rows", "1000000"), CultureInfo.InvariantCulture);
        int dimension = int.Parse(named.GetValueOrDefault("--dim", "128"), CultureInfo.InvariantCulture);
        string folder = Directory.CreateDirectory(
            Path.Combine(named.GetValueOrDefault("--folder", Path.GetTempPath()), $"vlc-updates-{Environment.ProcessId}")).FullName;
        try
        {
            Measure(folder, rows, dimension);
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Measure(string folder, int rows, int dimension)
    {
        string all = Path.Combine(folder, "base.fbin"), more = Path.Combine(folder, "more.fbin"), index = Path.Combine(folder, "index");
        var made = new EmbeddingLikeVectors(rows, dimension, seed: 1);
        made.Write(all, rows, queries: false);
        made.Write(more, Math.Max(rows / 100, Queries), queries: true);
        using VectorSource source = VectorFiles.Open(all), added = VectorFiles.Open(more);
        Console.WriteLine($"{rows} x {dimension}, l2, packed; {added.Count} rows added");
        Console.WriteLine("| step | seconds | all files, bytes | recall@10 on the yardstick |");
        Console.WriteLine("|---|---|---|---|");
        Step("index", index, () => IndexBuilder.Build(source, index, new IndexOptions()));
        Step("add 1 %", index, () => IndexUpdater.Add(index, added));
        int[] gone = [.. new SeededRandom(3).NextSubset(rows, rows / 5).Select(row => (int)row)];
        Step("remove 20 %", index, () => IndexUpdater.Remove(index, gone));
        Step("compact", index, () => IndexUpdater.Compact(index));

        // Ten segments of one model: the rows in ten parts, the first of which teaches.
        string ten = Path.Combine(folder, "ten"), one = Path.Combine(folder, "one");
        var block = new float[(long)rows / Parts * dimension];
        for (int part = 0; part < Parts; part++)
        {
            source.Read((long)part * (rows / Parts), rows / Parts, block);
            using var vectors = new InMemoryVectors(block, dimension);
            if (part == 0) IndexBuilder.Build(vectors, ten, new IndexOptions());
            else IndexUpdater.Add(ten, vectors);
        }

        foreach (string file in Directory.GetFiles(folder, "ten.*"))
        {
            File.Copy(file, Path.Combine(folder, "one" + Path.GetFileName(file)[3..]));
        }

        IndexUpdater.Compact(one);
        var queries = new float[Queries * dimension];
        added.Read(0, Queries, queries);
        using VlcIndex many = VlcIndex.Open(ten), single = VlcIndex.Open(one);
        var ratios = new List<double>();
        for (int round = 0; round < Rounds; round++) ratios.Add(Seconds(single, queries) / Seconds(many, queries));
        ratios.Sort();
        Console.WriteLine(
            $"ten segments: {ratios[Rounds / 2]:F2} of the queries a second of one segment "
                + $"(median of {Rounds} rounds, one thread)");
        bool equal = Found(single, queries).SequenceEqual(Found(many, queries));
        Console.WriteLine($"results: {(equal ? "equal" : "DIFFERENT")}, every cell scanned");
    }

    private static void Step(string name, string basePath, Action step)
    {
        long start = Stopwatch.GetTimestamp();
        step();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        using VlcIndex index = VlcIndex.Open(basePath);
        Recall? recall = index.MeasureRecall();
        Console.WriteLine($"| {name} | {seconds:F2} | {index.Bytes.Total} | {recall?.Value:F4} ± {recall?.StandardError:F4} |");
    }

    private static double Seconds(VlcIndex index, float[] queries)
    {
        var ids = new int[K];
        var scores = new float[K];
        long start = Stopwatch.GetTimestamp();
        for (int query = 0; query < Queries; query++) index.Search(queries.AsSpan(query * index.Dimension, index.Dimension), ids, scores);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static int[] Found(VlcIndex index, float[] queries)
    {
        var ids = new int[Queries * K];
        index.SearchBatch(queries, K, ids, new float[ids.Length], SearchOptions.Exhaustive);
        return ids;
    }
}
