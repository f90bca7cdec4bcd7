using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Vlc.Numerics.Kernels;

/// <content>AVX2: 32 axes at a time.</content>
public static unsafe partial class ParityScan
{
    private readonly struct Middle : IReader
    {
        public static void Gather(byte* block, int row, int stride, int count, byte* coarse) => GatherBytes(block + row, stride, count, coarse);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Sum<TMeasure>(
            in ParityLayout.Run run, ParityTables tables, byte* branches, byte* rest, byte* coarse, float* query, int padded, ref Vector512<float> sum, ref Vector512<float> norm)
            where TMeasure : struct, IMeasure
        {
            int c = run.Coarse, r = run.Rest, parities = ParityTrellis.Parities(run.Bits), entries = ParityTrellis.Entries(run.Bits), groups = run.Count;
            byte* book = tables.Bytes(run.Bits), constants = FieldConstants.Pointer;
            Vector128<byte> lowSubsets = Vector128.LoadAligned(constants + SubsetStart(parities)), highSubsets = Vector128.LoadAligned(constants + SubsetStart(parities) + 16);
            Vector256<byte> byLow = Vector256.Create(lowSubsets, lowSubsets), byHigh = Vector256.Create(highSubsets, highSubsets), nibble = Vector256.Create((byte)15);
            while (true)
            {
                Vector256<byte> windows = Read(branches, 1, 0, constants);
                Vector256<byte> index = Avx2.Shuffle(byLow, windows & nibble) ^ Avx2.Shuffle(byHigh, (windows.AsUInt16() >> 4).AsByte() & nibble);
                if (r > 0) index |= (Read(rest, r, r, constants).AsUInt16() << parities).AsByte();
                if (c > 0) index |= (Read(coarse, c, c, constants).AsUInt16() << (parities + r)).AsByte();

                Vector256<byte> lows = default, highs = default;
                for (int first = 0; first < entries; first += 16)
                {
                    // 16 entries at a time; other numbers have bit 7 set after the sum, and look nothing up.
                    Vector128<byte> lowBook = Vector128.LoadAligned(book + first), highBook = Vector128.LoadAligned(book + 256 + first);
                    Vector256<byte> among = Avx2.AddSaturate(index ^ Vector256.Create((byte)first), Vector256.Create((byte)0x70));
                    lows |= Avx2.Shuffle(Vector256.Create(lowBook, lowBook), among);
                    highs |= Avx2.Shuffle(Vector256.Create(highBook, highBook), among);
                }

                Add<TMeasure>(Avx2.UnpackLow(lows, highs).AsInt16(), query, padded, ref sum, ref norm);
                if (groups > 2) Add<TMeasure>(Avx2.UnpackHigh(lows, highs).AsInt16(), query + 16, padded, ref sum, ref norm);
                groups -= 4;
                if (groups <= 0) return;
                branches += 4;
                rest += 4 * r;
                coarse += 4 * c;
                query += 32;
            }
        }

        /// <summary>The fields of groups 0 to 3 in the order 0, 2, 1, 3.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<byte> Read(byte* bytes, int groupBytes, int width, byte* constants)
        {
            constants += width * FieldBytes;
            Vector128<byte> placesOf8 = Vector128.LoadAligned(constants), productsOf8 = Vector128.LoadAligned(constants + 16);
            Vector256<byte> places = Vector256.Create(placesOf8, placesOf8);
            Vector256<ushort> products = Vector256.Create(productsOf8, productsOf8).AsUInt16();
            Vector256<byte> first = Vector256.Create(Vector128.Load(bytes), Vector128.Load(bytes + groupBytes));
            Vector256<byte> second = Vector256.Create(Vector128.Load(bytes + (2 * groupBytes)), Vector128.Load(bytes + (3 * groupBytes)));
            int shift = width == 0 ? 8 : 16 - width;
            Vector256<ushort> a = (Avx2.Shuffle(first, places).AsUInt16() * products) >> shift, b = (Avx2.Shuffle(second, places).AsUInt16() * products) >> shift;
            return Avx2.PackUnsignedSaturate(a.AsInt16(), b.AsInt16());
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Add<TMeasure>(Vector256<short> values, float* query, int padded, ref Vector512<float> sum, ref Vector512<float> norm)
            where TMeasure : struct, IMeasure
        {
            Vector512<float> units = Vector512.Create(
                Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(values.GetLower())), Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(values.GetUpper())));
            sum = TMeasure.Add(units, query, padded, sum);
            if (TMeasure.HasNorm) norm = TMeasure.AddNorm(units, query, padded, norm);
        }
    }
}
