using System.Numerics;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Threading;
using Vlc.Storage;

namespace Vlc.Codecs.Packed;

/// <summary>
/// Learns codec <c>packed</c>: bases, spectra, scales and classes from the sample, the water level from the tuning sample.
/// </summary>
/// <param name="options">The user's options.</param>
/// <param name="context">Sizes, and the backend.</param>
internal class PackedLearner(PackedOptions options, LearningContext context) : CodecLearner
{
    /// <summary>Nearest rows of each query that serve as candidates when levels are compared.</summary>
    private const int Candidates = 50;

    /// <summary>Bytes of the rows from which bases are learned.</summary>
    private const long MostLearningBytes = 128L << 20;

    /// <summary>Sections of an index of this codec: model, tables, anchors, assignments, bases, scales, codes.</summary>
    private const int Sections = 7;

    /// <summary>
    /// Bits of an axis of mean variance where there is no sample to measure recall on. They are more than recalls of interest need.
    /// </summary>
    private const int SafeBits = 6;

    /// <summary>
    /// Distance below the middle level at which recall is about 0.95. It holds within an octave on four real sets and on generated ones.
    /// </summary>
    private const int ExpectedDepth = 560;

    private const int LeastQueries = 100;
    private const long MostCandidateBytes = 256L << 20;
    private const long MostFrontierBytes = 512L << 20;

    /// <summary>Levels of a frontier are an octave apart, which is half a bit an axis.</summary>
    private const int FrontierStep = 64;

    private const int MostSteps = 8;
    private const double LeastRecall = 0.7, MostRecall = 0.995;

    /// <summary>The recalls of a frontier. Their candidates are three times as many nearest rows as the largest k.</summary>
    private static readonly int[] FrontierKs = [1, PackedOptions.TargetNeighbors, 100];

    /// <summary>Candidates of each query of a frontier.</summary>
    public const int FrontierCandidates = 300;

    private readonly int _count = context.Count, _dimension = context.Dimension, _threads = context.Threads;
    private readonly CancellationToken _cancellation = context.CancellationToken;
    private PackedLevelSearch.Trial? _chosen;

    public override int DefaultAnchorCount => AnchorsFor(_count, _dimension);

    /// <summary>
    /// The power of two from √n on, halved while a cell's anchor and scales, about a byte a dimension, would cost more than two bytes a
    /// vector.
    /// </summary>
    public static int AnchorsFor(int count, int dimension)
    {
        long anchors = BitOperations.RoundUpToPowerOf2((uint)Math.Sqrt(count));
        while (anchors > 1 && anchors * dimension > 2L * count) anchors /= 2;
        return (int)Math.Clamp(anchors, 1, Math.Max(1, count / 16));
    }

    public override int MostTuningRows => 1000;

    public override int TuningNeighbors => Candidates;

    public override long SampleRows(int anchorCount) => Math.Max(256L * anchorCount, LearningRows(anchorCount));

    public override long LearningRows(int anchorCount) => context.TrainingRows ?? Math.Min(
        Math.Max(128L * anchorCount, 160L * _dimension), Math.Max(MostLearningBytes / (sizeof(float) * (long)_dimension), anchorCount));

    public override CodecModel Learn(LearningData data)
    {
        (_chosen, PackedTuningSample? tuning) = Choose(data);
        return Complete(_chosen, tuning);
    }

    /// <summary>The constants of the recipe, and the code of the axes with them.</summary>
    private protected virtual PackedDesign Design => PackedDesign.Default;

    /// <summary>Bytes of the model that are in the header and the tables of the code.</summary>
    private protected virtual int FixedBytes(PackedParameters parameters) =>
        PackedSections.WriteHeader(parameters).Length + (sizeof(short) * TrellisTables.Designed.Values.Length);

    /// <summary>Makes a codec of the model that was chosen.</summary>
    /// <param name="chosen">The model, and which codes rows get.</param>
    /// <param name="tuning">What it was chosen on; null where there is none.</param>
    private protected virtual CodecModel Complete(PackedLevelSearch.Trial chosen, PackedTuningSample? tuning) =>
        new PackedCodec(chosen.Coder, chosen.Unbiased);

