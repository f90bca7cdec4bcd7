using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// Prunes the rows of an inverted list that cannot be among the nearest, by lower bounds in bytes and 16-bit integers.
/// <see cref="TrellisScan"/> then measures only the remaining candidates. It is the hot path of searching an index of codec <c>packed</c>.
/// </summary>
/// <remarks>
/// <para>
/// Why no near row is lost. The table of b bits, T, is rounded to 8 bits: |T - δ·T8| ≤ δ/2. Let y be the residual decoded from T8 and
/// rounded to int16 in one unit for the whole list, ε its error, and E ≥ ‖ε‖ over the axes. The triangle inequality gives ‖target - r‖ ≥
/// ‖target - y‖ - E. Cauchy and Schwarz give |⟨weight, r⟩ - ⟨weight, y⟩| ≤ ‖weight‖·E. The angle between anchor + r and anchor + y is at
/// most asin(E/‖anchor + y‖). A row is pruned when its lower bound lies beyond the bound of the query; <see cref="Slack"/> allows for the
/// roundings of the measuring kernel. So the results are those of measuring every row, bit by bit, with the filter and without it.
/// </para>
/// <para>
/// The prefix of axes. Axes are in descending order of bits, so the first <see cref="PrefixAxes"/> hold most of a residual. The others add
/// at least 0 to a squared distance. So a filter by the prefix alone, with the bound for all axes, prunes no near row, and leaves few far
/// rows to a filter by all axes. For cosines see <see cref="PrefixCosine"/>. Inner products have no such bound on the other axes.
/// </para>
/// <para>
/// Layout. Bits descend, so 8 axes and the bits that their first window needs before them fit 8 bytes. A step takes 64 axes. VPERMB brings
/// the bytes of each 8 axes into a qword, most significant first. VPMULTISHIFTQB extracts the 64 windows. Each table among the 64 axes is
/// looked up in four registers (2 VPERMI2B and a blend). Then even and odd axes are processed in turn in 16-bit lanes: VPMULHRSW scales
/// them, and VPMADDWD squares their differences to the query and adds them in pairs. Four rows go through a step together, so that its 11
/// registers of constants are loaded once for them. Several queries share the residuals of four rows, which stay in cache as 16-bit
/// integers, so that a further query costs a quarter of the first or less.
/// </para>
/// <para>
/// Instruction sets. AVX-512 with VBMI; AVX2 (TrellisFilter.Vector256.cs, another layout); Arm64 and SSE4.1 (TrellisFilter.Vector128.cs,
/// the layout of AVX2). Without any of them <see cref="IsSupported"/> is false, and every row must be measured. Sums are integers, exactly
/// those of <see cref="SumsReference"/>.
/// </para>
/// <para>Speed. See docs/architecture.md, "Hot paths", and docs/performance.md; guarded by bench/Vlc.Bench, TrellisBenchmarks.</para>
/// </remarks>
public sealed unsafe partial class TrellisFilter : IDisposable
{
    /// <summary>Axes of a step.</summary>
    private const int StepAxes = 64;

    /// <summary>Bytes that a step loads.</summary>
    private const int StepBytes = 64;

    /// <summary>Rows that go through a step together.</summary>
    private const int RowBlock = 4;

    /// <summary>Largest norm of an integer vector: components and their differences then fit 16 bits, and sums of squares 31.</summary>
    private const float LargestNorm = 32_000;

    /// <summary>The index of t among the arrays of 16-bit constants.</summary>
    private const int Amplitude = 0;

    /// <summary>The index of the anchor among the arrays of 16-bit constants.</summary>
    private const int Centre = 1;

    private const string BitsDescend = "Bits of a filtered list are 1 to 8 and descend.";

    /// <summary>Relative error of a measured distance, by which bounds are widened. N/16 + 5 roundings of 2^-24 are far less.</summary>
    private const float Slack = 1e-5f;

    private AlignedBuffer<Step> _steps = new(0);
    private AlignedBuffer<Group> _groups = new(0);
    private AlignedBuffer<short> _constants = new(0);
    private AlignedBuffer<float> _products = new(0);
    private AlignedBuffer<int> _sums = new(0);
    private AlignedBuffer<byte> _rows = new(0);
    private AlignedBuffer<short> _residuals = new(0);
    private AlignedBuffer<byte> _windows = new(0);

