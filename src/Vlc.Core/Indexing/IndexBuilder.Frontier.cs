using Vlc.Residuals;
using Vlc.Residuals.Packed;
using Vlc.Vectors;

namespace Vlc.Indexing;

public sealed partial class IndexBuilder
{
    /// <summary>Measures what recall the packed codec gives for how many bytes, without building an index.</summary>
    /// <param name="source">The vectors.</param>
    /// <param name="options">As for <see cref="Build"/>, with codec <see cref="CodecKind.Packed"/>; a largest ratio and a level are left out of account.</param>
    /// <param name="progress">Hears how far it has come.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="ArgumentException">Options that do not fit the vectors; too few vectors to measure recall on.</exception>
    /// <exception cref="VlcFormatException">The source is damaged, or has zero rows under the cosine metric.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Frontier MeasureFrontier(
        VectorSource source, IndexOptions options, IProgress<IndexProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate(source.Count, source.Dimension);
        if (options.Codec != CodecKind.Packed) problems = [.. problems, $"codec {options.Codec} has no frontier: its bytes follow from its name"];
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        // The passes over the rows want a place for their output; nothing of it stays.
        string scratch = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        return new IndexBuilder(source, new PartialBuild(scratch, options, resumable: false), options, progress, cancellationToken).MeasureFrontier();
    }

    private Frontier MeasureFrontier()
    {
        Foundation foundation = LayFoundation(PackedEncoding.FrontierCandidates);
        if (foundation.Exact is null)
        {
            throw new ArgumentException($"{_count} vectors are too few to hold some out, and there are no tuning queries: recall cannot be measured.");
        }

        var rows = new PreparedRows(_source, _options.Metric, foundation.Sample.ScaleExponent);
        PackedEncoding encoding = Encoding(rows, foundation.Tuning);
        (IReadOnlyList<FrontierPoint> points, PackedTuningSample sample, PackedParameters model) =
            Timed(IndexPhase.Level, () => encoding.Explore(Evidence(foundation)));
        return new Frontier
        {
            Count = _count,
            Dimension = _dimension,
            AnchorCount = model.CellCount,
            GroupCount = model.Groups.Length,
            ClassCount = model.ClassCount,
            TuningSource = _options.TuningQueries?.Name,
            Queries = sample.QueryCount,
            Candidates = sample.CandidateCount,
            TargetRecall = _options.Packed.TargetRecall,
            Points = points,
            Seconds = _seconds,
        };
    }
}
