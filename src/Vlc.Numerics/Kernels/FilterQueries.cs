namespace Vlc.Numerics.Kernels;

/// <summary>Queries that are compared with the rows of one list together.</summary>
/// <param name="factors">One vector a query, <paramref name="stride"/> floats apart.</param>
/// <param name="stride">At least <paramref name="axes"/>.</param>
/// <param name="axes">Coded axes of the list.</param>
/// <param name="offsets">One a query: what the anchor and the axes without a code add.</param>
/// <param name="bounds">One a query: the farthest of interest.</param>
public readonly ref struct FilterQueries(
    ReadOnlySpan<float> factors, int stride, int axes, ReadOnlySpan<float> offsets, ReadOnlySpan<float> bounds)
{
    private readonly ReadOnlySpan<float> _factors = factors;

    /// <summary>Number of queries.</summary>
    public int Count => Math.Min(Offsets.Length, Bounds.Length);

    /// <summary>Coded axes of the list.</summary>
    public int Axes { get; } = axes;

    /// <summary>What the anchor and the axes without a code add, one a query.</summary>
    public ReadOnlySpan<float> Offsets { get; } = offsets;

    /// <summary>The farthest of interest, one a query.</summary>
    public ReadOnlySpan<float> Bounds { get; } = bounds;

    /// <summary>The factors of a query.</summary>
    /// <param name="query">Its number.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such query.</exception>
    public ReadOnlySpan<float> Of(int query) => _factors.Slice(query * stride, Axes);

    /// <summary>The same on the first axes alone.</summary>
    internal FilterQueries Head(int axes) => Head(axes, Offsets, Bounds);

    /// <summary>The same on the first axes, with what the anchor adds there and the farthest of interest there.</summary>
    internal FilterQueries Head(int axes, ReadOnlySpan<float> offsets, ReadOnlySpan<float> bounds) => new(_factors, stride, axes, offsets, bounds);

    /// <summary>One query alone.</summary>
    internal FilterQueries One(int query) => new(Of(query), stride, Axes, Offsets.Slice(query, 1), Bounds.Slice(query, 1));
}
