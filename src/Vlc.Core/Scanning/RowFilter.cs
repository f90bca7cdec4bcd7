namespace Vlc.Scanning;

/// <summary>Which rows a search may return: an allow-list, a deny-list, a bitmap, or a predicate. Immutable; safe to share.</summary>
public sealed class RowFilter
{
    private readonly ulong[] _bits = [];
    private readonly Func<int, bool>? _predicate;

    private RowFilter(int count, ReadOnlySpan<int> rows, bool allow)
    {
        Count = count;
        _bits = new ulong[(count + 63) / 64];
        if (!allow) _bits.AsSpan().Fill(ulong.MaxValue);
        foreach (int row in rows)
        {
            if ((uint)row >= (uint)count)
            {
                throw new ArgumentOutOfRangeException(nameof(rows), row, $"The index holds rows 0 to {count - 1}.");
            }

            if (allow) _bits[row >> 6] |= 1UL << (row & 63);
            else _bits[row >> 6] &= ~(1UL << (row & 63));
        }
    }

    private RowFilter(int count, ulong[] bits, Func<int, bool>? predicate) => (Count, _bits, _predicate) = (count, bits, predicate);

    /// <summary>Rows of the index that the filter is for, deleted ones included.</summary>
    public int Count { get; }

    /// <summary>Only these rows.</summary>
    /// <param name="count">Rows of the index.</param>
    /// <param name="rows">Row numbers; repeated ones count once.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number that is no row.</exception>
    public static RowFilter Allow(int count, ReadOnlySpan<int> rows) => new(count, rows, allow: true);

    /// <summary>All rows but these.</summary>
    /// <param name="count">Rows of the index.</param>
    /// <param name="rows">Row numbers; repeated ones count once.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number that is no row.</exception>
    public static RowFilter Deny(int count, ReadOnlySpan<int> rows) => new(count, rows, allow: false);

    /// <summary>The rows whose bit is set: row i is bit i % 64 of word i / 64.</summary>
    /// <param name="count">Rows of the index.</param>
    /// <param name="bits">A bit for each row; copied.</param>
    /// <exception cref="ArgumentException">Fewer bits than rows.</exception>
    public static RowFilter FromBitmap(int count, ReadOnlySpan<ulong> bits)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (bits.Length < (count + 63L) / 64)
        {
            throw new ArgumentException($"{bits.Length} words hold no bit for each of {count} rows.", nameof(bits));
        }

        return new RowFilter(count, bits[..((count + 63) / 64)].ToArray(), predicate: null);
    }

    /// <summary>The rows for which a predicate is true.</summary>
    /// <param name="count">Rows of the index.</param>
    /// <param name="predicate">
    /// Gets a row number. It is asked for every row that a search scans, perhaps more than once and by several threads, and must always
    /// give the same answer.
    /// </param>
    public static RowFilter Where(int count, Func<int, bool> predicate)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentNullException.ThrowIfNull(predicate);
        return new RowFilter(count, [], predicate);
    }

    /// <summary>True when a search may return the row.</summary>
    /// <param name="row">Row number.</param>
    public bool Passes(int row) => _predicate is null ? (_bits[row >> 6] & (1UL << (row & 63))) != 0 : _predicate(row);
}
