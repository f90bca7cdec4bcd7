using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Vlc.Bench;

/// <summary>The units of work of a benchmark; the rate column divides them by the mean time.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class WorkAttribute(double units, string unit) : Attribute
{
    public double Units { get; } = units;

    public string Unit { get; } = unit;
}

/// <summary>Adds the columns Rate and Share: work a second, and its ratio to the baseline of the same run.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class RateConfigAttribute : Attribute, IConfigSource
{
    public IConfig Config { get; } = ManualConfig.CreateEmpty().AddColumn(new RateColumn(share: false), new RateColumn(share: true));
}

internal sealed class RateColumn(bool share) : IColumn
{
    public string Id => share ? "Share" : "Rate";

    public string ColumnName => Id;

    public string Legend => share ? "Rate over the baseline's" : "Work a second";

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => share ? 1 : 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => GetValue(summary, benchmarkCase, summary.Style);

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style)
    {
        if (Rate(summary, benchmarkCase) is not { } rate) return "-";
        if (!share) return string.Create(CultureInfo.InvariantCulture, $"{rate:F2} {Work(benchmarkCase)!.Unit}");
        BenchmarkCase? baseline = summary.BenchmarksCases.FirstOrDefault(other => other.Descriptor.Baseline);
        return baseline is not null && Rate(summary, baseline) is { } of && Work(baseline)!.Unit == Work(benchmarkCase)!.Unit
            ? (rate / of).ToString("P1", CultureInfo.InvariantCulture)
            : "-";
    }

    private static WorkAttribute? Work(BenchmarkCase benchmark) =>
        benchmark.Descriptor.WorkloadMethod.GetCustomAttributes(typeof(WorkAttribute), false).OfType<WorkAttribute>().FirstOrDefault();

    private static double? Rate(Summary summary, BenchmarkCase benchmark) =>
        Work(benchmark) is { } work && summary[benchmark]?.ResultStatistics is { } statistics ? work.Units / statistics.Mean : null;
}
