using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <content>
/// <para>
/// The filter on AVX2. A group is up to 16 axes of the same bits; a run of such axes is padded to whole groups. The same group of two rows
/// fills the two lanes of a vector, so each constant of a group is 128 bits, repeated in both lanes, and four rows are two vectors.
/// </para>
/// <para>
/// AVX2 has neither VPMULTISHIFTQB nor VPSRLVW. VPSHUFB brings the two bytes around each window into a 16-bit lane. VPMULHUW and VPMULLW
/// shift the windows of the even axes to its low byte and those of the odd ones to its high byte. VPBLENDVB joins them: 5 instructions for
/// 32 windows. A table of 256 bytes is 16 VPSHUFB of 16 entries. Bit 4 of the window chooses among them through bit 7 of the index, which
/// gives 0; VPBLENDVB chooses by bits 5 to 7. That is 36 instructions for 32 values, and the table is read from L1 once for two vectors.
/// The sums are those of AVX-512 in vectors of half the width.
/// </para>
/// <para>
/// The windows of all groups are computed first and stay in L1. If they were looked up at once, the dependent instructions would fill the
/// scheduler and cost 15 % of the speed (Zen 4). VPGATHERDD reads a third as many values in the same time, loads one by one a fifth.
/// </para>
/// </content>
public sealed unsafe partial class TrellisFilter
{
    /// <summary>Axes of a group.</summary>
    private const int GroupAxes = 16;

    /// <summary>Bytes that a group loads.</summary>
    private const int GroupBytes = 16;

    private Amplitudes LayOutGroups(CodeRows codes, TrellisTables tables, ReadOnlySpan<byte> bits, ReadOnlySpan<float> scale)
    {
        // Bits descend, so each of at most 8 runs ends in at most one group that is not full.
        Group* group = EnsureLength(ref _groups, (bits.Length / GroupAxes) + TrellisTables.MaxBits);
        float* products = EnsureLength(ref _products, bits.Length + GroupAxes);
        Vector256<float> squares = default, sums = default;
        int end = 0, largest = TrellisTables.MaxBits;
        fixed (float* scales = scale)
        {
            for (int first = 0; first < bits.Length; group++)
            {
                int b = bits[first];
                if (b > largest || b < 1) throw new ArgumentOutOfRangeException(nameof(bits), BitsDescend);
                largest = b;
                ReadOnlySpan<byte> rest = bits.Slice(first, Math.Min(GroupAxes, bits.Length - first));
                int others = rest.IndexOfAnyExcept((byte)b), lanes = others < 0 ? rest.Length : others;

                // The first bit of each window, counted from the first loaded byte. It is below 0 for windows that begin before the string.
                int begin = end + b - TrellisTables.StateBits, start = Math.Max(begin, 0) / 8;
                Vector256<short> begins = (EvenThenOddAxes * (short)b) + Vector256.Create((short)(begin - (8 * start)));

                // A word is two bytes, the first one high. The second does not belong to a window that is a whole byte. Index -1 has bit 7
                // set and gives 0.
                Vector256<short> firsts = begins >> 3;
                Vector256<short> bytes = (firsts << 8) | ((firsts + Vector256<short>.One) & Vector256.Create((short)0xFF));
                Vector256<byte> powers = Shuffle(
                    Vector256.Create(0x8040201008040201UL).AsByte(),
                    ((begins & Vector256.Create((short)7)) | Vector256.Create(short.MinValue)).AsByte());
                *group = new Group
                {
                    EvenBytes = bytes.GetLower().AsByte(), OddBytes = bytes.GetUpper().AsByte(),
                    EvenPowers = AdvSimd.Arm64.IsSupported ? powers.GetLower().AsUInt16() : powers.GetLower().AsUInt16() << 8,
                    OddPowers = powers.GetUpper().AsUInt16(),
                    Start = start, Table = (b - 1) * TrellisTables.StateCount, FirstAxis = first, Lanes = lanes,
                };

                (Vector256<float> low, Vector256<float> high) = group->Axes(scales);
                low *= tables.ByteStep(b);
                high *= tables.ByteStep(b);
                squares = Vector256.MultiplyAddEstimate(low, low, Vector256.MultiplyAddEstimate(high, high, squares));
                sums += low + high;

                // The elements after a group that is not full are overwritten by the next group.
                low.Store(products + first);
                high.Store(products + first + 8);
                first += lanes;
                end += lanes * b;
            }
        }

        _blocks = (int)(group - _groups.Pointer);
        _paddedAxes = _blocks * GroupAxes;
        ArgumentOutOfRangeException.ThrowIfLessThan(codes.RowBytes * 8L, end);
        return new Amplitudes(Vector256.Sum(squares), Vector256.Sum(sums), bits.Length);
    }

