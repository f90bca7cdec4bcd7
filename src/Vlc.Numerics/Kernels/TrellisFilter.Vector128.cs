using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <content>
/// <para>
/// The filter on 128 bits: Arm64, and x64 without AVX2. Groups are those of AVX2 and are laid out by the same code. A group of one row
/// fills a vector. Four rows go through three loops together: the first finds their windows, the second replaces the windows by their
/// values, the third sums.
/// </para>
/// <para>
/// A method asks for the instruction set only where the two differ. These are the lookup of a byte among 16 (TBL, PSHUFB), the choice of
/// the windows' bytes (TRN2; a high product, two masks and an OR), the lookup among 256 (four TBL of four registers, where an index out of
/// range gives 0; 16 PSHUFB and 7 PBLENDVB as on AVX2), products of 16 bits (SQRDMULH, PMULHRSW) and their sums (SMLAL and SMLAL2,
/// PMADDWD). Everything else is written once, so that tests on x64 cover it as well.
/// </para>
/// <para>
/// SQRDMULH is (2ab + 2^15) >> 16 and PMULHRSW is ((ab >> 14) + 1) >> 1. Both are (ab + 2^14) >> 15, except at a = b = -2^15, where
/// SQRDMULH saturates. With a = value·2^8 and b = t, which is not negative, this is (value·t + 64) >> 7, as in <see cref="SumsReference"/>.
/// </para>
/// </content>
public sealed unsafe partial class TrellisFilter
{
    private void QuantiseGroups128(ReadOnlySpan<float> vector, float factor, short* target)
    {
        Group* group = _groups.Pointer, groupEnd = group + _blocks;
        fixed (float* values = vector)
        {
            for (; group < groupEnd; group++, target += GroupAxes)
            {
                (Vector256<float> low, Vector256<float> high) = group->Axes(values);
                Vector128<int> first = Rounded(low.GetLower() * factor, low.GetUpper() * factor).AsInt32();
                Vector128<int> second = Rounded(high.GetLower() * factor, high.GetUpper() * factor).AsInt32();

                // An even axis is the low half of 32 bits, the odd one after it the high half.
                Vector128.Narrow(first, second).StoreAligned(target);
                Vector128.Narrow(first >> 16, second >> 16).StoreAligned(target + 8);
            }
        }
    }