    /// <summary>Which rows a scan drops unseen; null where it drops none that could be near.</summary>
    private protected virtual PruningReport? Pruning => null;

    /// <summary>Learns the model and searches for its level.</summary>
    private (PackedLevelSearch.Trial Chosen, PackedTuningSample? Tuning) Choose(LearningData data)
    {
        PackedTrainer trainer = Train(data);
        int middle = trainer.MiddleLevel;
        int? level = options.Level;
        if (level is null && options.MaxRatio is { } ratio) level = LevelForRatio(trainer, data, ratio, middle);
        if (data.Queries.Length == 0)
        {
            PackedCoder coder = trainer.Build(level ?? middle - (2 * 64 * SafeBits), options.EqualBytes ?? false);
            return (new PackedLevelSearch.Trial(coder, options.Unbiased ?? true, default), null);
        }

        PackedTuningSample tuning = Gather(data, [PackedOptions.TargetNeighbors], Candidates, MostCandidateBytes);
        PackedLevelSearch search = Search(trainer, tuning, data.HeldOut);
        PackedLevelSearch.Trial chosen = options.Level is { } given ? search.Measure(given, options.Unbiased ?? true)
            : level is { } found ? search.AtLevel(found, options.Unbiased)
            : search.ForRecall(options.TargetRecall, options.Unbiased, middle - ExpectedDepth, Progress);
        return (chosen, tuning);
    }

    /// <summary>Measures levels around the one that reaches the target, from few bytes to many.</summary>
    public (IReadOnlyList<FrontierPoint> Points, PackedTuningSample Sample, PackedParameters Model) Explore(LearningData data)
    {
        PackedTrainer trainer = Train(data);
        PackedTuningSample tuning = Gather(data, FrontierKs, FrontierCandidates, MostFrontierBytes);
        PackedLevelSearch search = Search(trainer, tuning, data.HeldOut);
        double target = options.TargetRecall;
        PackedLevelSearch.Trial reached = search.ForRecall(target, options.Unbiased, trainer.MiddleLevel - ExpectedDepth, Progress);
        var points = new List<FrontierPoint> { Point(search, reached, tuning, data, atTarget: true) };
        // First upwards to few bits, then downwards to many, until recall no longer changes.
        (int, Func<FrontierPoint, bool>)[] directions =
        [
            (FrontierStep, point => point.Target < LeastRecall || point.CodeBytes == 0),
            (-FrontierStep, point => point.Target > MostRecall),
        ];
        foreach ((int step, Func<FrontierPoint, bool> enough) in directions)
        {
            FrontierPoint last = points[0];
            for (int i = 1; i <= MostSteps && !enough(last); i++)
            {
                last = Point(
                    search, search.Measure(reached.Level + (i * step), reached.Unbiased, reached.Coder.Model.Parameters.EqualStride > 0),
                    tuning, data, atTarget: false);
                points.Add(last);
                Progress(Math.Min(1, points.Count / 15.0), $"{last.BytesPerVector:F1} bytes: recall {last.Target:F3}");
            }
        }

        return (
            [.. points.OrderBy(point => point.BytesPerVector).ThenByDescending(point => point.Level)], tuning,
            reached.Coder.Model.Parameters);
    }

    public override CodecReport Report(RowEncoder encoder, int[] listCounts)
    {
        PackedLevelSearch.Trial chosen = _chosen!;
        var coded = (PackedRowEncoder)encoder;
        PackedModel model = chosen.Coder.Model;
        PackedParameters p = model.Parameters;
        BoundDistance distance = BoundDistance.Of(model, listCounts, coded.NearestError);
        return new PackedReport
        {
            GroupCount = p.Groups.Length,
            ClassCount = p.ClassCount,
            Level = p.Level,
            Unbiased = chosen.Unbiased,
            EqualBytes = p.EqualStride > 0,
            LargestRank = p.Groups.Max(group => group.Rank),
            CodeBytes = distance.Bits / 8,
            CodedAxes = distance.CodedAxes,
            BoundCodeBytes = distance.BoundBits / 8,
            BitsToBound = distance.BitsPerCodedAxis,
            StoredBitsToBound = BoundDistance.Of(model, listCounts, coded.StoredError).BitsPerCodedAxis,
            PredictedRecall = chosen.Recall == default ? double.NaN : chosen.Recall.Value,
            PredictedStandardError = chosen.Recall.StandardError,
            Pruning = Pruning,
        };
    }

