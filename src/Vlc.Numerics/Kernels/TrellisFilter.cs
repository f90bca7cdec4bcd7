using System.Runtime.CompilerServices;
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
/// Instruction sets. AVX-512 with VBMI (TrellisFilter.Vector512.cs); AVX2 (TrellisFilter.Vector256.cs, another layout); Arm64 and SSE4.1
/// (TrellisFilter.Vector128.cs, the layout of AVX2). Without any of them <see cref="IsSupported"/> is false, and every row must be
/// measured. Sums are integers, exactly those of <see cref="SumsReference"/>.
/// </para>
/// <para>Speed. See docs/architecture.md, "Hot paths", and docs/performance.md; guarded by bench/Vlc.Bench, TrellisBenchmarks.</para>
/// </remarks>
public sealed unsafe partial class TrellisFilter : IDisposable
{
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
