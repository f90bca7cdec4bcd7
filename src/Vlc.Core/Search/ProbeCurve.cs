namespace Vlc.Search;

/// <summary>What scanning a number of cells reached on base rows held out of training when the index was built.</summary>
/// <param name="Probes">Cells scanned.</param>
/// <param name="Recall">Recall@k against exact neighbours.</param>
/// <param name="ScannedShare">Share of all points in the scanned cells.</param>
public readonly record struct ProbePoint(int Probes, float Recall, float ScannedShare);

/// <summary>
/// Recall against probes, measured when the index was built, with base rows as queries (each left out of its own result). It lets <c>--probes auto</c>
/// choose, and tells the recall to expect, without ground truth.
/// </summary>
public sealed class ProbeCurve
{
    /// <summary>The target that a search without further words aims for.</summary>
    public const double DefaultTargetRecall = 0.95;

    /// <summary>Neighbours in the measured recall.</summary>
    public required int K { get; init; }

    /// <summary>Held-out rows used as queries; 0 where the index was too small to hold any out.</summary>
    public required int Queries { get; init; }

    /// <summary>Standard error of the last point's recall.</summary>
    public required float StandardError { get; init; }

    /// <summary>Ascending in probes; the last scans every cell.</summary>
    public required IReadOnlyList<ProbePoint> Points { get; init; }

    /// <summary>
    /// The fewest measured probes whose recall reaches <paramref name="targetRecall"/>; where not even a scan of every cell does, the
    /// fewest within 0.002 of that scan's recall, since more probes then buy nothing.
    /// </summary>
    /// <param name="targetRecall">In (0, 1].</param>
    public int ProbesFor(double targetRecall)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(targetRecall);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(targetRecall, 1);
        double reachable = Math.Min(targetRecall, Points[^1].Recall - 0.002);
        foreach (ProbePoint point in Points)
        {
            if (point.Recall >= reachable) return point.Probes;
        }

        return Points[^1].Probes;
    }
}
