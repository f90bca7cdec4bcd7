using Vlc.Anchors;
using Vlc.Codecs;
using Vlc.Codecs.Packed;
using Vlc.Diagnostics;
using Vlc.Probing;
using Vlc.Segments;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Indexing;

/// <summary>
/// Builds an index from a source of vectors: sample, learn anchors, assign, learn the codec, encode, tune, commit. Rows stream by; memory
/// is the training sample, a block of rows, and four bytes a row for its assignment.
/// </summary>
public static class IndexBuilder
{
    /// <summary>Builds an index and puts it in place of any old one of the same name, at once, when it is whole.</summary>
    /// <param name="source">The vectors.</param>
    /// <param name="basePath">BASE, the common part of the files' names; missing folders are made.</param>
    /// <param name="options">How to build.</param>
    /// <param name="progress">Hears how far the build has come.</param>
    /// <param name="cancellationToken">
    /// Stops the build; an old index stays whole. What a build of more than some seconds has done is kept beside it, for the same build to
    /// go on from, unless it is not <see cref="IndexOptions.Resumable"/>.
    /// </param>
    /// <exception cref="ArgumentException">Options that do not fit the vectors.</exception>
    /// <exception cref="VlcFormatException">The source is damaged, or has zero rows under the cosine metric.</exception>
    /// <exception cref="IndexInUseException">Another writer is at work on the index.</exception>
    /// <exception cref="IOException">A file could not be written; the index stays as it was.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IndexReport Build(
        VectorSource source, string basePath, IndexOptions options, IProgress<IndexProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(basePath);
        Check(source, options);
        CheckInputs(basePath, source, options);
        using FolderContainer container = FolderContainer.Create(basePath);
        if (container.NetworkFileSystem is { } kind)
        {
            progress?.Report(new IndexProgress(
                IndexPhase.Sample, 0, $"on a network file system ({kind}): its server may not keep other builds out"));
        }

