using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Vlc.Numerics;
using Vlc.Numerics.Kernels;

namespace Vlc.Bench;

/// <summary>
/// Every hot path in less than a minute. Kernel and baseline run in turn, and the median of the rounds is printed, so that a busy machine
/// slows both alike.
/// </summary>
internal static class QuickRun
{
    private const int Rounds = 41;

    public static void Run()
    {
        Console.WriteLine($"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.ProcessArchitecture}, {InstructionSets.Level}, "
            + $"one thread, median of {Rounds} rounds");
        Console.WriteLine();
        Console.WriteLine("| hot path | rate | baseline of the same round | ratio |");
        Console.WriteLine("|---|---|---|---|");
        var assignment = new AssignmentBenchmarks();
        const double Flops = 2.0 * AssignmentBenchmarks.Rows * AssignmentBenchmarks.Anchors * AssignmentBenchmarks.Dimension;
        const int PeakSteps = AssignmentBenchmarks.PeakSteps / 10;
        Report(
            $"assignment, {AssignmentBenchmarks.Rows} x {AssignmentBenchmarks.Anchors} x {AssignmentBenchmarks.Dimension}", "GFLOP/s",
            Flops / 1e9, assignment.Assign,
            "FMA peak", FmaPeak.Flops(PeakSteps) / 1e9, () => FmaPeak.Run(PeakSteps));

        var scan = new ScanBenchmarks();
        const double ScanAxes = (double)ScanBenchmarks.Rows * ScanBenchmarks.Dimension / 1e9;
        Report("int8 scan, 128 axes", "G axes/s = GB/s", ScanAxes, scan.Int8, "float32 TensorPrimitives.Distance", ScanAxes, scan.Float32);

        var trellis = new TrellisBenchmarks();
        const double TrellisAxes = (double)TrellisBenchmarks.Rows * TrellisBenchmarks.Axes / 1e9;
        string shape = $"128 axes in {trellis.CodeBytes} bytes";
        Report($"trellis scan, distances, {shape}", "G axes/s", TrellisAxes, trellis.SquaredDistances, "int8 scan", ScanAxes, scan.Int8);
        Report($"trellis scan, products, {shape}", "G axes/s", TrellisAxes, trellis.DotProducts, "int8 scan", ScanAxes, scan.Int8);
        Report(
            $"trellis scan, products and norms, {shape}", "G axes/s", TrellisAxes, trellis.DotsAndNorms, "int8 scan", ScanAxes, scan.Int8);
        if (TrellisFilter.IsSupported)
        {
            Report(
                $"trellis filter, distances, {shape}", "G axes/s", TrellisAxes, trellis.FilterByDistance, "int8 scan", ScanAxes, scan.Int8);
            Report(
                $"trellis filter, distances, {shape}", "G axes/s", TrellisAxes, trellis.FilterByDistance, "trellis scan, distances",
                TrellisAxes, trellis.SquaredDistances);
            Report(
                $"trellis filter, distances of {TrellisBenchmarks.Shared} queries, {shape}", "G axes/s",
                TrellisBenchmarks.Shared * TrellisAxes,
                trellis.FilterByDistanceShared, "int8 scan", ScanAxes, scan.Int8);
            Report($"trellis filter, cosines, {shape}", "G axes/s", TrellisAxes, trellis.FilterByCosine, "int8 scan", ScanAxes, scan.Int8);
        }

        double encodes = TrellisBenchmarks.Strings / 1e3;
        (double rate, _, _) = Measure(encodes, trellis.Encode, 1, () => { });
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| trellis encode, {shape} | {1e3 / rate:F1} us/vector | | |"));
        (rate, _, _) = Measure(TrellisBenchmarks.TwoBitStrings / 1e3, trellis.EncodeTwoBits, 1, () => { });
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| trellis encode, {TrellisBenchmarks.TwoBitAxes} axes at 2 bits | "
            + $"{1e3 / rate:F1} us/vector | | |"));
        scan.Cleanup();
        trellis.Cleanup();
    }

    private static void Report(string name, string unit, double work, Action kernel, string baseline, double baselineWork, Action measure)
    {
        (double rate, double other, double ratio) = Measure(work, kernel, baselineWork, measure);
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"| {name} | {rate:F2} {unit} | {baseline}: {other:F2} | {ratio:F2} |"));
    }

    private static (double Rate, double Baseline, double Ratio) Measure(double work, Action kernel, double baselineWork, Action baseline)
    {
        kernel();
        baseline();
        var rates = new double[Rounds];
        var others = new double[Rounds];
        var ratios = new double[Rounds];
        for (int round = 0; round < Rounds; round++)
        {
            rates[round] = work / Seconds(kernel);
            others[round] = baselineWork / Seconds(baseline);
            ratios[round] = rates[round] / others[round];
        }

        return (Median(rates), Median(others), Median(ratios));
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
