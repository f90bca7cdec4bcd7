namespace Vlc.Codecs.Packed;

/// <summary>
/// The constants of the recipe. The defaults are the codec; others measure what each part is worth (bench, <c>ablation</c>) and exist in memory only, where nothing
/// else is said.
/// </summary>
internal sealed record PackedDesign
{
    /// <summary>The codec.</summary>
    public static PackedDesign Default { get; } = new();

    /// <summary>The code of the axes.</summary>
    public TrellisCode Code { get; init; } = BitshiftCode.Designed;

    /// <summary>Error of a stored basis row times its variance, as a share of the noise of a coded axis; null lets the vectors that pay for the row decide.</summary>
    public double? BasisNoiseShare { get; init; }

    /// <summary>Whether the axes are those of the input, which take no bytes.</summary>
    public bool InputAxes { get; init; }

    /// <summary>Basis noise share for each dimension over rows of the group.</summary>
    public double BasisNoiseFactor { get; init; } = 10;

    /// <summary>Step of the anchors' coordinates over the deviation of that noise.</summary>
    public double AnchorStepShare { get; init; } = 0.7;

    /// <summary>Whether cells have levels and scales of their own.</summary>
    public bool CellScales { get; init; } = true;

    /// <summary>Weight of an axis in the allocation: its group's variance to the power of this many quarters.</summary>
    public int AxisWeightQuarters { get; init; } = PackedModel.AxisWeightQuarters;

    /// <summary>Whether a list's noise is held to a share of its own energy.</summary>
    public bool ListWeights { get; init; } = true;
}
