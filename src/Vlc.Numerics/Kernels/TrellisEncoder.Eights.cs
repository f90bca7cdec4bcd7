using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Vlc.Numerics.Kernels;

/// <content>
/// The encoder in steps of 8 states, whose costs stay in memory. AVX2 holds 8 costs in a vector. Arm64, and x64 without AVX2, hold them in
/// two; the fused multiply-add of the latter is a call of the C library.
/// </content>
public sealed unsafe partial class TrellisEncoder
{
    /// <summary><see cref="Advance512"/> with 8 states a step, in memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AdvanceEights<TBits, TEight>(float* cost, float* table, float* target, float* scale, int axes, byte* notes)
        where TBits : struct, IBits
        where TEight : struct, IEight<TEight>
    {
        const int Eights = StateCount / 8;
        int classes = StateCount >> TBits.Count, stride = Math.Max(classes / 8, 1);
        float* minima = cost + StateCount;
        for (int i = 0; i < axes; i++, notes += Eights)
        {
            for (int j = 0; j < stride; j++)
            {
                TEight m0 = TEight.Load(cost + (j * 8)), m1 = TEight.Load(cost + ((j + stride) * 8));
                if (TBits.Count == 1)
                {
                    m0 = Less(m0, m1, notes + j);
                }
                else if (TBits.Count == 2)
                {
                    TEight m2 = TEight.Load(cost + ((j + (2 * stride)) * 8)), m3 = TEight.Load(cost + ((j + (3 * stride)) * 8));
                    m0 = Less(Less(m0, m1, notes + j), Less(m2, m3, notes + stride + j), notes + (2 * stride) + j);
                }
                else
                {
                    for (int z = j + (2 * stride); z < Eights; z += 2 * stride)
                    {
                        m0 = TEight.Min(m0, TEight.Load(cost + (z * 8)));
                        m1 = TEight.Min(m1, TEight.Load(cost + ((z + stride) * 8)));
                    }

                    m0 = TEight.Min(m0, m1);
                    if (TBits.Count >= 6) m0 = TEight.Min(m0, TEight.SwapFours(m0));
                    if (TBits.Count >= 7) m0 = TEight.Min(m0, TEight.SwapPairs(m0));
                    if (TBits.Count >= 8) m0 = TEight.Min(m0, TEight.SwapNeighbors(m0));
                    for (int z = j; z < Eights; z += stride) notes[z] = TEight.Equal(m0, TEight.Load(cost + (z * 8)));
                }

                TEight.Store(m0, minima + (j * 8));
            }

            TEight targets = TEight.Broadcast(target[i]), negated = TEight.Broadcast(-scale[i]);
            for (int z = 0; z < Eights; z++)
            {
                TEight error = TEight.MultiplyAdd(negated, TEight.Load(table + (z * 8)), targets);
                TEight.Store(TEight.MultiplyAdd(error, error, TEight.Spread<TBits>(minima, z)), cost + (z * 8));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TEight Less<TEight>(TEight first, TEight second, byte* note)
        where TEight : struct, IEight<TEight>
    {
        *note = TEight.Less(second, first);
        return TEight.Min(first, second);
    }

    /// <summary>8 floats. Costs are neither NaN nor negative zero, so the minima of all instruction sets agree.</summary>
    private interface IEight<TSelf>
        where TSelf : struct, IEight<TSelf>
    {
        static abstract TSelf Load(float* source);

        static abstract void Store(TSelf eight, float* target);

        static abstract TSelf Broadcast(float value);

        static abstract TSelf Min(TSelf x, TSelf y);

        /// <summary>x·y + sum, rounded once.</summary>
        static abstract TSelf MultiplyAdd(TSelf x, TSelf y, TSelf sum);

        /// <summary>A bit for each element of <paramref name="x"/> that is less.</summary>
        static abstract byte Less(TSelf x, TSelf y);

        /// <summary>A bit for each element that is equal.</summary>
        static abstract byte Equal(TSelf x, TSelf y);

        static abstract TSelf SwapFours(TSelf eight);

        static abstract TSelf SwapPairs(TSelf eight);

        static abstract TSelf SwapNeighbors(TSelf eight);

        /// <summary>For the states from 8·<paramref name="z"/> on, the minimum of the class s >> b of each state s.</summary>
        static abstract TSelf Spread<TBits>(float* minima, int z)
            where TBits : struct, IBits;
    }

    /// <summary>8 floats in a vector of AVX2.</summary>
    private readonly struct Eight256(Vector256<float> values) : IEight<Eight256>
    {
        private readonly Vector256<float> _values = values;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight256 Load(float* source) => new(Vector256.LoadAligned(source));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Eight256 eight, float* target) => eight._values.StoreAligned(target);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight256 Broadcast(float value) => new(Vector256.Create(value));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight256 Min(Eight256 x, Eight256 y) => new(Avx.Min(x._values, y._values));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight256 MultiplyAdd(Eight256 x, Eight256 y, Eight256 sum) => new(Fma.MultiplyAdd(x._values, y._values, sum._values));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static byte Less(Eight256 x, Eight256 y) => (byte)Vector256.LessThan(x._values, y._values).ExtractMostSignificantBits();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static byte Equal(Eight256 x, Eight256 y) => (byte)Vector256.Equals(x._values, y._values).ExtractMostSignificantBits();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight256 SwapFours(Eight256 eight) => new(Avx.Permute2x128(eight._values, eight._values, 1));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight256 SwapPairs(Eight256 eight) => new(Avx.Permute(eight._values, 0b01_00_11_10));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight256 SwapNeighbors(Eight256 eight) => new(Avx.Permute(eight._values, 0b10_11_00_01));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight256 Spread<TBits>(float* minima, int z)
            where TBits : struct, IBits
        {
            // The permutation takes its indices modulo 8.
            Vector256<int> classOf = (Vector256<int>.Indices + Vector256.Create(z * 8)) >> TBits.Count;
            return new(Avx2.PermuteVar8x32(Vector256.LoadAligned(minima + (((z * 8) >> TBits.Count) & ~7)), classOf));
        }
    }

    /// <summary>8 floats in two vectors of 128 bits.</summary>
    private readonly struct Eight128(Vector128<float> lower, Vector128<float> upper) : IEight<Eight128>
    {
        private readonly Vector128<float> _lower = lower, _upper = upper;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight128 Load(float* source) => new(Vector128.LoadAligned(source), Vector128.LoadAligned(source + 4));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Eight128 eight, float* target)
        {
            eight._lower.StoreAligned(target);
            eight._upper.StoreAligned(target + 4);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight128 Broadcast(float value) => new(Vector128.Create(value), Vector128.Create(value));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight128 Min(Eight128 x, Eight128 y) =>
            new(Vector128.MinNative(x._lower, y._lower), Vector128.MinNative(x._upper, y._upper));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight128 MultiplyAdd(Eight128 x, Eight128 y, Eight128 sum) => new(
            Vector128.FusedMultiplyAdd(x._lower, y._lower, sum._lower), Vector128.FusedMultiplyAdd(x._upper, y._upper, sum._upper));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static byte Less(Eight128 x, Eight128 y) =>
            Mask(Vector128.LessThan(x._lower, y._lower), Vector128.LessThan(x._upper, y._upper));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static byte Equal(Eight128 x, Eight128 y) =>
            Mask(Vector128.Equals(x._lower, y._lower), Vector128.Equals(x._upper, y._upper));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight128 SwapFours(Eight128 eight) => new(eight._upper, eight._lower);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight128 SwapPairs(Eight128 eight) => Shuffle(eight, Vector128.Create(2, 3, 0, 1));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight128 SwapNeighbors(Eight128 eight) => Shuffle(eight, Vector128.Create(1, 0, 3, 2));

        /// <inheritdoc/>
        /// <remarks>Minima are repeated by loads: both instruction sets repeat what they load at no cost.</remarks>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight128 Spread<TBits>(float* minima, int z)
            where TBits : struct, IBits
        {
            float* first = minima + ((z * 8) >> TBits.Count);
            if (TBits.Count == 1)
            {
                Vector128<float> four = Vector128.LoadAligned(first);
                return new(Vector128.Shuffle(four, Vector128.Create(0, 0, 1, 1)), Vector128.Shuffle(four, Vector128.Create(2, 2, 3, 3)));
            }

            Vector128<float> lower = Vector128.Create(first[0]);
            return new(lower, TBits.Count == 2 ? Vector128.Create(first[1]) : lower);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Eight128 Shuffle(Eight128 eight, Vector128<int> lanes) =>
            new(Vector128.Shuffle(eight._lower, lanes), Vector128.Shuffle(eight._upper, lanes));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static byte Mask(Vector128<float> lower, Vector128<float> upper) =>
            (byte)(lower.ExtractMostSignificantBits() | (upper.ExtractMostSignificantBits() << 4));
    }
}