    /// <summary>Number of steps or groups in which the axes are laid out.</summary>
    private int _blocks;

    /// <summary>Length of an array of 16-bit constants: the axes with their padding.</summary>
    private int _paddedAxes;

    /// <summary>Axes of the prefix: those of one step.</summary>
    public const int PrefixAxes = StepAxes;

    /// <summary>Whether this machine runs the filter.</summary>
    public static bool IsSupported => InstructionSets.Level >= InstructionSetLevel.Vector128;

    /// <summary>Whether the filter runs in steps of 64 axes; otherwise it runs in groups of 16.</summary>
    internal static bool IsWide => InstructionSets.Level == InstructionSetLevel.Vector512 && Avx512Vbmi.IsSupported;

    /// <summary>Whether a vector holds a group of two rows; otherwise it holds one of one row.</summary>
    internal static bool IsPaired => Avx2.IsSupported;

    /// <summary>
    /// Finds for each query the rows whose <see cref="TrellisScan.SquaredDistances"/> may be at most its bound: all of those, and a few
    /// more.
    /// </summary>
    /// <param name="codes">Strings of equal length, one a row.</param>
    /// <param name="rows">Row numbers; empty for all rows in order.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8, descending.</param>
    /// <param name="scale">Value of a table's 1 on each axis; not negative.</param>
    /// <param name="queries">
    /// At least one. Factors: query minus anchor on the coded axes. Offset: squared distance on the axes without a code.
    /// </param>
    /// <param name="candidates">
    /// Receives ascending positions in <paramref name="rows"/>. The positions of query q start at q times the number of rows.
    /// </param>
    /// <param name="counts">Receives the number of candidates of each query.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A span is too short, no such row, bits that ascend or are not 1 to 8, or their string does not fit a row.
    /// </exception>
    /// <exception cref="PlatformNotSupportedException"><see cref="IsSupported"/> is false.</exception>
    public void NearByDistance(
        CodeRows codes, ReadOnlySpan<int> rows, TrellisTables tables, ReadOnlySpan<byte> bits, ReadOnlySpan<float> scale,
        in FilterQueries queries, Span<int> candidates, Span<int> counts)
    {
        int count = Check(codes, rows, tables, bits, queries, candidates, counts);
        Amplitudes amplitudes = LayOut(codes, tables, bits, scale, queries.Count);
        float largest = 0;
        for (int q = 0; q < queries.Count; q++) largest = MathF.Max(largest, Norm(queries.Of(q)));
        float unit = Unit((amplitudes.LargestNorm + largest) / LargestNorm);
        Quantise(amplitudes, unit);
        for (int q = 0; q < queries.Count; q++) Quantise(queries.Of(q), 1 / unit, Query(q));
        Sum<SquaredDistance>(codes, rows, count, tables, queries.Count);
        for (int q = 0; q < queries.Count; q++)
        {
            float bound = queries.Bounds[q], offset = queries.Offsets[q];
            double radius = Math.Sqrt(Math.Max(bound + (Slack * (Math.Abs(bound) + offset)) - offset, 0)) + amplitudes.Error(unit);
            counts[q] = Keep(q, count, (float)Math.Min(radius / unit * (radius / unit), int.MaxValue), candidates);
        }
    }

