using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Vlc.Numerics.Kernels;

/// <content>
/// The encoder on 128 bits: Arm64, and x64 without AVX2, whose fused multiply-add is a call of the C library. It is that of AVX2, with 8 states in two vectors; minima
/// are spread over the states that go on from them by loads, since both instruction sets repeat what they load for nothing.
/// </content>
public sealed unsafe partial class TrellisEncoder
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Advance128<TBits>(float* cost, float* table, float* target, float* scale, int axes, byte* notes)
        where TBits : struct, IBits
    {
        const int Eights = StateCount / 8;
        int classes = StateCount >> TBits.Count, stride = Math.Max(classes / 8, 1);
        float* minima = cost + StateCount;
        for (int i = 0; i < axes; i++, notes += Eights)
        {
            for (int j = 0; j < stride; j++)
            {
                Eight m0 = Eight.Load(cost + (j * 8)), m1 = Eight.Load(cost + ((j + stride) * 8));
                if (TBits.Count == 1)
                {
                    m0 = Less(m0, m1, notes + j);
                }
                else if (TBits.Count == 2)
                {
                    Eight m2 = Eight.Load(cost + ((j + (2 * stride)) * 8)), m3 = Eight.Load(cost + ((j + (3 * stride)) * 8));
                    m0 = Less(Less(m0, m1, notes + j), Less(m2, m3, notes + stride + j), notes + (2 * stride) + j);
                }
                else
                {
                    for (int z = j + (2 * stride); z < Eights; z += 2 * stride)
                    {
                        m0 = Eight.Min(m0, Eight.Load(cost + (z * 8)));
                        m1 = Eight.Min(m1, Eight.Load(cost + ((z + stride) * 8)));
                    }

                    m0 = Eight.Min(m0, m1);
                    if (TBits.Count >= 6) m0 = Eight.Min(m0, new Eight(m0.Upper, m0.Lower));
                    if (TBits.Count >= 7) m0 = Eight.Min(m0, m0.Shuffled(Vector128.Create(2, 3, 0, 1)));
                    if (TBits.Count >= 8) m0 = Eight.Min(m0, m0.Shuffled(Vector128.Create(1, 0, 3, 2)));
                    for (int z = j; z < Eights; z += stride)
                    {
                        Eight c = Eight.Load(cost + (z * 8));
                        notes[z] = Mask(Vector128.Equals(m0.Lower, c.Lower), Vector128.Equals(m0.Upper, c.Upper));
                    }
                }

                m0.Lower.StoreAligned(minima + (j * 8));
                m0.Upper.StoreAligned(minima + (j * 8) + 4);
            }

            Vector128<float> targets = Vector128.Create(target[i]), negated = Vector128.Create(-scale[i]);
            for (int z = 0; z < Eights; z++)
            {
                // State s goes on from the minimum of class s >> b.
                float* first = minima + ((z * 8) >> TBits.Count);
                Vector128<float> lower, upper;
                if (TBits.Count == 1)
                {
                    Vector128<float> four = Vector128.LoadAligned(first);
                    lower = Vector128.Shuffle(four, Vector128.Create(0, 0, 1, 1));
                    upper = Vector128.Shuffle(four, Vector128.Create(2, 2, 3, 3));
                }
                else
                {
                    lower = Vector128.Create(first[0]);
                    upper = TBits.Count == 2 ? Vector128.Create(first[1]) : lower;
                }

                Vector128<float> e = Vector128.FusedMultiplyAdd(negated, Vector128.LoadAligned(table + (z * 8)), targets);
                Vector128.FusedMultiplyAdd(e, e, lower).StoreAligned(cost + (z * 8));
                e = Vector128.FusedMultiplyAdd(negated, Vector128.LoadAligned(table + (z * 8) + 4), targets);
                Vector128.FusedMultiplyAdd(e, e, upper).StoreAligned(cost + (z * 8) + 4);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Eight Less(Eight first, Eight second, byte* note)
    {
        *note = Mask(Vector128.LessThan(second.Lower, first.Lower), Vector128.LessThan(second.Upper, first.Upper));
        return Eight.Min(first, second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte Mask(Vector128<float> lower, Vector128<float> upper) =>
        (byte)(lower.ExtractMostSignificantBits() | (upper.ExtractMostSignificantBits() << 4));

    /// <summary>8 costs.</summary>
    private readonly struct Eight(Vector128<float> lower, Vector128<float> upper)
    {
        public readonly Vector128<float> Lower = lower, Upper = upper;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight Load(float* costs) => new(Vector128.LoadAligned(costs), Vector128.LoadAligned(costs + 4));

        /// <summary>Costs are neither NaN nor negative zero: native minima agree.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Eight Min(Eight a, Eight b) => new(Vector128.MinNative(a.Lower, b.Lower), Vector128.MinNative(a.Upper, b.Upper));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Eight Shuffled(Vector128<int> lanes) => new(Vector128.Shuffle(Lower, lanes), Vector128.Shuffle(Upper, lanes));
    }
}
