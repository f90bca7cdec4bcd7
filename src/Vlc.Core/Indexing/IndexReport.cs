using Vlc.Anchors;
using Vlc.Codecs.Packed;
using Vlc.Evaluation;
using Vlc.Probing;
using Vlc.Storage;

namespace Vlc.Indexing;

/// <summary>A step of building, for progress.</summary>
public enum IndexPhase
{
    /// <summary>Reading the rows to train on.</summary>
    Sample,

    /// <summary>Learning the anchors.</summary>
    Train,

    /// <summary>Assigning every row to its anchor.</summary>
    Assign,

    /// <summary>Searching for the water level of the packed codec.</summary>
    Level,

    /// <summary>Coding every row's residual.</summary>
    Encode,

    /// <summary>Measuring recall against scanned rows.</summary>
    Tune,
}

/// <summary>How far a build has come.</summary>
/// <param name="Phase">The step.</param>
/// <param name="Share">Done of the step, 0 to 1.</param>
/// <param name="Detail">A few words, or null.</param>
public readonly record struct IndexProgress(IndexPhase Phase, double Share, string? Detail = null);

/// <summary>
/// What the written index found of the tuning sample's exact neighbours, each row of the base left out of its own result.
/// </summary>
/// <param name="K">Neighbours of each query.</param>
/// <param name="Queries">Rows of the tuning sample.</param>
/// <param name="Exhaustive">Recall of a scan of every cell.</param>
/// <param name="Automatic">Recall of a scan by the plan that a search without options follows.</param>
/// <param name="Plan">That plan, and what it scans on average.</param>
public sealed record MeasuredRecall(int K, int Queries, Recall Exhaustive, Recall Automatic, ProbingPoint Plan);

/// <summary>What was built, and what was chosen.</summary>
public sealed class IndexReport
{
    /// <summary>The manifest as written.</summary>
    public required Manifest Manifest { get; init; }

    /// <summary>How training went.</summary>
    public required TrainingReport Training { get; init; }

    /// <summary>Seconds of each phase.</summary>
    public required IReadOnlyDictionary<IndexPhase, double> Seconds { get; init; }

    /// <summary>Whether the index has Jacobians.</summary>
    public required bool Jacobians { get; init; }

    /// <summary>Mean squared distance of a row to its anchor, over all rows, in squared units of the data.</summary>
    public required double Distortion { get; init; }

    /// <summary>What the packed codec chose; null for the other codecs.</summary>
    public PackedReport? Packed { get; init; }

    /// <summary>
    /// Where the tuning sample came from: the name of <see cref="IndexOptions.TuningQueries"/>, or null for base rows held out of training.
    /// </summary>
    public string? TuningSource { get; init; }

    /// <summary>Recall of the written index on the tuning sample; null where there was none.</summary>
    public MeasuredRecall? Measured { get; init; }

    /// <summary>Bytes of the files, by what needs them.</summary>
    public required IndexBytes Bytes { get; init; }

    /// <summary>Bytes of everything that a search needs.</summary>
    public long TotalBytes => Bytes.Search;

    /// <summary>Those bytes over n · d · 4.</summary>
    public double Ratio => TotalBytes / ((double)Manifest.Count * Manifest.Dimension * sizeof(float));

    /// <summary>Recall against scanned rows on the tuning sample; null where there was none.</summary>
    public ProbingCurve? Scan => Manifest.Scan;
}
