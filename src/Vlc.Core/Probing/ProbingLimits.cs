namespace Vlc.Probing;

/// <summary>The limits of a scan that a build tries. Each pair of a budget and a ratio is a plan.</summary>
/// <param name="Budgets">Rows, ascending; the last is all of them.</param>
/// <param name="DistanceRatios">See <see cref="ProbingPlan.DistanceRatio"/>; ascending, none for products.</param>
internal sealed record ProbingLimits(int[] Budgets, float[] DistanceRatios)
{
    /// <summary>Points of the curve.</summary>
    public int Points => Budgets.Length;

    /// <summary>
    /// The default limits: budgets from a thousandth of the rows on in steps of a seventh, ratios from 0.75 to 4 in steps of a 24th.
    /// </summary>
    public static ProbingLimits Of(int rowCount, Metric metric)
    {
        var budgets = new SortedSet<int> { rowCount };
        for (double share = 0.001; share < 0.9; share *= 1 + (1.0 / 7)) budgets.Add(Math.Max(1, (int)(share * rowCount)));
        var ratios = new List<float>();
        for (double ratio = 0.75; metric != Metric.InnerProduct && ratio < 4; ratio *= 1 + (1.0 / 24)) ratios.Add((float)ratio);
        return new ProbingLimits([.. budgets], [.. ratios]);
    }
}

/// <summary>The point at which a scan stopped.</summary>
/// <param name="Cells">Lists scanned.</param>
/// <param name="Rows">Rows scanned.</param>
/// <param name="Hits">Exact neighbours among the nearest found.</param>
internal readonly record struct ProbingStop(int Cells, int Rows, int Hits);
