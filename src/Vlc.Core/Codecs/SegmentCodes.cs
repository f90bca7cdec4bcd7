using Vlc.Numerics.Memory;

namespace Vlc.Codecs;

/// <summary>Where the codes of a segment lie.</summary>
internal sealed class SegmentCodes
{
    private readonly CodeRows?[] _lists;
    private readonly CodeRows? _rows;

    private SegmentCodes(CodeRows?[] lists, CodeRows? rows) => (_lists, _rows) = (lists, rows);

    /// <summary>Codes list behind list; null where a list has none.</summary>
    public static SegmentCodes ByList(CodeRows?[] lists) => new(lists, rows: null);

    /// <summary>Codes in the order of the rows; null where rows have none.</summary>
    public static SegmentCodes ByRow(CodeRows? rows) => new([], rows);

    /// <summary>Whether codes lie list behind list.</summary>
    public bool AreByList => _lists.Length > 0;

    /// <summary>What <see cref="Scanning.ListRows.Codes"/> is for a list.</summary>
    public CodeRows? Of(int list) => AreByList ? _lists[list] : _rows;
}
