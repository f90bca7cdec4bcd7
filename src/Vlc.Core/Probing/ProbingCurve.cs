namespace Vlc.Probing;

/// <summary>What a plan reached on base rows held out of training, or on the queries offered, when the index was built.</summary>
/// <param name="Rows">See <see cref="ProbingPlan.ScannedRows"/>.</param>
/// <param name="DistanceRatio">See <see cref="ProbingPlan.DistanceRatio"/>.</param>
/// <param name="Recall">Recall@k against exact neighbours.</param>
/// <param name="Probes">Cells scanned, on average.</param>
/// <param name="MeanRows">Rows scanned, on average.</param>
public readonly record struct ProbingPoint(int Rows, float? DistanceRatio, float Recall, float Probes, float MeanRows);

/// <summary>
/// Recall against scanned rows, by the plan that scans fewest of them for it, measured when the index was built, with base rows as queries (each left out of its own result). It lets <c>--probes
/// auto</c> choose, and tells the recall to expect, without ground truth.
/// </summary>
/// <remarks>
/// The budget is in rows, not in cells, because cells differ in size where data are of several kinds: on paragraphs-60k-384d the 48 nearest of 980 cells hold
/// 13 % of the rows and 92.6 % of the neighbours; the nearest cells up to 10 % of the rows hold 98.8 %. A distance ratio beside it spares queries with near neighbours the
/// rest of their budget. Of all pairs of a budget and a distance ratio the curve keeps, for each
/// number of rows in steps of a seventh, the one of the highest recall.
/// </remarks>
public sealed class ProbingCurve
{
    /// <summary>The recall that an index aims for unless it is built for another.</summary>
    public const double DefaultTargetRecall = 0.95;

    /// <summary>Neighbours in the measured recall.</summary>
    public required int K { get; init; }

    /// <summary>Held-out rows used as queries.</summary>
    public required int Queries { get; init; }

    /// <summary>Standard error of the last point's recall.</summary>
    public required float StandardError { get; init; }

    /// <summary>Recall does not fall from one to the next; the last scans everything.</summary>
    public required IReadOnlyList<ProbingPoint> Points { get; init; }

    /// <summary>
    /// The plan of fewest rows whose recall ratios the target by one standard error; where not even a scan of everything does, the one of fewest within 0.003 of that
    /// scan's recall, since more rows then buy nothing.
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
