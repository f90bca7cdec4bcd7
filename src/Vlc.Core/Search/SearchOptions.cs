using Vlc.Scanning;

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
    /// Rows after which the scan stops, nearest cells first, whole cells; rows that the filter stops do not count. Null, where
    /// <see cref="Probes"/> is null too, takes the plan of fewest rows that reaches <see cref="TargetRecall"/>, by a budget of rows and a
    /// ratio of distances (<see cref="Probing.ProbingPlan.DistanceRatio"/>).
    /// </summary>
    public int? ScannedRows { get; init; }

    /// <summary>
    /// Recall to aim for where neither <see cref="Probes"/> nor <see cref="ScannedRows"/> is given, in (0, 1]; null takes the one that the
    /// index was built for.
    /// </summary>
    public double? TargetRecall { get; init; }

    /// <summary>Rows that may be returned; null allows all.</summary>
    public RowFilter? Filter { get; init; }

    /// <summary>
    /// The worst score that is returned: the largest squared distance (l2), or the least cosine or product. It is applied inside the scan,
    /// which it shortens. Null returns k rows however far they are.
    /// </summary>
    public float? ScoreThreshold { get; init; }

    /// <summary>Ranks candidates again by their originals, which the caller has; null ranks by the codes.</summary>
    public Reranking? Rerank { get; init; }

    /// <summary>
    /// The metric the caller counts on; a search is refused when the index was built for another. Null takes the index's.
    /// </summary>
    public Metric? Metric { get; init; }

    /// <summary>Threads for a batch of queries; null uses every processor. A single query always runs on its caller's thread.</summary>
    public int? Threads { get; init; }

    /// <summary>The same with another filter.</summary>
    internal SearchOptions WithFilter(RowFilter? filter) => Copy(filter, ScoreThreshold);

    /// <summary>The same without a threshold.</summary>
    internal SearchOptions WithoutThreshold() => ScoreThreshold is null ? this : Copy(Filter, threshold: null);

    /// <summary>Refuses what a search of some kind would pass over in silence.</summary>
    /// <param name="what">The kind of search, to begin a sentence.</param>
    /// <exception cref="ArgumentException">The options rank again by originals.</exception>
    internal void RefuseRerank(string what)
    {
        if (Rerank is not null) throw new ArgumentException($"{what} ranks by the codes alone; leave re-ranking out.");
    }

    private SearchOptions Copy(RowFilter? filter, float? threshold) => new()
    {
        Probes = Probes, ScannedRows = ScannedRows, TargetRecall = TargetRecall, Filter = filter, ScoreThreshold = threshold,
        Metric = Metric, Threads = Threads,
    };
}
