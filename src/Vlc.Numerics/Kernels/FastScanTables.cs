using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// What a query adds to the coarse distance of a row by each of its nibbles, rounded to bytes in one unit: made for each list that a search
/// scans.
/// </summary>
/// <remarks>
/// <para>
/// Two ways. <em>Expected</em>: the mean of what an axis adds, given its coarse bits; with <see cref="Sigma"/>, the standard deviation of
/// what that leaves out for residuals as the codebooks presume them, rows are dropped that lie some sigma beyond a bound, and a few near
/// ones with them. <em>Lower bound</em>: the least that an axis can add, rounded down; no near row is dropped.
/// </para>
/// <para>
/// Layout. Low nibbles and high nibbles have tables of 16 bytes each, in the order of the coarse bytes, 64-byte aligned, zeros behind the
/// last. A group of 8 axes is a vector; entries are whole numbers before they are added, so that a nibble's table is a sum of shuffles. The
/// unit is such that no byte's two tables add up to more than 127.
/// </para>
/// <para>Holds scratch memory: one a thread. Guarded by bench/Vlc.Bench, ParityBenchmarks.</para>
/// </remarks>
public sealed unsafe class FastScanTables : IDisposable
{
    /// <summary>Largest sum of a byte's entries before they are rounded: up to eight entries of half a unit each are added.</summary>
    private const float Largest = 122.5f;

    private const int GroupAxes = ParityTrellis.GroupAxes;

    private AlignedBuffer<byte> _tables = new(0);
    private AlignedBuffer<float> _entries = new(0);
    private AlignedBuffer<float> _least = new(0);
    private float _inverse;
    private bool _isBound;
    private int _highStart;

    /// <summary>Coarse bytes of a row.</summary>
    public int ByteCount { get; private set; }

    /// <summary>The distance of a row whose sum is 0.</summary>
    public float Base { get; private set; }

    /// <summary>Distance by a sum of 1.</summary>
    public float Unit { get; private set; }

    /// <summary>
    /// Expected: standard deviation of a row's distance about the coarse one, for residuals that are Gaussian and of the scales given. 0
    /// for a lower bound.
    /// </summary>
    public float Sigma { get; private set; }

    /// <summary>Tables of the low nibbles, 16 bytes each.</summary>
    internal byte* Low => _tables.Pointer;

    /// <summary>Tables of the high nibbles.</summary>
    internal byte* High => _tables.Pointer + _highStart;

    /// <summary>Tables for offset + Σ (target[k] - scale[k]·v[k])².</summary>
    /// <param name="tables">Codebooks.</param>
    /// <param name="layout">How the rows lie.</param>
    /// <param name="target">Query minus anchor on the coded axes, 8 a group.</param>
    /// <param name="scale">Value of a codebook's 1 on each axis; not negative.</param>
    /// <param name="offset">Squared distance on the axes without a code.</param>
    /// <param name="isBound">Whether the least or the expected distance is wanted.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short, or more coarse bytes than sums hold.</exception>
    public void Distances(
        ParityTables tables, ParityLayout layout, ReadOnlySpan<float> target, ReadOnlySpan<float> scale, float offset, bool isBound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(target.Length, layout?.Axes ?? 0);
        Make<Distance>(tables, layout!, target, scale, offset, isBound);
    }

    /// <summary>Tables for offset + Σ weight[k]·v[k].</summary>
    /// <param name="tables">Codebooks.</param>
    /// <param name="layout">How the rows lie.</param>
    /// <param name="weight">Query times scale on the coded axes, 8 a group; so signed that less is nearer.</param>
    /// <param name="offset">What the anchor adds.</param>
    /// <param name="isBound">Whether the least or the expected product is wanted.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short, or more coarse bytes than sums hold.</exception>
    public void Products(ParityTables tables, ParityLayout layout, ReadOnlySpan<float> weight, float offset, bool isBound) =>
        Make<Product>(tables, layout, weight, weight, offset, isBound);

