using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>Scans int8 residual codes against a float query: the hot path of searching an index of codec <c>int8</c>.</summary>
/// <remarks>
/// <para>
/// Layout. A row of codes is <c>w</c> signed bytes. <c>target</c> and <c>scale</c> hold one float an axis, padded with zeros to a multiple
/// of 16, so that bytes read after a row count for nothing. Rows are given by number and lie anywhere, so they are prefetched some rows
/// ahead.
/// </para>
/// <para>
/// Instruction sets. 16 codes are widened to int32 and converted to float (exact). Fused multiply-adds go to two accumulators of 16 lanes.
/// Without AVX-512 the same lanes are two halves of 256 bits. All give the bits of the reference.
/// </para>
/// <para>Speed. See docs/architecture.md, "Hot paths"; guarded by bench/Vlc.Bench, ScanBenchmarks.</para>
/// </remarks>
public static unsafe class Int8Scan
{
    /// <summary>How many rows ahead a row is prefetched: the rows of an inverted list lie anywhere in the file.</summary>
    private const int PrefetchDistance = 6;

    /// <summary>Length to which <c>target</c> and <c>scale</c> must be padded for rows of <paramref name="width"/> codes.</summary>
    /// <param name="width">Codes of a row.</param>
    public static int PaddedLength(int width) => (width + 15) & ~15;

    /// <summary>distances[i] = offset + Σ (target[k] - scale[k]·code[row i][k])².</summary>
    /// <param name="codes">Rows of w codes.</param>
    /// <param name="rows">Row numbers.</param>
    /// <param name="target">Query minus anchor on the coded axes; padded.</param>
    /// <param name="scale">Value of code 1 on each axis; padded with zeros.</param>
    /// <param name="offset">Squared distance on the axes without a code.</param>
    /// <param name="distances">One float a row.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short.</exception>
    public static void SquaredDistances(
        CodeRows codes, ReadOnlySpan<int> rows, ReadOnlySpan<float> target, ReadOnlySpan<float> scale, float offset,
        Span<float> distances) =>
        Scan<SquaredDistance>(codes, rows, target, scale, offset, distances);

    /// <summary>products[i] = offset + Σ weight[k]·code[row i][k].</summary>
    /// <param name="codes">Rows of w codes.</param>
    /// <param name="rows">Row numbers.</param>
    /// <param name="weight">Query times scale on the coded axes; padded with zeros.</param>
    /// <param name="offset">Product of query and anchor.</param>
    /// <param name="products">One float a row.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short.</exception>
    public static void DotProducts(
        CodeRows codes, ReadOnlySpan<int> rows, ReadOnlySpan<float> weight, float offset, Span<float> products) =>
        Scan<DotProduct>(codes, rows, weight, weight, offset, products);

    /// <summary>The scalar reference of <see cref="SquaredDistances"/> for one row, with the same bits.</summary>
    /// <param name="code">Codes of the row.</param>
    /// <param name="target">Query minus anchor on the coded axes.</param>
    /// <param name="scale">Value of code 1 on each axis.</param>
    /// <param name="offset">Squared distance on the axes without a code.</param>
    public static float SquaredDistanceReference(
        ReadOnlySpan<sbyte> code, ReadOnlySpan<float> target, ReadOnlySpan<float> scale, float offset)
    {
        float[] lanes = new float[32];
        for (int k = 0; k < code.Length; k++)
        {
            float difference = MathF.FusedMultiplyAdd(-scale[k], code[k], target[k]);
            lanes[k % 32] = MathF.FusedMultiplyAdd(difference, difference, lanes[k % 32]);
        }

        return offset + SumTreeReference(lanes);
    }

    /// <summary>The scalar reference of <see cref="DotProducts"/> for one row, with the same bits.</summary>
    /// <param name="code">Codes of the row.</param>
    /// <param name="weight">Query times scale on the coded axes.</param>
    /// <param name="offset">Product of query and anchor.</param>
    public static float DotProductReference(ReadOnlySpan<sbyte> code, ReadOnlySpan<float> weight, float offset)
    {
        float[] lanes = new float[32];
        for (int k = 0; k < code.Length; k++) lanes[k % 32] = MathF.FusedMultiplyAdd(weight[k], code[k], lanes[k % 32]);
        return offset + SumTreeReference(lanes);
    }

