namespace Vlc.Codecs.Packed;

/// <summary>
/// The constants of the codec's design. The defaults are the codec. Other values measure the contribution of each part (bench,
/// <c>ablation</c>) and exist in memory only, unless noted.
/// </summary>
internal sealed record PackedDesign
{
    /// <summary>The codec.</summary>
    public static PackedDesign Default { get; } = new();

    /// <summary>
    /// Error of a stored basis row times its variance, as a share of the noise of a coded axis; null derives it from the number of vectors
    /// that share the row's cost.
    /// </summary>
    public double? BasisNoiseShare { get; init; }

    /// <summary>Whether the axes are those of the input, which need no stored basis.</summary>
    public bool InputAxes { get; init; }

    /// <summary>The basis noise share is this factor times dimensions over rows of the group.</summary>
    public double BasisNoiseFactor { get; init; } = 10;

    /// <summary>Step of the anchors' coordinates over the standard deviation of that noise.</summary>
    public double AnchorStepShare { get; init; } = 0.7;

    /// <summary>Whether cells have levels and scales of their own.</summary>
    public bool CellScales { get; init; } = true;

    /// <summary>Weight of an axis in the allocation: its group's variance to the power of this many quarters.</summary>
    public int AxisWeightQuarters { get; init; } = PackedModel.AxisWeightQuarters;

    /// <summary>Whether a list's noise is limited to a share of its own energy.</summary>
    public bool ListWeights { get; init; } = true;
}
