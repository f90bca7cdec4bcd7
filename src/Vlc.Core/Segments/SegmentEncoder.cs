using System.Runtime.InteropServices;
using Vlc.Anchors;
using Vlc.Codecs;
using Vlc.Compute;
using Vlc.Numerics.Threading;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Segments;

/// <summary>
/// Codes rows with a model into a new segment. Rows stream by; memory is a block of them, and four bytes a row for its list. The bytes
/// depend neither on the number of threads nor on the backend.
/// </summary>
/// <param name="codec">The model.</param>
/// <param name="backend">Where the heavy part runs.</param>
/// <param name="threads">Threads to use.</param>
/// <param name="cancellationToken">Checked between blocks.</param>
internal sealed class SegmentEncoder(
    CodecModel codec, IComputeBackend backend, int threads, CancellationToken cancellationToken) : IDisposable
{
    private const int ListsPerTask = 64;

    /// <summary>
    /// Codes that are brought into the order of lists at a time: enough that lists get runs of rows, little beside the rest of a build.
    /// </summary>
    private const int GatheredBytes = 64 << 20;

    /// <summary>Says what is known of a block besides its rows.</summary>
    /// <param name="rows">Row-major, count x d, in scaled units.</param>
    /// <param name="first">Number of the first row.</param>
    /// <param name="cells">Receives the cell of each row.</param>
    public delegate void CellsOfBlock(ReadOnlyMemory<float> rows, int first, Memory<int> cells);

    private readonly RowEncoder _encoder = codec.CreateEncoder(backend, threads);

    /// <summary>What has coded the rows, with its sums.</summary>
    public RowEncoder Rows => _encoder;

    /// <summary>
    /// Codes the rows block by block, in their order, into a log. Where codes are kept by list, it holds of each block the list of every
    /// row, then the codes; where they are kept by row, the codes alone.
    /// </summary>
    /// <param name="rows">The rows.</param>
    /// <param name="cellsOf">Gives the cells of a block; called for every block, also for those that the log has already.</param>
    /// <param name="lists">Receives the list of every row.</param>
    /// <param name="log">Receives the output; what it has already is not done again.</param>
    /// <param name="progress">Hears how many rows are done.</param>
    public void Code(PreparedRows rows, CellsOfBlock cellsOf, int[] lists, PassLog log, Action<long>? progress)
    {
        if (log.Rows > 0) _encoder.RestoreState(log.State);
        int d = rows.Dimension, count = lists.Length, blockRows = Math.Min(rows.BlockRows, count);
        var cells = new int[blockRows];
        var blockLists = new int[blockRows];
        rows.ForEachBlock(
            (block, first, blockCount) =>
            {
                Memory<int> ownCells = cells.AsMemory(0, blockCount), ownLists = blockLists.AsMemory(0, blockCount);
                ReadOnlyMemory<float> ownRows = block[..(blockCount * d)];
                cellsOf(ownRows, (int)first, ownCells);
                if (first < log.Rows)
                {
                    if (!codec.CodesAreByList) ownCells.Span.CopyTo(lists.AsSpan((int)first));
                    return;
                }

                if (codec.CodesAreByList)
                {
                    // Lists are known only once all rows of the block are coded; they come first.
                    var codes = new List<byte>();
                    _encoder.Encode(ownRows, ownCells, ownLists, codes.AddRange, cancellationToken);
                    log.Append(MemoryMarshal.AsBytes(ownLists.Span));
                    log.Append(CollectionsMarshal.AsSpan(codes));
                }
                else
                {
                    _encoder.Encode(ownRows, ownCells, ownLists, log.Append, cancellationToken);
                }

                ownLists.Span.CopyTo(lists.AsSpan((int)first));
                log.Mark(first + blockCount, end: first + blockCount == count, _encoder.SaveState);
                progress?.Invoke(first + blockCount);
            },
            cancellationToken);
        if (codec.CodesAreByList && log.Rows > 0) ReadLists(lists, blockRows, log);
    }

    /// <summary>Writes the sections of a segment from a whole log.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="segment">Number of the segment.</param>
    /// <param name="lists">List of every row.</param>
    /// <param name="blockRows">Rows of a block of the log.</param>
    /// <param name="log">The output of <see cref="Code"/>.</param>
    public void Write(SectionWriter writer, int segment, int[] lists, int blockRows, PassLog log)
    {
        WriteAssignments(writer, segment, codec, lists);
        var file = new IndexFileId(IndexFile.Residuals, segment);
        if (codec.CodesAreByList)
        {
            using SectionWriter.PlacedSection section = writer.OpenPlaced(
                SectionKind.Residuals, file, log.Length - (sizeof(int) * (long)lists.Length) + codec.CodesPadding);
            PlaceCodes(lists, blockRows, log, section);
            section.Complete();
        }
        else if (codec.CodedDimension > 0)
        {
            writer.AdoptSection(log, SectionKind.Residuals, file, codec.CodeElement, (uint)lists.Length, (uint)codec.CodedDimension);
        }
    }

    /// <summary>Writes the list of every row.</summary>
    public static void WriteAssignments(SectionWriter writer, int segment, CodecModel codec, ReadOnlySpan<int> lists)
    {
        var file = new IndexFileId(IndexFile.Assignments, segment);
        if (codec.AssignmentBits is { } bits)
        {
            writer.WriteFile(file, (SectionKind.Assignments, StoredAssignments.Pack(lists, bits)));
        }
        else
        {
            writer.WriteSection(SectionKind.Assignments, file, SectionElement.UInt32, lists, (uint)lists.Length, 1);
        }
    }

    public void Dispose() => _encoder.Dispose();

    /// <summary>Reads the list of every row from the log.</summary>
    private void ReadLists(int[] lists, int blockRows, PassLog log)
    {
        long offset = 0;
        for (int first = 0; first < lists.Length; first += blockRows)
        {
            Span<int> block = lists.AsSpan(first, Math.Min(blockRows, lists.Length - first));
            log.Read(offset, MemoryMarshal.AsBytes(block));
            offset += sizeof(int) * (long)block.Length;
            foreach (int list in block) offset += codec.CodeBytes(list);
        }
    }

    /// <summary>
    /// Brings the codes from the order of rows into that of lists, some blocks at a time. Their rows of one list are gathered and written
    /// where that list's earlier rows end, so that memory does not grow with the rows and a write has as many as come together.
    /// </summary>
    private void PlaceCodes(int[] lists, int blockRows, PassLog log, SectionWriter.PlacedSection section)
    {
        int count = lists.Length, listCount = codec.ListCount;
        int[] counts = new int[listCount], placed = new int[listCount];
        foreach (int list in lists) counts[list]++;
        var starts = new long[listCount];
        for (int list = 1; list < listCount; list++) starts[list] = starts[list - 1] + ((long)counts[list - 1] * codec.CodeBytes(list - 1));
        var codes = new byte[(int)Math.Min(log.Length, GatheredBytes)];
        long offset = 0;
        for (int first = 0; first < count;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // As many blocks as fit, at least one: 2^16 rows of 8 bits an axis are what PreparedRows calls a block, and so fit an array.
            var positions = new List<int>();
            int end = first, length = 0;
            while (end < count)
            {
                int blockEnd = Math.Min(end + blockRows, count), blockBytes = 0;
                for (int row = end; row < blockEnd; row++) blockBytes += codec.CodeBytes(lists[row]);
                if (end > first && length + blockBytes > codes.Length) break;
                if (length + blockBytes > codes.Length) codes = new byte[length + blockBytes];
                log.Read(offset + (sizeof(int) * (long)(blockEnd - end)), codes.AsSpan(length, blockBytes));
                offset += (sizeof(int) * (long)(blockEnd - end)) + blockBytes;
                for (int row = end; row < blockEnd; row++)
                {
                    positions.Add(length);
                    length += codec.CodeBytes(lists[row]);
                }

                end = blockEnd;
            }

            var order = new InvertedLists(lists.AsSpan(first, end - first), listCount);
            BlockScheduler.Run(
                BlockScheduler.BlockCount(listCount, ListsPerTask), threads,
                (task, _) =>
                {
                    var gathered = new List<byte>();
                    int lastList = Math.Min((task + 1) * ListsPerTask, listCount);
                    for (int list = task * ListsPerTask; list < lastList; list++)
                    {
                        int stride = codec.CodeBytes(list);
                        if (stride == 0 || order.Count(list) == 0) continue;
                        gathered.Clear();
                        foreach (int row in order.Rows(list)) gathered.AddRange(codes.AsSpan(positions[row], stride));
                        long listStart = starts[list];
                        codec.PlaceCodes(
                            list, counts[list], placed[list], CollectionsMarshal.AsSpan(gathered),
                            (bytes, place) => section.Write(bytes, listStart + place));
                        placed[list] += order.Count(list);
                    }
                },
                cancellationToken);
            first = end;
        }
    }
}
