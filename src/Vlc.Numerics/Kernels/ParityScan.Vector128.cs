using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <content>128 bits, 16 axes at a time: Arm64, x64 without AVX2, and, slowly, everything else.</content>
public static unsafe partial class ParityScan
{
    /// <summary>By K the subsets of a window's low nibble, then of its high nibble.</summary>
    private static readonly AlignedBuffer<byte> NibbleSubsets = MakeNibbleSubsets();

    private static AlignedBuffer<byte> MakeNibbleSubsets()
    {
        var subsets = new AlignedBuffer<byte>((ParityTrellis.MaxParities + 1) * 32);
        for (int parities = 2; parities <= ParityTrellis.MaxParities; parities++)
        {
            for (int nibble = 0; nibble < 16; nibble++)
            {
                subsets.Span[(32 * parities) + nibble] = (byte)ParityTrellis.Subset(nibble, parities);
                subsets.Span[(32 * parities) + 16 + nibble] = (byte)ParityTrellis.Subset(nibble << 4, parities);
            }
        }

        return subsets;
    }

    /// <summary>
    /// Steps of 2 or 4 groups. Groups of the first half are in one register, a lane of 128 bits each, the others in another; 16 bits an
    /// axis are shuffled together, brought to the top by a product, and down to where they are wanted in the number by the high half of
    /// another. Registers then become one of bytes, in which the first lanes of both come first.
    /// </summary>
    private static byte[] MakeShuffleSteps<TStep>(ParityLayout layout, int stepGroups)
        where TStep : unmanaged
    {
        Group[] groups = Groups(layout);
        int half = stepGroups / 2, width = stepGroups * GroupAxes;
        byte[] steps = Pinned((groups.Length + stepGroups - 1) / stepGroups, out TStep* step);
        for (int first = 0; first < groups.Length; first += stepGroups, step++)
        {
            byte* next = (byte*)step;
            int count = Math.Min(stepGroups, groups.Length - first);
            Group Of(int g) => groups[first + Math.Min(g, count - 1)];
            byte* Vector()
            {
                next += width;
                return next - width;
            }

            // Windows: two branch bytes, of which 8 bits end with the axis's own.
            for (int register = 0; register < 2; register++)
            {
                byte* places = Vector();
                for (int lane = 0; lane < width; lane++) places[lane] = (byte)((lane / 16) + (register * half) + (lane & 1));
            }

            ushort* branchProducts = (ushort*)Vector();
            for (int axis = 0; axis < width / 2; axis++) branchProducts[axis] = (ushort)(1 << (7 - (axis % GroupAxes)));
            Fields(coarse: false);
            Fields(coarse: true);
            byte* moreParities = Vector(), start = Vector(), books = Vector();
            for (int lane = 0; lane < width; lane++)
            {
                Group group = Packed(lane);
                moreParities[lane] = (byte)(group.Parities - Of(0).Parities);
                start[lane] = (byte)ParityTables.BookStart(group.Bits);
                books[lane] = (byte)group.Book;
            }

            var head = (StepHead*)next;
            *head = new StepHead
            {
                Subsets = NibbleSubsets.Pointer + (32 * Of(0).Parities),
                MoreParities = Of(stepGroups).Parities - Of(0).Parities,
                FirstBook = Of(0).Book,
                LastBook = Of(stepGroups).Book,
                FirstSmall = ParityTables.BookStart(Math.Min(Of(0).Bits, 3)),
                EndSmall = ParityTables.BookStart(Math.Min(Of(stepGroups).Bits, 3))
                    + ParityTrellis.Entries(Math.Min(Of(stepGroups).Bits, 3)),
                Rest0 = Of(0).RestStart,
                Rest1 = Of(1).RestStart,
                Rest2 = Of(2).RestStart,
                Rest3 = Of(3).RestStart,
                Coarse0 = Of(0).CoarseStart,
                Coarse1 = Of(1).CoarseStart,
                Coarse2 = Of(2).CoarseStart,
                Coarse3 = Of(3).CoarseStart,
            };

            // Bytes 0 to 7 of a packed lane are of the first register, 8 to 15 of the second.
            Group Packed(int lane) => Of((lane / 16) + (lane % 16 < 8 ? 0 : half));

            void Fields(bool coarse)
            {
                byte*[] places = [Vector(), Vector()];
                ushort*[] products = [(ushort*)Vector(), (ushort*)Vector()], shifts = [(ushort*)Vector(), (ushort*)Vector()];
                for (int register = 0; register < 2; register++)
                {
                    for (int axis = 0; axis < width / 2; axis++)
                    {
                        Group group = Of((axis / GroupAxes) + (register * half));
                        (int bits, int place) = coarse ? (group.Coarse, group.Parities + group.Rest) : (group.Rest, group.Parities);
                        int bit = bits * (axis % GroupAxes);
                        places[register][2 * axis] = (byte)(bit / 8);
                        places[register][(2 * axis) + 1] = (byte)((bit / 8) + 1);
                        products[register][axis] = (ushort)(bits == 0 ? 0 : 1 << (16 - bits - (bit % 8)));
                        shifts[register][axis] = (ushort)(1 << (bits + place));
                    }
                }

                byte* mask = Vector();
                for (int lane = 0; lane < width; lane++) mask[lane] = coarse ? Packed(lane).CoarseMask : Packed(lane).RestMask;
            }
        }

        return steps;
    }

