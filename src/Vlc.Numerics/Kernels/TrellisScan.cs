using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// Measures trellis codes against a float query (asymmetric distance). It is the hot path of searching an index of codec <c>packed</c>.
/// </summary>
/// <remarks>
/// <para>
/// Layout. A row is a bit string, most significant bit first. Axis k adds bits[k] bits, and its value is entry w of its table, where w is
/// the 8 bits that end with its own. All rows share <c>bits</c>, so the shuffles are planned once a call, 32 axes a step. The two bytes
/// around each window are brought into a 16-bit lane (VPERMB), shifted by a count a lane (VPSRLVW), and looked up in the int16 table of 256
/// values, which is 8 registers (4 VPERMI2W and 3 blends). 32 axes that differ in bits take a step for each of their tables, so bits that
/// descend cost at most 7 more.
/// </para>
/// <para>
/// Arithmetic. Values enter as integers. Their factors are multiplied by 1/4096 beforehand, which is exact. Axis k is summed in lane k
/// modulo 16 by fused multiply-adds. The lanes are added as the tree of <see cref="Distances"/>.
/// </para>
/// <para>
/// Instruction sets. AVX-512 with VBMI. Everything else reads the values one by one, several windows from a word, and sums them in the same
/// lanes. All give the bits of the reference.
/// </para>
/// <para>Speed. See docs/architecture.md, "Hot paths"; guarded by bench/Vlc.Bench, TrellisBenchmarks.</para>
/// </remarks>
public static unsafe class TrellisScan
{
    /// <summary>How many rows ahead a row is prefetched: the candidates of a list lie anywhere in it.</summary>
    private const int PrefetchDistance = 6;

    /// <summary>Axes of a step.</summary>
    private const int StepAxes = 32;

    /// <summary>Bytes that a step loads.</summary>
    private const int StepBytes = 64;

    [ThreadStatic]
    private static AlignedBuffer<float>? t_query;

    [ThreadStatic]
    private static AlignedBuffer<Step>? t_plan;

    [ThreadStatic]
    private static AlignedBuffer<byte>? t_row;

    [ThreadStatic]
    private static AlignedBuffer<float>? t_values;

    /// <summary>
    /// Decodes a string: values[i] = T[state after axis i]. The state is the 8 bits that end with the axis's own, with zeros before the
    /// start.
    /// </summary>
    /// <param name="tables">Tables of values.</param>
    /// <param name="code">The string, most significant bit first; at least ceil(Σ bits / 8) bytes.</param>
    /// <param name="bits">Bits of each axis, 1 to 8.</param>
    /// <param name="values">Receives one float an axis, before scaling.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short, or an axis has other than 1 to 8 bits.</exception>
    public static void Decode(TrellisTables tables, ReadOnlySpan<byte> code, ReadOnlySpan<byte> bits, Span<float> values)
    {
        ArgumentNullException.ThrowIfNull(tables);
        ArgumentOutOfRangeException.ThrowIfLessThan(code.Length * 8L, TrellisTables.CheckedSum(bits));
        ArgumentOutOfRangeException.ThrowIfLessThan(values.Length, bits.Length);
        float* floats = tables.Floats;
        int end = 0;
        for (int i = 0; i < bits.Length; i++)
        {
            end += bits[i];
            values[i] = floats[((bits[i] - 1) * TrellisTables.StateCount) + Window(code, end)];
        }
    }

