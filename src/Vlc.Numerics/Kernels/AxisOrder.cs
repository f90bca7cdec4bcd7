using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Vlc.Numerics.Kernels;

/// <summary>Permutes vectors into the order in which a list codes its axes. A search does it once for each list that it scans.</summary>
public static unsafe class AxisOrder
{
    /// <summary>destination[i] = source[order[i]].</summary>
    /// <param name="source">Any length.</param>
    /// <param name="order">Indices into <paramref name="source"/>.</param>
    /// <param name="destination">At least as long as <paramref name="order"/>; elements after that are left unchanged.</param>
    /// <exception cref="ArgumentOutOfRangeException">The destination is too short, or an index lies outside the source.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gather(ReadOnlySpan<float> source, ReadOnlySpan<int> order, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, order.Length);
        fixed (float* from = source, to = destination)
        fixed (int* axes = order)
        {
            // All indices are checked first, in vectors: a branch for each would cost as much as the copy. A negative index is large as an
            // unsigned number.
            var largest = Vector512<uint>.Zero;
            int i = 0;
            for (; i + Vector512<int>.Count <= order.Length; i += Vector512<int>.Count)
            {
                largest = Vector512.Max(largest, Vector512.Load((uint*)axes + i));
            }

            bool outside = Vector512.GreaterThanOrEqualAny(largest, Vector512.Create((uint)source.Length)) && i > 0;
            for (; i < order.Length; i++) outside |= (uint)axes[i] >= (uint)source.Length;
            if (outside) throw new ArgumentOutOfRangeException(nameof(order), $"An axis lies outside a vector of {source.Length}.");

            for (i = 0; i + 4 <= order.Length; i += 4)
            {
                float a = from[axes[i]], b = from[axes[i + 1]], c = from[axes[i + 2]], d = from[axes[i + 3]];
                (to[i], to[i + 1], to[i + 2], to[i + 3]) = (a, b, c, d);
            }

            for (; i < order.Length; i++) to[i] = from[axes[i]];
        }
    }
}
