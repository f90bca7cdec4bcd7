using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Vlc.Formats;

/// <summary>Adjacent columns, from one to another, both included; each is named by the file's header or by its number from 0.</summary>
/// <param name="First">The first column.</param>
/// <param name="Last">The last column; null goes on to the end.</param>
public sealed record ColumnRange(string First, string? Last) : IParsable<ColumnRange>
{
    /// <summary>Reads "2..", "2..385", "..9", "emb_0..emb_383" or the name or number of one column.</summary>
    /// <exception cref="FormatException">Not of that form.</exception>
    public static ColumnRange Parse(string s, IFormatProvider? provider) =>
        TryParse(s, provider, out ColumnRange? range)
            ? range
            : throw new FormatException($"'{s}' is no range of columns, such as 2.. or 2..385.");

    /// <summary>The same, false for text of another form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out ColumnRange result)
    {
        result = null;
        if (string.IsNullOrWhiteSpace(s)) return false;
        int dots = s.IndexOf("..", StringComparison.Ordinal);
        if (dots < 0)
        {
            result = new ColumnRange(s, s);
            return true;
        }

        string first = s[..dots], last = s[(dots + 2)..];
        result = new ColumnRange(first.Length == 0 ? "0" : first, last.Length == 0 ? null : last);
        return true;
    }

    /// <summary>The numbers of the first and the last column.</summary>
    /// <param name="path">The file, for the message.</param>
    /// <param name="names">The columns' names in order; empty strings where there is no header.</param>
    /// <exception cref="VlcFormatException">No such column, or the last before the first.</exception>
    public (int First, int Last) Resolve(string path, IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        int first = Find(path, First, names), last = Last is null ? names.Count - 1 : Find(path, Last, names);
        return first <= last
            ? (first, last)
            : throw new VlcFormatException(path, "columns", $"a range within {names.Count} columns", ToString());
    }

    /// <summary>The number of a column that is named by the header or by its number from 0; a name goes before a number.</summary>
    /// <param name="path">The file, for the message.</param>
    /// <param name="column">Name or number.</param>
    /// <param name="names">The columns' names in order; empty strings where there is no header.</param>
    /// <exception cref="VlcFormatException">No such column.</exception>
    public static int Find(string path, string column, IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        const int shown = 12;
        for (int i = 0; i < names.Count; i++)
        {
            if (names[i] == column && column.Length > 0) return i;
        }

        if (int.TryParse(column, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < names.Count) return number;
        string known = names.All(string.IsNullOrEmpty)
            ? $"columns 0 to {names.Count - 1}, without names"
            : string.Join(", ", names.Take(shown).Select(name => $"'{name}'")) + (names.Count > shown ? ", ..." : "");
        throw new VlcFormatException(path, "columns", $"a column '{column}'", known);
    }

    /// <inheritdoc/>
    public override string ToString() => First == Last ? First : $"{First}..{Last}";
}