    private void Progress(double share, string detail) => context.Report(Math.Clamp(share, 0, 1), detail);

    private PackedTrainer Train(LearningData data) => new(
        data.Rows, _dimension, data.Cells, data.Anchors, options, _count, context.Metric == Metric.Cosine, _threads, _cancellation, Design);

    private PackedLevelSearch Search(PackedTrainer trainer, PackedTuningSample tuning, HeldOutRows heldOut) =>
        new(
            trainer, Design.Code, tuning, heldOut, context.Metric, context.Backend, _threads, _cancellation)
        {
            EqualBytes = options.EqualBytes,
        };

    private FrontierPoint Point(
        PackedLevelSearch search, PackedLevelSearch.Trial trial, PackedTuningSample tuning, LearningData data, bool atTarget)
    {
        double shared = SharedBytes(trial.Coder.Model, data) + Manifest.BlockTableBytes(trial.Coder.CodeBytes * _count);
        double bytes = (shared / _count) + trial.Coder.CodeBytes;
        (BoundDistance distance, BoundDistance stored) = search.MeasureDistance(trial)
            ?? (new BoundDistance(0, 0, 0, 0), new BoundDistance(0, 0, 0, 0));
        return new FrontierPoint
        {
            Level = trial.Level,
            Unbiased = trial.Unbiased,
            EqualBytes = trial.Coder.Model.Parameters.EqualStride > 0,
            AtTarget = atTarget,
            BytesPerVector = bytes,
            Ratio = bytes / (_dimension * sizeof(float)),
            CodeBytes = trial.Coder.CodeBytes,
            CodedAxes = distance.CodedAxes,
            BitsPerCodedAxis = distance.CodedAxes > 0 ? distance.Bits / distance.CodedAxes : 0,
            BitsToBound = distance.BitsPerCodedAxis,
            StoredBitsToBound = stored.BitsPerCodedAxis,
            BoundBytesPerVector = bytes - ((distance.Bits - distance.BoundBits) / 8),
            Recalls = [.. tuning.Ks.Select((k, i) => new RecallAtK(k, trial.Recalls[i].Value, trial.Recalls[i].StandardError))],
        };
    }

    /// <summary>
    /// The lowest level whose index takes at most a share of the originals' bytes. The sample predicts the bytes. A pass over all rows
    /// counts them: they follow from the lists, without coding.
    /// </summary>
    private int LevelForRatio(PackedTrainer trainer, LearningData data, double ratio, int middle)
    {
        const int MostPasses = 8, Octaves = 16 * 64, Near = 32;
        bool equalBytes = options.EqualBytes ?? false;
        double most = ratio * _count * _dimension * sizeof(float), correction = 1;
        int tooLow = middle - Octaves, fits = middle + Octaves;
        int low = tooLow, high = fits;
        for (int pass = 0; pass < MostPasses && fits - tooLow > 1; pass++)
        {
            // Bisection by prediction, which the last count has corrected. So it is accurate near that count's level only.
            while (high - low > 1)
            {
                _cancellation.ThrowIfCancellationRequested();
                int level = (low + high) / 2;
                PackedCoder predicted = trainer.Build(level, equalBytes);
                double predictedCodes = correction * predicted.CodeBytes * _count;
                if (SharedBytes(predicted.Model, data) + predictedCodes + Manifest.BlockTableBytes(predictedCodes) > most) low = level;
                else high = level;
            }

            // The level that is known to fit needs no count. The level below it may fit as well.
            int guess = high == fits ? high - 1 : high;
            PackedCoder coder = trainer.Build(guess, equalBytes);
            long codes = CodeBytes(coder.Model, Counts(Lists(coder, data), coder.Model.ListCount));
            if (SharedBytes(coder.Model, data) + codes + Manifest.BlockTableBytes(codes) > most) tooLow = guess;
            else fits = guess;
            if (coder.CodeBytes > 0) correction = codes / (coder.CodeBytes * _count);
            (low, high) = (Math.Max(tooLow, guess - Near), Math.Min(fits, guess + Near));
        }

        return fits;
    }

