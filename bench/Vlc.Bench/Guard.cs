using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Vlc.Bench;

/// <summary>
/// Indexes and searches real sets from end to end and compares the results with bench/tolerances.json. Times are judged only as ratios to
/// the exact scan of the same run, so that a slow or busy machine fails no more easily than a fast one.
/// </summary>
internal static class Guard
{
    /// <param name="sets">Names of sets; none takes those that the tolerances name.</param>
    /// <returns>0 when everything is within its tolerance, 1 when something is not, 2 when a set is absent.</returns>
    public static int Run(string[] sets)
    {
        JsonObject tolerances = JsonNode.Parse(File.ReadAllText(Path.Combine(RealSet.Root, "bench", "tolerances.json")))!.AsObject();
        string[] wanted = sets.Length > 0 ? sets : [.. tolerances.Select(entry => entry.Key)];
        string folder = Directory.CreateTempSubdirectory("vlc-guard-").FullName;
        var report = new JsonObject();
        bool passed = true;
        try
        {
            RealSet[] present = [.. RealSet.Chosen(wanted)];
            foreach (RealSet set in present)
            {
                JsonObject measured = Measure(set, Path.Combine(folder, "index")), judged = [];
                foreach ((string name, JsonNode? limit) in tolerances[set.Name]!.AsObject())
                {
                    double value = measured[name]!.GetValue<double>();
                    double least = limit!["min"]?.GetValue<double>() ?? double.NegativeInfinity;
                    double most = limit["max"]?.GetValue<double>() ?? double.PositiveInfinity;
                    bool within = value >= least && value <= most;
                    passed &= within;
                    judged[name] = new JsonObject { ["value"] = value, ["limit"] = limit.DeepClone(), ["passed"] = within };
                    if (!within)
                    {
                        Console.Error.WriteLine(
                            string.Create(CultureInfo.InvariantCulture, $"{set.Name}: {name} is {value}, outside {limit.ToJsonString()}"));
                    }
                }

                report[set.Name] = judged;
            }

            report["passed"] = passed && present.Length == wanted.Length;
            Console.WriteLine(report.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
            return present.Length < wanted.Length ? 2 : passed ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static JsonObject Measure(RealSet set, string index)
    {
        string metric = set.Metric == Metric.Cosine ? "cosine" : "l2";
        (JsonElement built, PeakMemory peak) = VlcProcess.Run("index", "--emb", set.BasePath, "--metric", metric, "--out", index);
        JsonElement found = VlcProcess.Run("eval", "--idx", index, "--queries", set.QueryPath, "--emb", set.BasePath).Result;
        double exact = found.GetProperty("exactQps").GetDouble();
        JsonElement seconds = built.GetProperty("seconds");
        return new JsonObject
        {
            ["bytesPerVector"] = found.GetProperty("bytesPerVector").GetDouble(),
            ["recall"] = found.GetProperty("recall").GetDouble(),
            ["recallExhaustive"] = found.GetProperty("recallExhaustive").GetDouble(),
            // Queries answered in the time of one exact scan, and exact scans in the time of a phase.
            ["speedup"] = found.GetProperty("qps").GetDouble() / exact,
            ["encodeInExactScans"] = seconds.GetProperty("encode").GetDouble() * exact,
            ["trainInExactScans"] = seconds.GetProperty("train").GetDouble() * exact,
            ["indexInExactScans"] = seconds.GetProperty("total").GetDouble() * exact,
            ["peakMegabytes"] = peak.Resident / 1e6,
        };
    }
}
