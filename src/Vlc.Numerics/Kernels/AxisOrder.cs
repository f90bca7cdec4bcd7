namespace Vlc.Numerics.Kernels;

/// <summary>Brings vectors into the order in which a list codes its axes: once for each list that a search scans.</summary>
public static unsafe class AxisOrder
{
    /// <summary>destination[i] = source[order[i]].</summary>
    /// <param name="source">Any length.</param>
    /// <param name="order">Indices into <paramref name="source"/>.</param>
    /// <param name="destination">At least as long as <paramref name="order"/>; what lies behind that is left as it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">The destination is too short, or an index lies outside the source.</exception>
    public static void Gather(ReadOnlySpan<float> source, ReadOnlySpan<int> order, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, order.Length);
        uint largest = 0;
        fixed (float* from = source, to = destination)
        fixed (int* axes = order)
        {
            // One comparison for all indices: a maximum is taken in vectors, a branch for each would not be.
            for (int i = 0; i < order.Length; i++) largest = Math.Max(largest, (uint)axes[i]);
            if (order.Length > 0) ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(largest, (uint)source.Length, nameof(order));
            for (int i = 0; i < order.Length; i++) to[i] = from[axes[i]];
        }
    }
}
