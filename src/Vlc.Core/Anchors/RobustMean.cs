namespace Vlc.Anchors;

/// <summary>Which mean of a cell's rows becomes its anchor.</summary>
public enum MeanKind
{
    /// <summary>The arithmetic mean: it minimises distortion.</summary>
    Arithmetic = 0,

    /// <summary>The mean without the farthest share of the cell's rows.</summary>
    Trimmed = 1,

    /// <summary>
    /// Huber's mean: rows farther than a multiple of the cell's median distance are weighted by the inverse of their distance.
    /// </summary>
    Huber = 2,
}

/// <summary>A cell's mean, robust against rows that do not belong to it.</summary>
/// <param name="Kind">Which mean.</param>
/// <param name="Parameter">
/// Trimmed: the share of rows left out, in [0, 0.5). Huber: the multiple of the median distance from which a row's weight falls, above 0.
/// </param>
public sealed record RobustMean(MeanKind Kind, double Parameter)
{
    /// <summary>The arithmetic mean.</summary>
    public static RobustMean Arithmetic { get; } = new(MeanKind.Arithmetic, 0);

    internal IEnumerable<string> Problems()
    {
        if (Kind == MeanKind.Trimmed && !(Parameter >= 0 && Parameter < 0.5)) yield return "the trimmed share must lie in [0, 0.5)";
        if (Kind == MeanKind.Huber && !(Parameter > 0 && double.IsFinite(Parameter))) yield return "the Huber multiple must be above 0";
    }
}