    private void QuantiseGroups(ReadOnlySpan<float> vector, float factor, short* target)
    {
        Group* group = _groups.Pointer, groupEnd = group + _blocks;
        Vector256<byte> evenThenOdd = Vector256.Create(
            0x0D0C_0908_0504_0100UL, 0x0F0E_0B0A_0706_0302UL, 0x0D0C_0908_0504_0100UL, 0x0F0E_0B0A_0706_0302UL).AsByte();
        Vector256<int> lanes = Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7);
        fixed (float* values = vector)
        {
            for (; group < groupEnd; group++, target += GroupAxes)
            {
                (Vector256<float> low, Vector256<float> high) = group->Axes(values);
                Vector256<short> packed = Avx2.PackSignedSaturate(
                    Avx.ConvertToVector256Int32(low * factor), Avx.ConvertToVector256Int32(high * factor));
                Avx2.PermuteVar8x32(Avx2.Shuffle(packed.AsByte(), evenThenOdd).AsInt32(), lanes).AsInt16().StoreAligned(target);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SumGroups<TMeasure>(CodeRows codes, ReadOnlySpan<int> rows, int count, TrellisTables tables, int queryCount)
        where TMeasure : struct, IMeasure
    {
        Group* groups = _groups.Pointer, groupEnd = groups + _blocks;
        sbyte* bytes = tables.Bytes;
        short* amplitudes = Stream(Amplitude), centres = Stream(Centre), query = Stream(Query(0));
        int* norms = _sums.Pointer, sums = QuerySums(0, count);
        short* residuals = queryCount == 1 ? null : _residuals.Pointer;
        var blocks = new RowBlocks(this, codes, rows, count, _blocks == 0 ? 0 : groupEnd[-1].Start + GroupBytes);
        byte** row = stackalloc byte*[RowBlock];
        byte* windows = EnsureLength(ref _windows, (long)_blocks * RowBlock * GroupAxes);
        for (int i = 0; i < count; i += RowBlock)
        {
            blocks.Find(i, row);
            byte* row0 = row[0], row1 = row[1], row2 = row[2], row3 = row[3];
            Vector256<int> s01 = default, s23 = default, t01 = default, t23 = default;
            byte* window = windows;
            for (Group* group = groups; group < groupEnd; group++, window += RowBlock * GroupAxes)
            {
                Group.Windows(group, row0, row1).StoreAligned(window);
                Group.Windows(group, row2, row3).StoreAligned(window + 32);
            }

            int position = 0;
            window = windows;
            for (Group* group = groups; group < groupEnd; group++, position += GroupAxes, window += RowBlock * GroupAxes)
            {
                sbyte* table = bytes + group->Table;
                (Vector256<sbyte> v01, Vector256<sbyte> v23) = LookUp(
                    table, Vector256.LoadAligned(window), Vector256.LoadAligned(window + 32));
                Vector256<short> te = Both(amplitudes + position), to = Both(amplitudes + position + 8);
                Vector256<short> e01 = Even(v01, te), o01 = Odd(v01, to), e23 = Even(v23, te), o23 = Odd(v23, to);
                if (TMeasure.HasNorm)
                {
                    Vector256<short> ce = Both(centres + position), co = Both(centres + position + 8);
                    t01 += SquaredDistance.Of(e01, o01, ce, co);
                    t23 += SquaredDistance.Of(e23, o23, ce, co);
                }

                if (queryCount == 1)
                {
                    Vector256<short> ge = Both(query + position), go = Both(query + position + 8);
                    s01 += TMeasure.Of(e01, o01, ge, go);
                    s23 += TMeasure.Of(e23, o23, ge, go);
                }
                else
                {
                    short* stored = residuals + (position * RowBlock);
                    e01.StoreAligned(stored);
                    o01.StoreAligned(stored + 16);
                    e23.StoreAligned(stored + 32);
                    o23.StoreAligned(stored + 48);
                }
            }

            if (TMeasure.HasNorm) Total(t01, t23).Store(norms + i);
            if (queryCount == 1) Total(s01, s23).Store(sums + i);
            else SumSharedGroups<TMeasure>(residuals, query, _blocks, queryCount, sums + i, Padded(count));
        }
    }

    /// <summary>The sums of several queries with the residuals of four rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumSharedGroups<TMeasure>(short* residuals, short* query, int groupCount, int queryCount, int* sums, int stride)
        where TMeasure : struct, IMeasure
    {
        for (int q = 0; q < queryCount; q++, sums += stride)
        {
            Vector256<int> s01 = default, s23 = default;
            short* stored = residuals;
            for (int g = 0; g < groupCount; g++, stored += RowBlock * GroupAxes, query += GroupAxes)
            {
                Vector256<short> ge = Both(query), go = Both(query + 8);
                s01 += TMeasure.Of(Vector256.LoadAligned(stored), Vector256.LoadAligned(stored + 16), ge, go);
                s23 += TMeasure.Of(Vector256.LoadAligned(stored + 32), Vector256.LoadAligned(stored + 48), ge, go);
            }

            Total(s01, s23).Store(sums);
        }
    }

    /// <summary>8 constants for two rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Both(short* constants) => Avx2.BroadcastVector128ToVector256(constants);

    /// <summary>The sums of four rows, two in each vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Total(Vector256<int> rows01, Vector256<int> rows23)
    {
        Vector256<int> pairs = Avx2.HorizontalAdd(rows01, rows23), totals = Avx2.HorizontalAdd(pairs, pairs);
        return Sse2.UnpackLow(totals.GetLower(), totals.GetUpper());
    }

    /// <summary>y of the even axes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Even(Vector256<sbyte> values, Vector256<short> amplitudes) =>
        Avx2.MultiplyHighRoundScale(values.AsInt16() << 8, amplitudes);

    /// <summary>y of the odd axes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Odd(Vector256<sbyte> values, Vector256<short> amplitudes) =>
        Avx2.MultiplyHighRoundScale(values.AsInt16() & Vector256.Create(unchecked((short)0xFF00)), amplitudes);

    /// <summary>Sum of products of the even axes and of the odd ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Dot(Vector256<short> even, Vector256<short> odd, Vector256<short> otherEven, Vector256<short> otherOdd) =>
        Avx2.MultiplyAddAdjacent(even, otherEven) + Avx2.MultiplyAddAdjacent(odd, otherOdd);

    /// <summary>The values of two times 32 windows in a table of 256. Each 16 bytes of the table are loaded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<sbyte> First, Vector256<sbyte> Second) LookUp(sbyte* table, Vector256<byte> first, Vector256<byte> second)
    {
        var a = new Indices(first);
        var b = new Indices(second);
        var q0 = Of64(table, a, b);
        var q1 = Of64(table + 64, a, b);
        Vector256<sbyte> lowA = Avx2.BlendVariable(q0.A, q1.A, a.Bit6), lowB = Avx2.BlendVariable(q0.B, q1.B, b.Bit6);
        q0 = Of64(table + 128, a, b);
        q1 = Of64(table + 192, a, b);
        Vector256<sbyte> highA = Avx2.BlendVariable(q0.A, q1.A, a.Bit6), highB = Avx2.BlendVariable(q0.B, q1.B, b.Bit6);
        return (Avx2.BlendVariable(lowA, highA, first.AsSByte()), Avx2.BlendVariable(lowB, highB, second.AsSByte()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<sbyte> A, Vector256<sbyte> B) Of64(sbyte* table, Indices a, Indices b)
    {
        Vector256<sbyte> t0 = Avx2.BroadcastVector128ToVector256(table), t1 = Avx2.BroadcastVector128ToVector256(table + 16);
        Vector256<sbyte> lowA = Avx2.Shuffle(t0, a.Zero) | Avx2.Shuffle(t1, a.One);
        Vector256<sbyte> lowB = Avx2.Shuffle(t0, b.Zero) | Avx2.Shuffle(t1, b.One);
        t0 = Avx2.BroadcastVector128ToVector256(table + 32);
        t1 = Avx2.BroadcastVector128ToVector256(table + 48);
        Vector256<sbyte> highA = Avx2.Shuffle(t0, a.Zero) | Avx2.Shuffle(t1, a.One);
        Vector256<sbyte> highB = Avx2.Shuffle(t0, b.Zero) | Avx2.Shuffle(t1, b.One);
        return (Avx2.BlendVariable(lowA, highA, a.Bit5), Avx2.BlendVariable(lowB, highB, b.Bit5));
    }

    /// <summary>32 windows as indices of VPSHUFB and VPBLENDVB, which use bit 7.</summary>
    private readonly struct Indices
    {
        /// <summary>Bit 7 is clear (70 to 7F) where bit 4 of the window is 0 and set (80 to 8F) where it is 1.</summary>
        public readonly Vector256<sbyte> Zero;

        /// <summary>Bit 7 is clear where bit 4 of the window is 1.</summary>
        public readonly Vector256<sbyte> One;

        /// <summary>Bit 5 in bit 7.</summary>
        public readonly Vector256<sbyte> Bit5;

        private readonly Vector256<byte> _windows;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Indices(Vector256<byte> windows)
        {
            Zero = ((windows & Vector256.Create((byte)0x1F)) + Vector256.Create((byte)0x70)).AsSByte();
            One = Zero ^ Vector256.Create(sbyte.MinValue);
            Vector256<byte> bit6 = windows + windows;
            Bit5 = (bit6 + bit6).AsSByte();
            _windows = windows;
        }

        /// <summary>Bit 6 in bit 7. It is computed when needed, because there are only 16 registers.</summary>
        public Vector256<sbyte> Bit6
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => (_windows + _windows).AsSByte();
        }
    }

    /// <summary>The axes of a group: even ones, then odd ones.</summary>
    private static Vector256<short> EvenThenOddAxes => Vector256.Create(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);

    /// <summary>How up to 16 axes of the same bits are read from a row.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 80)]
    private partial struct Group
    {
        /// <summary>The two bytes around the window of each even axis, from <see cref="Start"/> on.</summary>
        public Vector128<byte> EvenBytes;

        /// <summary>Those of the odd axes.</summary>
        public Vector128<byte> OddBytes;

        /// <summary>
        /// Factors that shift the window of each even axis to the low byte of the product's high word; on Arm64 they shift as for an odd
        /// axis.
        /// </summary>
        public Vector128<ushort> EvenPowers;

        /// <summary>Factors that shift the window of each odd axis to the high byte of the low word.</summary>
        public Vector128<ushort> OddPowers;

        /// <summary>First byte to load.</summary>
        public int Start;

        /// <summary>First value of the table.</summary>
        public int Table;

        /// <summary>The first axis.</summary>
        public int FirstAxis;

        /// <summary>Number of axes.</summary>
        public int Lanes;

        /// <summary>The windows of two rows, 128 bits each. Windows after the last axis have any content; their constants are 0.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<byte> Windows(Group* group, byte* code0, byte* code1)
        {
            Vector256<byte> bytes = Vector256.Create(Vector128.Load(code0 + group->Start), Vector128.Load(code1 + group->Start));
            Vector256<ushort> even = Avx2.Shuffle(bytes, Avx2.BroadcastVector128ToVector256((byte*)&group->EvenBytes)).AsUInt16();
            Vector256<ushort> odd = Avx2.Shuffle(bytes, Avx2.BroadcastVector128ToVector256((byte*)&group->OddBytes)).AsUInt16();
            even = Avx2.MultiplyHigh(even, Avx2.BroadcastVector128ToVector256((ushort*)&group->EvenPowers));
            odd = Avx2.MultiplyLow(odd, Avx2.BroadcastVector128ToVector256((ushort*)&group->OddPowers));
            return Avx2.BlendVariable(even.AsByte(), odd.AsByte(), Vector256.Create((ushort)0xFF00).AsByte());
        }

        /// <summary>The group's floats of a vector, with zeros after the last axis.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly (Vector256<float> Low, Vector256<float> High) Axes(float* vector)
        {
            float* first = vector + FirstAxis;
            if (Lanes == GroupAxes) return (Vector256.Load(first), Vector256.Load(first + 8));
            if (!Avx2.IsSupported) return PaddedAxes(first);
            Vector256<int> lanes = Vector256.Create(Lanes), low = Vector256.Create(0, 1, 2, 3, 4, 5, 6, 7);
            Vector256<int> high = low + Vector256.Create(8);
            return (
                Avx.MaskLoad(first, Vector256.GreaterThan(lanes, low).AsSingle()),
                Avx.MaskLoad(first + 8, Vector256.GreaterThan(lanes, high).AsSingle()));
        }
    }
}
