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

    /// <summary>Whether all codes have the same bytes.</summary>
    public required bool EqualBytes { get; init; }

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
        var search = new PackedLevelSearch(trainer, TrellisTables.Designed, tuning, options.Metric, threads, cancellationToken)
        {
            EqualBytes = options.Packed.EqualBytes,
        };
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

    /// <summary>Codes every row and writes all sections.</summary>
    public PackedReport Write(IndexWriter writer, PackedLevelSearch.Trial chosen, int[] assignments)
    {
        PackedModel model = chosen.Coder.Model;
        PackedParameters p = model.Parameters;
        var lists = new int[count];
        var offsets = new int[count];
        var blocks = new List<byte[]>();
        CodeRows(chosen, assignments, lists, offsets, blocks);

        writer.AddInline<byte>(SectionKind.CodecModel, SectionElement.Bytes, PackedSections.WriteHeader(p), 0, 0);
        writer.AddInline<short>(SectionKind.TrellisTables, SectionElement.Bytes, TrellisTables.Designed.Values, 0, 0);
        writer.WriteFile(IndexFile.Anchors, (SectionKind.Anchors, PackedSections.WriteAnchors(p)));
        writer.WriteFile(IndexFile.Assignments, (SectionKind.Assignments, PackedSections.WriteAssignments(lists, model.ListCount)));
        writer.WriteFile(
            IndexFile.Jacobians, (SectionKind.Bases, PackedSections.WriteBases(p)), (SectionKind.CellScales, PackedSections.WriteScales(p)));
        var order = new CellLists(lists, model.ListCount);
        using (IndexWriter.SectionStream stream = writer.OpenSection(SectionKind.Residuals, IndexFile.Residuals, SectionElement.Bytes, 0, 0))
        {
            for (int list = 0; list < model.ListCount; list++)
            {
                int stride = model[list].Stride;
                if (stride == 0) continue;
                foreach (int row in order.Rows(list)) stream.Write(blocks[row / rows.BlockRows].AsSpan(offsets[row], stride));
            }

            stream.Complete();
        }

        return new PackedReport
        {
            GroupCount = p.Groups.Length,
            ClassCount = p.ClassCount,
            Level = p.Level,
            Unbiased = chosen.Unbiased,
            EqualBytes = p.EqualStride > 0,
            LargestRank = p.Groups.Max(group => group.Rank),
            CodeBytes = (double)blocks.Sum(block => (long)block.Length) / count,
            PredictedRecall = chosen.Recall == default ? double.NaN : chosen.Recall.Value,
            PredictedStandardError = chosen.Recall.StandardError,
        };
    }

    /// <summary>Codes the rows block by block; a block's codes lie in its order, so that memory is the codes and eight bytes a row.</summary>
    private void CodeRows(PackedLevelSearch.Trial chosen, int[] assignments, int[] lists, int[] offsets, List<byte[]> blocks)
    {
        PackedModel model = chosen.Coder.Model;
        using var rotation = new PackedRotation(model.Parameters);
        using var sessions = new ThreadLocal<PackedCoder.Session>(
            () => new PackedCoder.Session(chosen.Coder, TrellisTables.Designed), trackAllValues: true);
        rows.ForEachBlock(
            (block, first, blockCount) =>
            {
                var codes = new byte[BlockScheduler.BlockCount(blockCount, RowsPerTask)][];
                BlockScheduler.Run(
                    codes.Length, threads,
                    (task, _) =>
                    {
                        var taskCodes = new List<byte>();
                        int end = Math.Min((task + 1) * RowsPerTask, blockCount);
                        for (int i = task * RowsPerTask; i < end; i++)
                        {
                            int row = (int)first + i, cell = assignments[row];
                            float[] residual = rotation.Residual(block.Span.Slice(i * _dimension, _dimension), cell, out double energy);
                            int list = lists[row] = chosen.Coder.ListOf(cell, residual);
                            PackedModel.List coded = model[list];
                            offsets[row] = taskCodes.Count;
                            CollectionsMarshal.SetCount(taskCodes, taskCodes.Count + coded.Stride);
                            ReadOnlySpan<byte> states = sessions.Value!.Code(list, residual, energy, chosen.Unbiased, decoded: []);
                            TrellisEncoder.Pack(states, coded.Bits, CollectionsMarshal.AsSpan(taskCodes).Slice(offsets[row], coded.Stride));
                        }

                        codes[task] = [.. taskCodes];
                    },
                    cancellationToken);
                int length = 0;
                for (int task = 0; task < codes.Length; task++)
                {
                    int end = Math.Min((task + 1) * RowsPerTask, blockCount);
                    for (int i = task * RowsPerTask; i < end; i++) offsets[(int)first + i] += length;
                    length += codes[task].Length;
                }

                var joined = new byte[length];
                int place = 0;
                foreach (byte[] code in codes)
                {
                    code.CopyTo(joined, place);
                    place += code.Length;
                }

                blocks.Add(joined);
                progress?.Report(new IndexProgress(IndexPhase.Encode, (double)(first + blockCount) / count));
            },
            cancellationToken);
        foreach (PackedCoder.Session session in sessions.Values) session.Dispose();
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
