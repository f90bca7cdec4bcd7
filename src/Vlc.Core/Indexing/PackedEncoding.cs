using System.Numerics;
using System.Runtime.InteropServices;
using Vlc.Anchors;
using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Threading;
using Vlc.Residuals.Packed;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Indexing;

/// <summary>What the packed codec chose and predicts.</summary>
public sealed class PackedReport
{
    /// <summary>K, the number of local bases.</summary>
    public required int GroupCount { get; init; }

    /// <summary>Classes of each cell.</summary>
    public required int ClassCount { get; init; }

    /// <summary>64 · log2 of the water level.</summary>
    public required int Level { get; init; }

    /// <summary>Whether codes were made unbiased.</summary>
    public required bool Unbiased { get; init; }

    /// <summary>Whether all codes have the same bytes.</summary>
    public required bool EqualBytes { get; init; }

    /// <summary>Axes of the largest basis.</summary>
    public required int LargestRank { get; init; }

    /// <summary>Mean bytes of a code.</summary>
    public required double CodeBytes { get; init; }

    /// <summary>Mean number of axes that have bits.</summary>
    public required double CodedAxes { get; init; }

    /// <summary>
    /// Mean bytes of an ideal code of independent Gaussian axes with the model's variances at the error of the nearest codes, weighted as the codec weighs it
    /// (docs/codec.md); over all rows.
    /// </summary>
    public required double BoundCodeBytes { get; init; }

    /// <summary>Bits that each coded axis takes beyond that bound.</summary>
    public required double BitsToBound { get; init; }

    /// <summary>The same at the error of the codes as they are stored: larger where they are unbiased, which trades error for distances that are right on average.</summary>
    public required double StoredBitsToBound { get; init; }

    /// <summary>Recall@10 of an exhaustive scan, predicted on the tuning sample before the index was written; NaN where there was none.</summary>
    public required double PredictedRecall { get; init; }

    /// <summary>Its standard error.</summary>
    public required double PredictedStandardError { get; init; }
}

