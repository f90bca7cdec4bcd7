using System.Diagnostics;
using Vlc.Codecs;
using Vlc.Compute;
using Vlc.Diagnostics;
using Vlc.Vectors;

namespace Vlc.Indexing;

/// <summary>What all stages of a build share.</summary>
internal sealed class BuildContext
{
    private readonly Dictionary<IndexPhase, double> _seconds = [];

    public BuildContext(
        VectorSource source, IndexOptions options, PartialBuild partial, IProgress<IndexProgress>? progress,
        CancellationToken cancellationToken)
    {
        (Source, Options, Partial, Progress, Cancellation) = (source, options, partial, progress, cancellationToken);
        Count = (int)source.Count;
        Dimension = source.Dimension;
        Threads = options.Training.ThreadCount;
        Backend = options.Training.BackendOrCpu;
        Learner = CodecRegistry.Learner(options, new LearningContext(
            Count, Dimension, options.Metric, options.TrainingRows, Backend, Threads,
            (share, detail) => progress?.Report(new IndexProgress(IndexPhase.Level, share, detail)), cancellationToken));
        AnchorCount = options.Training.AnchorCount ?? Learner.DefaultAnchorCount;
    }

    public VectorSource Source { get; }

    public IndexOptions Options { get; }

    public PartialBuild Partial { get; }

    public IProgress<IndexProgress>? Progress { get; }

    public CancellationToken Cancellation { get; }

    public CodecLearner Learner { get; }

    /// <summary>n.</summary>
    public int Count { get; }

    /// <summary>d.</summary>
    public int Dimension { get; }

    /// <summary>m, as asked for or chosen; training may end with fewer.</summary>
    public int AnchorCount { get; }

    public int Threads { get; }

    public IComputeBackend Backend { get; }

    /// <summary>Seconds of each phase so far.</summary>
    public IReadOnlyDictionary<IndexPhase, double> Seconds => _seconds;

    /// <summary>The rows as an index wants them.</summary>
    /// <param name="scaleExponent">e.</param>
    public PreparedRows Rows(int scaleExponent) => new(Source, Options.Metric, scaleExponent);

    /// <summary>Runs a stage: reports its beginning and end, and keeps the time that it took.</summary>
    public T Run<T>(IndexPhase phase, Func<T> stage)
    {
        Progress?.Report(new IndexProgress(phase, 0));
        using Activity? activity = VlcTelemetry.Start(phase.ToString());
        long start = Stopwatch.GetTimestamp();
        T result = stage();
        double seconds = _seconds[phase] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        VlcTelemetry.PhaseEnded(phase.ToString(), seconds);
        Progress?.Report(new IndexProgress(phase, 1));
        return result;
    }

    /// <summary>
    /// Returns what a stage has left behind, where it is much. Training rows and what was learned on them are most of the memory of a
    /// build, lie among the large objects, and would stay until a collection comes by itself, which the streaming stages hardly ever cause.
    /// </summary>
    public static void ReturnMemory()
    {
        const long Much = 32 << 20;
        if (GC.GetTotalMemory(forceFullCollection: false) > Much)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
    }
}