    /// <summary>
    /// Finds for each query the rows whose <see cref="TrellisScan.DotProducts"/> with <c>weight[k] = factor[k]·scale[k]</c> may be at most
    /// its bound.
    /// </summary>
    /// <param name="codes">Strings of equal length, one a row.</param>
    /// <param name="rows">Row numbers; empty for all rows in order.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8, descending.</param>
    /// <param name="scale">Value of a table's 1 on each axis; not negative.</param>
    /// <param name="queries">
    /// At least one. Factors: the weights of a residual on the coded axes. Offset: the constant added to the product.
    /// </param>
    /// <param name="candidates">
    /// Receives ascending positions in <paramref name="rows"/>. The positions of query q start at q times the number of rows.
    /// </param>
    /// <param name="counts">Receives the number of candidates of each query.</param>
    /// <inheritdoc cref="NearByDistance" path="/exception"/>
    public void NearByProduct(
        CodeRows codes, ReadOnlySpan<int> rows, TrellisTables tables, ReadOnlySpan<byte> bits, ReadOnlySpan<float> scale,
        in FilterQueries queries, Span<int> candidates, Span<int> counts)
    {
        int count = Check(codes, rows, tables, bits, queries, candidates, counts);
        Amplitudes amplitudes = LayOut(codes, tables, bits, scale, queries.Count);
        float unit = Unit(amplitudes.LargestNorm / LargestNorm);
        Quantise(amplitudes, unit);
        for (int q = 0; q < queries.Count; q++) Quantise(queries.Of(q), 1 / FactorUnit(queries.Of(q)), Query(q));
        Sum<Product>(codes, rows, count, tables, queries.Count);
        for (int q = 0; q < queries.Count; q++)
        {
            float bound = queries.Bounds[q], offset = queries.Offsets[q], norm = Norm(queries.Of(q));
            float factorUnit = FactorUnit(queries.Of(q));
            double error = (norm * amplitudes.Error(unit)) + amplitudes.FactorError(factorUnit);
            double slack = Slack * (Math.Abs(bound) + Math.Abs(offset) + (norm * amplitudes.LargestNorm));
            double limit = (bound - (double)offset + error + slack) / ((double)unit * factorUnit);
            counts[q] = Keep(q, count, (float)Math.Clamp(limit, int.MinValue, int.MaxValue), candidates);
        }
    }