    /// <summary>The largest sum of rows that may lie within a limit; below 0 where none does.</summary>
    /// <param name="limit">A distance, or a product: for expected ones the bound plus some <see cref="Sigma"/>.</param>
    public int Threshold(float limit)
    {
        if (float.IsNaN(limit)) return ushort.MaxValue;

        // What is rounded down still errs by the rounding of floats.
        float rounding = (MathF.Abs(limit) + MathF.Abs(Base)) * 1e-5f, slack = _isBound ? 1 + (rounding * _inverse) : 0;
        if (_inverse == 0) return limit >= Base - rounding ? ushort.MaxValue : -1;
        return (int)MathF.Floor(Math.Clamp(((limit - Base) * _inverse) + slack, -1, ushort.MaxValue));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tables.Dispose();
        _entries.Dispose();
        _least.Dispose();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Make<TMeasure>(
        ParityTables tables, ParityLayout layout, ReadOnlySpan<float> target, ReadOnlySpan<float> scale, float offset, bool isBound)
        where TMeasure : struct, IMeasure
    {
        ArgumentNullException.ThrowIfNull(tables);
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentOutOfRangeException.ThrowIfLessThan(scale.Length, layout.Axes);
        ArgumentOutOfRangeException.ThrowIfLessThan(target.Length, layout.Axes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(layout.CoarseBytes, FastScan.MaxBytes, nameof(layout));
        ByteCount = layout.CoarseBytes;
        _isBound = isBound;
        Reserve(layout);
        Vector256<float> sums = default, variances = default, largest = default;
        float* entries = _entries.Pointer, least = _least.Pointer;
        fixed (float* targets = target, scales = scale)
        {
            foreach (ParityLayout.Run run in layout.Runs)
            {
                var values = new Values(tables, run);
                int entryCount = 1 << run.Coarse;
                Vector256<float> m0 = values.Mean(0), m1 = m0, m2 = m0, m3 = m0, q0 = values.Square(0), q1 = q0, q2 = q0, q3 = q0;
                if (run.Coarse == 2)
                {
                    (m1, m2, m3) = (values.Mean(1), values.Mean(2), values.Mean(3));
                    (q1, q2, q3) = (values.Square(1), values.Square(2), values.Square(3));
                }

                for (int g = run.Group; g < run.Group + run.Count; g++)
                {
                    Vector256<float> t = Vector256.Load(targets + (g * GroupAxes)), s = Vector256.Load(scales + (g * GroupAxes));
                    Vector256<float> square = TMeasure.OfSquare(s), linear = TMeasure.OfMean(t, s), smallest, highest;
                    if (isBound)
                    {
                        if (run.Coarse == 0)
                        {
                            sums += TMeasure.Least(t, s, values.Low(0), values.High(0));
                            continue;
                        }

                        smallest = Vector256.Create(float.PositiveInfinity);
                        highest = Vector256.Create(float.NegativeInfinity);
                        for (int x = 0; x < entryCount; x++, entries += GroupAxes)
                        {
                            Vector256<float> entry = TMeasure.Least(t, s, values.Low(x), values.High(x));
                            smallest = Vector256.MinNative(smallest, entry);
                            highest = Vector256.MaxNative(highest, entry);
                            entry.StoreAligned(entries);
                        }
                    }
                    else
                    {
                        variances += TMeasure.Variance(t, s, values.Spread);
                        sums += TMeasure.Constant(t);
                        smallest = highest = (square * q0) + (linear * m0);
                        if (run.Coarse == 0)
                        {
                            sums += smallest;
                            continue;
                        }

                        smallest.StoreAligned(entries);
                        if (run.Coarse == 2)
                        {
                            Vector256<float> e1 = (square * q1) + (linear * m1);
                            Vector256<float> e2 = (square * q2) + (linear * m2), e3 = (square * q3) + (linear * m3);
                            e1.StoreAligned(entries + GroupAxes);
                            e2.StoreAligned(entries + (2 * GroupAxes));
                            e3.StoreAligned(entries + (3 * GroupAxes));
                            (smallest, highest) = (
                                Vector256.MinNative(Vector256.MinNative(smallest, e1), Vector256.MinNative(e2, e3)),
                                Vector256.MaxNative(Vector256.MaxNative(highest, e1), Vector256.MaxNative(e2, e3)));
                        }
                        else
                        {
                            for (int x = 1; x < entryCount; x++)
                            {
                                Vector256<float> entry = (square * values.Square(x)) + (linear * values.Mean(x));
                                smallest = Vector256.MinNative(smallest, entry);
                                highest = Vector256.MaxNative(highest, entry);
                                entry.StoreAligned(entries + (x * GroupAxes));
                            }
                        }

                        entries += entryCount * GroupAxes;
                    }

                    smallest.StoreAligned(least);
                    least += GroupAxes;
                    sums += smallest;

                    // The ranges of all axes of a byte.
                    Vector256<float> range = highest - smallest;
                    range += Vector256.Shuffle(range, Vector256.Create(1, 0, 3, 2, 5, 4, 7, 6));
                    if (run.Coarse <= 2) range += Vector256.Shuffle(range, Vector256.Create(2, 3, 0, 1, 6, 7, 4, 5));
                    if (run.Coarse == 1) range += Vector256.Create(range.GetUpper(), range.GetLower());
                    largest = Vector256.MaxNative(largest, range);
                }
            }
        }

        float most = 0;
        for (int i = 0; i < GroupAxes; i++) most = MathF.Max(most, largest[i]);
        _inverse = most > 1e-30f ? Largest / most : 0;
        Unit = most / Largest;
        Base = offset + Sum(sums);

        // Each coarse axis is rounded by half a unit at most.
        Sigma = isBound ? 0 : MathF.Sqrt(Sum(variances) + ((least - _least.Pointer) * Unit * Unit / 12));
        Round(layout, isBound ? 0 : 0.5f);
    }

    /// <summary>The entries of axes, less the least of each, in whole units; then those of nibbles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Round(ParityLayout layout, float half)
    {
        Vector256<float> inverse = Vector256.Create(_inverse), up = Vector256.Create(half);
        float* entries = _entries.Pointer, least = _least.Pointer;
        byte* low = Low, high = High;
        int* transposed = stackalloc int[32];
        foreach (ParityLayout.Run run in layout.Runs)
        {
            if (run.Coarse == 0) continue;
            for (int g = 0; g < run.Count; g++, least += GroupAxes, low += 16 * run.Coarse, high += 16 * run.Coarse)
            {
                Vector256<float> smallest = Vector256.LoadAligned(least);
                for (int first = 0; first < 1 << run.Coarse; first += 4)
                {
                    // Four entries of each axis, a byte each.
                    int count = Math.Min(4, (1 << run.Coarse) - first);
                    Vector256<int> four = default;
                    for (int x = 0; x < count; x++, entries += GroupAxes)
                    {
                        Vector256<int> whole = Vector256.ConvertToInt32Native(((Vector256.LoadAligned(entries) - smallest) * inverse) + up);
                        four |= whole << (8 * x);
                    }

                    Vector128<byte> lower = four.GetLower().AsByte(), upper = four.GetUpper().AsByte();
                    if (run.Coarse == 1)
                    {
                        Four(lower).StoreAligned(low);
                        Four(upper).StoreAligned(high);
                    }
                    else if (run.Coarse == 2)
                    {
                        FirstTwo(lower).StoreAligned(low);
                        LastTwo(lower).StoreAligned(high);
                        FirstTwo(upper).StoreAligned(low + 16);
                        LastTwo(upper).StoreAligned(high + 16);
                    }
                    else
                    {
                        four.Store(transposed + (2 * first));
                    }
                }

                for (int axis = 0; run.Coarse == 4 && axis < GroupAxes; axis++)
                {
                    int* table = (int*)((axis & 1) == 0 ? low : high) + (4 * (axis / 2));
                    for (int k = 0; k < 4; k++) table[k] = transposed[(8 * k) + axis];
                }
            }
        }
    }

    /// <summary>Of four axes with a coarse bit each: one nibble.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Four(Vector128<byte> axes) =>
        Vector128.ShuffleNative(axes, Vector128.Create((byte)0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1))
        + Vector128.ShuffleNative(axes, Vector128.Create((byte)4, 4, 5, 5, 4, 4, 5, 5, 4, 4, 5, 5, 4, 4, 5, 5))
        + Vector128.ShuffleNative(axes, Vector128.Create((byte)8, 8, 8, 8, 9, 9, 9, 9, 8, 8, 8, 8, 9, 9, 9, 9))
        + Vector128.ShuffleNative(axes, Vector128.Create((byte)12, 12, 12, 12, 12, 12, 12, 12, 13, 13, 13, 13, 13, 13, 13, 13));

    /// <summary>Of the first two axes of four with two coarse bits each: one nibble.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> FirstTwo(Vector128<byte> axes) =>
        Vector128.ShuffleNative(axes, Vector128.Create((byte)0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3))
        + Vector128.ShuffleNative(axes, Vector128.Create((byte)4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7));

    /// <summary>Of the last two.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> LastTwo(Vector128<byte> axes) =>
        Vector128.ShuffleNative(axes, Vector128.Create((byte)8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11))
        + Vector128.ShuffleNative(axes, Vector128.Create((byte)12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 15));

    private static float Sum(Vector256<float> lanes)
    {
        Vector128<float> four = lanes.GetLower() + lanes.GetUpper();
        return four[0] + four[2] + (four[1] + four[3]);
    }

    private void Reserve(ParityLayout layout)
    {
        // Whole vectors of AVX-512, two at a time; what is behind the last table of this list may be another's.
        _highStart = ((layout.CoarseBytes + 7) & ~7) * 16;
        if (_tables.Length < 2 * _highStart) Grow(ref _tables, 2 * _highStart);
        new Span<byte>(Low + (layout.CoarseBytes * 16), _highStart - (layout.CoarseBytes * 16)).Clear();
        new Span<byte>(High + (layout.CoarseBytes * 16), _highStart - (layout.CoarseBytes * 16)).Clear();
        long entries = 0, least = 0;
        foreach (ParityLayout.Run run in layout.Runs)
        {
            if (run.Coarse == 0) continue;
            entries += (long)(run.Count << run.Coarse) * GroupAxes;
            least += (long)run.Count * GroupAxes;
        }

        if (_entries.Length < entries) Grow(ref _entries, entries);
        if (_least.Length < least) Grow(ref _least, least);
    }

    private static void Grow<T>(ref AlignedBuffer<T> buffer, long length)
        where T : unmanaged
    {
        buffer.Dispose();
        buffer = new AlignedBuffer<T>(length);
    }

    /// <summary>What is known of a value by its coarse bits.</summary>
    private readonly ref struct Values(ParityTables tables, ParityLayout.Run run)
    {
        private readonly ReadOnlySpan<float> _moments = tables.CoarseMoments(run.Bits, run.Coarse);

        /// <summary>What variances are on average, alone and with the square of the mean.</summary>
        public ParityTables.Spread Spread { get; } = tables.CoarseSpread(run.Bits, run.Coarse);

        public Vector256<float> Mean(int x) => Vector256.Create(_moments[4 * x]);

        /// <summary>Mean square.</summary>
        public Vector256<float> Square(int x) => Vector256.Create(_moments[(4 * x) + 1]);

        public float Low(int x) => _moments[(4 * x) + 2];

        public float High(int x) => _moments[(4 * x) + 3];
    }

    /// <summary>What an axis adds, of the query's <c>t</c> and the scale <c>s</c>.</summary>
    private interface IMeasure
    {
        /// <summary>What is expected is this, ...</summary>
        static abstract Vector256<float> Constant(Vector256<float> t);

        /// <summary>... this times the mean square of a value, ...</summary>
        static abstract Vector256<float> OfSquare(Vector256<float> s);

        /// <summary>... and this times its mean.</summary>
        static abstract Vector256<float> OfMean(Vector256<float> t, Vector256<float> s);

        static abstract Vector256<float> Least(Vector256<float> t, Vector256<float> s, float low, float high);

        static abstract Vector256<float> Variance(Vector256<float> t, Vector256<float> s, ParityTables.Spread spread);
    }

    private readonly struct Distance : IMeasure
    {
        public static Vector256<float> Constant(Vector256<float> t) => t * t;

        public static Vector256<float> OfSquare(Vector256<float> s) => s * s;

        public static Vector256<float> OfMean(Vector256<float> t, Vector256<float> s) => -2 * (t * s);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Least(Vector256<float> t, Vector256<float> s, float low, float high)
        {
            Vector256<float> outside = Vector256.MaxNative(Vector256.MaxNative((s * low) - t, t - (s * high)), default);
            return outside * outside;
        }

        /// <summary>That of 2·(t - s·m)·s·e + s²·e² with a Gaussian e about m.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Variance(Vector256<float> t, Vector256<float> s, ParityTables.Spread spread)
        {
            Vector256<float> squares = s * s;
            float own = (4 * spread.VarianceTimesSquare) + (2 * spread.VarianceSquared);
            return squares * ((4 * spread.Variance * t * t) + (squares * own));
        }
    }

    private readonly struct Product : IMeasure
    {
        public static Vector256<float> Constant(Vector256<float> t) => default;

        public static Vector256<float> OfSquare(Vector256<float> s) => default;

        public static Vector256<float> OfMean(Vector256<float> t, Vector256<float> s) => t;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Least(Vector256<float> t, Vector256<float> s, float low, float high) =>
            Vector256.MinNative(t * low, t * high);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Variance(Vector256<float> t, Vector256<float> s, ParityTables.Spread spread) =>
            t * t * spread.Variance;
    }
}
