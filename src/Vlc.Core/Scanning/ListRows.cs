using Vlc.Numerics.Memory;

namespace Vlc.Scanning;

/// <summary>Rows of one inverted list that a query scans: those of one segment, or of several whose codes were gathered.</summary>
/// <param name="codes">
/// The codes: of this list row behind row where the codec keeps codes by list, of the whole segment by row number where it does not. Null
/// where no row has a code.
/// </param>
/// <param name="rows">Row numbers within the segment.</param>
/// <param name="positions">Places of the rows in the list; empty where they are all of it.</param>
/// <param name="firstRow">What row 0 of the segment is called in the index.</param>
internal readonly ref struct ListRows(CodeRows? codes, ReadOnlySpan<int> rows, ReadOnlySpan<int> positions, int firstRow)
{
    public readonly CodeRows? Codes = codes;
    public readonly ReadOnlySpan<int> Rows = rows;
    public readonly ReadOnlySpan<int> Positions = positions;
    public readonly int FirstRow = firstRow;

    /// <summary>Number of rows.</summary>
    public int Count => Rows.Length;

    /// <summary>Some of the rows.</summary>
    /// <param name="start">The first of them.</param>
    /// <param name="length">How many.</param>
    /// <param name="all">0, 1, 2 ...: the positions of all rows, where this has none.</param>
    public ListRows Slice(int start, int length, ReadOnlySpan<int> all) =>
        new(Codes, Rows.Slice(start, length), (Positions.IsEmpty ? all : Positions).Slice(start, length), FirstRow);
}