    /// <summary>
    /// Finds for each query the rows whose cosine with it may be at least its bound. The cosine is that of the sums of
    /// <see cref="TrellisScan.DotsAndNorms"/> with <c>weight[k] = factor[k]·scale[k]</c>: (offset + dots[i]) / (length·√(squared +
    /// norms[i])).
    /// </summary>
    /// <param name="codes">Strings of equal length, one a row.</param>
    /// <param name="rows">Row numbers; empty for all rows in order.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8, descending.</param>
    /// <param name="scale">Value of a table's 1 on each axis; not negative.</param>
    /// <param name="centre">The anchor on the coded axes.</param>
    /// <param name="squared">The anchor's squared norm.</param>
    /// <param name="queries">At least one. Factors: the query on the coded axes. Offset: product of query and anchor.</param>
    /// <param name="lengths">The length of each query.</param>
    /// <param name="candidates">
    /// Receives ascending positions in <paramref name="rows"/>. The positions of query q start at q times the number of rows.
    /// </param>
    /// <param name="counts">Receives the number of candidates of each query.</param>
    /// <inheritdoc cref="NearByDistance" path="/exception"/>
    public void NearByCosine(
        CodeRows codes, ReadOnlySpan<int> rows, TrellisTables tables, ReadOnlySpan<byte> bits, ReadOnlySpan<float> scale,
        ReadOnlySpan<float> centre, float squared, in FilterQueries queries, ReadOnlySpan<float> lengths, Span<int> candidates,
        Span<int> counts)
    {
        int count = Check(codes, rows, tables, bits, queries, candidates, counts);
        ArgumentOutOfRangeException.ThrowIfLessThan(centre.Length, bits.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(lengths.Length, queries.Count);
        Amplitudes amplitudes = LayOut(codes, tables, bits, scale, queries.Count);
        float centreNorm = Norm(centre[..bits.Length]), unit = Unit((amplitudes.LargestNorm + centreNorm) / LargestNorm);
        Quantise(amplitudes, unit);

        // The kernel sums ‖-centre - r‖² for ‖centre + r‖², so that differences serve both measures.
        Quantise(centre[..bits.Length], -1 / unit, Centre);
        for (int q = 0; q < queries.Count; q++) Quantise(queries.Of(q), 1 / FactorUnit(queries.Of(q)), Query(q));
        Sum<ProductAndNorm>(codes, rows, count, tables, queries.Count);
        float error = (float)amplitudes.Error(unit), outside = squared - (centreNorm * centreNorm);
        for (int q = 0; q < queries.Count; q++)
        {
            float norm = Norm(queries.Of(q)), factorUnit = FactorUnit(queries.Of(q)), offset = queries.Offsets[q];
            float dotError = amplitudes.FactorError(factorUnit) + (Slack * (MathF.Abs(offset) + (norm * amplitudes.LargestNorm)));
            counts[q] = KeepCosines(
                q, count, unit * factorUnit, unit * unit, offset, outside, error, dotError, 1 / lengths[q], queries.Bounds[q], candidates);
        }
    }

    /// <summary>
    /// The least cosine on a prefix of axes, ⟨q, x⟩_H / (‖q‖ · ‖x‖_H), of a vector whose cosine on all axes is at least
    /// <paramref name="bound"/>.
    /// </summary>
    /// <remarks>
    /// Let H be the prefix and T the other axes. Then ⟨q, x⟩ ≤ ⟨q, x⟩_H + ‖q‖_T·‖x‖_T and ‖x‖² = ‖x‖²_H + ‖x‖²_T. By Cauchy and Schwarz,
    /// cos² ≤ (⟨q, x⟩_H / (‖q‖ · ‖x‖_H))² + ‖q‖²_T / ‖q‖² for any content of the other axes.
    /// </remarks>
    /// <param name="bound">The least cosine of interest.</param>
    /// <param name="squared">‖q‖².</param>
    /// <param name="prefixSquared">‖q‖²_H.</param>
    /// <returns>Minus infinity where the other axes alone can make a vector near, or where the bound is not above 0.</returns>
    public static float PrefixCosine(float bound, float squared, float prefixSquared)
    {
        float left = (bound * bound) - MathF.Max(1 - (prefixSquared / squared), 0) - Slack;
        return bound > 0 && left > 0 ? MathF.Sqrt(left) : float.NegativeInfinity;
    }

    /// <summary>
    /// The scalar reference of the kernel's sums for a row: Σ (g - y)² and Σ g·y over the axes, y = round(T8·t/128), where T8 is the table
    /// in 8 bits.
    /// </summary>
    /// <param name="code">The row's string.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8.</param>
    /// <param name="amplitude">t of each axis.</param>
    /// <param name="query">g of each axis.</param>
    public static (int Squares, int Products) SumsReference(
        ReadOnlySpan<byte> code, TrellisTables tables, ReadOnlySpan<byte> bits, ReadOnlySpan<short> amplitude, ReadOnlySpan<short> query)
    {
        ArgumentNullException.ThrowIfNull(tables);
        int end = 0, squares = 0, products = 0;
        for (int k = 0; k < bits.Length; k++)
        {
            end += bits[k];
            int value = tables.Bytes[((bits[k] - 1) * TrellisTables.StateCount) + TrellisScan.Window(code, end)];
            int y = ((value * amplitude[k]) + 64) >> 7, difference = query[k] - y;
            squares += difference * difference;
            products += query[k] * y;
        }

        return (squares, products);
    }

    /// <summary>
    /// The kernel's sums for every row with the given integers, for tests: those of one query, or of several that share residuals.
    /// </summary>
    internal (int[] Squares, int[] Products)[] Sums(
        CodeRows codes, TrellisTables tables, ReadOnlySpan<byte> bits, ReadOnlySpan<short> amplitude, params ReadOnlySpan<short[]> queries)
    {
        float[] scale = new float[bits.Length];
        for (int k = 0; k < bits.Length; k++) scale[k] = amplitude[k] / (128 * tables.ByteStep(bits[k]));
        Amplitudes amplitudes = LayOut(codes, tables, bits, scale, queries.Length);
        Quantise(amplitudes, 1);
        for (int q = 0; q < queries.Length; q++) Quantise(Array.ConvertAll(queries[q], value => (float)value), 1, Query(q));
        var sums = new (int[] Squares, int[] Products)[queries.Length];
        Sum<SquaredDistance>(codes, [], codes.RowCount, tables, queries.Length);
        for (int q = 0; q < sums.Length; q++) sums[q].Squares = new Span<int>(QuerySums(q, codes.RowCount), codes.RowCount).ToArray();
        Sum<Product>(codes, [], codes.RowCount, tables, queries.Length);
        for (int q = 0; q < sums.Length; q++) sums[q].Products = new Span<int>(QuerySums(q, codes.RowCount), codes.RowCount).ToArray();
        return sums;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _steps.Dispose();
        _groups.Dispose();
        _constants.Dispose();
        _products.Dispose();
        _sums.Dispose();
        _rows.Dispose();
        _residuals.Dispose();
        _windows.Dispose();
    }

    private static float Norm(ReadOnlySpan<float> vector) => MathF.Sqrt(Distances.Dot(vector, vector));

    /// <summary>A unit that is safe to divide by.</summary>
    private static float Unit(float unit) => MathF.Max(unit, 1e-30f);

    private static int Padded(int count) => (count + 15) & ~15;

    /// <summary>The unit in which a query's factors are rounded.</summary>
    private static float FactorUnit(ReadOnlySpan<float> factors) => Unit(Norm(factors) / LargestNorm);

    private static int Check(
        CodeRows codes, ReadOnlySpan<int> rows, TrellisTables tables, ReadOnlySpan<byte> bits, in FilterQueries queries,
        Span<int> candidates, Span<int> counts)
    {
        if (!IsSupported)
        {
            throw new PlatformNotSupportedException(
                "The trellis filter needs vectors of 128 bits: Arm64, or x64 with SSE4.1; measure every row instead.");
        }

        ArgumentNullException.ThrowIfNull(codes);
        ArgumentNullException.ThrowIfNull(tables);
        int count = rows.IsEmpty ? codes.RowCount : rows.Length;
        ArgumentOutOfRangeException.ThrowIfLessThan(queries.Count, 1, nameof(queries));
        ArgumentOutOfRangeException.ThrowIfNotEqual(queries.Axes, bits.Length, nameof(queries));
        ArgumentOutOfRangeException.ThrowIfLessThan(candidates.Length, (long)count * queries.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(counts.Length, queries.Count);
        foreach (int row in rows) ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)codes.RowCount, nameof(rows));
        return count;
    }

