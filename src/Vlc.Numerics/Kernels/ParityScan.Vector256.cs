using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Vlc.Numerics.Kernels;

/// <content>AVX2: 32 axes at a time, groups 0 and 1 in one register, 2 and 3 in another; packed to bytes they lie in the order 0, 2, 1,
/// 3.</content>
public static unsafe partial class ParityScan
{
    private readonly struct Middle : IReader
    {
        public static byte[] MakeSteps(ParityLayout layout) => MakeShuffleSteps<Step>(layout, stepGroups: 4);

        public static void Gather(byte* block, int row, int stride, int count, byte* coarse) =>
            GatherBytes(block + row, stride, count, coarse);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Sum<TMeasure>(
            byte* steps, int groups, byte* books, byte* branches, byte* record, byte* coarse, float* query, int padded,
            out Vector512<float> norm)
            where TMeasure : struct, IMeasure
        {
            Vector512<float> sum = default, sumOfNorm = default;
            Vector256<byte> nibble = Vector256.Create((byte)15);
            for (Step* step = (Step*)steps; groups > 0; groups -= 4, step++, branches += 4, query += 32)
            {
                Vector256<byte> sixteen = Both(branches), windows = Avx2.PackUnsignedSaturate(
                    ((Avx2.Shuffle(sixteen, step->BranchPlaces0).AsUInt16() * step->BranchProducts) >> 8).AsInt16(),
                    ((Avx2.Shuffle(sixteen, step->BranchPlaces1).AsUInt16() * step->BranchProducts) >> 8).AsInt16());
                Vector256<byte> low = windows & nibble, high = (windows.AsUInt16() >> 4).AsByte() & nibble;
                Vector256<byte> number = Avx2.Shuffle(Both(step->Head.Subsets), low) ^ Avx2.Shuffle(Both(step->Head.Subsets + 16), high);
                for (int more = 1; more <= step->Head.MoreParities; more++)
                {
                    byte* subsets = step->Head.Subsets + (32 * more);
                    Vector256<byte> other = Avx2.Shuffle(Both(subsets), low) ^ Avx2.Shuffle(Both(subsets + 16), high);
                    number = Vector256.ConditionalSelect(Vector256.Equals(step->MoreParities, Vector256.Create((byte)more)), other, number);
                }

                number |= step->Rest.Read(
                    record + step->Head.Rest0, record + step->Head.Rest1, record + step->Head.Rest2, record + step->Head.Rest3);
                number |= step->Base | step->Coarse.Read(
                    coarse + step->Head.Coarse0, coarse + step->Head.Coarse1, coarse + step->Head.Coarse2, coarse + step->Head.Coarse3);
                Vector256<byte> lows = default, highs = default;
                for (int book = step->Head.FirstBook; book >= step->Head.LastBook; book--)
                {
                    // 16 entries at a time; other numbers have bit 7 set after the sum, and look nothing up.
                    (int first, int end) = step->Head.Entries(book);
                    byte* entries = books + (book * ParityTables.BookBytes);
                    Vector256<byte> lanes = Vector256.Equals(step->Books, Vector256.Create((byte)book));
                    for (; first < end; first += 16)
                    {
                        Vector256<byte> among = Avx2.AddSaturate(number ^ Vector256.Create((byte)first), Vector256.Create((byte)0x70));
                        lows |= Avx2.Shuffle(Both(entries + first), among) & lanes;
                        highs |= Avx2.Shuffle(Both(entries + ParityTables.HighBytes + first), among) & lanes;
                    }
                }

                Add<TMeasure>(Avx2.UnpackLow(lows, highs).AsInt16(), query, padded, ref sum, ref sumOfNorm);
                if (groups > 2) Add<TMeasure>(Avx2.UnpackHigh(lows, highs).AsInt16(), query + 16, padded, ref sum, ref sumOfNorm);
            }

            norm = sumOfNorm;
            return sum;
        }

        /// <summary>16 bytes twice.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<byte> Both(byte* bytes) => Avx2.BroadcastVector128ToVector256(bytes);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Add<TMeasure>(
            Vector256<short> values, float* query, int padded, ref Vector512<float> sum, ref Vector512<float> norm)
            where TMeasure : struct, IMeasure
        {
            Vector512<float> units = Vector512.Create(
                Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(values.GetLower())),
                Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(values.GetUpper())));
            sum = TMeasure.Add(units, query, padded, sum);
            if (TMeasure.HasNorm) norm = TMeasure.AddNorm(units, query, padded, norm);
        }

        /// <summary>How 32 axes are read; see <see cref="MakeShuffleSteps"/>.</summary>
        [StructLayout(LayoutKind.Sequential)]
        private struct Step
        {
            public Vector256<byte> BranchPlaces0, BranchPlaces1;
            public Vector256<ushort> BranchProducts;
            public Fields Rest, Coarse;
            public Vector256<byte> MoreParities, Base, Books;
            public StepHead Head;
        }

        [StructLayout(LayoutKind.Sequential)]
        private struct Fields
        {
            private readonly Vector256<byte> _places0, _places1;
            private readonly Vector256<ushort> _products0, _products1, _shifts0, _shifts1;
            private readonly Vector256<byte> _mask;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly Vector256<byte> Read(byte* group0, byte* group1, byte* group2, byte* group3)
            {
                Vector256<byte> first = Vector256.Create(Vector128.Load(group0), Vector128.Load(group1)),
                    second = Vector256.Create(Vector128.Load(group2), Vector128.Load(group3));
                Vector256<ushort> a = Avx2.MultiplyHigh(Avx2.Shuffle(first, _places0).AsUInt16() * _products0, _shifts0);
                Vector256<ushort> b = Avx2.MultiplyHigh(Avx2.Shuffle(second, _places1).AsUInt16() * _products1, _shifts1);
                return Avx2.PackUnsignedSaturate(a.AsInt16(), b.AsInt16()) & _mask;
            }
        }
    }
}
