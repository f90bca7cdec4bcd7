namespace Vlc.Search;

/// <summary>A set of row numbers that a search may return: an allow-list or a deny-list, one bit a row. Immutable; safe to share.</summary>
public sealed class IdFilter
{
    private readonly ulong[] _bits;

    private IdFilter(int count, ReadOnlySpan<int> ids, bool allow)
    {
        Count = count;
        _bits = new ulong[(count + 63) / 64];
        if (!allow) _bits.AsSpan().Fill(ulong.MaxValue);
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)count) throw new ArgumentOutOfRangeException(nameof(ids), id, $"The index holds rows 0 to {count - 1}.");
            if (allow) _bits[id >> 6] |= 1UL << (id & 63);
            else _bits[id >> 6] &= ~(1UL << (id & 63));
        }
    }

    /// <summary>Rows of the index that the filter is for.</summary>
    public int Count { get; }

    /// <summary>Row i is bit i % 64 of word i / 64.</summary>
    internal ReadOnlyMemory<ulong> Bits => _bits;

    /// <summary>Only these rows.</summary>
    /// <param name="count">Rows of the index.</param>
    /// <param name="ids">Row numbers; repeated ones count once.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number that is no row.</exception>
    public static IdFilter Allow(int count, ReadOnlySpan<int> ids) => new(count, ids, allow: true);

    /// <summary>All rows but these.</summary>
    /// <param name="count">Rows of the index.</param>
    /// <param name="ids">Row numbers; repeated ones count once.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number that is no row.</exception>
    public static IdFilter Deny(int count, ReadOnlySpan<int> ids) => new(count, ids, allow: false);

    /// <summary>True when a search may return the row.</summary>
    /// <param name="id">Row number.</param>
    public bool Passes(int id) => (_bits[id >> 6] & (1UL << (id & 63))) != 0;
}