    /// <summary>Grows a buffer to at least <paramref name="length"/> elements.</summary>
    private static T* EnsureLength<T>(ref AlignedBuffer<T> buffer, long length)
        where T : unmanaged
    {
        if (buffer.Length < length)
        {
            buffer.Dispose();
            buffer = new AlignedBuffer<T>(length);
        }

        return buffer.Pointer;
    }

    /// <summary>Appends those of 16 rows whose bit is set.</summary>
    private static int Append(ulong near, int first, int count, Span<int> candidates, int candidateCount)
    {
        if (count - first < 16) near &= (1UL << (count - first)) - 1;
        for (; near != 0; near &= near - 1) candidates[candidateCount++] = first + System.Numerics.BitOperations.TrailingZeroCount(near);
        return candidateCount;
    }

    /// <summary>Lays out how a row of these bits is read, and computes δ·scale of each axis.</summary>
    private Amplitudes LayOut(CodeRows codes, TrellisTables tables, ReadOnlySpan<byte> bits, ReadOnlySpan<float> scale, int queryCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(scale.Length, bits.Length);
        Amplitudes amplitudes = IsWide ? LayOutSteps(codes, tables, bits, scale) : LayOutGroups(codes, tables, bits, scale);
        _ = EnsureLength(ref _constants, (long)_paddedAxes * Query(queryCount));
        return amplitudes;
    }

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

    /// <summary>t = round(128·δ·scale / unit) of each axis.</summary>
    private void Quantise(Amplitudes amplitudes, float unit) =>
        Quantise(new ReadOnlySpan<float>(_products.Pointer, amplitudes.Axes), 128 / unit, Amplitude);