    private static float SumTreeReference(float[] lanes)
    {
        for (int width = 16; width >= 1; width /= 2)
        {
            for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
        }

        return lanes[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scan<TMeasure>(
        CodeRows codes, ReadOnlySpan<int> rows, ReadOnlySpan<float> target, ReadOnlySpan<float> scale, float offset, Span<float> results)
        where TMeasure : struct, IMeasure
    {
        ArgumentNullException.ThrowIfNull(codes);
        int width = codes.RowBytes, padded = PaddedLength(width), readable = codes.RowsReadable(padded);
        ArgumentOutOfRangeException.ThrowIfLessThan(target.Length, padded);
        ArgumentOutOfRangeException.ThrowIfLessThan(scale.Length, padded);
        ArgumentOutOfRangeException.ThrowIfLessThan(results.Length, rows.Length);
        sbyte* basePointer = (sbyte*)codes.Pointer;
        sbyte* lastRow = stackalloc sbyte[padded];
        fixed (float* targets = target, scales = scale)
        {
            for (int i = 0; i < rows.Length; i++)
            {
                int row = rows[i];
                ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)codes.RowCount);
                sbyte* code = basePointer + ((long)row * width);
                if (row >= readable)
                {
                    // Reading whole vectors would leave the mapping, so the row is copied.
                    new ReadOnlySpan<sbyte>(code, width).CopyTo(new Span<sbyte>(lastRow, padded));
                    code = lastRow;
                }

                if (Sse.IsSupported && i + PrefetchDistance < rows.Length)
                {
                    sbyte* next = basePointer + ((long)rows[i + PrefetchDistance] * width);
                    for (int line = 0; line < width; line += 64) Sse.Prefetch0(next + line);
                }

                Vector512<float> s0 = default, s1 = default;
                int k = 0;
                for (; k + 32 <= padded; k += 32)
                {
                    s0 = TMeasure.Add(LoadCodes(code + k), targets + k, scales + k, s0);
                    s1 = TMeasure.Add(LoadCodes(code + k + 16), targets + k + 16, scales + k + 16, s1);
                }

                if (k < padded) s0 = TMeasure.Add(LoadCodes(code + k), targets + k, scales + k, s0);
                results[i] = offset + Distances.SumTree(s0 + s1);
            }
        }
    }

    /// <summary>16 codes as floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> LoadCodes(sbyte* codes)
    {
        Vector128<sbyte> bytes = Vector128.Load(codes);
        if (Avx512F.IsSupported) return Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(bytes));
        (Vector128<short> low, Vector128<short> high) = Vector128.Widen(bytes);
        (Vector128<int> i0, Vector128<int> i1) = Vector128.Widen(low);
        (Vector128<int> i2, Vector128<int> i3) = Vector128.Widen(high);
        return Vector512.ConvertToSingle(Vector512.Create(Vector256.Create(i0, i1), Vector256.Create(i2, i3)));
    }

    private interface IMeasure
    {
        static abstract Vector512<float> Add(Vector512<float> codes, float* target, float* scale, Vector512<float> sum);
    }

    private readonly struct SquaredDistance : IMeasure
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Add(Vector512<float> codes, float* target, float* scale, Vector512<float> sum)
        {
            Vector512<float> difference = Vector512.FusedMultiplyAdd(-Vector512.Load(scale), codes, Vector512.Load(target));
            return Vector512.FusedMultiplyAdd(difference, difference, sum);
        }
    }

    private readonly struct DotProduct : IMeasure
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Add(Vector512<float> codes, float* target, float* scale, Vector512<float> sum) =>
            Vector512.FusedMultiplyAdd(Vector512.Load(target), codes, sum);
    }
}
