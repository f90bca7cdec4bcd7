using System.Globalization;
using System.Text.Json;

namespace Vlc.Bench;

/// <summary>
/// How time, memory, bytes, speed and recall grow with rows and dimensions, on generated vectors, through the command line.
/// </summary>
internal static class GrowthTable
{
    /// <param name="arguments">
    /// --rows N,N,.. --dims D,D,.. [--codecs packed,int8] [--folder PATH]; the folder needs space for the largest set twice.
    /// </param>
    public static int Run(string[] arguments)
    {
        var named = new Dictionary<string, string>();
        for (int i = 0; i + 1 < arguments.Length; i += 2) named[arguments[i]] = arguments[i + 1];
        int[] rows = Numbers("--rows", "10000,100000,1000000"), dimensions = Numbers("--dims", "128,384,768,1536");
        string folder = Directory.CreateDirectory(
            Path.Combine(named.GetValueOrDefault("--folder", Path.GetTempPath()), $"vlc-growth-{Environment.ProcessId}")).FullName;
        try
        {
            Console.WriteLine("| n | d | codec | index, s (train, assign, level, encode, tune) | peak resident (anonymous), MB | "
                + "bytes/vector | recall@10 | rows scanned | QPS | QPS / exact |");
            Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
            foreach (int dimension in dimensions)
            {
                foreach (int count in rows)
                {
                    string vectors = Path.Combine(folder, "base.fbin"), queries = Path.Combine(folder, "queries.fbin");
                    string index = Path.Combine(folder, "index");
                    var made = new EmbeddingLikeVectors(count, dimension, seed: 1);
                    made.Write(vectors, count, queries: false);
                    made.Write(queries, 200, queries: true);
                    foreach (string codec in named.GetValueOrDefault("--codecs", "packed,int8").Split(','))
                    {
                        (JsonElement built, PeakMemory peak) = VlcProcess.Run("index", "--emb", vectors, "--codec", codec, "--out", index);
                        JsonElement found = VlcProcess.Run("eval", "--idx", index, "--queries", queries, "--emb", vectors).Result;
                        string phases = string.Join(", ", ((string[])["train", "assign", "level", "encode", "tune"]).Select(
                            phase => built.GetProperty("seconds").TryGetProperty(phase, out JsonElement seconds)
                                ? Text(seconds.GetDouble(), "F1")
                                : "-"));
                        Console.WriteLine(
                            $"| {count} | {dimension} | {codec} | "
                            + $"{Text(built.GetProperty("seconds").GetProperty("total").GetDouble(), "F1")} ({phases}) | "
                            + $"{Text(peak.Resident / 1e6, "F0")} ({Text(peak.Anonymous / 1e6, "F0")}) "
                            + $"| {Number("bytesPerVector", "F1")} | {Number("recall", "F4")} | {Number("scannedShare", "P2")} | "
                            + $"{Number("qps", "F0")} | {Number("speedup", "F1")} |");

                        // The originals are scanned for comparison only up to a gigabyte.
                        string Number(string name, string format) =>
                            found.TryGetProperty(name, out JsonElement number) && number.ValueKind == JsonValueKind.Number
                                ? Text(number.GetDouble(), format)
                                : "-";
                    }
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;

        int[] Numbers(string name, string otherwise) =>
            [.. named.GetValueOrDefault(name, otherwise).Split(',').Select(word => int.Parse(word, CultureInfo.InvariantCulture))];
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
