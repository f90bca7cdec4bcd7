namespace Vlc.Anchors;

/// <summary>One iteration of training, measured on its assignment.</summary>
/// <param name="Iteration">0-based.</param>
/// <param name="Temperature">Temperature of the following update.</param>
/// <param name="Distortion">Mean squared distance of a training row to its anchor, in squared units of the data.</param>
/// <param name="Energy">Distortion + lambda · footprint.</param>
/// <param name="ValidationEnergy">The same on rows held out of training; NaN where there are none.</param>
/// <param name="Changed">Share of the used rows that changed cells since they were last used; 1 in the first iteration.</param>
/// <param name="Merged">Anchors merged away in the following maintenance.</param>
/// <param name="Split">Cells split in the following maintenance.</param>
/// <param name="Rows">Training rows that the iteration used: a part of them at first, all of them at the end.</param>
public sealed record TrainingIteration(
    int Iteration, double Temperature, double Distortion, double Energy, double ValidationEnergy, double Changed, int Merged, int Split,
    int Rows);

/// <summary>The course and the result of training.</summary>
public sealed class TrainingReport
{
    /// <summary>Every iteration, in order.</summary>
    public required IReadOnlyList<TrainingIteration> Iterations { get; init; }

    /// <summary>True when energy and assignment had settled before the last allowed iteration.</summary>
    public required bool Converged { get; init; }

    /// <summary>Mean squared distance of a training row to its anchor at the end, in squared units of the data.</summary>
    public required double Distortion { get; init; }

    /// <summary>Distortion + lambda · footprint at the end.</summary>
    public required double Energy { get; init; }

    /// <summary>
    /// Entropy of the histogram of assignments over its largest possible value, log2 m: 1 when all cells hold equally many rows. Below
    /// <see cref="AnchorTrainer.CollapseThreshold"/> training has collapsed onto few modes.
    /// </summary>
    public required double NormalizedEntropy { get; init; }

    /// <summary>Rows used for training.</summary>
    public required int TrainingRows { get; init; }

    /// <summary>Iteration from which a checkpoint was resumed, or null.</summary>
    public int? ResumedFrom { get; init; }

    /// <summary>
    /// True when the assignment has collapsed onto few anchors and maintenance could not repair it: the data has few distinct rows.
    /// </summary>
    public bool Collapsed => NormalizedEntropy < AnchorTrainer.CollapseThreshold;

    /// <summary>The report in other units: squared distances times a factor.</summary>
    internal TrainingReport Scaled(double factor) => new()
    {
        Iterations =
        [
            .. Iterations.Select(iteration => iteration with
            {
                Distortion = iteration.Distortion * factor,
                Energy = iteration.Energy * factor,
                ValidationEnergy = iteration.ValidationEnergy * factor,
            }),
        ],
        Converged = Converged,
        Distortion = Distortion * factor,
        Energy = Energy * factor,
        NormalizedEntropy = NormalizedEntropy,
        TrainingRows = TrainingRows,
        ResumedFrom = ResumedFrom,
    };
}
