using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <content>AVX-512 with VBMI and GFNI: 64 axes at a time.</content>
public static unsafe partial class ParityScan
{
    private readonly struct Wide : IReader
    {
        /// <summary>Bytes of constants by the width of a field, 0 that of windows: which bytes make a qword, and where its 8 fields begin.</summary>
        private const int FieldBytes = 128;

        /// <summary>Groups in the order that makes two interleavings within 128 bits give all axes in order.</summary>
        private static readonly int[] Order = [0, 4, 1, 5, 2, 6, 3, 7];

        private static readonly AlignedBuffer<byte> Fields = MakeFields();

        private static readonly ulong[] Matrices = [.. Enumerable.Range(0, ParityTrellis.MaxParities + 1).Select(Matrix)];

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Gather(byte* block, int row, int stride, int count, byte* coarse)
        {
            // 8 bytes at a time out of the 128 at most among which they lie.
            Vector512<byte> places = Vector512.Create((ulong)(0x0706050403020100 * stride)).AsByte() + Vector512.Create((byte)row);
            for (int i = 0; i < count; i += 8, block += 8 * stride)
            {
                *(ulong*)(coarse + i) = Avx512Vbmi.PermuteVar64x8x2(Vector512.Load(block), places, Vector512.Load(block + 64)).AsUInt64().ToScalar();
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Sum<TMeasure>(
            in ParityLayout.Run run, ParityTables tables, byte* branches, byte* rest, byte* coarse, float* query, int padded, ref Vector512<float> sum, ref Vector512<float> norm)
            where TMeasure : struct, IMeasure
        {
            int c = run.Coarse, r = run.Rest, parities = ParityTrellis.Parities(run.Bits), entries = ParityTrellis.Entries(run.Bits), groups = run.Count;
            byte* book = tables.Bytes(run.Bits);
            Vector512<byte> matrix = Vector512.Create(Matrices[parities]).AsByte();
            Vector512<byte> low = Vector512.LoadAligned(book), high = Vector512.LoadAligned(book + 256);
            byte* windowFields = Fields.Pointer, restFields = windowFields + (r * FieldBytes), coarseFields = windowFields + (c * FieldBytes);
            while (true)
            {
                Vector512<byte> index = Gfni.V512.GaloisFieldAffineTransform(Read(branches, windowFields), matrix, 0);
                if (r > 0)
                {
                    Vector512<byte> fields = Read(rest, restFields) & Vector512.Create((byte)((1 << r) - 1));
                    index |= (fields.AsUInt16() << parities).AsByte();
                }

                if (c > 0)
                {
                    Vector512<byte> fields = Read(coarse, coarseFields) & Vector512.Create((byte)((1 << c) - 1));
                    index |= (fields.AsUInt16() << (parities + r)).AsByte();
                }

                Vector512<byte> lows, highs;
                if (entries <= 64)
                {
                    lows = Avx512Vbmi.PermuteVar64x8(low, index);
                    highs = Avx512Vbmi.PermuteVar64x8(high, index);
                }
                else
                {
                    lows = Avx512Vbmi.PermuteVar64x8x2(low, index, Vector512.LoadAligned(book + 64));
                    highs = Avx512Vbmi.PermuteVar64x8x2(high, index, Vector512.LoadAligned(book + 320));
                    if (entries > 128)
                    {
                        // The permutations take the low 7 bits of a number; bit 7 chooses between their results.
                        Vector512<byte> upper = Vector512.LessThan(index.AsSByte(), default).AsByte();
                        Vector512<byte> otherLows = Avx512Vbmi.PermuteVar64x8x2(Vector512.LoadAligned(book + 128), index, Vector512.LoadAligned(book + 192));
                        Vector512<byte> otherHighs = Avx512Vbmi.PermuteVar64x8x2(Vector512.LoadAligned(book + 384), index, Vector512.LoadAligned(book + 448));
                        lows = Vector512.ConditionalSelect(upper, otherLows, lows);
                        highs = Vector512.ConditionalSelect(upper, otherHighs, highs);
                    }
                }

                Vector512<short> first = Avx512BW.UnpackLow(lows, highs).AsInt16();
                Add<TMeasure>(first.GetLower(), query, padded, ref sum, ref norm);
                if (groups > 2) Add<TMeasure>(first.GetUpper(), query + 16, padded, ref sum, ref norm);
                if (groups > 4)
                {
                    Vector512<short> second = Avx512BW.UnpackHigh(lows, highs).AsInt16();
                    Add<TMeasure>(second.GetLower(), query + 32, padded, ref sum, ref norm);
                    if (groups > 6) Add<TMeasure>(second.GetUpper(), query + 48, padded, ref sum, ref norm);
                }

                groups -= 8;
                if (groups <= 0) return;
                branches += 8;
                rest += 8 * r;
                coarse += 8 * c;
                query += 64;
            }
        }

        /// <summary>64 fields, not yet freed of what lies above them.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<byte> Read(byte* bytes, byte* fields) =>
            Avx512Vbmi.MultiShift(Vector512.LoadAligned(fields + 64), Avx512Vbmi.PermuteVar64x8(Vector512.Load(bytes), Vector512.LoadAligned(fields)).AsUInt64());

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Add<TMeasure>(Vector256<short> values, float* query, int padded, ref Vector512<float> sum, ref Vector512<float> norm)
            where TMeasure : struct, IMeasure
        {
            Vector512<float> units = Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(values));
            sum = TMeasure.Add(units, query, padded, sum);
            if (TMeasure.HasNorm) norm = TMeasure.AddNorm(units, query, padded, norm);
        }

        private static AlignedBuffer<byte> MakeFields()
        {
            var fields = new AlignedBuffer<byte>(ParityTrellis.MaxBits * FieldBytes);
            for (int width = 0; width < ParityTrellis.MaxBits; width++)
            {
                // Windows begin one bit behind another, with the bit after that of the group's oldest.
                int bytes = Math.Max(width, 1), first = width == 0 ? 1 : 0;
                Span<byte> field = fields.Slice(width * FieldBytes, FieldBytes);
                for (int k = 0; k < 64; k++)
                {
                    field[k] = (byte)Math.Min((bytes * Order[k / 8]) + (k % 8), 63);
                    field[64 + k] = (byte)(first + (bytes * (k % 8)));
                }
            }

            return fields;
        }

        /// <summary>Row 7 - k gives bit k.</summary>
        private static ulong Matrix(int parities)
        {
            ulong matrix = 0;
            for (int k = 0; parities >= 2 && k < parities; k++) matrix |= (ulong)ParityTrellis.WindowTaps(parities, k) << (8 * (7 - k));
            return matrix;
        }
    }
}