/// <summary>The packed codec's part of a build: chooses the level on the tuning sample, codes every row, writes the sections.</summary>
internal sealed class PackedEncoding(
    IndexOptions options, PreparedRows rows, int count, int scanPoints, IComputeBackend backend, int threads, IProgress<IndexProgress>? progress,
    CancellationToken cancellationToken)
{
    /// <summary>Nearest rows of each query among which levels are compared.</summary>
    public const int Candidates = 50;

    private const int ListsPerTask = 64;

    /// <summary>Codes that are brought into the order of lists at a time: enough that lists get runs of rows, little beside the rest of a build.</summary>
    private const int GatheredBytes = 64 << 20;

    /// <summary>Sections of an index of this codec: model, tables, anchors, assignments, bases, scales, codes.</summary>
    private const int Sections = 7;

    /// <summary>Bits an axis of mean variance gets where there is no sample to measure recall on: more than recalls of interest need.</summary>
    private const int SafeBits = 6;

    /// <summary>How far below the middle level recall is about 0.95: so on four real sets and on generated ones, to an octave.</summary>
    private const int ExpectedDepth = 560;

    private const int LeastQueries = 100;
    private const long MostCandidateBytes = 256L << 20;
    private const long MostFrontierBytes = 512L << 20;

    /// <summary>Levels of a frontier lie an octave apart, half a bit an axis.</summary>
    private const int FrontierStep = 64;

    private const int MostSteps = 8;
    private const double LeastRecall = 0.7, MostRecall = 0.995;

    /// <summary>A frontier's recalls, and the nearest rows among which they are measured: three times as many as the largest k.</summary>
    private static readonly int[] FrontierKs = [1, PackedOptions.TargetNeighbors, 100];

    /// <summary>Nearest rows of each query among which a frontier is measured.</summary>
    public const int FrontierCandidates = 300;

    private readonly int _dimension = rows.Dimension;

    /// <summary>
    /// Anchors of an index when the user names no number: the power of two from √n on, halved while a cell's anchor and scales, about a byte a dimension,
    /// would cost more than two bytes a vector.
    /// </summary>
    public static int DefaultAnchorCount(int vectorCount, int dimension)
    {
        long anchors = BitOperations.RoundUpToPowerOf2((uint)Math.Sqrt(vectorCount));
        while (anchors > 1 && anchors * dimension > 2L * vectorCount) anchors /= 2;
        return (int)Math.Clamp(anchors, 1, Math.Max(1, vectorCount / 16));
    }

    /// <summary>What the level is chosen from.</summary>
    /// <param name="Rows">Training rows, in scaled units.</param>
    /// <param name="Cells">Cell of each.</param>
    /// <param name="Anchors">m x d.</param>
    /// <param name="Assignments">Cell of every row of the base.</param>
    /// <param name="HeldOut">Base rows that took no part in training.</param>
    /// <param name="Queries">The tuning sample, in scaled units; empty where there is none.</param>
    /// <param name="Exact">Their exact neighbours, as many for each.</param>
    internal sealed record Evidence(
        float[] Rows, int[] Cells, float[] Anchors, int[] Assignments, HeldOutRows HeldOut, float[] Queries, int[] Exact);

    /// <summary>Learns the model and searches for its level.</summary>
    public PackedLevelSearch.Trial Choose(Evidence evidence)
    {
        PackedTrainer trainer = Train(evidence);
        int middle = trainer.MiddleLevel;
        int? level = options.Packed.Level;
        if (level is null && options.Packed.MaxRatio is { } ratio) level = LevelForRatio(trainer, evidence.Assignments, ratio, middle);
        if (evidence.Queries.Length == 0)
        {
            return new PackedLevelSearch.Trial(trainer.Build(level ?? middle - (2 * 64 * SafeBits), options.Packed.EqualBytes ?? false), options.Packed.Unbiased ?? true, default);
        }

        PackedTuningSample tuning = Gather(evidence, [PackedOptions.TargetNeighbors], Candidates, MostCandidateBytes);
        PackedLevelSearch search = Search(trainer, tuning, evidence.HeldOut);
        if (options.Packed.Level is { } given) return search.Measure(given, options.Packed.Unbiased ?? true);
        if (level is { } found) return search.AtLevel(found, options.Packed.Unbiased);
        return search.ForRecall(options.Packed.TargetRecall, options.Packed.Unbiased, middle - ExpectedDepth, Report);
    }

    /// <summary>Measures levels around the one that reaches the target, from few bytes to many.</summary>
    public (IReadOnlyList<FrontierPoint> Points, PackedTuningSample Sample, PackedParameters Model) Explore(Evidence evidence)
    {
        PackedTrainer trainer = Train(evidence);
        PackedTuningSample tuning = Gather(evidence, FrontierKs, FrontierCandidates, MostFrontierBytes);
        PackedLevelSearch search = Search(trainer, tuning, evidence.HeldOut);
        double target = options.Packed.TargetRecall;
        PackedLevelSearch.Trial reached = search.ForRecall(target, options.Packed.Unbiased, trainer.MiddleLevel - ExpectedDepth, Report);
        var points = new List<FrontierPoint> { Point(search, reached, tuning, atTarget: true) };
        // Upwards to few bits, then downwards to many, until there is nothing left to see.
        foreach ((int step, Func<FrontierPoint, bool> enough) in ((int, Func<FrontierPoint, bool>)[])
            [(FrontierStep, point => point.Target < LeastRecall || point.CodeBytes == 0), (-FrontierStep, point => point.Target > MostRecall)])
        {
            FrontierPoint last = points[0];
            for (int i = 1; i <= MostSteps && !enough(last); i++)
            {
                last = Point(search, search.Measure(reached.Level + (i * step), reached.Unbiased, reached.Coder.Model.Parameters.EqualStride > 0), tuning, atTarget: false);
                points.Add(last);
                Report(Math.Min(1, points.Count / 15.0), $"{last.BytesPerVector:F1} bytes: recall {last.Target:F3}");
            }
        }

        return ([.. points.OrderBy(point => point.BytesPerVector).ThenByDescending(point => point.Level)], tuning, reached.Coder.Model.Parameters);
    }

    /// <summary>What the codes follow from.</summary>
    /// <param name="chosen">The model.</param>
    /// <param name="cellsKey">What the cells follow from.</param>
    /// <param name="blockChecksums">Checksum of each block of rows.</param>
    public static byte[] Key(PackedLevelSearch.Trial chosen, byte[] cellsKey, ReadOnlySpan<uint> blockChecksums)
    {
        PackedParameters p = chosen.Coder.Model.Parameters;
        using var key = new BuildKey();
        return chosen.Coder.Describe(key.Add<byte>(cellsKey).Add(blockChecksums))
            .Add<byte>(PackedSections.WriteHeader(p)).Add<byte>(PackedSections.WriteBases(p)).Add<byte>(PackedSections.WriteAnchors(p))
            .Add<byte>(PackedSections.WriteScales(p)).Add(chosen.Unbiased ? 1 : 0).ToArray();
    }

    /// <summary>Codes every row and writes all sections.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="chosen">The model.</param>
    /// <param name="assignments">Cell of every row; receives the list of each.</param>
    /// <param name="log">Lists and codes in the order of the rows, on disk; what it has already is not done again.</param>
    /// <param name="checkUnchanged">Gets each block, the number of its first row, and its own.</param>
    public PackedReport Write(
        IndexWriter writer, PackedLevelSearch.Trial chosen, int[] assignments, PassLog log, Action<ReadOnlySpan<float>, long, int> checkUnchanged)
    {
        PackedModel model = chosen.Coder.Model;
        PackedParameters p = model.Parameters;
        (double nearestError, double storedError) = CodeRows(chosen, assignments, log, checkUnchanged);
        ReadLists(model, assignments, log);
        int[] lists = assignments;

        writer.AddInline<byte>(SectionKind.CodecModel, SectionElement.Bytes, PackedSections.WriteHeader(p), 0, 0);
        writer.AddInline<short>(SectionKind.TrellisTables, SectionElement.Bytes, TrellisTables.Designed.Values, 0, 0);
        writer.WriteFile(IndexFile.Anchors, (SectionKind.Anchors, PackedSections.WriteAnchors(p)));
        writer.WriteFile(IndexFile.Assignments, (SectionKind.Assignments, PackedSections.WriteAssignments(lists, model.ListCount)));
        writer.WriteFile(
            IndexFile.Jacobians, (SectionKind.Bases, PackedSections.WriteBases(p)), (SectionKind.CellScales, PackedSections.WriteScales(p)));
        long codeBytes = log.Length - (sizeof(int) * (long)count);
        using (IndexWriter.PlacedSection section = writer.OpenPlaced(SectionKind.Residuals, IndexFile.Residuals, codeBytes))
        {
            PlaceCodes(model, lists, log, section);
            section.Complete();
        }

        int[] counts = Counts(lists, model.ListCount);
        BoundDistance distance = BoundDistance.Of(model, counts, nearestError);
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
            StoredBitsToBound = BoundDistance.Of(model, counts, storedError).BitsPerCodedAxis,
            PredictedRecall = chosen.Recall == default ? double.NaN : chosen.Recall.Value,
            PredictedStandardError = chosen.Recall.StandardError,
        };
    }

    /// <summary>Codes the rows block by block, in their order, into the log: of each block the list of every row, then the codes.</summary>
    /// <returns>Weighted squared error of all rows: of their nearest codes, and of those that are stored.</returns>
    private (double Nearest, double Stored) CodeRows(
        PackedLevelSearch.Trial chosen, int[] cells, PassLog log, Action<ReadOnlySpan<float>, long, int> checkUnchanged)
    {
        double nearestError = log.Rows > 0 ? BitConverter.ToDouble(log.State, 0) : 0, storedError = log.Rows > 0 ? BitConverter.ToDouble(log.State, sizeof(double)) : 0;
        PackedModel model = chosen.Coder.Model;
        using var pass = new PackedPass(chosen.Coder, TrellisTables.Designed, chosen.Unbiased, backend, threads);
        var blockLists = new int[(int)Math.Min(rows.BlockRows, (long)count)];
        var rowProgress = new RowProgress(progress, IndexPhase.Encode, log.Rows, count);
        rows.ForEachBlock(
            (block, first, blockCount) =>
            {
                checkUnchanged(block.Span[..(blockCount * _dimension)], first, (int)(first / rows.BlockRows));
                if (first < log.Rows) return;
                var codes = new List<byte>[BlockScheduler.BlockCount(blockCount, PackedPass.RowsPerTask)];
                double[] nearest = new double[codes.Length], stored = new double[codes.Length];
                pass.Code(
                    blockCount, i => block.Span.Slice(i * _dimension, _dimension), cells.AsMemory((int)first, blockCount),
                    row =>
                    {
                        int task = row.Row / PackedPass.RowsPerTask;
                        List<byte> taskCodes = codes[task] ??= [];
                        PackedModel.List coded = model[row.List];
                        blockLists[row.Row] = row.List;
                        nearest[task] += row.NearestError;
                        stored[task] += model.WeightedError(row.List, row.Residual, row.Decoded);
                        int offset = taskCodes.Count;
                        CollectionsMarshal.SetCount(taskCodes, offset + coded.Stride);
                        TrellisEncoder.Pack(row.States, coded.Bits, CollectionsMarshal.AsSpan(taskCodes).Slice(offset, coded.Stride));
                    },
                    cancellationToken);
                // In the order of the rows, whichever thread was first: the sums are reported, and a report is the same every time.
                nearestError += nearest.Sum();
                storedError += stored.Sum();
                log.Append(MemoryMarshal.AsBytes(blockLists.AsSpan(0, blockCount)));
                foreach (List<byte> code in codes) log.Append(CollectionsMarshal.AsSpan(code));
                log.Mark(first + blockCount, end: first + blockCount == count, () => [.. BitConverter.GetBytes(nearestError), .. BitConverter.GetBytes(storedError)]);
                rowProgress.Report(first + blockCount);
            },
            cancellationToken);
        return (nearestError, storedError);
    }

    /// <summary>Reads the list of every row from the log.</summary>
    private void ReadLists(PackedModel model, int[] lists, PassLog log)
    {
        long offset = 0;
        for (int first = 0; first < count; first += rows.BlockRows)
        {
            Span<int> block = lists.AsSpan(first, Math.Min(rows.BlockRows, count - first));
            log.Read(offset, MemoryMarshal.AsBytes(block));
            offset += sizeof(int) * (long)block.Length;
            foreach (int list in block) offset += model[list].Stride;
        }
    }

    /// <summary>
    /// Brings the codes from the order of rows into that of lists, some blocks at a time: their rows of one list are gathered and written where that list's earlier rows end, so that
    /// memory does not grow with the rows and a write has as many as come together.
    /// </summary>
    private void PlaceCodes(PackedModel model, int[] lists, PassLog log, IndexWriter.PlacedSection section)
    {
        var next = new long[model.ListCount];
        foreach (int list in lists) next[list] += model[list].Stride;
        long start = 0;
        foreach (ref long place in next.AsSpan()) (place, start) = (start, start + place);
        var codes = new byte[(int)Math.Min(log.Length, GatheredBytes)];
        long offset = 0;
        for (int first = 0; first < count;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // As many blocks as fit, at least one: 2^16 rows of 8 bits an axis are what PreparedRows calls a block, and so fit an array.
            var places = new List<int>();
            int end = first, length = 0;
            while (end < count)
            {
                int blockEnd = Math.Min(end + rows.BlockRows, count), blockBytes = 0;
                for (int row = end; row < blockEnd; row++) blockBytes += model[lists[row]].Stride;
                if (end > first && length + blockBytes > codes.Length) break;
                if (length + blockBytes > codes.Length) codes = new byte[length + blockBytes];
                log.Read(offset + (sizeof(int) * (long)(blockEnd - end)), codes.AsSpan(length, blockBytes));
                offset += (sizeof(int) * (long)(blockEnd - end)) + blockBytes;
                for (int row = end; row < blockEnd; row++)
                {
                    places.Add(length);
                    length += model[lists[row]].Stride;
                }

                end = blockEnd;
            }

            var order = new CellLists(lists.AsSpan(first, end - first), model.ListCount);
            BlockScheduler.Run(
                BlockScheduler.BlockCount(model.ListCount, ListsPerTask), threads,
                (task, _) =>
                {
                    var gathered = new List<byte>();
                    int lastList = Math.Min((task + 1) * ListsPerTask, model.ListCount);
                    for (int list = task * ListsPerTask; list < lastList; list++)
                    {
                        int stride = model[list].Stride;
                        if (stride == 0 || order.Count(list) == 0) continue;
                        gathered.Clear();
                        foreach (int row in order.Rows(list)) gathered.AddRange(codes.AsSpan(places[row], stride));
                        section.Write(CollectionsMarshal.AsSpan(gathered), next[list]);
                        next[list] += gathered.Count;
                    }
                },
                cancellationToken);
            first = end;
        }
    }

    private void Report(double share, string detail) =>
        progress?.Report(new IndexProgress(IndexPhase.Level, Math.Clamp(share, 0, 1), detail));

    private PackedTrainer Train(Evidence evidence) => new(
        evidence.Rows, _dimension, evidence.Cells, evidence.Anchors, options.Packed, count, options.Metric == Metric.Cosine, threads, cancellationToken);

    private PackedLevelSearch Search(PackedTrainer trainer, PackedTuningSample tuning, HeldOutRows heldOut) =>
        new(trainer, TrellisTables.Designed, tuning, heldOut, options.Metric, backend, threads, cancellationToken) { EqualBytes = options.Packed.EqualBytes };

    private FrontierPoint Point(PackedLevelSearch search, PackedLevelSearch.Trial trial, PackedTuningSample tuning, bool atTarget)
    {
        double bytes = (SharedBytes(trial.Coder.Model) / (double)count) + trial.Coder.CodeBytes;
        (BoundDistance distance, BoundDistance stored) = search.MeasureDistance(trial) ?? (new BoundDistance(0, 0, 0, 0), new BoundDistance(0, 0, 0, 0));
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
    /// The lowest level whose index takes at most a share of the originals' bytes. The sample predicts, a pass over all rows counts: bytes follow from lists, which need
    /// no code.
    /// </summary>
    private int LevelForRatio(PackedTrainer trainer, int[] assignments, double ratio, int middle)
    {
        const int MostPasses = 8, Octaves = 16 * 64, Near = 32;
        bool equalBytes = options.Packed.EqualBytes ?? false;
        double most = ratio * count * _dimension * sizeof(float), correction = 1;
        int tooLow = middle - Octaves, fits = middle + Octaves;
        int low = tooLow, high = fits;
        for (int pass = 0; pass < MostPasses && fits - tooLow > 1; pass++)
        {
            // Bisected by prediction, which the last count has corrected, and so only near that count's level.
            while (high - low > 1)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int level = (low + high) / 2;
                PackedCoder predicted = trainer.Build(level, equalBytes);
                if (SharedBytes(predicted.Model) + (correction * predicted.CodeBytes * count) > most) low = level;
                else high = level;
            }

            // The edge that is known to fit needs no count; the level below it may fit as well.
            int guess = high == fits ? high - 1 : high;
            PackedCoder coder = trainer.Build(guess, equalBytes);
            long codes = PackedCodec.CodeBytes(coder.Model, Counts(Lists(coder, assignments), coder.Model.ListCount));
            if (SharedBytes(coder.Model) + codes > most) tooLow = guess;
            else fits = guess;
            if (coder.CodeBytes > 0) correction = codes / (coder.CodeBytes * count);
            (low, high) = (Math.Max(tooLow, guess - Near), Math.Min(fits, guess + Near));
        }

        return fits;
    }

    /// <summary>List of every row.</summary>
    private int[] Lists(PackedCoder coder, int[] assignments)
    {
        var lists = new int[count];
        using var rotation = new PackedRotation(coder.Model.Parameters);
        var blocks = new PackedRotation.Block?[threads];
        rows.ForEachBlock(
            (block, first, blockCount) => BlockScheduler.Run(
                BlockScheduler.BlockCount(blockCount, PackedPass.RowsPerTask), threads,
                (task, worker) =>
                {
                    PackedRotation.Block rotated = blocks[worker] ??= new PackedRotation.Block(rotation);
                    int end = Math.Min((task + 1) * PackedPass.RowsPerTask, blockCount);
                    for (int start = task * PackedPass.RowsPerTask, taken; start < end; start += taken)
                    {
                        taken = Math.Min(rotated.Capacity, end - start);
                        Span<int> cells = assignments.AsSpan((int)first + start, taken);
                        rotated.Rotate(start, taken, i => block.Span.Slice(i * _dimension, _dimension), cells);
                        for (int i = 0; i < taken; i++) lists[(int)first + start + i] = coder.ListOf(cells[i], rotated.Residual(i));
                    }
                },
                cancellationToken),
            cancellationToken);
        return lists;
    }

    private static int[] Counts(int[] lists, int listCount)
    {
        var counts = new int[listCount];
        foreach (int list in lists) counts[list]++;
        return counts;
    }

    /// <summary>Bytes of everything but the codes, exactly.</summary>
    private long SharedBytes(PackedModel model)
    {
        PackedParameters p = model.Parameters;
        byte[] header = PackedSections.WriteHeader(p);
        return Manifest.BytesOf(Sections, scanPoints, header.Length + (sizeof(short) * TrellisTables.Designed.Values.Length))
            + PackedSections.WriteAnchors(p).Length + PackedSections.WriteBases(p).Length + PackedSections.WriteScales(p).Length
            + PackedSections.AssignmentBytes(count, model.ListCount);
    }

    /// <summary>Reads the neighbours of the queries: as many of each as fit, and where that is too few for the largest k, of fewer queries.</summary>
    private PackedTuningSample Gather(Evidence evidence, int[] ks, int mostCandidates, long mostBytes)
    {
        int queries = evidence.Queries.Length / _dimension, found = evidence.Exact.Length / queries;
        long mostRows = mostBytes / (_dimension * sizeof(float));
        int least = Math.Min(found, 2 * ks[^1]);
        int candidates = (int)Math.Clamp(mostRows / queries, least, Math.Min(found, mostCandidates));
        // Rows that are there once are read once: no more than the base has.
        if (mostRows >= count) candidates = Math.Min(found, mostCandidates);
        else queries = (int)Math.Clamp(mostRows / candidates, Math.Min(queries, LeastQueries), queries);
        var kept = new int[queries * candidates];
        for (int query = 0; query < queries; query++) evidence.Exact.AsSpan(query * found, candidates).CopyTo(kept.AsSpan(query * candidates));
        int[] ids = [.. kept.Distinct().Order()];
        var vectors = new float[ids.Length * _dimension];
        for (int i = 0; i < ids.Length;)
        {
            int end = i + 1;
            while (end < ids.Length && ids[end] == ids[end - 1] + 1) end++;
            rows.Read(ids[i], end - i, vectors.AsSpan(i * _dimension, (end - i) * _dimension), cancellationToken);
            i = end;
        }

        // Fewer candidates than k: recall at as many as there are.
        int[] measured = [.. ks.Select(k => Math.Min(k, candidates)).Distinct()];
        return new PackedTuningSample(
            evidence.Queries[..(queries * _dimension)], _dimension, kept, candidates, measured, ids, vectors, [.. ids.Select(id => evidence.Assignments[id])]);
    }
}
