using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <content>128 bits, 16 axes at a time: Arm64, x64 without AVX2, and, slowly, everything else.</content>
public static unsafe partial class ParityScan
{
    /// <summary>Bytes of constants by the width of a field, 0 that of windows: which two bytes each field is in, and what brings it to the top of 16 bits.</summary>
    private const int FieldBytes = 32;

    private static readonly AlignedBuffer<byte> FieldConstants = MakeFieldConstants();

    /// <summary>Where among the constants the subsets by the low and by the high nibble of a window are.</summary>
    private static int SubsetStart(int parities) => (ParityTrellis.MaxBits + parities) * FieldBytes;

    private static AlignedBuffer<byte> MakeFieldConstants()
    {
        var constants = new AlignedBuffer<byte>(SubsetStart(ParityTrellis.MaxParities + 1));
        for (int width = 0; width < ParityTrellis.MaxBits; width++)
        {
            // Windows are 8 bits wide and begin one bit behind another, with the bit after that of the group's oldest.
            int bits = width == 0 ? 8 : width;
            Span<byte> field = constants.Slice(width * FieldBytes, FieldBytes);
            for (int axis = 0; axis < GroupAxes; axis++)
            {
                int first = width == 0 ? axis + 1 : width * axis, start = width == 0 ? 0 : first / 8, product = 1 << (16 - bits - (first - (8 * start)));
                (field[2 * axis], field[(2 * axis) + 1]) = ((byte)start, (byte)(start + 1));
                (field[16 + (2 * axis)], field[17 + (2 * axis)]) = ((byte)product, (byte)(product >> 8));
            }
        }

        for (int parities = 2; parities <= ParityTrellis.MaxParities; parities++)
        {
            Span<byte> subsets = constants.Slice(SubsetStart(parities), FieldBytes);
            for (int nibble = 0; nibble < 16; nibble++)
            {
                subsets[nibble] = (byte)ParityTrellis.Subset(nibble, parities);
                subsets[16 + nibble] = (byte)ParityTrellis.Subset(nibble << 4, parities);
            }
        }

        return constants;
    }

    private static void GatherBytes(byte* from, int stride, int count, byte* coarse)
    {
        for (int i = 0; i < count; i++, from += stride) coarse[i] = *from;
    }

    private readonly struct Narrow : IReader
    {
        public static void Gather(byte* block, int row, int stride, int count, byte* coarse) => GatherBytes(block + row, stride, count, coarse);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Sum<TMeasure>(
            in ParityLayout.Run run, ParityTables tables, byte* branches, byte* rest, byte* coarse, float* query, int padded, ref Vector512<float> sum, ref Vector512<float> norm)
            where TMeasure : struct, IMeasure
        {
            int c = run.Coarse, r = run.Rest, parities = ParityTrellis.Parities(run.Bits), entries = ParityTrellis.Entries(run.Bits);
            byte* book = tables.Bytes(run.Bits), constants = FieldConstants.Pointer;
            Vector128<byte> byLow = Vector128.LoadAligned(constants + SubsetStart(parities)), byHigh = Vector128.LoadAligned(constants + SubsetStart(parities) + 16);
            Vector128<byte> nibble = Vector128.Create((byte)15);
            for (int groups = run.Count; groups > 0; groups -= 2, branches += 2, rest += 2 * r, coarse += 2 * c, query += 16)
            {
                Vector128<byte> windows = Read(branches, 1, 0, constants);
                Vector128<byte> index = Vector128.ShuffleNative(byLow, windows & nibble) ^ Vector128.ShuffleNative(byHigh, (windows.AsUInt16() >> 4).AsByte() & nibble);
                if (r > 0) index |= (Read(rest, r, r, constants).AsUInt16() << parities).AsByte();
                if (c > 0) index |= (Read(coarse, c, c, constants).AsUInt16() << (parities + r)).AsByte();
                Vector128<byte> lows = default, highs = default;
                for (int first = 0; first < entries; first += 16)
                {
                    // 16 entries at a time; other numbers are 16 or more, which look nothing up on Arm64; elsewhere it is bit 7 that must be set.
                    Vector128<byte> among = index ^ Vector128.Create((byte)first);
                    if (!AdvSimd.IsSupported) among = Vector128.AddSaturate(among, Vector128.Create((byte)0x70));
                    lows |= LookUp(Vector128.LoadAligned(book + first), among);
                    highs |= LookUp(Vector128.LoadAligned(book + 256 + first), among);
                }

                (Vector128<ushort> low0, Vector128<ushort> low1) = Vector128.Widen(lows);
                (Vector128<ushort> high0, Vector128<ushort> high1) = Vector128.Widen(highs);
                Vector512<float> units = Vector512.Create(Floats((low0 | (high0 << 8)).AsInt16()), Floats((low1 | (high1 << 8)).AsInt16()));
                sum = TMeasure.Add(units, query, padded, sum);
                if (TMeasure.HasNorm) norm = TMeasure.AddNorm(units, query, padded, norm);
            }
        }

        /// <summary>The entry, or 0 for what is to look nothing up.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector128<byte> LookUp(Vector128<byte> table, Vector128<byte> numbers) =>
            InstructionSets.Level == InstructionSetLevel.Scalar
                ? Vector128.Shuffle(table, numbers & Vector128.Create((byte)15)) & Vector128.LessThan(numbers, Vector128.Create((byte)0x80))
                : Vector128.ShuffleNative(table, numbers);

        /// <summary>The fields of two groups.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector128<byte> Read(byte* bytes, int groupBytes, int width, byte* constants)
        {
            constants += width * FieldBytes;
            Vector128<byte> places = Vector128.LoadAligned(constants);
            Vector128<ushort> products = Vector128.LoadAligned(constants + 16).AsUInt16();
            int shift = width == 0 ? 8 : 16 - width;
            Vector128<ushort> first = (Vector128.ShuffleNative(Vector128.Load(bytes), places).AsUInt16() * products) >> shift;
            Vector128<ushort> second = (Vector128.ShuffleNative(Vector128.Load(bytes + groupBytes), places).AsUInt16() * products) >> shift;
            return Vector128.Narrow(first, second);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<float> Floats(Vector128<short> values)
        {
            (Vector128<int> low, Vector128<int> high) = Vector128.Widen(values);
            return Vector256.Create(Vector128.ConvertToSingle(low), Vector128.ConvertToSingle(high));
        }
    }
}
