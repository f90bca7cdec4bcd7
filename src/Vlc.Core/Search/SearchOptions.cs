namespace Vlc.Search;

/// <summary>How to search. What is null is chosen from what the index measured of itself when it was built.</summary>
public sealed class SearchOptions
{
    /// <summary>Everything chosen from the index; one object, so that a search without options allocates nothing.</summary>
    internal static SearchOptions Default { get; } = new();

    /// <summary>Scans every cell: the reference, and exact for the codes.</summary>
    public static SearchOptions Exhaustive { get; } = new() { Probes = int.MaxValue };

    /// <summary>Cells to scan, nearest first; more than there are scans all. Null leaves it to <see cref="ScannedRows"/>.</summary>
    public int? Probes { get; init; }

    /// <summary>
    /// Rows after which the scan stops, nearest cells first, whole cells; rows that the filter stops do not count. Null, where <see cref="Probes"/> is null too, takes the
    /// plan of fewest rows that reaches <see cref="TargetRecall"/>, by a budget of rows and a reach (<see cref="ScanPlan.Reach"/>).
    /// </summary>
    public int? ScannedRows { get; init; }

    /// <summary>
    /// Recall to aim for where neither <see cref="Probes"/> nor <see cref="ScannedRows"/> is given, in (0, 1]; null takes the one that the index was built for.
    /// </summary>
    public double? TargetRecall { get; init; }

    /// <summary>Rows that may be returned; null allows all.</summary>
    public IdFilter? Filter { get; init; }

    /// <summary>
    /// The metric the caller counts on; a search is refused when the index was built for another. Null takes the index's.
    /// </summary>
    public Metric? Metric { get; init; }

    /// <summary>Threads for a batch of queries; null uses every processor. A single query always runs on its caller's thread.</summary>
    public int? Threads { get; init; }
}
