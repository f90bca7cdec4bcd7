using Vlc.Codecs.Packed;

namespace Vlc.Indexing;

/// <summary>Recall against bytes of the packed codec on one set of vectors.</summary>
public sealed class Frontier
{
    /// <summary>n.</summary>
    public required int Count { get; init; }

    /// <summary>d.</summary>
    public required int Dimension { get; init; }

    /// <summary>m.</summary>
    public required int AnchorCount { get; init; }

    /// <summary>K, the number of local bases.</summary>
    public required int GroupCount { get; init; }

    /// <summary>Classes of each cell.</summary>
    public required int ClassCount { get; init; }

    /// <summary>
    /// Where the tuning sample came from: the name of <see cref="IndexOptions.TuningQueries"/>, or null for base rows held out of training.
    /// </summary>
    public required string? TuningSource { get; init; }

    /// <summary>Rows of the tuning sample.</summary>
    public required int Queries { get; init; }

    /// <summary>Exactly nearest rows of each query among which codes were compared.</summary>
    public required int Candidates { get; init; }

    /// <summary>The recall@10 aimed for.</summary>
    public required double TargetRecall { get; init; }

    /// <summary>Ascending in bytes.</summary>
    public required IReadOnlyList<FrontierPoint> Points { get; init; }

    /// <summary>Seconds of each phase.</summary>
    public required IReadOnlyDictionary<IndexPhase, double> Seconds { get; init; }
}
