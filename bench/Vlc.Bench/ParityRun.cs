using System.Diagnostics;
using System.Globalization;
using Vlc.Numerics;
using Vlc.Numerics.Kernels;

namespace Vlc.Bench;

/// <summary>
/// The parity trellis code against the bitshift trellis code in one run of half a minute: they take turns, and medians of rates and of
/// ratios are printed.
/// </summary>
internal static class ParityRun
{
    private const int Rounds = 41;

    public static int Run()
    {
        Console.WriteLine($"{InstructionSets.Level}, one thread, median of {Rounds} rounds");
        Console.WriteLine();
        Console.WriteLine("| hot path | rate | yardstick of the same round | ratio |");
        Console.WriteLine("|---|---|---|---|");
        var bench = new ParityBenchmarks();
        const double Scanned = (double)ParityBenchmarks.Rows * ParityBenchmarks.Axes / 1e9;
        const double Nibbles = (double)ParityBenchmarks.Rows * ParityBenchmarks.Nibbles / 1e9;
        const double Listed = (double)ParityBenchmarks.Lists * ParityBenchmarks.ListRows / 1e9;
        const double Encoded = (double)ParityBenchmarks.Strings * ParityBenchmarks.Axes / 1e6;
        Report("encode, 5 to 1 bits", "M axes/s", Encoded, bench.Encode, "trellis encode", Encoded, bench.TrellisEncode);
        Report("first stage", "G nibbles/s", Nibbles, bench.FirstStage, "trellis scan, G axes/s", Scanned, bench.TrellisDistances);
        Report("distances", "G axes/s", Scanned, bench.SquaredDistances, "trellis scan", Scanned, bench.TrellisDistances);
        Report("products", "G axes/s", Scanned, bench.DotProducts, "trellis scan", Scanned, bench.TrellisDistances);
        Report("products and norms", "G axes/s", Scanned, bench.DotsAndNorms, "trellis scan", Scanned, bench.TrellisDistances);
        if (TrellisFilter.IsSupported)
        {
            Report("distances", "G axes/s", Scanned, bench.SquaredDistances, "trellis filter", Scanned, bench.TrellisFilterDistances);
            Report(
                "lists of 250 rows of 200 axes", "G rows/s", Listed, bench.WholeLists, "trellis filter", Listed, bench.TrellisWholeLists);
        }

        Report("lists, G rows/s", "", Listed, bench.WholeLists, "tables, M lists/s", ParityBenchmarks.Lists / 1e6, bench.Tables);
        Report(
            "lists, G rows/s", "", Listed, bench.WholeLists, "picked rows, G rows/s",
            ParityBenchmarks.Lists * ParityBenchmarks.Survivors / 1e9, bench.MeasureSurvivors);
        bench.Cleanup();
        return 0;
    }

    private static void Report(string name, string unit, double work, Action kernel, string yardstick, double yardstickWork, Action measure)
    {
        var rates = new double[Rounds];
        var others = new double[Rounds];
        var ratios = new double[Rounds];
        kernel();
        measure();
        for (int round = 0; round < Rounds; round++)
        {
            rates[round] = work / Seconds(kernel);
            others[round] = yardstickWork / Seconds(measure);
            ratios[round] = rates[round] / others[round];
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {Median(rates):G4} {unit} | {yardstick}: {Median(others):G4} | {Median(ratios):F2} |"));
    }

    private static double Seconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return values[values.Length / 2];
    }
}