    /// <summary>round(vector·factor) as 16-bit integers, even and odd axes of a step or group apart.</summary>
    private void Quantise(ReadOnlySpan<float> vector, float factor, int stream)
    {
        if (IsWide) QuantiseSteps(vector, factor, Stream(stream));
        else if (IsPaired) QuantiseGroups(vector, factor, Stream(stream));
        else QuantiseGroups128(vector, factor, Stream(stream));
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

    /// <summary>An array of 16-bit constants of all axes: <see cref="Amplitude"/>, <see cref="Centre"/> or the one of a query.</summary>
    private short* Stream(int stream) => _constants.Pointer + ((long)stream * _paddedAxes);

    /// <summary>The index of a query's array of constants.</summary>
    private static int Query(int number) => 2 + number;

    /// <summary>The sums of a query. The norms of the rows come before those of the first query.</summary>
    private int* QuerySums(int query, int count) => _sums.Pointer + ((query + 1L) * Padded(count));

    /// <summary>The rows whose sum is at most <paramref name="bound"/>.</summary>
    private int Keep(int query, int count, float bound, Span<int> candidates)
    {
        // Sums are rounded to float.
        Vector512<float> limit = Vector512.Create(bound + (MathF.Abs(bound) * 1e-6f) + 1);
        int* sums = QuerySums(query, count);
        candidates = candidates.Slice(query * count, count);
        int candidateCount = 0;
        for (int i = 0; i < count; i += 16)
        {
            ulong near = Vector512.LessThanOrEqual(Vector512.ConvertToSingle(Vector512.Load(sums + i)), limit).ExtractMostSignificantBits();
            if (near != 0) candidateCount = Append(near, i, count, candidates, candidateCount);
        }

        return candidateCount;
    }

    /// <summary>The rows whose cosine may be at least <paramref name="bound"/>.</summary>
    private int KeepCosines(
        int query, int count, float dotUnit, float normUnit, float offset, float outside, float error, float dotError, float inverse,
        float bound, Span<int> candidates)
    {
        int* dots = QuerySums(query, count), norms = _sums.Pointer;
        candidates = candidates.Slice(query * count, count);
        int candidateCount = 0;
        for (int i = 0; i < count; i += 16)
        {
            Vector512<float> y = Vector512.Sqrt(Vector512.Max(
                Vector512.FusedMultiplyAdd(
                    Vector512.ConvertToSingle(Vector512.Load(norms + i)), Vector512.Create(normUnit), Vector512.Create(outside)),
                Vector512.Create(error * error)));
            Vector512<float> perNorm = Vector512.Create(inverse) / y;
            Vector512<float> product = Vector512.FusedMultiplyAdd(
                Vector512.ConvertToSingle(Vector512.Load(dots + i)), Vector512.Create(dotUnit), Vector512.Create(offset));

            // cos(q, x) - cos(q, y) ≤ sin·φ + |cos|·φ² with φ = E / ‖y‖ and sin and cos those of q and y. The roundings of the product come
            // on top.
            Vector512<float> cosine = product * perNorm, angle = Vector512.Create(error) / y;
            Vector512<float> sine = Vector512.Sqrt(Vector512.Max(Vector512<float>.One - (cosine * cosine), default));
            Vector512<float> margin = (sine * angle) + (Vector512.Abs(cosine) * angle * angle) + (Vector512.Create(dotError) * perNorm)
                + Vector512.Create(Slack);
            // Where the error is as long as y, x may point in any direction.
            Vector512<float> mayBeNear = Vector512.GreaterThanOrEqual(cosine + margin, Vector512.Create(bound))
                | Vector512.GreaterThanOrEqual(angle, Vector512<float>.One);
            ulong near = mayBeNear.ExtractMostSignificantBits();
            if (near != 0) candidateCount = Append(near, i, count, candidates, candidateCount);
        }

        return candidateCount;
    }

    /// <summary>The sums of every row, to <see cref="_sums"/>.</summary>
    private void Sum<TMeasure>(CodeRows codes, ReadOnlySpan<int> rows, int count, TrellisTables tables, int queryCount)
        where TMeasure : struct, IMeasure
    {
        _ = EnsureLength(ref _sums, (queryCount + 1L) * Padded(count));
        if (queryCount > 1) _ = EnsureLength(ref _residuals, (long)_paddedAxes * RowBlock);
        if (IsWide) SumSteps<TMeasure>(codes, rows, count, tables, queryCount);
        else if (IsPaired) SumGroups<TMeasure>(codes, rows, count, tables, queryCount);
        else SumGroups128<TMeasure>(codes, rows, count, tables, queryCount);
    }

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

    /// <summary>The addresses of the rows that go through a step together.</summary>
    private readonly ref struct RowBlocks
    {
        private readonly ReadOnlySpan<int> _rows;
        private readonly byte* _base, _copies;
        private readonly int _count, _width, _readable, _slot;

        /// <param name="filter">Owns the memory for copies.</param>
        /// <param name="codes">The strings.</param>
        /// <param name="rows">Row numbers; empty for all.</param>
        /// <param name="count">Number of rows.</param>
        /// <param name="readBytes">Bytes that are read from the start of a row, whether or not they belong to it.</param>
        public RowBlocks(TrellisFilter filter, CodeRows codes, ReadOnlySpan<int> rows, int count, int readBytes)
        {
            _rows = rows;
            _base = codes.Pointer;
            (_count, _width, _readable) = (count, codes.RowBytes, codes.RowsReadable(readBytes));
            _slot = Math.Max(_width, readBytes);
            _copies = EnsureLength(ref filter._rows, (long)RowBlock * _slot);
        }

        /// <summary>Finds the addresses of the rows from position <paramref name="first"/> on.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Find(int first, byte** block)
        {
            for (int j = 0; j < RowBlock; j++)
            {
                // After the last row the block is filled with it.
                int position = Math.Min(first + j, _count - 1), number = _rows.IsEmpty ? position : _rows[position];
                block[j] = _base + ((long)number * _width);
                if (number < _readable) continue;

                // Reading whole vectors would leave the mapping, so the row is copied.
                new ReadOnlySpan<byte>(block[j], _width).CopyTo(new Span<byte>(_copies + (j * _slot), _width));
                block[j] = _copies + (j * _slot);
            }
        }
    }

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

    /// <summary>The rounding error of a list's residuals.</summary>
    /// <param name="SumOfSquares">Σ (δ·scale)².</param>
    /// <param name="Sum">Σ δ·scale.</param>
    /// <param name="Axes">N.</param>
    private readonly record struct Amplitudes(float SumOfSquares, float Sum, int Axes)
    {
        /// <summary>Norm of the largest residual that codes can express.</summary>
        public float LargestNorm => TrellisTables.LargestByte * MathF.Sqrt(SumOfSquares);

        /// <summary>E: an axis errs by δ·scale/2 for the table in 8 bits, and by half a unit each for t, for y and for the query.</summary>
        public double Error(float unit) =>
            Math.Sqrt((0.25 * SumOfSquares) + (1.5 * unit * Sum) + (2.25 * unit * unit * Axes)) * (1 + Slack);

        /// <summary>The error that rounding a query's factors adds to a product: half a unit an axis, times the residual.</summary>
        public float FactorError(float factorUnit) => 0.5f * factorUnit * MathF.Sqrt(Axes) * LargestNorm;
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

    /// <summary>What is summed over the axes.</summary>
    private partial interface IMeasure
    {
        /// <summary>Whether ‖centre + y‖² is summed as well.</summary>
        static abstract bool HasNorm { get; }

        /// <summary>The sum of 64 axes in 16 lanes: y and g, even and odd axes apart.</summary>
        static abstract Vector512<int> Of(
            Vector512<short> even, Vector512<short> odd, Vector512<short> queryEven, Vector512<short> queryOdd);

        /// <summary>The sum of 16 axes of two rows, 4 lanes each.</summary>
        static abstract Vector256<int> Of(
            Vector256<short> even, Vector256<short> odd, Vector256<short> queryEven, Vector256<short> queryOdd);
    }

    private readonly partial struct SquaredDistance : IMeasure
    {
        public static bool HasNorm => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<int> Of(Vector512<short> even, Vector512<short> odd, Vector512<short> queryEven, Vector512<short> queryOdd)
        {
            Vector512<short> evenDifference = queryEven - even, oddDifference = queryOdd - odd;
            return Dot(evenDifference, oddDifference, evenDifference, oddDifference);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<int> Of(Vector256<short> even, Vector256<short> odd, Vector256<short> queryEven, Vector256<short> queryOdd)
        {
            Vector256<short> evenDifference = queryEven - even, oddDifference = queryOdd - odd;
            return Dot(evenDifference, oddDifference, evenDifference, oddDifference);
        }
    }

    private readonly partial struct Product : IMeasure
    {
        public static bool HasNorm => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<int> Of(
            Vector512<short> even, Vector512<short> odd, Vector512<short> queryEven, Vector512<short> queryOdd) =>
            Dot(even, odd, queryEven, queryOdd);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<int> Of(
            Vector256<short> even, Vector256<short> odd, Vector256<short> queryEven, Vector256<short> queryOdd) =>
            Dot(even, odd, queryEven, queryOdd);
    }

    private readonly partial struct ProductAndNorm : IMeasure
    {
        public static bool HasNorm => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<int> Of(
            Vector512<short> even, Vector512<short> odd, Vector512<short> queryEven, Vector512<short> queryOdd) =>
            Dot(even, odd, queryEven, queryOdd);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<int> Of(
            Vector256<short> even, Vector256<short> odd, Vector256<short> queryEven, Vector256<short> queryOdd) =>
            Dot(even, odd, queryEven, queryOdd);
    }
}
