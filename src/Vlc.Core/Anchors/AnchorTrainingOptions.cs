using Vlc.Compute;

namespace Vlc.Anchors;

/// <summary>How anchors are learned. What is null is chosen from the data, and the choice is reported.</summary>
public sealed class AnchorTrainingOptions
{
    /// <summary>Number of anchors; null takes about 4·√n, at most n / 4.</summary>
    public int? AnchorCount { get; init; }

    /// <summary>Seed of everything random. The same seed gives the same anchors on any number of threads and any instruction set.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Most iterations; training stops earlier when it has converged.</summary>
    public int MaxIterations { get; init; } = 8;

    /// <summary>
    /// Whether the first iterations look at a part of the rows only, an eighth at first, and later ones at more and more of them: a fraction of the time for the same distortion. The last
    /// iteration looks at all rows in any case.
    /// </summary>
    public bool PartsFirst { get; init; } = true;

    /// <summary>Annealing; null takes what docs/training.md found best.</summary>
    public CoolingSchedule? Cooling { get; init; }

    /// <summary>The mean of a cell; arithmetic unless outliers are expected.</summary>
    public RobustMean Mean { get; init; } = RobustMean.Arithmetic;

    /// <summary>
    /// Rounds of merge and split, one after each of the first iterations; null takes what docs/training.md found best.
    /// </summary>
    public int? MaintenanceRounds { get; init; }

    /// <summary>
    /// Lambda of the energy: distortion that one byte a vector on disk is worth, in squared units of the data. Above 0, maintenance may lower the
    /// number of anchors where a merge costs less distortion than its bytes are worth.
    /// </summary>
    public double Lambda { get; init; }

    /// <summary>Training has converged when the energy falls by less than this share, and as small a share of rows changes cells.</summary>
    public double Tolerance { get; init; } = 1e-3;

    /// <summary>Where to keep the state after each iteration, so that an interrupted training goes on; null keeps none.</summary>
    public string? CheckpointPath { get; init; }

    /// <summary>Least time between two saves of the state.</summary>
    internal TimeSpan CheckpointInterval { get; init; }

    /// <summary>Whether the state stays when training ends: a build that goes on for long after it must not repeat it.</summary>
    internal bool CheckpointStays { get; init; }

    /// <summary>Threads to use; null uses every processor.</summary>
    public int? Threads { get; init; }

    /// <summary>Where assignment, means and merge candidates are computed and, in a build of codec packed, codes searched; null is the processor. The caller disposes of it, afterwards.</summary>
    public IComputeBackend? Backend { get; init; }

    internal int ThreadCount => Threads ?? Environment.ProcessorCount;

    /// <summary>The backend given, or the processor, which holds nothing to dispose of.</summary>
    internal IComputeBackend BackendOrCpu => Backend ?? new CpuBackend(ThreadCount);

    /// <summary>Everything wrong with the options, all at once; empty when they can be used.</summary>
    public IReadOnlyList<string> Validate()
    {
        var problems = new List<string>();
        if (AnchorCount < 1) problems.Add("the number of anchors must be at least 1");
        if (MaxIterations < 1) problems.Add("the number of iterations must be at least 1");
        if (MaintenanceRounds < 0) problems.Add("the number of maintenance rounds must be at least 0");
        if (!(Lambda >= 0 && double.IsFinite(Lambda))) problems.Add("lambda must be a finite number of at least 0");
        if (!(Tolerance >= 0 && double.IsFinite(Tolerance))) problems.Add("the tolerance must be a finite number of at least 0");
        if (Threads < 1) problems.Add("the number of threads must be at least 1");
        problems.AddRange(Mean.Problems());
        if (Cooling is not null) problems.AddRange(Cooling.Problems());
        return problems;
    }
}
