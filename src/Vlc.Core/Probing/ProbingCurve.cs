namespace Vlc.Probing;

/// <summary>The measured result of a plan on base rows held out of training, or on the given queries, when the index was built.</summary>
/// <param name="Rows">See <see cref="ProbingPlan.ScannedRows"/>.</param>
/// <param name="DistanceRatio">See <see cref="ProbingPlan.DistanceRatio"/>.</param>
/// <param name="Recall">Recall@k against exact neighbours.</param>
/// <param name="Probes">Inverted lists probed, on average.</param>
/// <param name="MeanRows">Rows scanned, on average.</param>
public readonly record struct ProbingPoint(int Rows, float? DistanceRatio, float Recall, float Probes, float MeanRows);

/// <summary>
/// Recall against scanned rows. For each recall it has the plan that scans the fewest rows. It is measured when the index is built, with
/// base rows as queries, each left out of its own result. <c>--probes auto</c> chooses a plan from it, with an expected recall, without
/// ground truth.
/// </summary>
/// <remarks>
/// The budget is in rows, not in lists, because lists differ in size where data are of several kinds. On paragraphs-60k-384d the 48 nearest
/// of 980 lists hold 13 % of the rows and 92.6 % of the neighbours; the nearest lists up to 10 % of the rows hold 98.8 %. A distance ratio
/// ends the search early for queries with near neighbours. Of all pairs of a budget and a distance ratio the curve keeps, for each number
/// of rows in steps of a seventh, the one of the highest recall.
/// </remarks>
public sealed class ProbingCurve
{
    /// <summary>The target recall of an index unless its options say otherwise.</summary>
    public const double DefaultTargetRecall = 0.95;

    /// <summary>Neighbours in the measured recall.</summary>
    public required int K { get; init; }

    /// <summary>Held-out rows used as queries.</summary>
    public required int Queries { get; init; }

    /// <summary>Standard error of the last point's recall.</summary>
    public required float StandardError { get; init; }

    /// <summary>The points by ascending rows. Recall never falls from one to the next; the last scans everything.</summary>
    public required IReadOnlyList<ProbingPoint> Points { get; init; }

    /// <summary>
    /// The plan of fewest rows whose recall exceeds the target by one standard error. Where not even an exhaustive scan does, it is the
    /// plan of fewest rows within 0.003 of that scan's recall, since more rows gain nothing.
    /// </summary>
    /// <param name="targetRecall">In (0, 1].</param>
    public ProbingPoint For(double targetRecall)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(targetRecall);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(targetRecall, 1);
        double reachable = Math.Min(targetRecall + StandardError, Points[^1].Recall - 0.003);
        // By number: an enumerator of the interface would be allocated in every search.
        for (int i = 0; i < Points.Count; i++)
        {
            if (Points[i].Recall >= reachable) return Points[i];
        }

        return Points[^1];
    }
}