        var partial = new PartialBuild(basePath, options, options.Resumable);
        return BuildInto(source, container, partial, options, progress, cancellationToken);
    }

    /// <summary><see cref="Build"/> on a thread of the pool.</summary>
    /// <inheritdoc cref="Build"/>
    public static Task<IndexReport> BuildAsync(
        VectorSource source, string basePath, IndexOptions options, IProgress<IndexProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Task.Run(() => Build(source, basePath, options, progress, cancellationToken), cancellationToken);

    /// <summary>Measures what recall codec packed or parity gives for how many bytes, without building an index.</summary>
    /// <param name="source">The vectors.</param>
    /// <param name="options">
    /// As for <see cref="Build"/>, with codec <see cref="CodecKind.Packed"/> or <see cref="CodecKind.Parity"/>; a largest ratio and a level
    /// are left out of account.
    /// </param>
    /// <param name="progress">Hears how far it has come.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="ArgumentException">Options that do not fit the vectors; too few vectors to measure recall on.</exception>
    /// <exception cref="VlcFormatException">The source is damaged, or has zero rows under the cosine metric.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Frontier MeasureFrontier(
        VectorSource source, IndexOptions options, IProgress<IndexProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        Check(source, options);
        var context = new BuildContext(source, options, PartialBuild.None, progress, cancellationToken);
        if (context.Learner is not PackedLearner learner)
        {
            throw new ArgumentException($"codec {options.Codec} has no frontier: its bytes follow from its name", nameof(options));
        }

        (TrainingSample sample, TuningSample tuning) = context.Run(IndexPhase.Sample, () => SampleStage.Run(context));
        LearnedAnchors anchors = context.Run(IndexPhase.Train, () => AnchorStage.Run(context, sample));
        AssignedRows assigned = context.Run(
            IndexPhase.Assign, () => AssignStage.Run(context, sample, tuning, anchors, PackedLearner.FrontierCandidates));
        if (assigned.Exact is null)
        {
            throw new ArgumentException(
                $"{context.Count} vectors are too few to hold some out, and there are no tuning queries: recall cannot be measured.");
        }

        (IReadOnlyList<FrontierPoint> points, PackedTuningSample measured, PackedParameters model) = context.Run(
            IndexPhase.Level,
            () => learner.Explore(CodecStage.Data(context, sample, tuning, anchors, assigned, OtherSections(options, keys: null))));
        return new Frontier
        {
            Count = context.Count,
            Dimension = context.Dimension,
            AnchorCount = model.CellCount,
            GroupCount = model.Groups.Length,
            ClassCount = model.ClassCount,
            TuningSource = options.TuningQueries?.Name,
            Queries = measured.QueryCount,
            Candidates = measured.CandidateCount,
            TargetRecall = options.Packed.TargetRecall,
            Points = points,
            Seconds = context.Seconds,
        };
    }

    /// <summary>Whether an interrupted build has left work beside an index, for the same build to go on from.</summary>
    /// <param name="basePath">BASE of the index.</param>
    public static bool HasPartialWork(string basePath)
    {
        ArgumentException.ThrowIfNullOrEmpty(basePath);
        return PartialBuild.Exists(basePath);
    }

    /// <summary>Builds an index in a container.</summary>
    internal static IndexReport BuildInto(
        VectorSource source, IndexContainer container, PartialBuild partial, IndexOptions options,
            IProgress<IndexProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        Check(source, options);
        return Run(new BuildContext(source, options, partial, progress, cancellationToken), container);
    }

    private static void Check(VectorSource source, IndexOptions options)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate(source.Count, source.Dimension);
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
    }

    /// <summary>Refuses to replace what is read: a source is named by its file's path.</summary>
    private static void CheckInputs(string basePath, VectorSource source, IndexOptions options)
    {
        foreach (string? input in (string?[])[source.Name, options.TuningQueries?.Name])
        {
            bool isPath = !string.IsNullOrEmpty(input) && !input.Contains('\0', StringComparison.Ordinal);
            if (!isPath || !IndexFiles.IsOwn(basePath, input!)) continue;
            throw new ArgumentException(
                $"{input} has the name of a file of the index {basePath}, which would replace it; give the index another name.");
        }
    }

    /// <summary>The stages, in their order.</summary>
    private static IndexReport Run(BuildContext context, IndexContainer container)
    {
        using System.Diagnostics.Activity? activity = VlcTelemetry.Start("Build");
        using var writer = new SectionWriter(container);
        IndexOptions options = context.Options;
        container.RequireSpace(LeastBytes(context));
        KeyColumn? keys = options.Keys ?? KeyColumn.Of(context.Source);
        // First of all: a key that cannot be stored ends the build before it has cost anything.
        keys?.Write(writer, segment: 0, context.Cancellation);
        (TrainingSample sample, TuningSample tuning) = context.Run(IndexPhase.Sample, () => SampleStage.Run(context));
        LearnedAnchors anchors = context.Run(IndexPhase.Train, () => AnchorStage.Run(context, sample));
        int neighbors = Math.Max(context.Learner.TuningNeighbors, Yardstick.Neighbors);
        AssignedRows assigned = context.Run(IndexPhase.Assign, () => AssignStage.Run(context, sample, tuning, anchors, neighbors));
        using CodecModel model = context.Run(
            IndexPhase.Level, () => CodecStage.Run(context, sample, tuning, anchors, assigned, OtherSections(options, keys)));
        CodecReport? chosen = context.Run(IndexPhase.Encode, () => EncodeStage.Run(context, sample.ScaleExponent, assigned, model, writer));
        BuildContext.ReturnMemory();
        MeasuredCurve? measured = assigned.Exact is null
            ? null
            : context.Run(IndexPhase.Tune, () =>
            {
                OpenedIndex staged = OpenedIndex.Open(writer.Read(Describe(context, writer, sample.ScaleExponent, model, curve: null)));
                try
                {
                    return TuneStage.Run(context, staged, tuning, assigned.Exact);
                }
                finally
                {
                    staged.Release();
                }
            });
        if (options.Updatable) WriteEncoder(context, writer, model, tuning, assigned);
        Manifest manifest = writer.Commit(Describe(context, writer, sample.ScaleExponent, model, measured?.Curve));
        context.Partial.Delete();
        return Report(context, manifest, sample, anchors.Training, assigned, chosen, measured);
    }

    /// <summary>
    /// Bytes on disk that a build needs at least: cells and codes. Packed codes are taken for a quarter of a bit an axis, fewer than a
    /// target of use leaves.
    /// </summary>
    private static long LeastBytes(BuildContext context)
    {
        long axes = context.Options.CodedDimension ?? context.Dimension;
        long codeBytes = context.Options.Codec switch
        {
            CodecKind.Packed => axes / 32,
            CodecKind.Int8 => axes,
            CodecKind.Float16 => 2 * axes,
            _ => 0,
        };
        return context.Count * (sizeof(int) + codeBytes);
    }

    /// <summary>Writes what only adding rows and measuring recall need.</summary>
    private static void WriteEncoder(BuildContext context, SectionWriter writer, CodecModel model, TuningSample tuning,
        AssignedRows assigned)
    {
        long indexBytes = writer.Sections.Sum(section => section.Length);
        byte[] state = model.WriteEncoderState();
        byte[] yardstick = assigned.Exact is null
            ? []
            : Yardstick.Of(assigned.Exact, tuning.Rows, context.Dimension, tuning.OwnRows, indexBytes)?.Write() ?? [];
        (SectionKind, byte[])[] sections =
        [
            .. state.Length > 0 ? [(SectionKind.EncoderState, state)] : Array.Empty<(SectionKind, byte[])>(),
            .. yardstick.Length > 0 ? [(SectionKind.Yardstick, yardstick)] : Array.Empty<(SectionKind, byte[])>(),
        ];
        if (sections.Length > 0) writer.WriteFile(new IndexFileId(IndexFile.Encoder), sections);
    }

    /// <summary>Sections of an index that are none of its codec's.</summary>
    private static int OtherSections(IndexOptions options, KeyColumn? keys) => (options.Updatable ? 2 : 0) + (keys is null ? 0 : 1);

    private static Manifest Describe(BuildContext context, SectionWriter writer, int scaleExponent, CodecModel model,
        ProbingCurve? curve) => new()
    {
        Version = Manifest.CurrentVersion,
        AnchorCount = model.AnchorCount,
        Dimension = context.Dimension,
        Count = context.Count,
        Metric = context.Options.Metric,
        Codec = model.Kind,
        CodedDimension = model.CodedDimension,
        ScaleExponent = scaleExponent,
        Seed = context.Options.Training.Seed,
        Sections = [.. writer.Sections],
        Segments = [new SegmentEntry(context.Count, DeletedCount: 0)],
        TargetRecall = context.Options.Codec is CodecKind.Packed or CodecKind.Parity && context.Options.Packed.MaxRatio is null
            ? context.Options.Packed.TargetRecall
            : ProbingCurve.DefaultTargetRecall,
        Scan = curve,
    };

    private static IndexReport Report(
        BuildContext context, Manifest manifest, TrainingSample sample, TrainingReport training, AssignedRows assigned, CodecReport? chosen,
        MeasuredCurve? measured)
    {
        double unscale = 1 / ((double)MathF.ScaleB(1, sample.ScaleExponent) * MathF.ScaleB(1, sample.ScaleExponent));
        return new IndexReport
        {
            Manifest = manifest,
            Training = training.Scaled(unscale),
            Seconds = context.Seconds,
            Jacobians = manifest.Find(SectionKind.Jacobians) is not null,
            Packed = chosen as PackedReport,
            TuningSource = context.Options.TuningQueries?.Name,
            Measured = measured?.At(manifest.TargetRecall),
            Distortion = assigned.Statistics.Distortion * unscale,
            Bytes = IndexBytes.Of(manifest),
        };
    }
}
