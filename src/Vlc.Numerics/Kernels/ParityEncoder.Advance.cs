using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Vlc.Numerics.Kernels;

/// <content>
/// The steps of the search: for all p in 0..63 state 2p is reached by the lesser of <c>cost[p] + x</c> and <c>cost[p + 64] + y</c>, state
/// 2p + 1 by the lesser of <c>cost[p] + y</c> and <c>cost[p + 64] + x</c>, of equal ones from p; x and y are the distances to two subsets
/// that follow from p.
/// </content>
public sealed unsafe partial class ParityEncoder
{
    /// <summary>By K.</summary>
    private static readonly Pattern[] Patterns =
        [.. Enumerable.Range(0, ParityTrellis.MaxParities + 1).Select(parities => new Pattern(Math.Max(parities, 2)))];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Advance512(ushort* cost, ushort* distance, int groups, ulong* decision, Pattern pattern)
    {
        Vector512<ushort> c0 = Vector512.LoadAligned(cost), c1 = Vector512.LoadAligned(cost + 32);
        Vector512<ushort> c2 = Vector512.LoadAligned(cost + 64), c3 = Vector512.LoadAligned(cost + 96);
        Vector512<ushort> px0 = pattern.First(0), px1 = pattern.First(32), py0 = pattern.Second(0), py1 = pattern.Second(32);
        Vector512<ushort> lower = Interleaved(0), upper = Interleaved(16);
        int total = 0;
        for (; groups > 0; groups--)
        {
            for (int i = 0; i < GroupAxes; i++, distance += Subsets, decision += WordsPerAxis)
            {
                Vector512<ushort> d = Avx512F.BroadcastVector256ToVector512((ulong*)distance).AsUInt16();
                Vector512<ushort> x0 = Avx512BW.PermuteVar32x16(d, px0), x1 = Avx512BW.PermuteVar32x16(d, px1);
                Vector512<ushort> y0 = Avx512BW.PermuteVar32x16(d, py0), y1 = Avx512BW.PermuteVar32x16(d, py1);
                Vector512<ushort> a0 = Avx512BW.AddSaturate(c0, x0), b0 = Avx512BW.AddSaturate(c2, y0);
                Vector512<ushort> a1 = Avx512BW.AddSaturate(c1, x1), b1 = Avx512BW.AddSaturate(c3, y1);
                ((uint*)decision)[0] = Mask(b0, a0);
                ((uint*)decision)[1] = Mask(b1, a1);
                Vector512<ushort> even0 = Avx512BW.Min(a0, b0), even1 = Avx512BW.Min(a1, b1);
                a0 = Avx512BW.AddSaturate(c0, y0);
                b0 = Avx512BW.AddSaturate(c2, x0);
                a1 = Avx512BW.AddSaturate(c1, y1);
                b1 = Avx512BW.AddSaturate(c3, x1);
                ((uint*)decision)[2] = Mask(b0, a0);
                ((uint*)decision)[3] = Mask(b1, a1);
                Vector512<ushort> odd0 = Avx512BW.Min(a0, b0), odd1 = Avx512BW.Min(a1, b1);
                c0 = Avx512BW.PermuteVar32x16x2(even0, lower, odd0);
                c1 = Avx512BW.PermuteVar32x16x2(even0, upper, odd0);
                c2 = Avx512BW.PermuteVar32x16x2(even1, lower, odd1);
                c3 = Avx512BW.PermuteVar32x16x2(even1, upper, odd1);
            }

            Vector512<ushort> four = Avx512BW.Min(Avx512BW.Min(c0, c1), Avx512BW.Min(c2, c3));
            Vector256<ushort> two = Avx2.Min(four.GetLower(), four.GetUpper());
            ushort lowest = Least(Sse41.Min(two.GetLower(), two.GetUpper()));
            Vector512<ushort> least = Vector512.Create(lowest);
            total += lowest;
            c0 -= least;
            c1 -= least;
            c2 -= least;
            c3 -= least;
        }

        c0.StoreAligned(cost);
        c1.StoreAligned(cost + 32);
        c2.StoreAligned(cost + 64);
        c3.StoreAligned(cost + 96);
        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Mask(Vector512<ushort> less, Vector512<ushort> than) =>
        (uint)Vector512.LessThan(less, than).ExtractMostSignificantBits();

    /// <summary>Of two vectors the elements from <paramref name="first"/> on in turns.</summary>
    private static Vector512<ushort> Interleaved(int first)
    {
        Vector512<ushort> indices = Vector512<ushort>.Indices;
        return (indices >> 1) + Vector512.Create((ushort)first) + ((indices & Vector512<ushort>.One) << 5);
    }

    /// <summary>
    /// Blocks of 8 states lie in pairs, [k, k + 4] and [k + 8, k + 12], so that partners meet lane by lane, and what interleaving gives,
    /// [j, j + 8], is put together again by lanes.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Advance256(ushort* cost, ushort* distance, int groups, ulong* decision, Pattern pattern)
    {
        Vector256<ushort> l0 = Pair(cost, 0), l1 = Pair(cost, 1), l2 = Pair(cost, 2), l3 = Pair(cost, 3);
        Vector256<ushort> u0 = Pair(cost, 8), u1 = Pair(cost, 9), u2 = Pair(cost, 10), u3 = Pair(cost, 11);
        int total = 0;
        fixed (byte* constants = pattern.Pairs)
        {
            for (; groups > 0; groups--)
            {
                for (int i = 0; i < GroupAxes; i++, distance += Subsets, decision += WordsPerAxis)
                {
                    Vector256<byte> first = Avx2.BroadcastVector128ToVector256((byte*)distance);
                    Vector256<byte> last = Avx2.BroadcastVector128ToVector256((byte*)(distance + 8));
                    Butterfly(ref l0, ref u0, first, last, constants, out Vector256<short> even0, out Vector256<short> odd0);
                    Butterfly(ref l1, ref u1, first, last, constants + 96, out Vector256<short> even1, out Vector256<short> odd1);
                    Butterfly(ref l2, ref u2, first, last, constants + 192, out Vector256<short> even2, out Vector256<short> odd2);
                    Butterfly(ref l3, ref u3, first, last, constants + 288, out Vector256<short> even3, out Vector256<short> odd3);
                    decision[0] = Decisions(even0, even1, even2, even3);
                    decision[1] = Decisions(odd0, odd1, odd2, odd3);

                    // l and u hold [2k, 2k + 8] and [2k + 1, 2k + 9].
                    Vector256<ushort> o0 = l0, o1 = u0, o2 = l1, o3 = u1, o4 = l2, o5 = u2, o6 = l3, o7 = u3;
                    l0 = Avx2.Permute2x128(o0, o4, 0x20);
                    l1 = Avx2.Permute2x128(o1, o5, 0x20);
                    l2 = Avx2.Permute2x128(o2, o6, 0x20);
                    l3 = Avx2.Permute2x128(o3, o7, 0x20);
                    u0 = Avx2.Permute2x128(o0, o4, 0x31);
                    u1 = Avx2.Permute2x128(o1, o5, 0x31);
                    u2 = Avx2.Permute2x128(o2, o6, 0x31);
                    u3 = Avx2.Permute2x128(o3, o7, 0x31);
                }

                Vector256<ushort> two = Avx2.Min(
                    Avx2.Min(Avx2.Min(l0, l1), Avx2.Min(l2, l3)), Avx2.Min(Avx2.Min(u0, u1), Avx2.Min(u2, u3)));
                ushort lowest = Least(Sse41.Min(two.GetLower(), two.GetUpper()));
                Vector256<ushort> least = Vector256.Create(lowest);
                total += lowest;
                l0 -= least;
                l1 -= least;
                l2 -= least;
                l3 -= least;
                u0 -= least;
                u1 -= least;
                u2 -= least;
                u3 -= least;
            }
        }

        Part(l0, cost, 0);
        Part(l1, cost, 1);
        Part(l2, cost, 2);
        Part(l3, cost, 3);
        Part(u0, cost, 8);
        Part(u1, cost, 9);
        Part(u2, cost, 10);
        Part(u3, cost, 11);
        return total;
    }

    private static Vector256<ushort> Pair(ushort* cost, int block) =>
        Vector256.Create(Vector128.LoadAligned(cost + (8 * block)), Vector128.LoadAligned(cost + (8 * (block + 4))));

    private static void Part(Vector256<ushort> pair, ushort* cost, int block)
    {
        pair.GetLower().StoreAligned(cost + (8 * block));
        pair.GetUpper().StoreAligned(cost + (8 * (block + 4)));
    }

    /// <summary>
    /// Turns the costs of states and their partners into those of the states that go on from them; says where a state of branch bit 0 or 1
    /// comes from the lower one.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Butterfly(
        ref Vector256<ushort> low, ref Vector256<ushort> high, Vector256<byte> first, Vector256<byte> last, byte* constants,
        out Vector256<short> even, out Vector256<short> odd)
    {
        Vector256<byte> a = Avx2.Shuffle(first, Vector256.Load(constants)), b = Avx2.Shuffle(last, Vector256.Load(constants + 32));
        Vector256<byte> swapped = (a ^ b) & Vector256.Load(constants + 64);
        Vector256<ushort> x = (a ^ swapped).AsUInt16(), y = (b ^ swapped).AsUInt16();
        Vector256<ushort> evenLow = Avx2.AddSaturate(low, x), oddLow = Avx2.AddSaturate(low, y);
        Vector256<ushort> evens = Avx2.Min(evenLow, Avx2.AddSaturate(high, y)), odds = Avx2.Min(oddLow, Avx2.AddSaturate(high, x));
        even = Avx2.CompareEqual(evens, evenLow).AsInt16();
        odd = Avx2.CompareEqual(odds, oddLow).AsInt16();
        low = Avx2.UnpackLow(evens, odds);
        high = Avx2.UnpackHigh(evens, odds);
    }