    /// <summary>8 integers, rounded to the nearest; halves go to the even one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<short> Rounded(Vector128<float> low, Vector128<float> high) => Vector128.NarrowWithSaturation(
        Vector128.ConvertToInt32(Vector128.Round(low)), Vector128.ConvertToInt32(Vector128.Round(high)));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SumGroups128<TMeasure>(CodeRows codes, ReadOnlySpan<int> rows, int count, TrellisTables tables, int queryCount)
        where TMeasure : struct, IMeasure
    {
        Group* groups = _groups.Pointer, groupEnd = groups + _blocks;
        int paddedAxes = _paddedAxes;
        short* amplitudes = Stream(Amplitude), centres = Stream(Centre), query = Stream(Query(0));
        int* norms = _sums.Pointer, sums = QuerySums(0, count);
        short* residuals = queryCount == 1 ? null : _residuals.Pointer;
        var blocks = new RowBlocks(this, codes, rows, count, _blocks == 0 ? 0 : groupEnd[-1].Start + GroupBytes);
        byte** row = stackalloc byte*[RowBlock];
        byte* values = EnsureLength(ref _windows, (long)_blocks * RowBlock * GroupAxes);
        for (int i = 0; i < count; i += RowBlock)
        {
            blocks.Find(i, row);
            Decode128(groups, groupEnd, tables.Bytes, row, values);
            Vector128<int> s0 = default, s1 = default, s2 = default, s3 = default, t0 = default, t1 = default, t2 = default, t3 = default;
            byte* value = values;
            for (int position = 0; position < paddedAxes; position += GroupAxes, value += RowBlock * GroupAxes)
            {
                Vector128<short> v0 = Vector128.LoadAligned(value).AsInt16(), v1 = Vector128.LoadAligned(value + 16).AsInt16();
                Vector128<short> v2 = Vector128.LoadAligned(value + 32).AsInt16(), v3 = Vector128.LoadAligned(value + 48).AsInt16();
                Vector128<short> t = Vector128.LoadAligned(amplitudes + position), odd = Vector128.Create(unchecked((short)0xFF00));
                Vector128<short> e0 = Rounded(v0 << 8, t), e1 = Rounded(v1 << 8, t), e2 = Rounded(v2 << 8, t), e3 = Rounded(v3 << 8, t);
                t = Vector128.LoadAligned(amplitudes + position + 8);
                Vector128<short> o0 = Rounded(v0 & odd, t), o1 = Rounded(v1 & odd, t), o2 = Rounded(v2 & odd, t), o3 = Rounded(v3 & odd, t);
                if (TMeasure.HasNorm)
                {
                    Vector128<short> ce = Vector128.LoadAligned(centres + position), co = Vector128.LoadAligned(centres + position + 8);
                    t0 = SquaredDistance.Add(SquaredDistance.Add(t0, e0, ce), o0, co);
                    t1 = SquaredDistance.Add(SquaredDistance.Add(t1, e1, ce), o1, co);
                    t2 = SquaredDistance.Add(SquaredDistance.Add(t2, e2, ce), o2, co);
                    t3 = SquaredDistance.Add(SquaredDistance.Add(t3, e3, ce), o3, co);
                }

                if (queryCount == 1)
                {
                    Vector128<short> ge = Vector128.LoadAligned(query + position), go = Vector128.LoadAligned(query + position + 8);
                    s0 = TMeasure.Add(TMeasure.Add(s0, e0, ge), o0, go);
                    s1 = TMeasure.Add(TMeasure.Add(s1, e1, ge), o1, go);
                    s2 = TMeasure.Add(TMeasure.Add(s2, e2, ge), o2, go);
                    s3 = TMeasure.Add(TMeasure.Add(s3, e3, ge), o3, go);
                }
                else
                {
                    short* stored = residuals + (position * RowBlock);
                    e0.StoreAligned(stored);
                    o0.StoreAligned(stored + 8);
                    e1.StoreAligned(stored + 16);
                    o1.StoreAligned(stored + 24);
                    e2.StoreAligned(stored + 32);
                    o2.StoreAligned(stored + 40);
                    e3.StoreAligned(stored + 48);
                    o3.StoreAligned(stored + 56);
                }
            }

            if (TMeasure.HasNorm) Total(t0, t1, t2, t3).Store(norms + i);
            if (queryCount == 1) Total(s0, s1, s2, s3).Store(sums + i);
            else SumSharedGroups128<TMeasure>(residuals, query, _blocks, queryCount, sums + i, Padded(count));
        }
    }

    /// <summary>The sums of several queries with the residuals of four rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumSharedGroups128<TMeasure>(short* residuals, short* query, int groupCount, int queryCount, int* sums, int stride)
        where TMeasure : struct, IMeasure
    {
        for (int q = 0; q < queryCount; q++, sums += stride)
        {
            Vector128<int> s0 = default, s1 = default, s2 = default, s3 = default;
            short* stored = residuals;
            for (int g = 0; g < groupCount; g++, stored += RowBlock * GroupAxes, query += GroupAxes)
            {
                Vector128<short> ge = Vector128.LoadAligned(query), go = Vector128.LoadAligned(query + 8);
                s0 = TMeasure.Add(TMeasure.Add(s0, Vector128.LoadAligned(stored), ge), Vector128.LoadAligned(stored + 8), go);
                s1 = TMeasure.Add(TMeasure.Add(s1, Vector128.LoadAligned(stored + 16), ge), Vector128.LoadAligned(stored + 24), go);
                s2 = TMeasure.Add(TMeasure.Add(s2, Vector128.LoadAligned(stored + 32), ge), Vector128.LoadAligned(stored + 40), go);
                s3 = TMeasure.Add(TMeasure.Add(s3, Vector128.LoadAligned(stored + 48), ge), Vector128.LoadAligned(stored + 56), go);
            }

            Total(s0, s1, s2, s3).Store(sums);
        }
    }

    /// <summary>y = round(value·t / 2^15) of 8 axes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<short> Rounded(Vector128<short> values, Vector128<short> amplitudes) => AdvSimd.IsSupported
        ? AdvSimd.MultiplyRoundedDoublingSaturateHigh(values, amplitudes)
        : Ssse3.MultiplyHighRoundScale(values, amplitudes);

    /// <summary>
    /// sum + the products of 8 pairs, two in each of four lanes. Which two share a lane differs between instruction sets.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> AddProducts(Vector128<int> sum, Vector128<short> x, Vector128<short> y) => AdvSimd.IsSupported
        ? AdvSimd.MultiplyWideningUpperAndAdd(AdvSimd.MultiplyWideningLowerAndAdd(sum, x.GetLower(), y.GetLower()), x, y)
        : sum + Sse2.MultiplyAddAdjacent(x, y);

    /// <summary>The sums of the lanes of four vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Total(Vector128<int> a, Vector128<int> b, Vector128<int> c, Vector128<int> d)
    {
        return Pairs(Pairs(a, b), Pairs(c, d));

        static Vector128<int> Pairs(Vector128<int> x, Vector128<int> y) =>
            AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.AddPairwise(x, y) : Ssse3.HorizontalAdd(x, y);
    }

    /// <summary>
    /// The bytes of a table of 16 at the indices below 128, and 0 where bit 7 of an index is set. No other indices are used.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Shuffle(Vector128<byte> table, Vector128<byte> indices) =>
        AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.VectorTableLookup(table, indices) : Ssse3.Shuffle(table, indices);

    /// <summary><see cref="Shuffle(Vector128{byte}, Vector128{byte})"/> in each half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Shuffle(Vector256<byte> table, Vector256<byte> indices) => Avx2.IsSupported
        ? Avx2.Shuffle(table, indices)
        : Vector256.Create(Shuffle(table.GetLower(), indices.GetLower()), Shuffle(table.GetUpper(), indices.GetUpper()));

    /// <summary>
    /// The values of all groups of four rows, 16 consecutive bytes a row. An even axis is the low byte of 16 bits, the odd one after it the
    /// high byte. Not inlined: where sums occupy registers, the runtime finds no four consecutive ones for TBL and copies the table before
    /// each use.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Decode128(Group* groups, Group* groupEnd, sbyte* tables, byte** row, byte* values)
    {
        byte* row0 = row[0], row1 = row[1], row2 = row[2], row3 = row[3], target = values;
        for (Group* group = groups; group < groupEnd; group++, target += RowBlock * GroupAxes)
        {
            int start = group->Start;
            Vector128<byte> evenBytes = group->EvenBytes, oddBytes = group->OddBytes;
            Vector128<ushort> evenPowers = group->EvenPowers, oddPowers = group->OddPowers;
            Windows(Vector128.Load(row0 + start), evenBytes, oddBytes, evenPowers, oddPowers).StoreAligned(target);
            Windows(Vector128.Load(row1 + start), evenBytes, oddBytes, evenPowers, oddPowers).StoreAligned(target + 16);
            Windows(Vector128.Load(row2 + start), evenBytes, oddBytes, evenPowers, oddPowers).StoreAligned(target + 32);
            Windows(Vector128.Load(row3 + start), evenBytes, oddBytes, evenPowers, oddPowers).StoreAligned(target + 48);
        }

        for (Group* group = groups; group < groupEnd; group++, values += RowBlock * GroupAxes)
        {
            sbyte* table = tables + group->Table;
            if (AdvSimd.Arm64.IsSupported)
            {
                LookUpFour(table, (sbyte*)values);
            }
            else
            {
                LookUpPair(table, (sbyte*)values);
                LookUpPair(table, (sbyte*)values + 32);
            }
        }
    }

    /// <summary>The windows of a group of one row. Windows after the last axis have any content; their constants are 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Windows(
        Vector128<byte> bytes, Vector128<byte> evenBytes, Vector128<byte> oddBytes, Vector128<ushort> evenPowers,
        Vector128<ushort> oddPowers)
    {
        Vector128<ushort> even = Shuffle(bytes, evenBytes).AsUInt16(), odd = Shuffle(bytes, oddBytes).AsUInt16() * oddPowers;

        // Arm64 has no high half of a product, but it can select high bytes, so the windows of even axes are shifted there as well.
        if (AdvSimd.Arm64.IsSupported) return AdvSimd.Arm64.TransposeOdd((even * evenPowers).AsByte(), odd.AsByte());
        even = Sse2.MultiplyHigh(even, evenPowers);
        return ((even & Vector128.Create((ushort)0xFF)) | (odd & Vector128.Create((ushort)0xFF00))).AsByte();
    }

    /// <summary>Replaces four times 16 windows by their values in a table of 256, on Arm64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LookUpFour(sbyte* table, sbyte* windows)
    {
        Vector128<sbyte> w0 = Vector128.LoadAligned(windows), w1 = Vector128.LoadAligned(windows + 16);
        Vector128<sbyte> w2 = Vector128.LoadAligned(windows + 32), w3 = Vector128.LoadAligned(windows + 48);
        Vector128<sbyte> v0 = default, v1 = default, v2 = default, v3 = default, quarter = Vector128.Create((sbyte)64);
        for (sbyte* end = table + TrellisTables.StateCount; table < end; table += 64)
        {
            // 64 entries; the windows of the other quarters give 0. Load4xVector128 is not used: .NET 10.0 stores what it loads to V31, V0,
            // ... in the wrong place.
            var entries = (
                Vector128.LoadAligned(table), Vector128.LoadAligned(table + 16), Vector128.LoadAligned(table + 32),
                Vector128.LoadAligned(table + 48));
            v0 |= AdvSimd.Arm64.VectorTableLookup(entries, w0);
            v1 |= AdvSimd.Arm64.VectorTableLookup(entries, w1);
            v2 |= AdvSimd.Arm64.VectorTableLookup(entries, w2);
            v3 |= AdvSimd.Arm64.VectorTableLookup(entries, w3);
            w0 -= quarter;
            w1 -= quarter;
            w2 -= quarter;
            w3 -= quarter;
        }

        v0.StoreAligned(windows);
        v1.StoreAligned(windows + 16);
        v2.StoreAligned(windows + 32);
        v3.StoreAligned(windows + 48);
    }

    /// <summary>Replaces two times 16 windows by their values, on x64. As on AVX2, each 16 bytes of the table are loaded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LookUpPair(sbyte* table, sbyte* windows)
    {
        Vector128<sbyte> first = Vector128.LoadAligned(windows), second = Vector128.LoadAligned(windows + 16);

        // Zero: bit 7 is clear where bit 4 of the window is 0. One: where it is 1.
        Vector128<sbyte> low = Vector128.Create((sbyte)0x1F), bit7 = Vector128.Create(sbyte.MinValue);
        Vector128<sbyte> base7 = Vector128.Create((sbyte)0x70);
        Vector128<sbyte> zeroA = (first & low) + base7, oneA = zeroA ^ bit7, zeroB = (second & low) + base7, oneB = zeroB ^ bit7;
        var (a0, b0) = Of64(table);
        var (a1, b1) = Of64(table + 64);
        Vector128<sbyte> lowA = Sse41.BlendVariable(a0, a1, first + first), lowB = Sse41.BlendVariable(b0, b1, second + second);
        (a0, b0) = Of64(table + 128);
        (a1, b1) = Of64(table + 192);
        Vector128<sbyte> highA = Sse41.BlendVariable(a0, a1, first + first), highB = Sse41.BlendVariable(b0, b1, second + second);
        Sse41.BlendVariable(lowA, highA, first).StoreAligned(windows);
        Sse41.BlendVariable(lowB, highB, second).StoreAligned(windows + 16);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        (Vector128<sbyte> A, Vector128<sbyte> B) Of64(sbyte* entries)
        {
            var (a0, b0) = Of32(entries);
            var (a1, b1) = Of32(entries + 32);
            return (
                Sse41.BlendVariable(a0, a1, (first.AsInt16() << 2).AsSByte()),
                Sse41.BlendVariable(b0, b1, (second.AsInt16() << 2).AsSByte()));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        (Vector128<sbyte> A, Vector128<sbyte> B) Of32(sbyte* entries)
        {
            Vector128<sbyte> t0 = Vector128.LoadAligned(entries), t1 = Vector128.LoadAligned(entries + 16);
            return (Ssse3.Shuffle(t0, zeroA) | Ssse3.Shuffle(t1, oneA), Ssse3.Shuffle(t0, zeroB) | Ssse3.Shuffle(t1, oneB));
        }
    }

    private partial struct Group
    {
        /// <summary><see cref="Axes"/> of a group that is not full, where there are no loads under a mask.</summary>
        private readonly (Vector256<float> Low, Vector256<float> High) PaddedAxes(float* first)
        {
            Vector512<float> padded = default;
            new ReadOnlySpan<float>(first, Lanes).CopyTo(new Span<float>(&padded, GroupAxes));
            return (padded.GetLower(), padded.GetUpper());
        }
    }

    private partial interface IMeasure
    {
        /// <summary>Adds 8 axes of a row, in four lanes, to the sum.</summary>
        static abstract Vector128<int> Add(Vector128<int> sum, Vector128<short> y, Vector128<short> query);
    }

    private readonly partial struct SquaredDistance
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Add(Vector128<int> sum, Vector128<short> y, Vector128<short> query)
        {
            Vector128<short> difference = query - y;
            return AddProducts(sum, difference, difference);
        }
    }

    private readonly partial struct Product
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Add(Vector128<int> sum, Vector128<short> y, Vector128<short> query) => AddProducts(sum, y, query);
    }

    private readonly partial struct ProductAndNorm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<int> Add(Vector128<int> sum, Vector128<short> y, Vector128<short> query) => AddProducts(sum, y, query);
    }
}