    /// <summary>The list of every row.</summary>
    private int[] Lists(PackedCoder coder, LearningData data)
    {
        var lists = new int[_count];
        using var rotation = new PackedRotation(coder.Model.Parameters);
        var blocks = new PackedRotation.Block?[_threads];
        data.Source.ForEachBlock(
            (block, first, blockCount) => BlockScheduler.Run(
                BlockScheduler.BlockCount(blockCount, PackedPass.RowsPerTask), _threads,
                (task, worker) =>
                {
                    PackedRotation.Block rotated = blocks[worker] ??= new PackedRotation.Block(rotation);
                    int end = Math.Min((task + 1) * PackedPass.RowsPerTask, blockCount);
                    for (int start = task * PackedPass.RowsPerTask, taken; start < end; start += taken)
                    {
                        taken = Math.Min(rotated.Capacity, end - start);
                        Span<int> cells = data.Assignments.AsSpan((int)first + start, taken);
                        rotated.Rotate(start, taken, i => block.Span.Slice(i * _dimension, _dimension), cells);
                        for (int i = 0; i < taken; i++) lists[(int)first + start + i] = coder.ListOf(cells[i], rotated.Residual(i));
                    }
                },
                _cancellation),
            _cancellation);
        return lists;
    }

    private static long CodeBytes(PackedModel model, int[] listCounts)
    {
        long bytes = 0;
        for (int list = 0; list < listCounts.Length; list++) bytes += (long)model[list].Stride * listCounts[list];
        return bytes;
    }

    private static int[] Counts(int[] lists, int listCount)
    {
        var counts = new int[listCount];
        foreach (int list in lists) counts[list]++;
        return counts;
    }

    /// <summary>Bytes of everything but the codes and the checksums of their blocks, exactly.</summary>
    private long SharedBytes(PackedModel model, LearningData data)
    {
        PackedParameters p = model.Parameters;
        return Manifest.BytesOf(Sections + data.OtherSections, data.CurvePoints, FixedBytes(p))
            + PackedSections.WriteAnchors(p).Length + PackedSections.WriteBases(p).Length + PackedSections.WriteScales(p).Length
            + CodecModel.AssignmentBytes(_count, PackedSections.BitsFor(model.ListCount));
    }

    /// <summary>
    /// Reads the neighbours of the queries: as many of each as fit in memory, and for fewer queries where that is too few for the largest
    /// k.
    /// </summary>
    private PackedTuningSample Gather(LearningData data, int[] ks, int mostCandidates, long mostBytes)
    {
        int queries = data.Queries.Length / _dimension, found = data.Exact.Length / queries;
        long mostRows = mostBytes / (_dimension * sizeof(float));
        int least = Math.Min(found, 2 * ks[^1]);
        int candidates = (int)Math.Clamp(mostRows / queries, least, Math.Min(found, mostCandidates));
        // Distinct rows are read once, so they are no more than the base has.
        if (mostRows >= _count) candidates = Math.Min(found, mostCandidates);
        else queries = (int)Math.Clamp(mostRows / candidates, Math.Min(queries, LeastQueries), queries);
        var exact = new int[queries * candidates];
        for (int query = 0; query < queries; query++)
        {
            data.Exact.AsSpan(query * found, candidates).CopyTo(exact.AsSpan(query * candidates));
        }

        int[] ids = [.. exact.Distinct().Order()];
        var vectors = new float[ids.Length * _dimension];
        for (int i = 0; i < ids.Length;)
        {
            int end = i + 1;
            while (end < ids.Length && ids[end] == ids[end - 1] + 1) end++;
            data.Source.Read(ids[i], end - i, vectors.AsSpan(i * _dimension, (end - i) * _dimension), _cancellation);
            i = end;
        }

        // Fewer candidates than k: recall at as many as there are.
        int[] measured = [.. ks.Select(k => Math.Min(k, candidates)).Distinct()];
        return new PackedTuningSample(
            data.Queries[..(queries * _dimension)], _dimension, exact, candidates, measured, ids, vectors,
            [.. ids.Select(id => data.Assignments[id])]);
    }
}
