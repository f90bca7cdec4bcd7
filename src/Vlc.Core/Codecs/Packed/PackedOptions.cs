namespace Vlc.Codecs.Packed;

/// <summary>Options of the packed codec. What is null is chosen from the data.</summary>
public sealed class PackedOptions
{
    /// <summary>The k of the target recall.</summary>
    public const int TargetNeighbors = 10;

    /// <summary>
    /// The recall@10 of an exhaustive scan to reach with the fewest bytes, in (0, 1), measured on the tuning sample. It is ignored where
    /// <see cref="MaxRatio"/> or <see cref="Level"/> is given.
    /// </summary>
    public double TargetRecall { get; init; } = 0.95;

    /// <summary>
    /// Largest share of the originals' float32 bytes that the index may take; null uses <see cref="TargetRecall"/> instead.
    /// </summary>
    public double? MaxRatio { get; init; }

    /// <summary>The water level itself, 64 · log2 of the least gain of a bit, for experiments.</summary>
    public int? Level { get; init; }

    /// <summary>K, the number of local bases; null compares the bits saved with the bytes of the bases.</summary>
    public int? GroupCount { get; init; }

    /// <summary>Classes of each cell by the size of residuals, 1 to 8; null takes 2.</summary>
    public int? ClassCount { get; init; }

    /// <summary>
    /// True makes the projection of each code on its residual as long as the residual, so that distances are unbiased. False takes the
    /// nearest code. Null measures which finds more.
    /// </summary>
    public bool? Unbiased { get; init; }

    /// <summary>
    /// True gives all codes the same bytes. False gives them what one water level for all cells and axes asks for. Null measures which
    /// finds more where the target is a recall, else takes false.
    /// </summary>
    public bool? EqualBytes { get; init; }

    internal IEnumerable<string> Problems()
    {
        if (!(TargetRecall > 0 && TargetRecall < 1)) yield return "the target recall must lie between 0 and 1";
        if (MaxRatio is { } ratio && !(ratio > 0 && ratio < 1)) yield return "the largest ratio must lie between 0 and 1";
        if (GroupCount < 1) yield return "the number of local bases must be at least 1";
        if (ClassCount is < 1 or > 8) yield return "the number of classes must lie in 1 to 8";
    }
}