    /// <summary>distances[i] = offset + Σ (target[k] - scale[k]·v[row i][k])².</summary>
    /// <param name="codes">Strings of equal length, one a row.</param>
    /// <param name="rows">Row numbers; empty for all rows in order.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8, the same in all rows. Any order is right; descending is fast.</param>
    /// <param name="target">Query minus anchor on the coded axes, at least one float an axis.</param>
    /// <param name="scale">Value of a table's 1 on each axis.</param>
    /// <param name="offset">Squared distance on the axes without a code.</param>
    /// <param name="distances">Receives one float a row.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A span is too short, no such row, an axis has other than 1 to 8 bits, or their string does not fit a row.
    /// </exception>
    public static void SquaredDistances(
        CodeRows codes, ReadOnlySpan<int> rows, TrellisTables tables, ReadOnlySpan<byte> bits,
        ReadOnlySpan<float> target, ReadOnlySpan<float> scale, float offset, Span<float> distances)
    {
        Check(codes, rows, tables, bits, distances.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(target.Length, bits.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(scale.Length, bits.Length);
        int padded = PaddedLength(bits.Length);
        Span<float> query = Query(2 * padded), targets = query[..padded], factors = query[padded..];
        for (int k = 0; k < bits.Length; k++)
        {
            targets[k] = target[k];
            factors[k] = -scale[k] * TrellisTables.Unit;
        }

        Scan<SquaredDistance>(codes, rows, tables, bits, padded, offset, distances, []);
    }

    /// <summary>products[i] = offset + Σ weight[k]·v[row i][k].</summary>
    /// <param name="codes">Strings of equal length, one a row.</param>
    /// <param name="rows">Row numbers; empty for all rows in order.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8, the same in all rows. Any order is right; descending is fast.</param>
    /// <param name="weight">Query times scale on the coded axes, at least one float an axis.</param>
    /// <param name="offset">Product of query and anchor.</param>
    /// <param name="products">Receives one float a row.</param>
    /// <inheritdoc cref="SquaredDistances" path="/exception"/>
    public static void DotProducts(
        CodeRows codes, ReadOnlySpan<int> rows, TrellisTables tables, ReadOnlySpan<byte> bits,
        ReadOnlySpan<float> weight, float offset, Span<float> products)
    {
        Check(codes, rows, tables, bits, products.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(weight.Length, bits.Length);
        int padded = PaddedLength(bits.Length);
        Span<float> factors = Query(padded);
        for (int k = 0; k < bits.Length; k++) factors[k] = weight[k] * TrellisTables.Unit;
        Scan<DotProduct>(codes, rows, tables, bits, padded, offset, products, []);
    }

    /// <summary>
    /// dots[i] = Σ weight[k]·v[row i][k] and norms[i] = Σ r·(2·centre[k] + r) with r = scale[k]·v[row i][k]. These are the contributions of
    /// a row to the product of query and anchor, and to the anchor's squared norm.
    /// </summary>
    /// <param name="codes">Strings of equal length, one a row.</param>
    /// <param name="rows">Row numbers; empty for all rows in order.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8, the same in all rows. Any order is right; descending is fast.</param>
    /// <param name="weight">Query times scale on the coded axes, at least one float an axis.</param>
    /// <param name="scale">Value of a table's 1 on each axis.</param>
    /// <param name="centre">The anchor on the coded axes.</param>
    /// <param name="dots">Receives one float a row.</param>
    /// <param name="norms">Receives one float a row.</param>
    /// <inheritdoc cref="SquaredDistances" path="/exception"/>
    public static void DotsAndNorms(
        CodeRows codes, ReadOnlySpan<int> rows, TrellisTables tables, ReadOnlySpan<byte> bits,
        ReadOnlySpan<float> weight, ReadOnlySpan<float> scale, ReadOnlySpan<float> centre, Span<float> dots, Span<float> norms)
    {
        Check(codes, rows, tables, bits, Math.Min(dots.Length, norms.Length));
        ArgumentOutOfRangeException.ThrowIfLessThan(weight.Length, bits.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(scale.Length, bits.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(centre.Length, bits.Length);
        int padded = PaddedLength(bits.Length);
        Span<float> query = Query(3 * padded), weights = query[..padded], factors = query.Slice(padded, padded);
        Span<float> centres = query[(2 * padded)..];
        for (int k = 0; k < bits.Length; k++)
        {
            weights[k] = weight[k] * TrellisTables.Unit;
            factors[k] = scale[k] * TrellisTables.Unit;
            centres[k] = centre[k] + centre[k];
        }

        Scan<DotAndNorm>(codes, rows, tables, bits, padded, offset: 0, dots, norms);
    }

    /// <summary>The scalar reference of <see cref="SquaredDistances"/> for one row, with the same bits.</summary>
    /// <param name="code">The row's string.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8.</param>
    /// <param name="target">Query minus anchor on the coded axes.</param>
    /// <param name="scale">Value of a table's 1 on each axis.</param>
    /// <param name="offset">Squared distance on the axes without a code.</param>
    public static float SquaredDistanceReference(
        ReadOnlySpan<byte> code, TrellisTables tables, ReadOnlySpan<byte> bits, ReadOnlySpan<float> target, ReadOnlySpan<float> scale,
        float offset)
    {
        float[] values = new float[bits.Length], lanes = new float[16];
        Units(code, tables, bits, values);
        for (int k = 0; k < bits.Length; k++)
        {
            float difference = MathF.FusedMultiplyAdd(-scale[k] * TrellisTables.Unit, values[k], target[k]);
            lanes[k % 16] = MathF.FusedMultiplyAdd(difference, difference, lanes[k % 16]);
        }

        return offset + SumTreeReference(lanes);
    }

    /// <summary>The scalar reference of <see cref="DotProducts"/> for one row, with the same bits.</summary>
    /// <param name="code">The row's string.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8.</param>
    /// <param name="weight">Query times scale on the coded axes.</param>
    /// <param name="offset">Product of query and anchor.</param>
    public static float DotProductReference(
        ReadOnlySpan<byte> code, TrellisTables tables, ReadOnlySpan<byte> bits, ReadOnlySpan<float> weight, float offset)
    {
        float[] values = new float[bits.Length], lanes = new float[16];
        Units(code, tables, bits, values);
        for (int k = 0; k < bits.Length; k++)
        {
            lanes[k % 16] = MathF.FusedMultiplyAdd(weight[k] * TrellisTables.Unit, values[k], lanes[k % 16]);
        }

        return offset + SumTreeReference(lanes);
    }

    /// <summary>The scalar reference of <see cref="DotsAndNorms"/> for one row, with the same bits.</summary>
    /// <param name="code">The row's string.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8.</param>
    /// <param name="weight">Query times scale on the coded axes.</param>
    /// <param name="scale">Value of a table's 1 on each axis.</param>
    /// <param name="centre">The anchor on the coded axes.</param>
    public static (float Dot, float Norm) DotAndNormReference(
        ReadOnlySpan<byte> code, TrellisTables tables, ReadOnlySpan<byte> bits,
        ReadOnlySpan<float> weight, ReadOnlySpan<float> scale, ReadOnlySpan<float> centre)
    {
        float[] values = new float[bits.Length], dots = new float[16], norms = new float[16];
        Units(code, tables, bits, values);
        for (int k = 0; k < bits.Length; k++)
        {
            float residual = scale[k] * TrellisTables.Unit * values[k];
            dots[k % 16] = MathF.FusedMultiplyAdd(weight[k] * TrellisTables.Unit, values[k], dots[k % 16]);
            norms[k % 16] = MathF.FusedMultiplyAdd(residual, (centre[k] + centre[k]) + residual, norms[k % 16]);
        }

        return (SumTreeReference(dots), SumTreeReference(norms));
    }

    /// <summary>The state after <paramref name="end"/> bits: the last 8, zeros before the start.</summary>
    internal static int Window(ReadOnlySpan<byte> code, int end)
    {
        int last = (end - 1) >> 3;
        int pair = last == 0 ? code[0] : (code[last - 1] << 8) | code[last];
        return (pair >> (((last + 1) * 8) - end)) & (TrellisTables.StateCount - 1);
    }

    /// <summary>The values of a string in units of the tables.</summary>
    private static void Units(ReadOnlySpan<byte> code, TrellisTables tables, ReadOnlySpan<byte> bits, Span<float> values)
    {
        short* shorts = tables.Shorts;
        int end = 0;
        for (int k = 0; k < bits.Length; k++)
        {
            end += bits[k];
            values[k] = shorts[((bits[k] - 1) * TrellisTables.StateCount) + Window(code, end)];
        }
    }

    private static float SumTreeReference(float[] lanes)
    {
        for (int width = 8; width >= 1; width /= 2)
        {
            for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
        }

        return lanes[0];
    }

    /// <summary>Length to which the query's arrays are padded with zeros, so that axes after the last count for nothing.</summary>
    private static int PaddedLength(int axes) => (axes + StepAxes - 1) & -StepAxes;

    /// <summary>Checks the arguments that all scans share.</summary>
    private static void Check(CodeRows codes, ReadOnlySpan<int> rows, TrellisTables tables, ReadOnlySpan<byte> bits, int results)
    {
        ArgumentNullException.ThrowIfNull(codes);
        ArgumentNullException.ThrowIfNull(tables);
        ArgumentOutOfRangeException.ThrowIfLessThan(results, rows.IsEmpty ? codes.RowCount : rows.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(codes.RowBytes * 8L, TrellisTables.CheckedSum(bits));
    }

    /// <summary>Zeroed memory of this thread for the query's arrays, one after the other. It is valid until the next call.</summary>
    private static Span<float> Query(int length)
    {
        var query = new Span<float>(EnsureLength(ref t_query, length), length);
        query.Clear();
        return query;
    }

    /// <summary>Scratch memory of this thread. A query probes many lists, so it is not allocated anew for each.</summary>
    private static T* EnsureLength<T>(ref AlignedBuffer<T>? buffer, long length)
        where T : unmanaged
    {
        if (buffer is null || buffer.Length < length)
        {
            buffer?.Dispose();
            buffer = new AlignedBuffer<T>(length);
        }

        return buffer.Pointer;
    }

    /// <summary>The measure of every row, from the arrays of <see cref="Query"/>.</summary>
    private static void Scan<TMeasure>(
        CodeRows codes, ReadOnlySpan<int> rows, TrellisTables tables, ReadOnlySpan<byte> bits,
        int padded, float offset, Span<float> results, Span<float> norms)
        where TMeasure : struct, IMeasure
    {
        if (InstructionSets.Level == InstructionSetLevel.Vector512 && Avx512Vbmi.IsSupported)
        {
            ScanSteps<TMeasure>(codes, rows, tables, bits, padded, offset, results, norms);
        }
        else
        {
            ScanPortable<TMeasure>(codes, rows, tables, bits, padded, offset, results, norms);
        }
    }

    private static void ScanPortable<TMeasure>(
        CodeRows codes, ReadOnlySpan<int> rows, TrellisTables tables, ReadOnlySpan<byte> bits,
        int padded, float offset, Span<float> results, Span<float> norms)
        where TMeasure : struct, IMeasure
    {
        int count = rows.IsEmpty ? codes.RowCount : rows.Length;
        int width = codes.RowBytes, readBytes = width + sizeof(ulong), readable = codes.RowsReadable(readBytes);
        byte* lastRow = EnsureLength(ref t_row, readBytes);
        float* query = t_query!.Pointer;
        float* values = EnsureLength(ref t_values, padded);
        new Span<float>(values, padded).Clear();
        for (int i = 0; i < count; i++)
        {
            int row = rows.IsEmpty ? i : rows[i];
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)codes.RowCount, nameof(rows));
            byte* code = codes.Pointer + ((long)row * width);
            if (row >= readable)
            {
                // Reading whole words would leave the mapping, so the row is copied.
                new ReadOnlySpan<byte>(code, width).CopyTo(new Span<byte>(lastRow, width));
                code = lastRow;
            }

            Decode(tables.Floats, code, bits, values);
            Vector512<float> sum = default, norm = default;
            for (int k = 0; k < padded; k += 16)
            {
                Vector512<float> units = Vector512.Load(values + k) * (1 / TrellisTables.Unit);
                sum = TMeasure.Add(units, query + k, padded, sum);
                if (TMeasure.HasNorm) norm = TMeasure.AddNorm(units, query + k, padded, norm);
            }

            results[i] = offset + Distances.SumTree(sum);
            if (TMeasure.HasNorm) norms[i] = Distances.SumTree(norm);
        }
    }

    /// <summary>
    /// The values of a string before scaling, from words of 64 bits. A word has several windows of axes of the same bits.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Decode(float* tables, byte* code, ReadOnlySpan<byte> bits, float* values)
    {
        int end = 0;
        for (int k = 0; k < bits.Length;)
        {
            int b = bits[k], others = bits[k..].IndexOfAnyExcept((byte)b), runEnd = others < 0 ? bits.Length : k + others;
            float* table = tables + ((b - 1) * TrellisTables.StateCount);
            while (k < runEnd)
            {
                // The window of the first axis begins in the first byte. The bits before the string are zeros.
                int first = Math.Max(end + b - TrellisTables.StateBits, 0) / 8;
                ulong word = BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ulong>(code + first));
                int shift = 64 - (end + b - (8 * first)), wordEnd = Math.Min(runEnd, k + (shift / b) + 1);
                end += (wordEnd - k) * b;
                for (; k < wordEnd; k++, shift -= b) values[k] = table[(byte)(word >> shift)];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScanSteps<TMeasure>(
        CodeRows codes, ReadOnlySpan<int> rows, TrellisTables tables, ReadOnlySpan<byte> bits,
        int padded, float offset, Span<float> results, Span<float> norms)
        where TMeasure : struct, IMeasure
    {
        float* query = t_query!.Pointer;
        Step* steps = Plan(bits, out int stepCount), stepEnd = steps + stepCount;
        int count = rows.IsEmpty ? codes.RowCount : rows.Length;
        int width = codes.RowBytes, readBytes = stepCount == 0 ? 0 : stepEnd[-1].Start + StepBytes;
        int readable = codes.RowsReadable(readBytes);
        byte* lastRow = EnsureLength(ref t_row, Math.Max(width, readBytes));
        byte* basePointer = codes.Pointer;
        short* values = tables.Shorts;
        for (int i = 0; i < count; i++)
        {
            int row = i;
            if (!rows.IsEmpty)
            {
                row = rows[i];
                ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)codes.RowCount, nameof(rows));
                if (i + PrefetchDistance < count)
                {
                    byte* next = basePointer + ((long)rows[i + PrefetchDistance] * width);
                    for (int line = 0; line < width; line += 64) Sse.Prefetch0(next + line);
                }
            }

            byte* code = basePointer + ((long)row * width);
            if (row >= readable)
            {
                // Reading whole vectors would leave the mapping, so the row is copied.
                new ReadOnlySpan<byte>(code, width).CopyTo(new Span<byte>(lastRow, width));
                code = lastRow;
            }

            Vector512<float> sum = default, norm = default;
            float* block = query;
            for (Step* step = steps; step < stepEnd; block += StepAxes)
            {
                Vector512<short> units = step->LookUp(code, values);
                for (step++; step < stepEnd && step->Continues; step++)
                {
                    units = Vector512.ConditionalSelect(step->Lanes, step->LookUp(code, values), units);
                }

                Vector512<float> low = Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(units.GetLower()));
                Vector512<float> high = Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(units.GetUpper()));
                sum = TMeasure.Add(low, block, padded, sum);
                sum = TMeasure.Add(high, block + 16, padded, sum);
                if (!TMeasure.HasNorm) continue;
                norm = TMeasure.AddNorm(low, block, padded, norm);
                norm = TMeasure.AddNorm(high, block + 16, padded, norm);
            }

            results[i] = offset + Distances.SumTree(sum);
            if (TMeasure.HasNorm) norms[i] = Distances.SumTree(norm);
        }
    }

    /// <summary>The steps that read a row of these bits.</summary>
    private static Step* Plan(ReadOnlySpan<byte> bits, out int count)
    {
        // Up to 8 tables a block. In practice there are few, and a plan is small anyway.
        Step* plan = EnsureLength(ref t_plan, PaddedLength(bits.Length) / StepAxes * (long)TrellisTables.MaxBits), step = plan;
        Vector512<short> ends = default, tables = default;
        int blockEnd = 0;
        for (int block = 0; block < bits.Length; block += StepAxes)
        {
            // Window k ends at bit 8·start + ends[k]. Axes after the last read what the last one reads.
            int start = Math.Max(((blockEnd + bits[block] + 7) / 8) - 2, 0);
            uint used = 0;
            for (int lane = 0; lane < StepAxes; lane++)
            {
                byte b = bits[Math.Min(block + lane, bits.Length - 1)];
                if (block + lane < bits.Length) blockEnd += b;
                used |= 1u << b;
                ((short*)&ends)[lane] = (short)(blockEnd - (8 * start));
                ((short*)&tables)[lane] = b;
            }

            // The window lies in byte `first` and the next, as a big-endian word: byte `first` is the high half of the lane. Before bit 8
            // the shift is 8 or more, so that zeros come in from the left and the next byte is shifted out.
            Vector512<short> first = Vector512.Max(((ends + Vector512.Create((short)7)) >> 3) - Vector512.Create((short)2), default);
            Vector512<short> bytes = (first << 8) | (first + Vector512<short>.One);
            Vector512<short> shifts = (first << 3) + Vector512.Create((short)16) - ends;
            bool continues = false;
            for (int b = 1; b <= TrellisTables.MaxBits; b++)
            {
                if ((used >> b & 1) == 0) continue;
                *step++ = new Step
                {
                    Bytes = bytes.AsByte(),
                    Shifts = shifts.AsUInt16(),
                    Lanes = Vector512.Equals(tables, Vector512.Create((short)b)),
                    Start = start,
                    Table = (b - 1) * TrellisTables.StateCount,
                    Continues = continues,
                };
                continues = true;
            }
        }

        count = (int)(step - plan);
        return plan;
    }

    /// <summary>How the values of up to 32 axes that share a table are read from a row.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 256)]
    private struct Step
    {
        /// <summary>Bytes of a row, from <see cref="Start"/> on, that make the 16-bit lanes.</summary>
        public Vector512<byte> Bytes;

        /// <summary>The right shift of each lane.</summary>
        public Vector512<ushort> Shifts;

        /// <summary>The lanes that this step fills.</summary>
        public Vector512<short> Lanes;

        /// <summary>First byte to load.</summary>
        public int Start;

        /// <summary>First value of the table.</summary>
        public int Table;

        /// <summary>Whether the step is for the same axes as the one before it.</summary>
        public bool Continues;

        /// <summary>The values of 32 windows in units of the tables.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector512<short> LookUp(byte* code, short* values)
        {
            Vector512<short> windows = Avx512BW.ShiftRightLogicalVariable(
                Avx512Vbmi.PermuteVar64x8(Vector512.Load(code + Start), Bytes).AsUInt16(), Shifts).AsInt16();
            short* table = values + Table;

            // The permutations take the low 6 bits of a window; bits 6 and 7 choose among their results.
            Vector512<short> q0 = Avx512BW.PermuteVar32x16x2(Vector512.LoadAligned(table), windows, Vector512.LoadAligned(table + 32));
            Vector512<short> q1 = Avx512BW.PermuteVar32x16x2(Vector512.LoadAligned(table + 64), windows, Vector512.LoadAligned(table + 96));
            Vector512<short> q2 = Avx512BW.PermuteVar32x16x2(
                Vector512.LoadAligned(table + 128), windows, Vector512.LoadAligned(table + 160));
            Vector512<short> q3 = Avx512BW.PermuteVar32x16x2(
                Vector512.LoadAligned(table + 192), windows, Vector512.LoadAligned(table + 224));
            Vector512<short> even = Vector512.Equals(windows & Vector512.Create((short)64), default);
            Vector512<short> lower = Vector512.Equals(windows & Vector512.Create((short)128), default);
            return Vector512.ConditionalSelect(
                lower, Vector512.ConditionalSelect(even, q0, q1), Vector512.ConditionalSelect(even, q2, q3));
        }
    }

    /// <summary>What is summed over the axes. The arrays of a measure's query data are <c>padded</c> floats apart.</summary>
    private interface IMeasure
    {
        /// <summary>Whether a norm is summed as well.</summary>
        static abstract bool HasNorm { get; }

        /// <summary>Adds 16 axes, whose values are in units of the tables, to the sum.</summary>
        static abstract Vector512<float> Add(Vector512<float> units, float* query, int padded, Vector512<float> sum);

        /// <summary>Adds 16 axes to the norm.</summary>
        static abstract Vector512<float> AddNorm(Vector512<float> units, float* query, int padded, Vector512<float> norm);
    }

    private readonly struct SquaredDistance : IMeasure
    {
        public static bool HasNorm => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Add(Vector512<float> units, float* query, int padded, Vector512<float> sum)
        {
            Vector512<float> difference = Vector512.FusedMultiplyAdd(Vector512.Load(query + padded), units, Vector512.Load(query));
            return Vector512.FusedMultiplyAdd(difference, difference, sum);
        }

        public static Vector512<float> AddNorm(Vector512<float> units, float* query, int padded, Vector512<float> norm) => norm;
    }

    private readonly struct DotProduct : IMeasure
    {
        public static bool HasNorm => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Add(Vector512<float> units, float* query, int padded, Vector512<float> sum) =>
            Vector512.FusedMultiplyAdd(Vector512.Load(query), units, sum);

        public static Vector512<float> AddNorm(Vector512<float> units, float* query, int padded, Vector512<float> norm) => norm;
    }

    private readonly struct DotAndNorm : IMeasure
    {
        public static bool HasNorm => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Add(Vector512<float> units, float* query, int padded, Vector512<float> sum) =>
            Vector512.FusedMultiplyAdd(Vector512.Load(query), units, sum);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> AddNorm(Vector512<float> units, float* query, int padded, Vector512<float> norm)
        {
            Vector512<float> residual = Vector512.Load(query + padded) * units;
            return Vector512.FusedMultiplyAdd(residual, Vector512.Load(query + (2 * padded)) + residual, norm);
        }
    }
}
