using System.Runtime.InteropServices;
using Vlc.Anchors;
using Vlc.Evaluation;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Indexing;

/// <summary>What the pass that assigns rows finds.</summary>
/// <param name="Cells">Cell of every row.</param>
/// <param name="Statistics">Energy and extent of all residuals.</param>
/// <param name="Exact">Exact neighbours of the tuning sample; null where there is none.</param>
/// <param name="BlockChecksums">Checksum of each block of rows, as the pass read them.</param>
/// <param name="Digest">Of everything that the cells follow from.</param>
internal sealed record AssignedRows(
    int[] Cells, ResidualStatistics Statistics, ExactNeighbors? Exact, List<uint> BlockChecksums, byte[] Digest);

/// <summary>
/// Stage 3: assigns every row to its nearest anchor, and collects on the same pass what later stages need to know of all rows.
/// </summary>
internal static class AssignStage
{
    /// <summary>Assigns all rows.</summary>
    /// <param name="context">The build.</param>
    /// <param name="sample">Centre and scale.</param>
    /// <param name="tuning">Queries whose exact neighbours are collected.</param>
    /// <param name="anchors">The anchors.</param>
    /// <param name="neighbors">Exact neighbours of each query.</param>
    public static AssignedRows Run(BuildContext context, TrainingSample sample, TuningSample tuning, LearnedAnchors anchors, int neighbors)
    {
        int d = context.Dimension, count = context.Count;
        PreparedRows rows = context.Rows(sample.ScaleExponent);
        neighbors = Math.Min(neighbors, tuning.OwnRows.Length > 0 ? count - 1 : count);
        ExactNeighbors? exact = tuning.Rows.Length == 0
            ? null
            : new ExactNeighbors(tuning.Rows, d, neighbors, context.Options.Metric, context.Threads, tuning.OwnRows);
        var assigned = new AssignedRows(
            new int[count], new ResidualStatistics(d, anchors.Values.Length / d, context.Threads), exact, [],
            Digest(context, sample, tuning, anchors.Values, neighbors));
        using var assigner = new CellAssigner(anchors.Values, sample.Centre, d, context.Backend, context.Threads);
        using PassLog log = context.Partial.OpenCells(assigned.Digest);
        if (log.Rows > 0)
        {
            log.Read(0, MemoryMarshal.AsBytes(assigned.Cells.AsSpan(0, (int)log.Rows)));
            Restore(log.State, assigned);
        }

        var progress = new RowProgress(context.Progress, IndexPhase.Assign, log.Rows, count);
        rows.ForEachBlock(
            (block, first, blockCount) =>
            {
                Memory<float> own = block[..(blockCount * d)];
                Memory<int> cells = assigned.Cells.AsMemory((int)first, blockCount);
                assigner.Assign(own, cells.Span, context.Cancellation);
                assigned.Statistics.Add(own, cells, anchors.Values, context.Cancellation);
                exact?.Add(own.Span, blockCount, (int)first, context.Cancellation);
                assigned.BlockChecksums.Add(Crc32C.Compute(MemoryMarshal.AsBytes(own.Span)));
                log.Append(MemoryMarshal.AsBytes(cells.Span));
                log.Mark(first + blockCount, end: first + blockCount == count, () => Save(assigned));
                progress.Report(first + blockCount);
            },
            context.Cancellation, log.Rows);
        return assigned;
    }

    /// <summary>What the cell of every row, and what is measured on the way, follow from, besides the rows.</summary>
    private static byte[] Digest(BuildContext context, TrainingSample sample, TuningSample tuning, float[] anchors, int neighbors)
    {
        using var digest = new InputDigest();
        return digest.Add(context.Count, context.Dimension, (int)context.Options.Metric, sample.ScaleExponent, neighbors)
            .Add<float>(sample.Centre).Add<float>(anchors).Add<int>(tuning.OwnRows).Add<float>(tuning.Rows).ToArray();
    }

    private static byte[] Save(AssignedRows assigned)
    {
        using var content = new MemoryStream();
        using var writer = new BinaryWriter(content);
        writer.Write(assigned.BlockChecksums.Count);
        writer.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(assigned.BlockChecksums)));
        assigned.Statistics.Save(writer);
        assigned.Exact?.Save(writer);
        return content.ToArray();
    }

    private static void Restore(byte[] state, AssignedRows assigned)
    {
        using var reader = new BinaryReader(new MemoryStream(state, writable: false));
        int blocks = reader.ReadInt32();
        for (int i = 0; i < blocks; i++) assigned.BlockChecksums.Add(reader.ReadUInt32());
        assigned.Statistics.Restore(reader);
        assigned.Exact?.Restore(reader);
    }
}
