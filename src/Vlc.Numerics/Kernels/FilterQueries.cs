namespace Vlc.Numerics.Kernels;

/// <summary>Queries that are compared with the rows of one inverted list together.</summary>
/// <param name="factors">One vector a query, <paramref name="stride"/> floats apart.</param>
/// <param name="stride">At least <paramref name="axes"/>.</param>
/// <param name="axes">Coded axes of the list.</param>
/// <param name="offsets">One a query: the contribution of the anchor and of the axes without a code.</param>
/// <param name="bounds">One a query: the worst score that is still of interest.</param>
public readonly ref struct FilterQueries(
    ReadOnlySpan<float> factors, int stride, int axes, ReadOnlySpan<float> offsets, ReadOnlySpan<float> bounds)
{
    private readonly ReadOnlySpan<float> _factors = factors;

    /// <summary>Number of queries.</summary>
    public int Count => Math.Min(Offsets.Length, Bounds.Length);

    /// <summary>Coded axes of the list.</summary>
    public int Axes { get; } = axes;

    /// <summary>The contribution of the anchor and of the axes without a code, one a query.</summary>
    public ReadOnlySpan<float> Offsets { get; } = offsets;

    /// <summary>The worst score that is still of interest, one a query.</summary>
    public ReadOnlySpan<float> Bounds { get; } = bounds;

    /// <summary>The factors of a query.</summary>
    /// <param name="query">Its number.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such query.</exception>
    public ReadOnlySpan<float> Of(int query) => _factors.Slice(query * stride, Axes);
}