    private static void GatherBytes(byte* from, int stride, int count, byte* coarse)
    {
        for (int i = 0; i < count; i++, from += stride) coarse[i] = *from;
    }

    /// <summary>What of a step is not a vector.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 96)]
    private struct StepHead
    {
        /// <summary>Subsets by nibbles with the K of the first group; those with the next K are 32 bytes behind.</summary>
        public byte* Subsets;

        /// <summary>By how much the last group's K is larger.</summary>
        public int MoreParities;

        /// <summary>Books of the first axis and of the last.</summary>
        public int FirstBook, LastBook;

        /// <summary>Where in the book of few bits these axes' codebooks begin and end.</summary>
        public int FirstSmall, EndSmall;

        /// <summary>First bytes of each group in a record and among the coarse bytes.</summary>
        public int Rest0, Rest1, Rest2, Rest3, Coarse0, Coarse1, Coarse2, Coarse3;

        /// <summary>Which entries of a book the axes may have.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly (int First, int End) Entries(int book) =>
            book == 0 ? (FirstSmall, EndSmall) : (0, book switch { 1 => 64, 2 => 128, _ => 256 });
    }

    private readonly struct Narrow : IReader
    {
        public static byte[] MakeSteps(ParityLayout layout) => MakeShuffleSteps<Step>(layout, stepGroups: 2);

        public static void Gather(byte* block, int row, int stride, int count, byte* coarse) =>
            GatherBytes(block + row, stride, count, coarse);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Sum<TMeasure>(
            byte* steps, int groups, byte* books, byte* branches, byte* record, byte* coarse, float* query, int padded,
            out Vector512<float> norm)
            where TMeasure : struct, IMeasure
        {
            Vector512<float> sum = default, sumOfNorm = default;
            Vector128<byte> nibble = Vector128.Create((byte)15);
            for (Step* step = (Step*)steps; groups > 0; groups -= 2, step++, branches += 2, query += 16)
            {
                Vector128<byte> sixteen = Vector128.Load(branches), windows = Pack(
                    (Vector128.ShuffleNative(sixteen, step->BranchPlaces0).AsUInt16() * step->BranchProducts) >> 8,
                    (Vector128.ShuffleNative(sixteen, step->BranchPlaces1).AsUInt16() * step->BranchProducts) >> 8);
                Vector128<byte> low = windows & nibble, high = (windows.AsUInt16() >> 4).AsByte() & nibble;
                Vector128<byte> number = Vector128.ShuffleNative(Vector128.LoadAligned(step->Head.Subsets), low)
                    ^ Vector128.ShuffleNative(Vector128.LoadAligned(step->Head.Subsets + 16), high);
                for (int more = 1; more <= step->Head.MoreParities; more++)
                {
                    byte* subsets = step->Head.Subsets + (32 * more);
                    Vector128<byte> other = Vector128.ShuffleNative(Vector128.LoadAligned(subsets), low)
                        ^ Vector128.ShuffleNative(Vector128.LoadAligned(subsets + 16), high);
                    number = Vector128.ConditionalSelect(Vector128.Equals(step->MoreParities, Vector128.Create((byte)more)), other, number);
                }

                number |= step->Rest.Read(record + step->Head.Rest0, record + step->Head.Rest1);
                number |= step->Coarse.Read(coarse + step->Head.Coarse0, coarse + step->Head.Coarse1) | step->Base;
                Vector128<byte> lows = default, highs = default;
                for (int book = step->Head.FirstBook; book >= step->Head.LastBook; book--)
                {
                    // 16 entries at a time; other numbers are 16 or more, which look nothing up on Arm64; elsewhere it is bit 7 that must
                    // be set.
                    (int first, int end) = step->Head.Entries(book);
                    byte* entries = books + (book * ParityTables.BookBytes);
                    Vector128<byte> lanes = Vector128.Equals(step->Books, Vector128.Create((byte)book));
                    for (; first < end; first += 16)
                    {
                        Vector128<byte> among = number ^ Vector128.Create((byte)first);
                        if (Ssse3.IsSupported) among = Sse2.AddSaturate(among, Vector128.Create((byte)0x70));
                        lows |= Vector128.ShuffleNative(Vector128.LoadAligned(entries + first), among) & lanes;
                        highs |= Vector128.ShuffleNative(Vector128.LoadAligned(entries + ParityTables.HighBytes + first), among) & lanes;
                    }
                }

                (Vector128<ushort> low0, Vector128<ushort> low1) = Vector128.Widen(lows);
                (Vector128<ushort> high0, Vector128<ushort> high1) = Vector128.Widen(highs);
                Vector512<float> units = Vector512.Create(Floats((low0 | (high0 << 8)).AsInt16()), Floats((low1 | (high1 << 8)).AsInt16()));
                sum = TMeasure.Add(units, query, padded, sum);
                if (TMeasure.HasNorm) sumOfNorm = TMeasure.AddNorm(units, query, padded, sumOfNorm);
            }

            norm = sumOfNorm;
            return sum;
        }

        /// <summary>The low bytes; the high ones are 0.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector128<byte> Pack(Vector128<ushort> first, Vector128<ushort> second) =>
            Sse2.IsSupported ? Sse2.PackUnsignedSaturate(first.AsInt16(), second.AsInt16())
            : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.UnzipEven(first.AsByte(), second.AsByte())
            : Vector128.Narrow(first, second);

        /// <summary>The high halves of products of 16 bits.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector128<ushort> MultiplyHigh(Vector128<ushort> a, Vector128<ushort> b)
        {
            if (Sse2.IsSupported) return Sse2.MultiplyHigh(a, b);
            (Vector128<uint> a0, Vector128<uint> a1) = Vector128.Widen(a);
            (Vector128<uint> b0, Vector128<uint> b1) = Vector128.Widen(b);
            return Vector128.Narrow((a0 * b0) >> 16, (a1 * b1) >> 16);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<float> Floats(Vector128<short> values)
        {
            (Vector128<int> low, Vector128<int> high) = Vector128.Widen(values);
            return Vector256.Create(Vector128.ConvertToSingle(low), Vector128.ConvertToSingle(high));
        }

        /// <summary>How 16 axes are read; see <see cref="MakeShuffleSteps"/>.</summary>
        [StructLayout(LayoutKind.Sequential)]
        private struct Step
        {
            public Vector128<byte> BranchPlaces0, BranchPlaces1;
            public Vector128<ushort> BranchProducts;
            public Fields Rest, Coarse;
            public Vector128<byte> MoreParities, Base, Books;
            public StepHead Head;
        }

        [StructLayout(LayoutKind.Sequential)]
        private struct Fields
        {
            private readonly Vector128<byte> _places0, _places1;
            private readonly Vector128<ushort> _products0, _products1, _shifts0, _shifts1;
            private readonly Vector128<byte> _mask;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly Vector128<byte> Read(byte* group0, byte* group1)
            {
                Vector128<ushort> a = MultiplyHigh(
                    Vector128.ShuffleNative(Vector128.Load(group0), _places0).AsUInt16() * _products0, _shifts0);
                Vector128<ushort> b = MultiplyHigh(
                    Vector128.ShuffleNative(Vector128.Load(group1), _places1).AsUInt16() * _products1, _shifts1);
                return Pack(a, b) & _mask;
            }
        }
    }
}
