using System.Numerics;
using System.Runtime.InteropServices;
using Vlc.Anchors;
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

    /// <summary>Axes of the largest basis.</summary>
    public required int LargestRank { get; init; }

    /// <summary>Mean bytes of a code.</summary>
    public required double CodeBytes { get; init; }

    /// <summary>Recall@10 of an exhaustive scan, predicted on held-out rows before the index was written; NaN where none were held out.</summary>
    public required double PredictedRecall { get; init; }

    /// <summary>Its standard error.</summary>
    public required double PredictedStandardError { get; init; }
}

/// <summary>The packed codec's part of a build: chooses the level on held-out rows, codes every row, writes the sections.</summary>
internal sealed class PackedEncoding(
    IndexOptions options, PreparedRows rows, int count, int threads, IProgress<IndexProgress>? progress, CancellationToken cancellationToken)
{
    /// <summary>Nearest rows of each held-out row among which levels are compared.</summary>
    public const int Candidates = 50;

    private const int RowsPerTask = 64;
    private const int ListsPerTask = 64;

    /// <summary>Codes that are brought into the order of lists at a time: enough that lists get runs of rows, little beside the rest of a build.</summary>
    private const int GatheredBytes = 64 << 20;

    private const int K = 10;

    /// <summary>Bits an axis of mean variance gets where no rows could be held out to measure recall: more than recalls of interest need.</summary>
    private const int SafeBits = 6;

    /// <summary>Margin under the largest ratio: bytes are predicted from the sample, and the index must not exceed it.</summary>
    private const double RatioMargin = 0.995;

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

    /// <summary>Learns the model and searches for its level.</summary>
    /// <param name="sample">Training rows, in scaled units.</param>
    /// <param name="sampleCells">Cell of each.</param>
    /// <param name="anchors">m x d.</param>
    /// <param name="assignments">Cell of every row.</param>
    /// <param name="tuningRows">Held-out rows, in scaled units.</param>
    /// <param name="exact">Their exact neighbours, as many for each; null where no rows were held out.</param>
    public PackedLevelSearch.Trial Choose(
        float[] sample, int[] sampleCells, float[] anchors, int[] assignments, float[] tuningRows, int[]? exact)
    {
        var trainer = new PackedTrainer(
            sample, _dimension, sampleCells, anchors, options.Packed, count, options.Metric == Metric.Cosine, threads, cancellationToken);
        int middle = trainer.MiddleLevel;
        if (exact is null)
        {
            return new PackedLevelSearch.Trial(trainer.Build(options.Packed.Level ?? middle - (2 * 64 * SafeBits)), options.Packed.Unbiased ?? true, default);
        }

        PackedTuningSample tuning = Gather(tuningRows, exact, assignments);
        var search = new PackedLevelSearch(trainer, TrellisTables.Designed, tuning, options.Metric, threads, cancellationToken);
        if (options.Packed.Level is { } level) return search.Measure(level, options.Packed.Unbiased ?? true);
        if (options.Packed.MaxRatio is { } ratio)
        {
            return search.ForBytes(BytesPerVector, RatioMargin * ratio * _dimension * sizeof(float), options.Packed.Unbiased, middle);
        }

        // Where recall is 0.95 a code has about three bits an axis.
        return search.ForRecall(
            options.Packed.TargetRecall, options.Packed.Unbiased, middle - (2 * 64 * 3),
            (share, detail) => progress?.Report(new IndexProgress(IndexPhase.Level, Math.Clamp(share, 0, 1), detail)));
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
        CodeRows(chosen, assignments, log, checkUnchanged);
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

        return new PackedReport
        {
            GroupCount = p.Groups.Length,
            ClassCount = p.ClassCount,
            Level = p.Level,
            Unbiased = chosen.Unbiased,
            LargestRank = p.Groups.Max(group => group.Rank),
            CodeBytes = (double)codeBytes / count,
            PredictedRecall = chosen.Recall == default ? double.NaN : chosen.Recall.Value,
            PredictedStandardError = chosen.Recall.StandardError,
        };
    }

    /// <summary>Codes the rows block by block, in their order, into the log: of each block the list of every row, then the codes.</summary>
    private void CodeRows(PackedLevelSearch.Trial chosen, int[] cells, PassLog log, Action<ReadOnlySpan<float>, long, int> checkUnchanged)
    {
        PackedModel model = chosen.Coder.Model;
        using var rotation = new PackedRotation(model.Parameters);
        using var sessions = new ThreadLocal<PackedCoder.Session>(
            () => new PackedCoder.Session(chosen.Coder, TrellisTables.Designed), trackAllValues: true);
        var blockLists = new int[(int)Math.Min(rows.BlockRows, (long)count)];
        var rowProgress = new RowProgress(progress, IndexPhase.Encode, log.Rows, count);
        rows.ForEachBlock(
            (block, first, blockCount) =>
            {
                checkUnchanged(block.Span[..(blockCount * _dimension)], first, (int)(first / rows.BlockRows));
                if (first < log.Rows) return;
                var codes = new byte[BlockScheduler.BlockCount(blockCount, RowsPerTask)][];
                BlockScheduler.Run(
                    codes.Length, threads,
                    (task, _) =>
                    {
                        var taskCodes = new List<byte>();
                        int end = Math.Min((task + 1) * RowsPerTask, blockCount);
                        for (int i = task * RowsPerTask; i < end; i++)
                        {
                            int cell = cells[(int)first + i];
                            float[] residual = rotation.Residual(block.Span.Slice(i * _dimension, _dimension), cell, out double energy);
                            int list = blockLists[i] = chosen.Coder.ListOf(cell, residual);
                            PackedModel.List coded = model[list];
                            int offset = taskCodes.Count;
                            CollectionsMarshal.SetCount(taskCodes, offset + coded.Stride);
                            ReadOnlySpan<byte> states = sessions.Value!.Code(list, residual, energy, chosen.Unbiased, decoded: []);
                            TrellisEncoder.Pack(states, coded.Bits, CollectionsMarshal.AsSpan(taskCodes).Slice(offset, coded.Stride));
                        }

                        codes[task] = [.. taskCodes];
                    },
                    cancellationToken);
                log.Append(MemoryMarshal.AsBytes(blockLists.AsSpan(0, blockCount)));
                foreach (byte[] code in codes) log.Append(code);
                log.Mark(first + blockCount, end: first + blockCount == count, () => []);
                rowProgress.Report(first + blockCount);
            },
            cancellationToken);
        foreach (PackedCoder.Session session in sessions.Values) session.Dispose();
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

    private double BytesPerVector(PackedCoder coder)
    {
        PackedParameters p = coder.Model.Parameters;
        // The manifest: header, tables, at most eight sections and forty scan points.
        const int ManifestBytes = 64 + 4096 + (8 * 32) + (40 * 12) + 4;
        long shared = ManifestBytes + PackedSections.WriteHeader(p).Length + PackedSections.WriteAnchors(p).Length
            + PackedSections.WriteBases(p).Length + PackedSections.WriteScales(p).Length + PackedSections.AssignmentBytes(count, coder.Model.ListCount);
        return coder.CodeBytes + ((double)shared / count);
    }

    /// <summary>Reads the neighbours of the held-out rows.</summary>
    private PackedTuningSample Gather(float[] tuningRows, int[] exact, int[] assignments)
    {
        // 256 MiB of neighbours at most: the nearest of each row first.
        int queries = tuningRows.Length / _dimension, found = exact.Length / queries;
        int mostRows = (int)Math.Max((256L << 20) / (_dimension * sizeof(float)), (long)queries * Math.Min(found, 2 * K));
        int candidates = Math.Clamp(mostRows / queries, Math.Min(found, 2 * K), found);
        var kept = new int[queries * candidates];
        for (int query = 0; query < queries; query++) exact.AsSpan(query * found, candidates).CopyTo(kept.AsSpan(query * candidates));
        int[] ids = [.. kept.Distinct().Order()];
        var vectors = new float[ids.Length * _dimension];
        for (int i = 0; i < ids.Length;)
        {
            int end = i + 1;
            while (end < ids.Length && ids[end] == ids[end - 1] + 1) end++;
            rows.Read(ids[i], end - i, vectors.AsSpan(i * _dimension, (end - i) * _dimension), cancellationToken);
            i = end;
        }

        return new PackedTuningSample(
            tuningRows, _dimension, kept, candidates, Math.Min(K, candidates), ids, vectors, [.. ids.Select(id => assignments[id])]);
    }
}
