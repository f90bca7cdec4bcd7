namespace Vlc.Codecs.Packed;

/// <summary>The choices and predictions of the packed codec.</summary>
public sealed class PackedReport : CodecReport
{
    /// <summary>K, the number of local bases.</summary>
    public required int GroupCount { get; init; }

    /// <summary>Classes of each cell.</summary>
    public required int ClassCount { get; init; }

    /// <summary>64 · log2 of the water level.</summary>
    public required int Level { get; init; }

    /// <summary>Whether codes were made unbiased.</summary>
    public required bool Unbiased { get; init; }

    /// <summary>Whether all codes have the same bytes.</summary>
    public required bool EqualBytes { get; init; }

    /// <summary>Axes of the largest basis.</summary>
    public required int LargestRank { get; init; }

    /// <summary>Mean bytes of a code.</summary>
    public required double CodeBytes { get; init; }

    /// <summary>Mean number of axes with bits.</summary>
    public required double CodedAxes { get; init; }

    /// <summary>
    /// Mean bytes of an ideal code of independent Gaussian axes, with the model's variances, at the weighted error of the nearest codes
    /// (docs/codec.md); over all rows.
    /// </summary>
    public required double BoundCodeBytes { get; init; }

    /// <summary>Bits of each coded axis beyond that bound.</summary>
    public required double BitsToBound { get; init; }

    /// <summary>
    /// The same at the error of the stored codes. It is larger where they are unbiased, which trades error for distances that are right on
    /// average.
    /// </summary>
    public required double StoredBitsToBound { get; init; }

    /// <summary>
    /// Recall@10 of an exhaustive scan, predicted on the tuning sample before the index was written; NaN where there was none.
    /// </summary>
    public required double PredictedRecall { get; init; }

    /// <summary>Its standard error.</summary>
    public required double PredictedStandardError { get; init; }
}
