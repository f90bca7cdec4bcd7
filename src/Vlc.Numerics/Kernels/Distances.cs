using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// Distances of single pairs with a fixed order of summation: four accumulators of 16 lanes over steps of 64, then steps of 16, then a
/// zero-padded tail, then a fixed tree. The bits are the same on every instruction set. <c>TensorPrimitives</c> does not promise that.
/// </summary>
public static class Distances
{
    /// <summary>Σ x[k]·y[k].</summary>
    /// <param name="x">One vector.</param>
    /// <param name="y">Another, at least as long.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y) => Accumulate<DotStep>(x, y);

    /// <summary>Σ (x[k] - y[k])², in squared units of the data.</summary>
    /// <param name="x">One vector.</param>
    /// <param name="y">Another, at least as long.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float SquaredEuclidean(ReadOnlySpan<float> x, ReadOnlySpan<float> y) => Accumulate<SquaredDifferenceStep>(x, y);

    /// <summary>The scalar reference of <see cref="Dot"/>, with the same bits.</summary>
    /// <inheritdoc cref="Dot" path="/param"/>
    public static float DotReference(ReadOnlySpan<float> x, ReadOnlySpan<float> y) => AccumulateReference(x, y, squaredDifference: false);

    /// <summary>The scalar reference of <see cref="SquaredEuclidean"/>, with the same bits.</summary>
    /// <inheritdoc cref="SquaredEuclidean" path="/param"/>
    public static float SquaredEuclideanReference(ReadOnlySpan<float> x, ReadOnlySpan<float> y) =>
        AccumulateReference(x, y, squaredDifference: true);

    /// <summary>Sum of 16 lanes as the tree (8 + 8), (4 + 4), (2 + 2), (1 + 1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float SumTree(Vector512<float> lanes)
    {
        Vector256<float> eight = lanes.GetLower() + lanes.GetUpper();
        Vector128<float> four = eight.GetLower() + eight.GetUpper();
        Vector64<float> two = four.GetLower() + four.GetUpper();
        return two[0] + two[1];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Accumulate<TStep>(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
        where TStep : struct, IStep
    {
        int length = x.Length, k = 0;
        ArgumentOutOfRangeException.ThrowIfLessThan(y.Length, length);
        ref float xs = ref MemoryMarshal.GetReference(x);
        ref float ys = ref MemoryMarshal.GetReference(y);
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (; k + 64 <= length; k += 64)
        {
            s0 = TStep.Add(Vector512.LoadUnsafe(ref xs, (nuint)k), Vector512.LoadUnsafe(ref ys, (nuint)k), s0);
            s1 = TStep.Add(Vector512.LoadUnsafe(ref xs, (nuint)k + 16), Vector512.LoadUnsafe(ref ys, (nuint)k + 16), s1);
            s2 = TStep.Add(Vector512.LoadUnsafe(ref xs, (nuint)k + 32), Vector512.LoadUnsafe(ref ys, (nuint)k + 32), s2);
            s3 = TStep.Add(Vector512.LoadUnsafe(ref xs, (nuint)k + 48), Vector512.LoadUnsafe(ref ys, (nuint)k + 48), s3);
        }

        for (; k + 16 <= length; k += 16)
        {
            s0 = TStep.Add(Vector512.LoadUnsafe(ref xs, (nuint)k), Vector512.LoadUnsafe(ref ys, (nuint)k), s0);
        }

        if (k < length)
        {
            Span<float> xTail = stackalloc float[16], yTail = stackalloc float[16];
            xTail.Clear();
            yTail.Clear();
            x[k..].CopyTo(xTail);
            y[k..length].CopyTo(yTail);
            s0 = TStep.Add(Vector512.Create<float>(xTail), Vector512.Create<float>(yTail), s0);
        }

        return SumTree((s0 + s1) + (s2 + s3));
    }

    private static float AccumulateReference(ReadOnlySpan<float> x, ReadOnlySpan<float> y, bool squaredDifference)
    {
        int full = x.Length / 64 * 64;
        float[] lanes = new float[64];
        for (int k = 0; k < x.Length; k++)
        {
            int lane = k < full ? k % 64 : k % 16;
            float difference = x[k] - y[k];
            lanes[lane] = squaredDifference
                ? MathF.FusedMultiplyAdd(difference, difference, lanes[lane])
                : MathF.FusedMultiplyAdd(x[k], y[k], lanes[lane]);
        }

        for (int i = 0; i < 16; i++) lanes[i] = (lanes[i] + lanes[i + 16]) + (lanes[i + 32] + lanes[i + 48]);
        for (int width = 8; width >= 1; width /= 2)
        {
            for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
        }

        return lanes[0];
    }

    private interface IStep
    {
        static abstract Vector512<float> Add(Vector512<float> x, Vector512<float> y, Vector512<float> sum);
    }

    private readonly struct DotStep : IStep
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Add(Vector512<float> x, Vector512<float> y, Vector512<float> sum) =>
            Vector512.FusedMultiplyAdd(x, y, sum);
    }

    private readonly struct SquaredDifferenceStep : IStep
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Add(Vector512<float> x, Vector512<float> y, Vector512<float> sum)
        {
            Vector512<float> difference = x - y;
            return Vector512.FusedMultiplyAdd(difference, difference, sum);
        }
    }
}
