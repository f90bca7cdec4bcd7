using Vlc.Compute;

namespace Vlc.Anchors;

/// <summary>Options of learning anchors. What is null is chosen from the data, and the choice is reported.</summary>
public sealed class AnchorTrainingOptions
{
    /// <summary>Number of anchors; null takes about 4·√n, at most n / 4.</summary>
    public int? AnchorCount { get; init; }

    /// <summary>Seed of everything random. The same seed gives the same anchors on any number of threads and any instruction set.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Most iterations; training stops earlier when it has converged.</summary>
    public int MaxIterations { get; init; } = 8;

    /// <summary>
    /// Whether the first iterations use a part of the rows only, an eighth at first, and later ones more and more of them. It reaches the
    /// same distortion in a fraction of the time. The last iteration always uses all rows.
    /// </summary>
    public bool PartsFirst { get; init; } = true;

    /// <summary>Annealing; null takes the best of docs/training.md.</summary>
    public CoolingSchedule? Cooling { get; init; }

    /// <summary>The mean of a cell; arithmetic unless outliers are expected.</summary>
    public RobustMean Mean { get; init; } = RobustMean.Arithmetic;

    /// <summary>Rounds of merge and split, one after each of the first iterations; null takes the best of docs/training.md.</summary>
    public int? MaintenanceRounds { get; init; }

    /// <summary>
    /// Lambda of the energy: the distortion that one byte a vector on disk may cost, in squared units of the data. Above 0, maintenance may
    /// lower the number of anchors where a merge costs less distortion than its bytes are worth.
    /// </summary>
    public double Lambda { get; init; }

    /// <summary>Training has converged when the energy falls by less than this share, and as small a share of rows changes cells.</summary>
    public double Tolerance { get; init; } = 1e-3;

    /// <summary>File for the state after each iteration, so that an interrupted training can continue; null keeps none.</summary>
    public string? CheckpointPath { get; init; }

    /// <summary>Least time between two saves of the state.</summary>
    internal TimeSpan CheckpointInterval { get; init; }

    /// <summary>
    /// Whether the file stays when training ends. A build that continues for long after training keeps it, so as not to train again.
    /// </summary>
    internal bool CheckpointStays { get; init; }

    /// <summary>Threads to use; null uses every processor.</summary>
    public int? Threads { get; init; }

    /// <summary>
    /// The backend of assignment, means and merge candidates and, in a build of codec packed, of the search for codes; null is the
    /// processor. The caller disposes of it afterwards.
    /// </summary>
    public IComputeBackend? Backend { get; init; }

    internal int ThreadCount => Threads ?? Environment.ProcessorCount;

    /// <summary>The given backend, or the processor, which needs no disposal.</summary>
    internal IComputeBackend BackendOrCpu => Backend ?? new CpuBackend(ThreadCount);

    /// <summary>All faults of the options; empty when they can be used.</summary>
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
