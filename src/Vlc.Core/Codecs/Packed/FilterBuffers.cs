using Vlc.Numerics.Kernels;

namespace Vlc.Codecs.Packed;

/// <summary>What queries that share a list bring to the filter, and what it keeps of the rows for each.</summary>
internal sealed class FilterBuffers(FilterBuffers? smaller, int queries, int stride, int rows)
{
    public float[] Factors { get; } = new float[Math.Max(smaller?.Factors.Length ?? 0, queries * Math.Max(stride, TrellisFilter.PrefixAxes))];

    public float[] Offsets { get; } = new float[Math.Max(smaller?.Offsets.Length ?? 0, queries)];

    public float[] Bounds { get; } = new float[Math.Max(smaller?.Offsets.Length ?? 0, queries)];

    public float[] Lengths { get; } = new float[Math.Max(smaller?.Offsets.Length ?? 0, queries)];

    public int[] Kept { get; } = new int[Math.Max(smaller?.Kept.Length ?? 0, queries * rows)];

    public int[] Counts { get; } = new int[Math.Max(smaller?.Offsets.Length ?? 0, queries)];

    /// <summary>The anchor on the prefix.</summary>
    public float[] PrefixCentre { get; } = new float[TrellisFilter.PrefixAxes];

    /// <summary>Positions of a query's rows that the prefix leaves.</summary>
    public int[] Left { get; } = new int[Math.Max(smaller?.Left.Length ?? 0, rows)];

    /// <summary>Places among them of those that all axes leave.</summary>
    public int[] LeftPositions { get; } = new int[Math.Max(smaller?.Left.Length ?? 0, rows)];

    /// <summary>How many those are.</summary>
    public int[] LeftCount { get; } = new int[1];

    public bool Holds(int queries, int stride, int rows) =>
        Offsets.Length >= queries && Factors.Length >= queries * Math.Max(stride, TrellisFilter.PrefixAxes) && Kept.Length >= queries * rows
        && Left.Length >= rows;
}
