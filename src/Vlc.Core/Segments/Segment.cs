using Vlc.Anchors;
using Vlc.Codecs;
using Vlc.Scanning;
using Vlc.Storage;

namespace Vlc.Segments;

/// <summary>
/// Rows that were coded together under a model: their assignments, their codes, and which of them are deleted. Immutable; the codes stay
/// where they lie.
/// </summary>
internal sealed class Segment
{
    /// <summary>Rows that are not deleted and their places in their lists, list after list; null where none is deleted.</summary>
    private readonly (int[] Starts, int[] Rows, int[] Positions)? _alive;

    private readonly SectionReader _reader;

    /// <summary>The codes; null where rows have none.</summary>
    private readonly IndexSection? _residuals;

    /// <summary>Checks the blocks of the codes; null where they are not checked, or have been.</summary>
    private readonly BlockChecks? _checks;

    /// <summary>A bit for each list whose codes have been checked.</summary>
    private readonly ulong[] _checked;

    private Segment(SectionReader reader, int number, StoredAssignments assignments, SegmentCodes codes, DeletedRows? deleted)
    {
        (_reader, Assignments, Codes, FirstRow) = (reader, assignments, codes, reader.Manifest.FirstRow(number));
        _residuals = reader.Manifest.Find(SectionKind.Residuals, number);
        _checks = _residuals is null ? null : reader.ChecksOf(_residuals);
        _checked = new ulong[_checks is null ? 0 : (Lists.CellCount + 63) / 64];
        if (deleted is not null) _alive = FindAlive(deleted);
    }

    /// <summary>What row 0 of the segment is called in the index.</summary>
    public int FirstRow { get; }

    /// <summary>Rows, deleted ones included.</summary>
    public int Count => Lists.RowCount;

    /// <summary>List of each row.</summary>
    public StoredAssignments Assignments { get; }

    /// <summary>All rows by list, deleted ones included.</summary>
    public InvertedLists Lists => Assignments.Lists;

    public SegmentCodes Codes { get; }

    /// <summary>Whether any row is deleted.</summary>
    public bool HasDeleted => _alive is not null;

    /// <summary>Opens a segment.</summary>
    /// <param name="reader">The files.</param>
    /// <param name="number">Number of the segment.</param>
    /// <param name="codec">The model.</param>
    /// <param name="deleted">Deleted rows of the index; null where there are none.</param>
    /// <exception cref="VlcFormatException">Sections that do not fit the manifest, the model, or one another.</exception>
    public static Segment Open(SectionReader reader, int number, CodecModel codec, DeletedRows? deleted)
    {
        StoredAssignments assignments = StoredAssignments.Open(reader, number, codec);
        SegmentCodes codes = codec.OpenCodes(reader, number, assignments.Lists);
        bool any = reader.Manifest.Segments[number].DeletedCount > 0;
        return new Segment(reader, number, assignments, codes, any ? deleted : null);
    }

    /// <summary>Rows of a list that are not deleted.</summary>
    public int AliveCount(int list) => _alive is { Starts: var starts } ? starts[list + 1] - starts[list] : Lists.Count(list);

    /// <summary>The rows of a list that are not deleted, for a scan; their codes are checked when a list is first asked for.</summary>
    /// <exception cref="VlcFormatException">A block of the codes is not what was written.</exception>
    public ListRows Rows(int list)
    {
        CheckList(list);
        if (_alive is not { } alive) return new ListRows(Codes.Of(list), Lists.Rows(list), [], FirstRow);
        int start = alive.Starts[list], count = alive.Starts[list + 1] - start;
        return new ListRows(Codes.Of(list), alive.Rows.AsSpan(start, count), alive.Positions.AsSpan(start, count), FirstRow);
    }

    /// <summary>Checks the codes of a list, unless they have been.</summary>
    /// <exception cref="VlcFormatException">A block of the codes is not what was written.</exception>
    public void CheckList(int list)
    {
        if (_checks is null) return;
        ref ulong bits = ref _checked[list >> 6];
        ulong bit = 1UL << (list & 63);
        if ((Volatile.Read(ref bits) & bit) != 0) return;
        Touch(list, _checks);
        Interlocked.Or(ref bits, bit);
    }

    /// <summary>Checks all codes, for a use that reads them whole.</summary>
    /// <exception cref="VlcFormatException">The codes are not what was written.</exception>
    public void CheckAll()
    {
        if (_residuals is not null) _reader.Check(_residuals);
    }

    private void Touch(int list, BlockChecks checks)
    {
        if (Codes.Of(list) is not { } codes) return;
        long offset = codes.Offset - _residuals!.Offset;
        if (Codes.AreByList)
        {
            checks.Touch(offset, (long)codes.RowCount * codes.RowBytes);
            return;
        }

        foreach (int row in Lists.Rows(list)) checks.Touch(offset + ((long)row * codes.RowBytes), codes.RowBytes);
    }

    private (int[] Starts, int[] Rows, int[] Positions) FindAlive(DeletedRows deleted)
    {
        var starts = new int[Lists.CellCount + 1];
        var rows = new List<int>(Count);
        var positions = new List<int>(Count);
        for (int list = 0; list < Lists.CellCount; list++)
        {
            ReadOnlySpan<int> own = Lists.Rows(list);
            for (int position = 0; position < own.Length; position++)
            {
                if (deleted.Contains(FirstRow + own[position])) continue;
                rows.Add(own[position]);
                positions.Add(position);
            }

            starts[list + 1] = rows.Count;
        }

        return (starts, [.. rows], [.. positions]);
    }
}
