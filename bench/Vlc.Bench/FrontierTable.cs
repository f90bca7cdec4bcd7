using System.Globalization;
using System.Text.Json;

namespace Vlc.Bench;

/// <summary>The README's table: each real set through the command line's own <c>index --json</c> and <c>eval --json</c>.</summary>
internal static class FrontierTable
{
    private static readonly (string Codec, string? Target)[] s_runs =
        [("packed", null), ("packed", "0.90"), ("packed", "0.99"), ("int8", null)];

    /// <param name="arguments">
    /// Names of sets (words, paragraphs, mnist, sift); <c>--targets</c> adds packed at 0.90 and 0.99. None takes all sets.
    /// </param>
    public static int Run(string[] arguments)
    {
        string[] sets = [.. arguments.Where(name => name != "--targets")];
        bool targets = arguments.Contains("--targets");
        string folder = Directory.CreateTempSubdirectory("vlc-frontier-").FullName;
        try
        {
            Console.WriteLine("| set | codec | bytes/vector | ratio | recall@10, all scanned | recall@10, probes auto | rows scanned | "
                + "QPS | exact QPS | index, s |");
            Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
            foreach (RealSet set in RealSet.Chosen(sets))
            {
                foreach ((string codec, string? target) in s_runs.Where(run => targets || run.Target is null))
                {
                    Measure(set, codec, target, folder);
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static void Measure(RealSet set, string codec, string? target, string folder)
    {
        string index = Path.Combine(folder, "index");
        string[] build =
            ["index", "--emb", set.BasePath, "--metric", set.Metric == Metric.Cosine ? "cosine" : "l2", "--codec", codec, "--out", index];
        if (target is not null) build = [.. build, "--target-recall", target];
        JsonElement built = VlcProcess.Run(build).Result;
        JsonElement found = VlcProcess.Run("eval", "--idx", index, "--queries", set.QueryPath, "--emb", set.BasePath).Result;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {set.Name} | {codec}{(target is null ? "" : $", target {target}")} | {Number("bytesPerVector"):F1} | {Number("ratio"):P1} "
            + $"| {Number("recallExhaustive"):F4} ± {Number("recallStdErr"):F4} "
            + $"| {Number("recall"):F4} | {Number("scannedShare"):P1} | {Number("qps"):F0} | {Number("exactQps"):F0} | "
            + $"{built.GetProperty("seconds").GetProperty("total").GetDouble():F1} |"));

        double Number(string name) => found.GetProperty(name).GetDouble();
    }
}
