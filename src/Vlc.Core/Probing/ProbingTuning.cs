using Vlc.Evaluation;

namespace Vlc.Probing;

/// <summary>
/// Records where the scans of a tuning sample stop by each limit, and so by each pair of limits, and keeps the best plans.
/// </summary>
/// <param name="limits">The limits.</param>
/// <param name="queries">Queries of the sample.</param>
internal sealed class ProbingTuning(ProbingLimits limits, int queries)
{
    /// <summary>
    /// The gain in recall that a distance ratio must bring over a budget alone of the same rows. The best of many pairs on a sample is not
    /// the best on all queries.
    /// </summary>
    private const float LeastGain = 0.001f;

    private readonly ProbingStop[] _budgetStops = new ProbingStop[queries * limits.Budgets.Length];
    private readonly ProbingStop[] _ratioStops = new ProbingStop[queries * limits.DistanceRatios.Length];

    /// <summary>The stops of a query by each budget.</summary>
    public Span<ProbingStop> BudgetStops(int query) => _budgetStops.AsSpan(query * limits.Budgets.Length, limits.Budgets.Length);

    /// <summary>The stops of a query by each ratio.</summary>
    public Span<ProbingStop> RatioStops(int query) =>
        _ratioStops.AsSpan(query * limits.DistanceRatios.Length, limits.DistanceRatios.Length);

    /// <summary>
    /// For each budget the plan of the highest recall that scans no more rows on average, with a distance ratio where that gains enough.
    /// The last plan scans everything.
    /// </summary>
    /// <param name="k">Exact neighbours of each query.</param>
    public (ProbingPoint[] Points, Recall[] Recalls) Frontier(int k)
    {
        var plans = new List<(ProbingPoint Point, Recall Recall)>();
        var hits = new int[queries];
        for (int budget = 0; budget < limits.Budgets.Length; budget++)
        {
            // The index after the last distance ratio means none.
            for (int ratio = 0; ratio <= limits.DistanceRatios.Length; ratio++)
            {
                long rows = 0, cells = 0;
                for (int query = 0; query < queries; query++)
                {
                    ProbingStop stop = BudgetStops(query)[budget];
                    if (ratio < limits.DistanceRatios.Length && RatioStops(query)[ratio] is var nearer && nearer.Cells < stop.Cells)
                    {
                        stop = nearer;
                    }

                    rows += stop.Rows;
                    cells += stop.Cells;
                    hits[query] = stop.Hits;
                }

                var recall = Recall.FromHits(hits, k);
                plans.Add((
                    new ProbingPoint(
                        limits.Budgets[budget], ratio < limits.DistanceRatios.Length ? limits.DistanceRatios[ratio] : null,
                        (float)recall.Value, (float)((double)cells / queries), (float)((double)rows / queries)),
                    recall));
            }
        }

        // The exhaustive scan is always the last point, however little it adds.
        (ProbingPoint Point, Recall Recall) everything = plans[^1], best = plans.MinBy(plan => plan.Point.MeanRows), plain = best;
        plans.Sort((one, other) => one.Point.MeanRows.CompareTo(other.Point.MeanRows));
        var points = new List<(ProbingPoint Point, Recall Recall)>();
        int next = 0;
        foreach (int budget in limits.Budgets)
        {
            for (; next < plans.Count && plans[next].Point.MeanRows <= budget; next++)
            {
                if (plans[next].Point.Recall > best.Point.Recall) best = plans[next];
                if (plans[next].Point.DistanceRatio is null && plans[next].Point.Recall > plain.Point.Recall) plain = plans[next];
            }

            (ProbingPoint Point, Recall Recall) chosen = best.Point.Recall > plain.Point.Recall + LeastGain ? best : plain;
            points.Add(points.Count > 0 && points[^1].Point.Recall > chosen.Point.Recall ? points[^1] : chosen);
        }

        points[^1] = everything;
        return ([.. points.Select(plan => plan.Point)], [.. points.Select(plan => plan.Recall)]);
    }
}
