using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Vlc.Numerics.Kernels;

/// <content>AVX-512 with VBMI and GFNI: 64 axes at a time.</content>
public static unsafe partial class ParityScan
{
    private readonly struct Wide : IReader
    {
        private const int StepGroups = 8;

        public static byte[] MakeSteps(ParityLayout layout)
        {
            Group[] groups = Groups(layout);
            byte[] steps = Pinned((groups.Length + StepGroups - 1) / StepGroups, out Step* step);
            for (int first = 0; first < groups.Length; first += StepGroups, step++)
            {
                int count = Math.Min(StepGroups, groups.Length - first);
                step->RestStart = groups[first].RestStart;
                step->CoarseStart = groups[first].CoarseStart;
                step->FirstBook = groups[first].Book;
                step->LastBook = groups[first + count - 1].Book;
                for (int q = 0; q < StepGroups; q++)
                {
                    // In an order that makes interleaving low and high bytes within 128 bits give all axes in order: 0, 4, 1, 5, 2, 6, 3,
                    // 7. Behind the last group it is read again.
                    int g = Math.Min((q / 2) + (4 * (q & 1)), count - 1);
                    Group group = groups[first + g];
                    ulong matrix = 0;
                    for (int k = 0; k < group.Parities; k++) matrix |= (ulong)ParityTrellis.WindowTaps(group.Parities, k) << (8 * (7 - k));
                    ((ulong*)&step->Matrix)[q] = matrix;
                    for (int a = 0; a < GroupAxes; a++)
                    {
                        int lane = (8 * q) + a;
                        ((byte*)&step->BranchBytes)[lane] = (byte)(g + (a & 1));
                        ((byte*)&step->BranchShifts)[lane] = (byte)(a + 1);

                        // A field's first bit, less where it is wanted in the number: 64 bits turn around.
                        ((byte*)&step->RestBytes)[lane] = (byte)Math.Min(group.RestStart - step->RestStart + a, 63);
                        ((byte*)&step->RestShifts)[lane] = (byte)(((group.Rest * a) - group.Parities) & 63);
                        ((byte*)&step->RestMask)[lane] = group.RestMask;
                        ((byte*)&step->CoarseBytes)[lane] = (byte)Math.Min(group.CoarseStart - step->CoarseStart + a, 63);
                        ((byte*)&step->CoarseShifts)[lane] = (byte)(((group.Coarse * a) - group.Parities - group.Rest) & 63);
                        ((byte*)&step->CoarseMask)[lane] = group.CoarseMask;
                        ((byte*)&step->Base)[lane] = (byte)ParityTables.BookStart(group.Bits);
                        ((byte*)&step->Books)[lane] = (byte)group.Book;
                    }
                }
            }

            return steps;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Gather(byte* block, int row, int stride, int count, byte* coarse)
        {
            // 8 bytes at a time out of the 128 at most among which they lie.
            Vector512<byte> places = Vector512.Create((ulong)(0x0706050403020100 * stride)).AsByte() + Vector512.Create((byte)row);
            for (int i = 0; i < count; i += 8, block += 8 * stride)
            {
                Vector512<byte> eight = Avx512Vbmi.PermuteVar64x8x2(Vector512.Load(block), places, Vector512.Load(block + 64));
                *(ulong*)(coarse + i) = eight.AsUInt64().ToScalar();
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Sum<TMeasure>(
            byte* steps, int groups, byte* books, byte* branches, byte* record, byte* coarse, float* query, int padded,
            out Vector512<float> norm)
            where TMeasure : struct, IMeasure
        {
            Vector512<float> sum = default, sumOfNorm = default;
            for (Step* step = (Step*)steps; groups > 0; groups -= StepGroups, step++, branches += StepGroups, query += 64)
            {
                Vector512<byte> windows = Read(branches, step->BranchBytes, step->BranchShifts);
                Vector512<byte> number = Gfni.V512.GaloisFieldAffineTransform(windows, step->Matrix, 0);
                number |= Read(record + step->RestStart, step->RestBytes, step->RestShifts) & step->RestMask;
                number |= Vector512.ConditionalSelect(
                    step->CoarseMask, Read(coarse + step->CoarseStart, step->CoarseBytes, step->CoarseShifts), step->Base);
                int book = step->FirstBook;
                LookUp(books, book, number, out Vector512<byte> low, out Vector512<byte> high);
                while (--book >= step->LastBook)
                {
                    LookUp(books, book, number, out Vector512<byte> otherLow, out Vector512<byte> otherHigh);
                    Vector512<byte> lanes = Vector512.Equals(step->Books, Vector512.Create((byte)book));
                    low = Vector512.ConditionalSelect(lanes, otherLow, low);
                    high = Vector512.ConditionalSelect(lanes, otherHigh, high);
                }

                Vector512<short> first = Avx512BW.UnpackLow(low, high).AsInt16(), second = Avx512BW.UnpackHigh(low, high).AsInt16();
                Add<TMeasure>(first.GetLower(), query, padded, ref sum, ref sumOfNorm);
                if (groups > 2) Add<TMeasure>(first.GetUpper(), query + 16, padded, ref sum, ref sumOfNorm);
                if (groups > 4) Add<TMeasure>(second.GetLower(), query + 32, padded, ref sum, ref sumOfNorm);
                if (groups > 6) Add<TMeasure>(second.GetUpper(), query + 48, padded, ref sum, ref sumOfNorm);
            }

            norm = sumOfNorm;
            return sum;
        }

        /// <summary>64 fields, not yet freed of what lies beside them.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<byte> Read(byte* bytes, Vector512<byte> places, Vector512<byte> shifts) =>
            Avx512Vbmi.MultiShift(shifts, Avx512Vbmi.PermuteVar64x8(Vector512.Load(bytes), places).AsUInt64());

        /// <summary>The low and the high bytes of 64 values.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void LookUp(byte* books, int book, Vector512<byte> number, out Vector512<byte> low, out Vector512<byte> high)
        {
            books += book * ParityTables.BookBytes;
            if (book == 1)
            {
                low = Avx512Vbmi.PermuteVar64x8(Vector512.LoadAligned(books), number);
                high = Avx512Vbmi.PermuteVar64x8(Vector512.LoadAligned(books + ParityTables.HighBytes), number);
                return;
            }

            low = Avx512Vbmi.PermuteVar64x8x2(Vector512.LoadAligned(books), number, Vector512.LoadAligned(books + 64));
            high = Avx512Vbmi.PermuteVar64x8x2(Vector512.LoadAligned(books + 256), number, Vector512.LoadAligned(books + 320));
            if (book < 3) return;

            // The permutations take the low 7 bits of a number; bit 7 chooses between their results.
            Vector512<byte> upper = Vector512.LessThan(number.AsSByte(), default).AsByte();
            low = Vector512.ConditionalSelect(
                upper, Avx512Vbmi.PermuteVar64x8x2(Vector512.LoadAligned(books + 128), number, Vector512.LoadAligned(books + 192)), low);
            high = Vector512.ConditionalSelect(
                upper, Avx512Vbmi.PermuteVar64x8x2(Vector512.LoadAligned(books + 384), number, Vector512.LoadAligned(books + 448)), high);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Add<TMeasure>(
            Vector256<short> values, float* query, int padded, ref Vector512<float> sum, ref Vector512<float> norm)
            where TMeasure : struct, IMeasure
        {
            Vector512<float> units = Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(values));
            sum = TMeasure.Add(units, query, padded, sum);
            if (TMeasure.HasNorm) norm = TMeasure.AddNorm(units, query, padded, norm);
        }

        /// <summary>How 64 axes are read.</summary>
        [StructLayout(LayoutKind.Sequential, Size = 768)]
        private struct Step
        {
            /// <summary>
            /// Bytes that make the qwords, of branch bits, remaining and coarse level bits, and the first bit of each field in its qword.
            /// </summary>
            public Vector512<byte> BranchBytes, BranchShifts, RestBytes, RestShifts, CoarseBytes, CoarseShifts;

            /// <summary>Taps of the parities.</summary>
            public Vector512<byte> Matrix;

            /// <summary>Where the fields are in a number.</summary>
            public Vector512<byte> RestMask, CoarseMask;

            /// <summary>Where a codebook begins in its book, and which book it is.</summary>
            public Vector512<byte> Base, Books;

            /// <summary>First bytes in a record and among the coarse bytes.</summary>
            public int RestStart, CoarseStart;

            /// <summary>Books of the first axis and of the last.</summary>
            public int FirstBook, LastBook;
        }
    }
}