    /// <summary>A bit for each p where the upper state is taken.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Decisions(Vector256<short> k0, Vector256<short> k1, Vector256<short> k2, Vector256<short> k3)
    {
        uint a = (uint)Avx2.MoveMask(Avx2.PackSignedSaturate(k0, k1)), b = (uint)Avx2.MoveMask(Avx2.PackSignedSaturate(k2, k3));
        uint low = (a & 0xFFFF) | (b << 16), high = (a >> 16) | (b & 0xFFFF0000);
        return ~(low | ((ulong)high << 32));
    }

    /// <summary>8 states a vector, in memory: from one place to another and back, an even number of axes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Advance128(ushort* cost, ushort* distance, int groups, ulong* decision, Pattern pattern)
    {
        ushort* room = stackalloc ushort[StateCount + 8], from = cost, to = (ushort*)(((nint)room + 15) & ~15);
        int total = 0;
        fixed (byte* constants = pattern.Blocks)
        {
            for (; groups > 0; groups--)
            {
                for (int i = 0; i < GroupAxes; i++, distance += Subsets, decision += WordsPerAxis)
                {
                    Vector128<byte> first = Vector128.LoadAligned((byte*)distance), last = Vector128.LoadAligned((byte*)(distance + 8));
                    ulong even = 0, odd = 0;
                    for (int k = 0; k < 8; k += 2)
                    {
                        Butterfly128(from, to, k, first, last, constants, out Vector128<short> even0, out Vector128<short> odd0);
                        Butterfly128(from, to, k + 1, first, last, constants, out Vector128<short> even1, out Vector128<short> odd1);
                        even |= (ulong)Vector128.Narrow(even0, even1).ExtractMostSignificantBits() << (8 * k);
                        odd |= (ulong)Vector128.Narrow(odd0, odd1).ExtractMostSignificantBits() << (8 * k);
                    }

                    decision[0] = ~even;
                    decision[1] = ~odd;
                    ushort* reached = to;
                    to = from;
                    from = reached;
                }

                Vector128<ushort> least = Vector128.LoadAligned(cost);
                for (int k = 1; k < 16; k++) least = Vector128.Min(least, Vector128.LoadAligned(cost + (8 * k)));
                ushort lowest = Least(least);
                least = Vector128.Create(lowest);
                total += lowest;
                for (int k = 0; k < 16; k++) (Vector128.LoadAligned(cost + (8 * k)) - least).StoreAligned(cost + (8 * k));
            }
        }

        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Butterfly128(
        ushort* from, ushort* to, int block, Vector128<byte> first, Vector128<byte> last, byte* constants,
        out Vector128<short> even, out Vector128<short> odd)
    {
        constants += 48 * block;
        Vector128<byte> a = Vector128.ShuffleNative(first, Vector128.Load(constants));
        Vector128<byte> b = Vector128.ShuffleNative(last, Vector128.Load(constants + 16));
        Vector128<byte> swapped = (a ^ b) & Vector128.Load(constants + 32);
        Vector128<ushort> x = (a ^ swapped).AsUInt16(), y = (b ^ swapped).AsUInt16();
        Vector128<ushort> low = Vector128.LoadAligned(from + (8 * block)), high = Vector128.LoadAligned(from + (8 * (block + 8)));
        Vector128<ushort> evenLow = Vector128.AddSaturate(low, x), oddLow = Vector128.AddSaturate(low, y);
        Vector128<ushort> evens = Vector128.Min(evenLow, Vector128.AddSaturate(high, y));
        Vector128<ushort> odds = Vector128.Min(oddLow, Vector128.AddSaturate(high, x));
        even = Vector128.Equals(evens, evenLow).AsInt16();
        odd = Vector128.Equals(odds, oddLow).AsInt16();
        to += 16 * block;
        if (AdvSimd.Arm64.IsSupported)
        {
            AdvSimd.Arm64.ZipLow(evens, odds).StoreAligned(to);
            AdvSimd.Arm64.ZipHigh(evens, odds).StoreAligned(to + 8);
        }
        else
        {
            Sse2.UnpackLow(evens, odds).StoreAligned(to);
            Sse2.UnpackHigh(evens, odds).StoreAligned(to + 8);
        }
    }

    /// <summary>Which subsets lead on from the states p and p + 64.</summary>
    private sealed class Pattern
    {
        private readonly ushort[] _first = new ushort[StateCount / 2], _second = new ushort[StateCount / 2];

        public Pattern(int parities)
        {
            int last = 1 << (parities - 1);
            for (int p = 0; p < _first.Length; p++)
            {
                _first[p] = (ushort)ParityTrellis.Subset(ParityTrellis.Window(p, 0), parities);
                _second[p] = (ushort)(_first[p] ^ last);
            }

            for (int k = 0; k < 4; k++)
            {
                for (int lane = 0; lane < 2; lane++)
                {
                    int first = 8 * (k + (4 * lane)), place = (96 * k) + (16 * lane);
                    for (int part = 0; part < 3; part++) Constants(first, part).CopyTo(Pairs.AsSpan(place + (32 * part)));
                }
            }

            for (int block = 0; block < 8; block++)
            {
                for (int part = 0; part < 3; part++) Constants(8 * block, part).CopyTo(Blocks.AsSpan((48 * block) + (16 * part)));
            }
        }

        /// <summary>As <see cref="Blocks"/>, for blocks k and k + 4 together.</summary>
        public byte[] Pairs { get; } = new byte[4 * 96];

        /// <summary>
        /// For 8 states p: bytes of a distance among those of the first 8 subsets, among those of the last 8, and where both are to be
        /// exchanged to be x and y.
        /// </summary>
        public byte[] Blocks { get; } = new byte[8 * 48];

        public Vector512<ushort> First(int p) => Vector512.Create(_first.AsSpan(p));

        public Vector512<ushort> Second(int p) => Vector512.Create(_second.AsSpan(p));

        private byte[] Constants(int firstState, int part)
        {
            var constants = new byte[16];
            for (int i = 0; i < 8; i++)
            {
                int x = _first[firstState + i], y = _second[firstState + i];

                // Of 16 subsets one of x and y is among the last 8; fewer are there twice.
                bool exchanged = x >= 8;
                (int low, int high) = exchanged ? (y, x & 7) : (x, y & 7);
                int place = part == 0 ? low : high;
                constants[2 * i] = part == 2 ? (byte)(exchanged ? 0xFF : 0) : (byte)(2 * place);
                constants[(2 * i) + 1] = part == 2 ? constants[2 * i] : (byte)((2 * place) + 1);
            }

            return constants;
        }
    }
}
