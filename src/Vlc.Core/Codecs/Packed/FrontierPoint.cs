namespace Vlc.Codecs.Packed;

/// <summary>Recall@k of an exhaustive scan, on the tuning sample.</summary>
/// <param name="K">k.</param>
/// <param name="Recall">The mean over the queries, 0 to 1.</param>
/// <param name="StandardError">Its standard error.</param>
public readonly record struct RecallAtK(int K, double Recall, double StandardError);

/// <summary>An index that could be built: its bytes, and its recall.</summary>
public sealed class FrontierPoint
{
    /// <summary>
    /// 64 · log2 of the water level. <see cref="PackedOptions.Level"/> with this value and the two choices below builds this index.
    /// </summary>
    public required int Level { get; init; }

    /// <summary>Whether codes are unbiased.</summary>
    public required bool Unbiased { get; init; }

    /// <summary>Whether all codes have the same bytes.</summary>
    public required bool EqualBytes { get; init; }

    /// <summary>True for the point that a build with the target recall chooses.</summary>
    public required bool AtTarget { get; init; }

    /// <summary>
    /// Bytes of the whole index over n. Manifest, tables, anchors, bases, scales and assignments are exact; codes are predicted from the
    /// training rows.
    /// </summary>
    public required double BytesPerVector { get; init; }

    /// <summary>Those bytes over d · 4.</summary>
    public required double Ratio { get; init; }

    /// <summary>Bytes of a code, on average.</summary>
    public required double CodeBytes { get; init; }

    /// <summary>Axes with bits, on average over the held-out rows.</summary>
    public required double CodedAxes { get; init; }

    /// <summary>Bits of each of those axes.</summary>
    public required double BitsPerCodedAxis { get; init; }

    /// <summary>
    /// Bits by which each of those axes misses the Gaussian bound. It uses the model's variances and the weighted error that the codec
    /// minimises, which is that of the nearest codes of the held-out rows.
    /// </summary>
    public required double BitsToBound { get; init; }

    /// <summary>The same at the error of the stored codes, which is larger where they are unbiased.</summary>
    public required double StoredBitsToBound { get; init; }

    /// <summary>Bytes of the index over n if its codes were at that bound.</summary>
    public required double BoundBytesPerVector { get; init; }

    /// <summary>Recall@1, @10 and @100; fewer where the base is smaller.</summary>
    public required IReadOnlyList<RecallAtK> Recalls { get; init; }

    /// <summary>The recall that the target refers to, at 10.</summary>
    internal double Target => Recalls.Last(recall => recall.K <= PackedOptions.TargetNeighbors || recall.K == Recalls[0].K).Recall;
}
