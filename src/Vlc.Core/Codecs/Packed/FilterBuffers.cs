using Vlc.Numerics.Kernels;

namespace Vlc.Codecs.Packed;

/// <summary>
/// Scratch memory of the filter for queries that share a list: its input for each query, and the candidates that it leaves.
/// </summary>
internal sealed class FilterBuffers(FilterBuffers? smaller, int queries, int stride, int rows)
{
    public float[] Factors { get; } =
        new float[Math.Max(smaller?.Factors.Length ?? 0, queries * Math.Max(stride, TrellisFilter.PrefixAxes))];

    public float[] Offsets { get; } = new float[Math.Max(smaller?.Offsets.Length ?? 0, queries)];

    public float[] Bounds { get; } = new float[Math.Max(smaller?.Offsets.Length ?? 0, queries)];

    public float[] Lengths { get; } = new float[Math.Max(smaller?.Offsets.Length ?? 0, queries)];

    public int[] Candidates { get; } = new int[Math.Max(smaller?.Candidates.Length ?? 0, queries * rows)];

    public int[] Counts { get; } = new int[Math.Max(smaller?.Offsets.Length ?? 0, queries)];

    /// <summary>The anchor on the prefix of axes.</summary>
    public float[] PrefixCentre { get; } = new float[TrellisFilter.PrefixAxes];

    /// <summary>Positions in the list of a query's candidates after the prefix.</summary>
    public int[] Positions { get; } = new int[Math.Max(smaller?.Positions.Length ?? 0, rows)];

    /// <summary>Indices into <see cref="Positions"/> of the candidates after all axes.</summary>
    public int[] FinalCandidates { get; } = new int[Math.Max(smaller?.Positions.Length ?? 0, rows)];

    /// <summary>The number of those candidates.</summary>
    public int[] FinalCount { get; } = new int[1];

    public bool Holds(int queries, int stride, int rows) =>
        Offsets.Length >= queries && Factors.Length >= queries * Math.Max(stride, TrellisFilter.PrefixAxes)
        && Candidates.Length >= queries * rows && Positions.Length >= rows;
}
