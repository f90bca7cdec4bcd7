using Vlc.Codecs;
using Vlc.Numerics.Memory;
using Vlc.Storage;

namespace Vlc.Segments;

/// <summary>
/// Merges segments of one model into one by copying codes. Nothing is decoded, deleted rows are left out, and the result has the bytes that
/// coding the remaining rows together would have.
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
        var file = new IndexFileId(IndexFile.Residuals, number);
        if (codec.CodesAreByList)
        {
            var counts = new int[codec.ListCount];
            foreach (int list in lists) counts[list]++;
            using SectionWriter.PlacedSection section = writer.OpenPlaced(SectionKind.Residuals, file, codec.CodeBytes(counts));
            CopyLists(segments, codec, deleted, counts, section, cancellationToken);
            section.Complete();
        }
        else
        {
            using SectionWriter.SectionStream stream = writer.OpenSection(
                SectionKind.Residuals, file, codec.CodeElement, (uint)lists.Count, (uint)codec.CodedDimension);
            CopyRows(segments, deleted, stream, cancellationToken);
            stream.Complete();
        }

        return lists.Count;
    }

    private static void CopyLists(
        ReadOnlySpan<Segment> segments, CodecModel codec, DeletedRows? deleted, int[] counts, SectionWriter.PlacedSection section,
        CancellationToken cancellationToken)
    {
        var buffer = new byte[BufferBytes];
        long start = 0;
        for (int list = 0; list < codec.ListCount; list++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int stride = codec.CodeBytes(list), placed = 0, taken = 0;
            if (stride == 0) continue;
            if (buffer.Length < stride) buffer = new byte[stride];
            int atOnce = buffer.Length / stride;
            long listStart = start;
            foreach (Segment segment in segments)
            {
                if (segment.Codes.Of(list) is not { } codes) continue;
                ReadOnlySpan<int> positions = deleted is null ? [] : segment.Rows(list).Positions;
                int count = positions.IsEmpty ? (deleted is null || !segment.HasDeleted ? codes.RowCount : 0) : positions.Length;
                for (int i = 0; i < count; i++)
                {
                    codec.TakeCode(codes, list, positions.IsEmpty ? i : positions[i], buffer.AsSpan(taken * stride, stride));
                    if (++taken == atOnce) Place();
                }
            }

            Place();
            start += (long)counts[list] * stride;

            void Place()
            {
                codec.PlaceCodes(
                    list, counts[list], placed, buffer.AsSpan(0, taken * stride),
                    (bytes, place) => section.Write(bytes, listStart + place));
                (placed, taken) = (placed + taken, 0);
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
