using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <content>
/// The filter on AVX-512 with VBMI. Bits descend, so 8 axes and the bits that their first window needs before them fit 8 bytes. A step
/// takes 64 axes. VPERMB brings the bytes of each 8 axes into a qword, most significant first. VPMULTISHIFTQB extracts the 64 windows. Each
/// table among the 64 axes is looked up in four registers (2 VPERMI2B and a blend). Then even and odd axes are processed in turn in 16-bit
/// lanes: VPMULHRSW scales them, and VPMADDWD squares their differences to the query and adds them in pairs. Four rows go through a step
/// together, so that its 11 registers of constants are loaded once for them. Several queries share the residuals of four rows, which stay
/// in cache as 16-bit integers, so that a further query costs a quarter of the first or less.
/// </content>
public sealed unsafe partial class TrellisFilter
{
    /// <summary>Axes of a step.</summary>
    private const int StepAxes = 64;

    /// <summary>Bytes that a step loads.</summary>
    private const int StepBytes = 64;

    private Amplitudes LayOutSteps(CodeRows codes, TrellisTables tables, ReadOnlySpan<byte> bits, ReadOnlySpan<float> scale)
    {
        int stepCount = (bits.Length + StepAxes - 1) / StepAxes;
        (_blocks, _paddedAxes) = (stepCount, stepCount * StepAxes);
        Step* steps = EnsureLength(ref _steps, stepCount);
        float* products = EnsureLength(ref _products, _paddedAxes);
        Vector512<float> byteSteps = tables.ByteSteps;
        Vector512<float> squares = default, sums = default;
        int end = 0, largest = TrellisTables.MaxBits;
        float* padded = stackalloc float[StepAxes];
        byte* descending = stackalloc byte[StepAxes + 1];
        for (int s = 0; s < stepCount; s++)
        {
            int first = s * StepAxes, lanes = Math.Min(StepAxes, bits.Length - first);
            Step* step = steps + s;
            new Span<byte>(descending, StepAxes + 1).Clear();
            bits.Slice(first, lanes).CopyTo(new Span<byte>(descending, StepAxes));
            step->Bits = Vector512.Load(descending);
            step->LargestBits = bits[first];
            step->SmallestBits = bits[first + lanes - 1];
            if (step->LargestBits > largest || step->SmallestBits < 1 || Vector512.LessThanAny(step->Bits, Vector512.Load(descending + 1)))
            {
                throw new ArgumentOutOfRangeException(nameof(bits), BitsDescend);
            }

            largest = step->SmallestBits;

            // Bits from the first axis of each 8 on. There are at most 64, so a byte holds them.
            Vector512<ulong> ends = step->Bits.AsUInt64();
            ends += ends << 8;
            ends += ends << 16;
            ends += ends << 32;
            Vector512<ulong> shifts = default, bytes = default;
            for (int q = 0; q < 8; q++)
            {
                // The qword starts with the byte in which the first window of its 8 axes begins.
                int firstEnd = end + ((byte*)&step->Bits)[8 * q], start = Math.Max(firstEnd - TrellisTables.StateBits, 0) / 8;
                if (q == 0) step->Start = start;
                ((ulong*)&shifts)[q] = (byte)(64 - end + (8 * start)) * 0x0101010101010101UL;
                ((ulong*)&bytes)[q] = ((byte)(start - step->Start) * 0x0101010101010101UL) + 0x0001020304050607UL;
                end += ((byte*)&ends)[(8 * q) + 7];
            }

            step->Bytes = bytes.AsByte();
            step->Shifts = shifts.AsByte() - ends.AsByte();

            // Some windows begin before the string. The bits before it are zeros.
            step->Windows = Vector512<byte>.AllBitsSet;
            for (int k = 0, length = 0; s == 0 && k < lanes && (length += bits[k]) < TrellisTables.StateBits; k++)
            {
                ((byte*)&step->Windows)[k] = (byte)((1 << length) - 1);
            }

            float* scales = padded;
            fixed (float* given = scale)
            {
                if (lanes == StepAxes) scales = given + first;
                else
                {
                    new Span<float>(padded, StepAxes).Clear();
                    scale.Slice(first, lanes).CopyTo(new Span<float>(padded, lanes));
                }

                for (int k = 0; k < StepAxes; k += 16)
                {
                    Vector512<int> b = Avx512F.ConvertToVector512Int32(Vector128.Load((byte*)&step->Bits + k));
                    Vector512<float> product = Avx512F.PermuteVar16x32(byteSteps, b) * Vector512.Load(scales + k);
                    product.Store(products + first + k);
                    squares = Vector512.FusedMultiplyAdd(product, product, squares);
                    sums += product;
                }
            }
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(codes.RowBytes * 8L, end);
        return new Amplitudes(Vector512.Sum(squares), Vector512.Sum(sums), bits.Length);
    }

    private static void QuantiseSteps(ReadOnlySpan<float> vector, float factor, short* target)
    {
        float* padded = stackalloc float[StepAxes];
        Vector512<float> factors = Vector512.Create(factor);
        Vector512<short> evenThenOdd = EvenThenOdd;
        fixed (float* given = vector)
        {
            for (int first = 0; first < vector.Length; first += StepAxes, target += StepAxes)
            {
                float* values = given + first;
                int lanes = vector.Length - first;
                if (lanes < StepAxes)
                {
                    new Span<float>(padded, StepAxes).Clear();
                    vector[first..].CopyTo(new Span<float>(padded, lanes));
                    values = padded;
                }

                Vector512<short> a = Avx512F.ConvertToVector512Int32(Vector512.Load(values) * factors).AsInt16();
                Vector512<short> b = Avx512F.ConvertToVector512Int32(Vector512.Load(values + 16) * factors).AsInt16();
                Vector512<short> c = Avx512F.ConvertToVector512Int32(Vector512.Load(values + 32) * factors).AsInt16();
                Vector512<short> d = Avx512F.ConvertToVector512Int32(Vector512.Load(values + 48) * factors).AsInt16();
                Vector512<short> low = Avx512BW.PermuteVar32x16x2(a, evenThenOdd, b), high = Avx512BW.PermuteVar32x16x2(c, evenThenOdd, d);
                low.GetLower().Store(target);
                high.GetLower().Store(target + 16);
                low.GetUpper().Store(target + 32);
                high.GetUpper().Store(target + 48);
            }
        }
    }

    /// <summary>From 16 + 16 axes as 32-bit integers: the low words of the even ones, then those of the odd ones.</summary>
    private static Vector512<short> EvenThenOdd => Vector512.Create(
        0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 2, 6, 10, 14, 18, 22, 26, 30, 34, 38, 42, 46, 50, 54, 58, 62);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SumSteps<TMeasure>(CodeRows codes, ReadOnlySpan<int> rows, int count, TrellisTables tables, int queryCount)
        where TMeasure : struct, IMeasure
    {
        int stepCount = _blocks;
        Step* steps = _steps.Pointer;
        sbyte* bytes = tables.Bytes;
        short* amplitudes = Stream(Amplitude), centres = Stream(Centre), query = Stream(Query(0));
        int* norms = _sums.Pointer, sums = QuerySums(0, count);
        short* residuals = queryCount == 1 ? null : _residuals.Pointer;
        var blocks = new RowBlocks(this, codes, rows, count, stepCount == 0 ? 0 : steps[stepCount - 1].Start + StepBytes);
        byte** row = stackalloc byte*[RowBlock];
        for (int i = 0; i < count; i += RowBlock)
        {
            blocks.Find(i, row);
            byte* row0 = row[0], row1 = row[1], row2 = row[2], row3 = row[3];
            Vector512<int> s0 = default, s1 = default, s2 = default, s3 = default, t0 = default, t1 = default, t2 = default, t3 = default;
            for (int s = 0; s < stepCount; s++)
            {
                Step* step = steps + s;
                Vector512<byte> w0 = step->Load(row0), w1 = step->Load(row1), w2 = step->Load(row2), w3 = step->Load(row3);
                if (s == 0)
                {
                    w0 &= step->Windows;
                    w1 &= step->Windows;
                    w2 &= step->Windows;
                    w3 &= step->Windows;
                }

                int b = step->LargestBits;
                sbyte* table = bytes + ((b - 1) * TrellisTables.StateCount);
                var values = new Table(table);
                Vector512<sbyte> v0 = values.LookUp(w0), v1 = values.LookUp(w1), v2 = values.LookUp(w2), v3 = values.LookUp(w3);
                while (--b >= step->SmallestBits)
                {
                    table -= TrellisTables.StateCount;
                    values = new Table(table);
                    Vector512<sbyte> lanes = Vector512.Equals(step->Bits, Vector512.Create((byte)b)).AsSByte();
                    v0 = Vector512.ConditionalSelect(lanes, values.LookUp(w0), v0);
                    v1 = Vector512.ConditionalSelect(lanes, values.LookUp(w1), v1);
                    v2 = Vector512.ConditionalSelect(lanes, values.LookUp(w2), v2);
                    v3 = Vector512.ConditionalSelect(lanes, values.LookUp(w3), v3);
                }

                int position = s * StepAxes;
                Vector512<short> te = Vector512.LoadAligned(amplitudes + position), to = Vector512.LoadAligned(amplitudes + position + 32);
                Vector512<short> e0 = Even(v0, te), e1 = Even(v1, te), e2 = Even(v2, te), e3 = Even(v3, te);
                Vector512<short> o0 = Odd(v0, to), o1 = Odd(v1, to), o2 = Odd(v2, to), o3 = Odd(v3, to);
                if (TMeasure.HasNorm)
                {
                    Vector512<short> ce = Vector512.LoadAligned(centres + position), co = Vector512.LoadAligned(centres + position + 32);
                    t0 += SquaredDistance.Of(e0, o0, ce, co);
                    t1 += SquaredDistance.Of(e1, o1, ce, co);
                    t2 += SquaredDistance.Of(e2, o2, ce, co);
                    t3 += SquaredDistance.Of(e3, o3, ce, co);
                }

                if (queryCount == 1)
                {
                    Vector512<short> ge = Vector512.LoadAligned(query + position), go = Vector512.LoadAligned(query + position + 32);
                    s0 += TMeasure.Of(e0, o0, ge, go);
                    s1 += TMeasure.Of(e1, o1, ge, go);
                    s2 += TMeasure.Of(e2, o2, ge, go);
                    s3 += TMeasure.Of(e3, o3, ge, go);
                }
                else
                {
                    short* stored = residuals + (position * RowBlock);
                    e0.StoreAligned(stored);
                    o0.StoreAligned(stored + 32);
                    e1.StoreAligned(stored + 64);
                    o1.StoreAligned(stored + 96);
                    e2.StoreAligned(stored + 128);
                    o2.StoreAligned(stored + 160);
                    e3.StoreAligned(stored + 192);
                    o3.StoreAligned(stored + 224);
                }
            }

            if (TMeasure.HasNorm) Total(t0, t1, t2, t3).Store(norms + i);
            if (queryCount == 1) Total(s0, s1, s2, s3).Store(sums + i);
            else SumShared<TMeasure>(residuals, query, stepCount, queryCount, sums + i, Padded(count));
        }
    }

    /// <summary>The sums of several queries with the residuals of four rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumShared<TMeasure>(short* residuals, short* query, int stepCount, int queryCount, int* sums, int stride)
        where TMeasure : struct, IMeasure
    {
        for (int q = 0; q < queryCount; q++, sums += stride)
        {
            Vector512<int> s0 = default, s1 = default, s2 = default, s3 = default;
            short* stored = residuals;
            for (int s = 0; s < stepCount; s++, stored += RowBlock * StepAxes, query += StepAxes)
            {
                Vector512<short> ge = Vector512.LoadAligned(query), go = Vector512.LoadAligned(query + 32);
                s0 += TMeasure.Of(Vector512.LoadAligned(stored), Vector512.LoadAligned(stored + 32), ge, go);
                s1 += TMeasure.Of(Vector512.LoadAligned(stored + 64), Vector512.LoadAligned(stored + 96), ge, go);
                s2 += TMeasure.Of(Vector512.LoadAligned(stored + 128), Vector512.LoadAligned(stored + 160), ge, go);
                s3 += TMeasure.Of(Vector512.LoadAligned(stored + 192), Vector512.LoadAligned(stored + 224), ge, go);
            }

            Total(s0, s1, s2, s3).Store(sums);
        }
    }

    /// <summary>The sums of the lanes of four vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Total(Vector512<int> a, Vector512<int> b, Vector512<int> c, Vector512<int> d)
    {
        Vector256<int> a8 = a.GetLower() + a.GetUpper(), b8 = b.GetLower() + b.GetUpper(), c8 = c.GetLower() + c.GetUpper();
        Vector256<int> d8 = d.GetLower() + d.GetUpper();
        Vector256<int> ab = Avx2.HorizontalAdd(a8, b8), cd = Avx2.HorizontalAdd(c8, d8), all = Avx2.HorizontalAdd(ab, cd);
        return all.GetLower() + all.GetUpper();
    }

    /// <summary>y of the even axes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Even(Vector512<sbyte> values, Vector512<short> amplitudes) =>
        Avx512BW.MultiplyHighRoundScale(values.AsInt16() << 8, amplitudes);

    /// <summary>y of the odd axes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Odd(Vector512<sbyte> values, Vector512<short> amplitudes) =>
        Avx512BW.MultiplyHighRoundScale(values.AsInt16() & Vector512.Create(unchecked((short)0xFF00)), amplitudes);

    /// <summary>Sum of products of the even axes and of the odd ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Dot(Vector512<short> even, Vector512<short> odd, Vector512<short> otherEven, Vector512<short> otherOdd) =>
        Avx512BW.MultiplyAddAdjacent(even, otherEven) + Avx512BW.MultiplyAddAdjacent(odd, otherOdd);

    /// <summary>A table of 256 values of 8 bits in registers.</summary>
    private readonly struct Table
    {
        private readonly Vector512<sbyte> _values0, _values1, _values2, _values3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Table(sbyte* values)
        {
            _values0 = Vector512.LoadAligned(values);
            _values1 = Vector512.LoadAligned(values + 64);
            _values2 = Vector512.LoadAligned(values + 128);
            _values3 = Vector512.LoadAligned(values + 192);
        }

        /// <summary>The values of 64 windows.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<sbyte> LookUp(Vector512<byte> windows)
        {
            // The permutations take the low 7 bits of a window; bit 7 chooses between their results.
            Vector512<sbyte> w = windows.AsSByte();
            Vector512<sbyte> low = Avx512Vbmi.PermuteVar64x8x2(_values0, w, _values1);
            Vector512<sbyte> high = Avx512Vbmi.PermuteVar64x8x2(_values2, w, _values3);
            return Vector512.ConditionalSelect(Vector512.LessThan(w, default), high, low);
        }
    }

    /// <summary>How 64 axes are read from a row.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 320)]
    private struct Step
    {
        /// <summary>Bytes of a row, from <see cref="Start"/> on, that make the qwords.</summary>
        public Vector512<byte> Bytes;

        /// <summary>First bit of each window in its qword, modulo 64.</summary>
        public Vector512<byte> Shifts;

        /// <summary>Bits of each axis; 0 after the last.</summary>
        public Vector512<byte> Bits;

        /// <summary>Masks of the window bits that lie in the string.</summary>
        public Vector512<byte> Windows;

        /// <summary>First byte to load.</summary>
        public int Start;

        /// <summary>Bits of the first axis.</summary>
        public int LargestBits;

        /// <summary>Bits of the last axis.</summary>
        public int SmallestBits;

        /// <summary>The windows of a row.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector512<byte> Load(byte* code) =>
            Avx512Vbmi.MultiShift(Shifts, Avx512Vbmi.PermuteVar64x8(Vector512.Load(code + Start), Bytes).AsUInt64());
    }
}
