using Vlc.Codecs;
using Vlc.Numerics.Memory;
using Vlc.Scanning;
using Vlc.Storage;

namespace Vlc.Segments;

/// <summary>
/// Merges segments of one model into one by copying code strings. Nothing is decoded, deleted rows are left out, and the result has the
/// bytes that coding the
/// remaining rows together would have.
/// </summary>
internal static class SegmentMerger
{
    private const int BufferBytes = 1 << 20;

    /// <summary>Writes the merged segment.</summary>
    /// <param name="segments">The segments, in the order of their rows.</param>
    /// <param name="codec">Their model.</param>
    /// <param name="deleted">Deleted rows of the index, which are left out; null copies every row.</param>
    /// <param name="writer">Where to.</param>
    /// <param name="number">Number of the new segment.</param>
    /// <param name="cancellationToken">Checked between lists.</param>
    /// <returns>Rows of the merged segment.</returns>
    public static int Merge(
        ReadOnlySpan<Segment> segments, CodecModel codec, DeletedRows? deleted, SectionWriter writer, int number,
        CancellationToken cancellationToken)
    {
        var lists = new List<int>();
        foreach (Segment segment in segments)
        {
            // The copy gets checksums of its own: damage would never be found again.
            segment.CheckAll();
            for (int row = 0; row < segment.Count; row++)
            {
                if (deleted is null || !deleted.Contains(segment.FirstRow + row)) lists.Add(segment.Assignments[row]);
            }
        }

        SegmentEncoder.WriteAssignments(writer, number, codec, lists.ToArray());
        if (codec.CodedDimension == 0) return lists.Count;
        (uint rows, uint columns) = codec.CodesAreByList ? (0, 0) : ((uint)lists.Count, (uint)codec.CodedDimension);
        using SectionWriter.SectionStream stream = writer.OpenSection(
            SectionKind.Residuals, new IndexFileId(IndexFile.Residuals, number), codec.CodeElement, rows, columns);
        if (codec.CodesAreByList) CopyLists(segments, codec, deleted, stream, cancellationToken);
        else CopyRows(segments, deleted, stream, cancellationToken);
        stream.Complete();
        return lists.Count;
    }

    private static void CopyLists(
        ReadOnlySpan<Segment> segments, CodecModel codec, DeletedRows? deleted, SectionWriter.SectionStream stream,
        CancellationToken cancellationToken)
    {
        for (int list = 0; list < codec.ListCount; list++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (Segment segment in segments)
            {
                if (segment.Codes.Of(list) is not { } codes) continue;
                ListRows rows = segment.Rows(list);
                if (deleted is null || !segment.HasDeleted) Copy(codes, 0, codes.RowCount, stream);
                else foreach (int position in rows.Positions) stream.Write(codes.Row(position));
            }
        }
    }

    private static void CopyRows(
        ReadOnlySpan<Segment> segments, DeletedRows? deleted, SectionWriter.SectionStream stream, CancellationToken cancellationToken)
    {
        foreach (Segment segment in segments)
        {
            cancellationToken.ThrowIfCancellationRequested();
            CodeRows codes = segment.Codes.Of(0)!;
            // Runs of rows that stay.
            for (int row = 0; row < segment.Count;)
            {
                int end = row;
                while (end < segment.Count && (deleted is null || !deleted.Contains(segment.FirstRow + end))) end++;
                Copy(codes, row, end - row, stream);
                row = end + 1;
            }
        }
    }

    private static void Copy(CodeRows codes, int first, int count, SectionWriter.SectionStream stream)
    {
        int atOnce = Math.Max(1, BufferBytes / codes.RowBytes);
        for (int row = first; row < first + count; row += atOnce) stream.Write(codes.Rows(row, Math.Min(atOnce, first + count - row)));
    }
}
