using System.Runtime.InteropServices;
using Vlc.Codecs;
using Vlc.Segments;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Indexing;

/// <summary>Stage 5: codes every row and writes the sections of model and segment.</summary>
internal static class EncodeStage
{
    /// <summary>Codes all rows.</summary>
    /// <returns>What the codec chose, as all rows have it; null where it had nothing to choose.</returns>
    public static CodecReport? Run(BuildContext context, int scaleExponent, AssignedRows assigned, CodecModel model, SectionWriter writer)
    {
        PreparedRows rows = context.Rows(scaleExponent);
        int[] lists = [.. assigned.Cells];
        using PassLog log = context.Partial.OpenCodes(Digest(model, assigned));
        using var encoder = new SegmentEncoder(model, context.Backend, context.Threads, context.Cancellation);
        var progress = new RowProgress(context.Progress, IndexPhase.Encode, log.Rows, context.Count);
        model.WriteModel(writer);
        if (model.CodedDimension > 0)
        {
            encoder.Code(
                rows,
                (block, first, cells) =>
                {
                    CheckUnchanged(context, assigned, block.Span, first, first / rows.BlockRows);
                    assigned.Cells.AsSpan(first, cells.Length).CopyTo(cells.Span);
                },
                lists, log, progress.Report);
        }

        encoder.Write(writer, segment: 0, lists, Math.Min(rows.BlockRows, context.Count), log);
        var counts = new int[model.ListCount];
        foreach (int list in lists) counts[list]++;
        return context.Learner.Report(encoder.Rows, counts);
    }

    /// <summary>What the codes follow from.</summary>
    private static byte[] Digest(CodecModel model, AssignedRows assigned)
    {
        using var digest = new InputDigest();
        digest.Add<byte>(assigned.Digest).Add<uint>(CollectionsMarshal.AsSpan(assigned.BlockChecksums));
        model.AddTo(digest);
        return digest.ToArray();
    }

    /// <summary>
    /// Compares a block with what it was when its rows were assigned. A source that changes under a build would give an index of no vectors
    /// that ever were.
    /// </summary>
    private static void CheckUnchanged(BuildContext context, AssignedRows assigned, ReadOnlySpan<float> block, int first, int blockNumber)
    {
        if (Crc32C.Compute(MemoryMarshal.AsBytes(block)) == assigned.BlockChecksums[blockNumber]) return;
        context.Partial.DiscardPasses();
        throw new VlcFormatException(
            context.Source.Name, $"rows {first} to {first + (block.Length / context.Dimension) - 1}",
            "the values that they had when the build assigned them", "others", "The file has changed meanwhile; start the build again.");
    }
}
