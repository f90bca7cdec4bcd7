using Vlc.Anchors;
using Vlc.Compute;
using Vlc.Vectors;

namespace Vlc.Codecs;

/// <summary>Learns the model of a codec from a sample, and says how large a sample it wants.</summary>
internal abstract class CodecLearner
{
    /// <summary>m when the user names no number.</summary>
    public abstract int DefaultAnchorCount { get; }

    /// <summary>Rows of the training sample that anchors and codec want.</summary>
    /// <param name="anchorCount">m.</param>
    public abstract long SampleRows(int anchorCount);

    /// <summary>Of those, rows from which the codec itself learns; 0 where it needs none.</summary>
    /// <param name="anchorCount">m.</param>
    public virtual long LearningRows(int anchorCount) => 0;

    /// <summary>Queries of the tuning sample at most.</summary>
    public abstract int MostTuningRows { get; }

    /// <summary>Exact neighbours of each of them that learning wants.</summary>
    public abstract int TuningNeighbors { get; }

    /// <summary>
    /// Brings trained anchors to what a reader will have, so that residuals are taken from these; a codec that rounds them later leaves
    /// them.
    /// </summary>
    /// <param name="anchors">m x d, in scaled units.</param>
    public virtual void RoundAnchors(Span<float> anchors)
    {
    }

    /// <summary>Learns.</summary>
    /// <param name="data">What from.</param>
    public abstract CodecModel Learn(LearningData data);

    /// <summary>What was chosen, once all rows are coded; null where there was nothing to choose.</summary>
    /// <param name="encoder">Has coded all rows.</param>
    /// <param name="listCounts">Rows of each list.</param>
    public virtual CodecReport? Report(RowEncoder encoder, int[] listCounts) => null;
}

/// <summary>What a codec chose and predicts.</summary>
public abstract class CodecReport
{
    private protected CodecReport()
    {
    }
}

/// <summary>What a learner is told before it sees a row.</summary>
/// <param name="Count">n.</param>
/// <param name="Dimension">d.</param>
/// <param name="Metric">The metric.</param>
/// <param name="TrainingRows">Rows of the sample that the user asks for; null leaves it to the codec.</param>
/// <param name="Backend">Where heavy passes run.</param>
/// <param name="Threads">Threads to use.</param>
/// <param name="Report">Hears the share done, and a few words.</param>
/// <param name="CancellationToken">Checked between steps.</param>
internal sealed record LearningContext(
    int Count, int Dimension, Metric Metric, int? TrainingRows, IComputeBackend Backend, int Threads, Action<double, string> Report,
    CancellationToken CancellationToken);

/// <summary>What a codec learns from. All vectors are in scaled units.</summary>
/// <param name="Source">Rows of the base, to be read by number.</param>
/// <param name="Rows">Training rows, n x d; as many as <see cref="CodecLearner.LearningRows"/> asked for.</param>
/// <param name="Cells">Cell of each.</param>
/// <param name="Anchors">m x d.</param>
/// <param name="Assignments">Cell of every row of the base.</param>
/// <param name="Statistics">Energy and extent of all residuals.</param>
/// <param name="HeldOut">Base rows that took no part in training.</param>
/// <param name="Queries">The tuning sample; empty where there is none.</param>
/// <param name="Exact">Their exact neighbours, as many for each.</param>
/// <param name="CurvePoints">Points of the probing curve that the manifest will have.</param>
/// <param name="OtherSections">Sections of the index that are none of the codec's.</param>
internal sealed record LearningData(
    PreparedRows Source, float[] Rows, int[] Cells, float[] Anchors, int[] Assignments, ResidualStatistics Statistics, HeldOutRows HeldOut,
    float[] Queries, int[] Exact, int CurvePoints, int OtherSections);

/// <summary>Base rows that took no part in training.</summary>
/// <param name="Rows">Row-major, in scaled units.</param>
/// <param name="Dimension">d.</param>
/// <param name="Cells">Cell of each.</param>
internal sealed record HeldOutRows(float[] Rows, int Dimension, int[] Cells)
{
    public int Count => Cells.Length;

    public ReadOnlySpan<float> Row(int row) => Rows.AsSpan(row * Dimension, Dimension);
}
