using Vlc.Anchors;
using Vlc.Codecs.Packed;
using Vlc.Segments;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Indexing;

/// <summary>How an index is built. What is null is chosen from the data, and the choice is reported.</summary>
public sealed class IndexOptions
{
    /// <summary>The metric; stored in the index.</summary>
    public Metric Metric { get; init; } = Metric.L2;

    /// <summary>How residuals are stored.</summary>
    public CodecKind Codec { get; init; } = CodecKind.Packed;

    /// <summary>How the packed codec is built; ignored by the others.</summary>
    public PackedOptions Packed { get; init; } = new();

    /// <summary>d_r, axes of a residual that are coded: those of most residual energy. Null codes all d.</summary>
    public int? CodedDimension { get; init; }

    /// <summary>
    /// Diagonal Jacobians, a scale for each axis of each cell. Null switches them on for int8 when one scale an axis for all cells would
    /// add more than a thousandth of the residuals' energy as rounding noise (outliers, cells of very different size).
    /// </summary>
    public bool? Jacobians { get; init; }

    /// <summary>
    /// Rows to train on; null takes 160 an anchor, or for the packed codec 256 an anchor and 160 a dimension, whichever is more, at most
    /// 384 MiB. Of these the packed codec learns its bases from 128 an anchor or 160 a dimension, at most 128 MiB.
    /// </summary>
    public int? TrainingRows { get; init; }

    /// <summary>
    /// Rows of the tuning sample, on which the packed codec's level is chosen and recall is measured: base rows held out of training, or
    /// some of <see cref="TuningQueries"/>. Null takes up to 500, 1,000 for the packed codec; 0 tunes and measures nothing.
    /// </summary>
    public int? TuningRows { get; init; }

    /// <summary>
    /// Queries like those that the index will answer, to tune on instead of base rows; no row of the base is left out of their results. Of
    /// the vectors' dimension; not to be the queries on which the index is evaluated later. The caller disposes of the source.
    /// </summary>
    public VectorSource? TuningQueries { get; init; }

    /// <summary>
    /// Whether a build that takes long keeps what it has done in BASE.build.*, so that the same build, started again after an interruption,
    /// goes on from there. A finished build deletes it.
    /// </summary>
    public bool Resumable { get; init; } = true;

    /// <summary>
    /// Keys of the rows, one for each, stored with the index and given back by searches. Null takes the keys that the source carries, if
    /// any.
    /// </summary>
    public KeyColumn? Keys { get; init; }

    /// <summary>
    /// Whether the index keeps what adding rows and measuring recall again need: BASE.encoder.bin, about a sixteenth of the index, which no
    /// search reads and no ratio counts.
    /// </summary>
    public bool Updatable { get; init; } = true;

    /// <summary>Least time between two marks of a resumable build: what an interruption may cost.</summary>
    internal TimeSpan PartialInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How anchors are learned; its seed is the index's, its threads are used throughout.</summary>
    public AnchorTrainingOptions Training { get; init; } = new();

    /// <summary>Everything wrong with the options for vectors of this size, all at once; empty when they can be used.</summary>
    /// <param name="count">n.</param>
    /// <param name="dimension">d.</param>
    public IReadOnlyList<string> Validate(long count, int dimension)
    {
        var problems = new List<string>(Training.Validate());
        if (!Enum.IsDefined(Metric)) problems.Add($"metric {Metric} is unknown");
        if (!Enum.IsDefined(Codec)) problems.Add($"codec {Codec} is unknown");
        if (count > int.MaxValue) problems.Add($"an index holds at most {int.MaxValue} vectors, not {count}");
        if (dimension > Manifest.MaxDimension)
        {
            problems.Add($"vectors may have at most {Manifest.MaxDimension} dimensions, not {dimension}");
        }

        if (CodedDimension < 1 || CodedDimension > dimension)
        {
            problems.Add($"the coded dimensions must lie in 1 to {dimension}, the dimension of the vectors");
        }

        if (CodedDimension is not null && Codec is CodecKind.None or CodecKind.Packed or CodecKind.Parity)
        {
            problems.Add($"codec {Codec} chooses its coded dimensions itself");
        }

        if (Jacobians is not null && Codec is CodecKind.None or CodecKind.Packed or CodecKind.Parity)
        {
            problems.Add($"codec {Codec} leaves no choice about Jacobians");
        }

        if (Codec is CodecKind.Packed or CodecKind.Parity) problems.AddRange(Packed.Problems());
        if (Training.AnchorCount > count) problems.Add($"{Training.AnchorCount} anchors need as many vectors; there are {count}");
        if (TrainingRows < (Training.AnchorCount ?? 1)) problems.Add("training needs at least as many rows as anchors");
        if (TuningQueries is { } queries && queries.Dimension != dimension)
        {
            problems.Add($"the tuning queries, {queries.Name}, have {queries.Dimension} dimensions; the vectors have {dimension}");
        }

        if (Keys is { } keys && keys.Count != count) problems.Add($"{keys.Count} keys are given for {count} vectors");
        if (TuningRows < 0) problems.Add("the number of tuning rows must be at least 0");
        return problems;
    }
}
