using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>Finds the best string of a parity trellis code (Viterbi): the hot path of building an index of codec <c>parity</c>.</summary>
/// <remarks>
/// <para>
/// Whole numbers. The squared distance of each axis to the nearest value of each subset is rounded to 16 bits, in units of 1/16 of the
/// largest mean distortion of an axis, and counted from the nearest subset: all that differs between paths. The search itself then knows
/// integers only, and all instruction sets give the same bits.
/// </para>
/// <para>
/// Layout. 128 states, the newest branch bit lowest, have a cost of 16 bits each: four registers of AVX-512. States p and p + 64 go on to
/// 2p and 2p + 1, by two subsets that differ in the last parity: minima and sums of whole vectors, whose results are interleaved. Of each
/// axis 128 decisions are kept. Costs spread by seven axes' distances at most and are brought back to 0 after each group of 8, so that 16
/// bits hold them.
/// </para>
/// <para>
/// Tail-biting. Of a string of up to three groups every state is tried. Else the search begins with the last groups from any state, and so
/// comes to the string's start with costs that know what is before it. Of the path that is cheapest at the end it takes the state at the
/// start, and follows the path back that ends in that state; mostly it begins there too. Where it does not, the same is tried from where it
/// begins, and at last the search is run once more, from one state.
/// </para>
/// <para>
/// Instruction sets. AVX-512, AVX2, 128 bits (SSE4.1, AdvSimd), and the reference. Holds scratch memory: one encoder a thread.
/// </para>
/// <para>Speed. See docs/architecture.md, "Hot paths"; guarded by bench/Vlc.Bench, ParityBenchmarks.</para>
/// </remarks>
public sealed unsafe partial class ParityEncoder : IDisposable
{
    /// <summary>Groups by which the search begins before the string's start.</summary>
    private const int WrapGroups = 3;

    /// <summary>Groups of a string that is so short that every state is tried: one that is fixed would leave too little choice.</summary>
    private const int ShortGroups = 3;

    /// <summary>Paths followed back in search of one that begins where it ends.</summary>
    private const int Attempts = 3;

    private const int StateCount = ParityTrellis.StateCount, GroupAxes = ParityTrellis.GroupAxes;

    /// <summary>Distances of an axis.</summary>
    private const int Subsets = 1 << ParityTrellis.MaxParities;

    /// <summary>Words of 64 decisions of an axis: states reached with branch bit 0, then those with 1.</summary>
    private const int WordsPerAxis = 2;

    /// <summary>Units of the largest mean distortion of an axis.</summary>
    private const float UnitsOfDistortion = 16;

    /// <summary>Largest distance: costs spread by 7 of them, and 8 more are added before they are brought back.</summary>
    private const ushort LargestDistance = ushort.MaxValue / 15;

    private readonly ParityTables _tables;
    private readonly int _maxGroups;
    private readonly AlignedBuffer<ushort> _costs = new(StateCount);
    private readonly AlignedBuffer<ushort> _distances;
    private readonly AlignedBuffer<ulong> _decisions;

    /// <summary>The last 8 branch bits of the path at each axis, the newest lowest.</summary>
    private readonly AlignedBuffer<byte> _windows;

    /// <summary>Targets in units of the codebooks.</summary>
    private readonly AlignedBuffer<float> _targets;

    /// <summary>Units of a squared distance in the codebooks' units.</summary>
    private readonly AlignedBuffer<float> _factors;

    /// <summary>Makes an encoder.</summary>
    /// <param name="tables">Must outlive the encoder.</param>
    /// <param name="maxAxes">Most axes that a string has; at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative number of axes.</exception>
    public ParityEncoder(ParityTables tables, int maxAxes)
    {
        ArgumentNullException.ThrowIfNull(tables);
        ArgumentOutOfRangeException.ThrowIfNegative(maxAxes);
        _tables = tables;
        _maxGroups = (maxAxes + GroupAxes - 1) / GroupAxes;
        long axes = _maxGroups * (long)GroupAxes;
        _distances = new AlignedBuffer<ushort>(axes * Subsets);
        _decisions = new AlignedBuffer<ulong>(axes * WordsPerAxis);
        _windows = new AlignedBuffer<byte>(axes);
        _targets = new AlignedBuffer<float>(axes);
        _factors = new AlignedBuffer<float>(axes);
    }

    /// <summary>
    /// The string whose values v make Σ (target[i] - scale[i]·v[i])² small: the least of all cyclic strings in all but rare cases, up to
    /// the rounding of distances.
    /// </summary>
    /// <param name="target">What to approximate, a finite float an axis, 8 a group.</param>
    /// <param name="scale">Value of a codebook's 1 on each axis; finite. 0 on axes that pad the last group.</param>
    /// <param name="bits">Bits of each group, 1 to 7, descending.</param>
    /// <param name="symbols">Receives for each axis its bits: level &lt;&lt; 1 | branch.</param>
    /// <param name="values">Receives v, one float an axis.</param>
    /// <returns>The sum.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// More axes than the encoder was made for, a span is too short, or bits that ascend or are not 1 to 7.
    /// </exception>
    /// <exception cref="ArgumentException">The sum is not finite.</exception>
    public float Encode(
        ReadOnlySpan<float> target, ReadOnlySpan<float> scale, ReadOnlySpan<byte> bits, Span<byte> symbols, Span<float> values)
    {
        if (InstructionSets.Level < InstructionSetLevel.Vector128) return EncodeReference(target, scale, bits, symbols, values);
        Check(target, scale, bits, symbols, values);
        if (bits.IsEmpty) return 0;
        Prepare(target, scale, bits);
        Measure(bits);
        int axes = bits.Length * GroupAxes;
        int end = 0;
        if (bits.Length <= ShortGroups)
        {
            for (int state = 0, least = int.MaxValue; state < StateCount; state++)
            {
                int cost = AdvanceFrom(state, bits) + _costs.Span[state];
                if (cost < least) (end, least) = (state, cost);
            }
        }
        else
        {
            _costs.Span.Clear();
            Advance(bits, bits.Length - WrapGroups, bits.Length);
            Advance(bits, 0, bits.Length);

            // The cheapest state costs 0 after each group. Paths from any end have merged long before the start, so that the path from
            // where the best one began mostly begins there too.
            end = Follow(_costs.Span.IndexOf((ushort)0), bits, symbols, values, untilMet: false);
            for (int attempt = 0; attempt < Attempts; attempt++)
            {
                int start = Follow(end, bits, symbols, values, untilMet: true);
                if (start == end) return Error(target, scale, values, axes);
                end = start;
            }
        }

        AdvanceFrom(end, bits);
        _ = Follow(end, bits, symbols, values, untilMet: false);
        return Error(target, scale, values, axes);
    }

    /// <summary><see cref="Encode"/> written for reading; the same bits.</summary>
    /// <inheritdoc cref="Encode" path="/param"/>
    /// <inheritdoc cref="Encode" path="/returns"/>
    /// <inheritdoc cref="Encode" path="/exception"/>
    public float EncodeReference(
        ReadOnlySpan<float> target, ReadOnlySpan<float> scale, ReadOnlySpan<byte> bits, Span<byte> symbols, Span<float> values)
    {
        Check(target, scale, bits, symbols, values);
        if (bits.IsEmpty) return 0;
        int axes = bits.Length * GroupAxes;
        byte[] groups = bits.ToArray();
        float unit = 0;
        for (int i = 0; i < axes; i++)
        {
            unit = MathF.Max(unit, scale[i] * scale[i] * (float)ParityTables.MeanSquaredError[bits[i / GroupAxes]]);
        }

        unit = unit > 0 ? UnitsOfDistortion / unit : 0;
        var distances = new int[axes][];
        for (int i = 0; i < axes; i++) distances[i] = DistancesReference(target[i], scale[i], unit, bits[i / GroupAxes]);

        // The predecessors of each state of each axis; any state may begin.
        var predecessors = new int[axes, StateCount];
        var costs = new int[StateCount];
        int state = 0, attempt = 0;
        if (bits.Length <= ShortGroups)
        {
            for (int trial = 0, least = int.MaxValue; trial < StateCount; trial++)
            {
                int cost = StepsFrom(trial) + costs[trial];
                if (cost < least) (state, least) = (trial, cost);
            }

            attempt = Attempts;
        }
        else
        {
            for (int i = axes - (WrapGroups * GroupAxes); i < axes; i++) Step(i);
            for (int i = 0; i < axes; i++) Step(i);
            state = StartOf(Array.IndexOf(costs, 0));
            while (attempt < Attempts && StartOf(state) is var start && start != state) (state, attempt) = (start, attempt + 1);
        }

        if (attempt == Attempts) StepsFrom(state);
        for (int i = axes - 1; i >= 0; i--)
        {
            int b = bits[i / GroupAxes], parities = ParityTrellis.Parities(b), before = predecessors[i, state];
            int subset = ParityTrellis.Subset(ParityTrellis.Window(before, state & 1), parities), level = 0;
            float wanted = scale[i] == 0 ? 0 : target[i] / scale[i];
            while (level < (1 << (b - 1)) - 1 && wanted > 0.5f * (Value(level) + Value(level + 1))) level++;
            symbols[i] = (byte)((level << 1) | (state & 1));
            values[i] = Value(level);
            state = before;

            float Value(int of) => _tables.Codebook(b)[(of << parities) | subset];
        }

        return Error(target, scale, values, axes);

        int StartOf(int end)
        {
            for (int i = axes - 1; i >= 0; i--) end = predecessors[i, end];
            return end;
        }

        int StepsFrom(int first)
        {
            Array.Fill(costs, ushort.MaxValue);
            costs[first] = 0;
            int total = 0;
            for (int i = 0; i < axes; i++) total += Step(i);
            return total;
        }

        int Step(int i)
        {
            int parities = ParityTrellis.Parities(groups[i / GroupAxes]);
            var next = new int[StateCount];
            for (int state = 0; state < StateCount; state++)
            {
                int low = state >> 1, high = low + (StateCount / 2);
                int branch = state & 1;
                int ofLow = costs[low] + distances[i][ParityTrellis.Subset(ParityTrellis.Window(low, branch), parities)];
                int ofHigh = costs[high] + distances[i][ParityTrellis.Subset(ParityTrellis.Window(high, branch), parities)];
                (ofLow, ofHigh) = (Math.Min(ofLow, ushort.MaxValue), Math.Min(ofHigh, ushort.MaxValue));
                next[state] = Math.Min(ofLow, ofHigh);
                predecessors[i, state] = ofHigh < ofLow ? high : low;
            }

            int least = i % GroupAxes == GroupAxes - 1 ? next.Min() : 0;
            for (int state = 0; state < StateCount; state++) costs[state] = next[state] - least;
            return least;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _costs.Dispose();
        _distances.Dispose();
        _decisions.Dispose();
        _windows.Dispose();
        _targets.Dispose();
        _factors.Dispose();
    }

    private int[] DistancesReference(float target, float scale, float unit, int bits)
    {
        int parities = ParityTrellis.Parities(bits), subsets = 1 << parities;
        float farthest = _tables.Farthest(bits), factor = scale * scale * unit;
        float wanted = scale == 0 ? 0 : Math.Clamp(target / scale, -farthest, farthest);
        var distances = new int[subsets];
        for (int subset = 0; subset < subsets; subset++)
        {
            float least = float.PositiveInfinity;
            for (int i = subset; i < ParityTrellis.Entries(bits); i += subsets)
            {
                float difference = wanted - _tables.Codebook(bits)[i];
                least = MathF.Min(least, difference * difference);
            }

            distances[subset] = (int)(MathF.Min(least * factor, ushort.MaxValue) + 0.5f);
            distances[subset] = Math.Min(distances[subset], ushort.MaxValue);
        }

        int nearest = distances.Min();
        return [.. distances.Select(distance => Math.Min(distance - nearest, LargestDistance))];
    }

    /// <summary>Targets in units of the codebooks, and what a squared distance counts.</summary>
    private void Prepare(ReadOnlySpan<float> target, ReadOnlySpan<float> scale, ReadOnlySpan<byte> bits)
    {
        Vector256<float> largest = default;
        for (int g = 0; g < bits.Length; g++)
        {
            Vector256<float> s = Vector256.Create(scale[(g * GroupAxes)..]), t = Vector256.Create(target[(g * GroupAxes)..]);
            Vector256<float> squares = s * s;
            largest = Vector256.MaxNative(largest, squares * (float)ParityTables.MeanSquaredError[bits[g]]);
            squares.StoreAligned(_factors.Pointer + (g * GroupAxes));

            // Far beyond a codebook all subsets would be too far for 16 bits.
            Vector256<float> farthest = Vector256.Create(_tables.Farthest(bits[g]));
            Vector256<float> wanted = Vector256.ConditionalSelect(Vector256.Equals(s, default), default, t / s);
            Vector256.MinNative(Vector256.MaxNative(wanted, -farthest), farthest).StoreAligned(_targets.Pointer + (g * GroupAxes));
        }

        float unit = 0;
        for (int i = 0; i < GroupAxes; i++) unit = MathF.Max(unit, largest[i]);
        Vector256<float> units = Vector256.Create(unit > 0 ? UnitsOfDistortion / unit : 0);
        for (float* factor = _factors.Pointer, end = factor + (bits.Length * GroupAxes); factor < end; factor += GroupAxes)
        {
            (Vector256.LoadAligned(factor) * units).StoreAligned(factor);
        }
    }

    /// <summary>The distances of all axes to all subsets.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Measure(ReadOnlySpan<byte> bits)
    {
        float* target = _targets.Pointer, factor = _factors.Pointer;
        ushort* distances = _distances.Pointer;
        for (int g = 0; g < bits.Length; g++)
        {
            int parities = ParityTrellis.Parities(bits[g]), entries = ParityTrellis.Entries(bits[g]);
            float* book = _tables.Floats(bits[g]);
            for (int i = 0; i < GroupAxes; i++, target++, factor++, distances += Subsets)
            {
                // 16 values at a time: whole levels of all subsets.
                Vector512<float> t = Vector512.Create(*target), difference = t - Vector512.Load(book), least = difference * difference;
                for (int entry = Subsets; entry < entries; entry += Subsets)
                {
                    difference = t - Vector512.Load(book + entry);
                    least = Vector512.MinNative(least, difference * difference);
                }

                // Where there are fewer than 16 subsets, several levels lie side by side.
                if (Avx512BW.VL.IsSupported)
                {
                    if (parities <= 3) least = Avx512F.Min(least, Avx512F.Shuffle4x128(least, least, 0b01_00_11_10));
                    if (parities <= 2) least = Avx512F.Min(least, Avx512F.Shuffle4x128(least, least, 0b10_11_00_01));
                    Vector512<float> bounded = Avx512F.Min(least * Vector512.Create(*factor), Vector512.Create((float)ushort.MaxValue))
                        + Vector512.Create(0.5f);
                    Vector256<ushort> rounded = Avx512F.ConvertToVector256UInt16WithSaturation(
                        Avx512F.ConvertToVector512Int32WithTruncation(bounded).AsUInt32());
                    Vector256<ushort> fewest = Vector256.Create(Least(Sse41.Min(rounded.GetLower(), rounded.GetUpper())));
                    Avx2.Min(rounded - fewest, Vector256.Create(LargestDistance)).StoreAligned(distances);
                    continue;
                }

                Vector256<float> low = least.GetLower(), high = least.GetUpper();
                if (parities <= 3) low = high = Vector256.MinNative(low, high);
                if (parities <= 2) low = high = Vector256.MinNative(low, Vector256.Shuffle(low, Vector256.Create(4, 5, 6, 7, 0, 1, 2, 3)));
                Vector256<float> factors = Vector256.Create(*factor);
                Vector128<ushort> a = Round(low * factors), b = Round(high * factors);
                Vector128<ushort> nearest = Vector128.Create(Least(Vector128.Min(a, b))), most = Vector128.Create(LargestDistance);
                Vector128.Min(a - nearest, most).StoreAligned(distances);
                Vector128.Min(b - nearest, most).StoreAligned(distances + 8);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ushort> Round(Vector256<float> distances)
    {
        Vector256<float> bounded = Vector256.MinNative(distances, Vector256.Create((float)ushort.MaxValue)) + Vector256.Create(0.5f);
        Vector256<int> rounded = Vector256.Min(Vector256.ConvertToInt32Native(bounded), Vector256.Create((int)ushort.MaxValue));
        return Vector128.Narrow(rounded.GetLower().AsUInt32(), rounded.GetUpper().AsUInt32());
    }

    /// <summary>The least of 8 numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ushort Least(Vector128<ushort> numbers)
    {
        if (Sse41.IsSupported) return Sse41.MinHorizontal(numbers).ToScalar();
        if (AdvSimd.Arm64.IsSupported) return AdvSimd.Arm64.MinAcross(numbers).ToScalar();
        numbers = Vector128.Min(numbers, Vector128.Shuffle(numbers, Vector128.Create((ushort)4, 5, 6, 7, 0, 1, 2, 3)));
        return Math.Min(Math.Min(numbers[0], numbers[1]), Math.Min(numbers[2], numbers[3]));
    }

    /// <summary>Takes the costs from one state through all groups; returns by how much they were brought back.</summary>
    private int AdvanceFrom(int state, ReadOnlySpan<byte> bits)
    {
        _costs.Span.Fill(ushort.MaxValue);
        _costs.Span[state] = 0;
        return Advance(bits, 0, bits.Length);
    }

    /// <summary>Takes the costs through some groups; returns by how much they were brought back.</summary>
    private int Advance(ReadOnlySpan<byte> bits, int first, int end)
    {
        int total = 0;
        for (int g = first, runEnd; g < end; g = runEnd)
        {
            int parities = ParityTrellis.Parities(bits[g]);
            for (runEnd = g + 1; runEnd < end && ParityTrellis.Parities(bits[runEnd]) == parities; runEnd++) { }
            ushort* distances = _distances.Pointer + ((nint)g * GroupAxes * Subsets);
            ulong* decisions = _decisions.Pointer + ((nint)g * GroupAxes * WordsPerAxis);
            total += InstructionSets.Level switch
            {
                InstructionSetLevel.Vector512 => Advance512(_costs.Pointer, distances, runEnd - g, decisions, Patterns[parities]),
                InstructionSetLevel.Vector256 => Advance256(_costs.Pointer, distances, runEnd - g, decisions, Patterns[parities]),
                _ => Advance128(_costs.Pointer, distances, runEnd - g, decisions, Patterns[parities]),
            };
        }

        return total;
    }

    /// <summary>
    /// Follows the path that ends in a state, and notes its windows, symbols and values; or only as far as the path that was followed last
    /// is met. The way back is a chain of few instructions that wait for each other, and finding the levels fills the gaps.
    /// </summary>
    /// <returns>The state before the first axis.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Follow(int state, ReadOnlySpan<byte> bits, Span<byte> symbols, Span<float> values, bool untilMet)
    {
        int axis = bits.Length * GroupAxes;
        ulong* decisions = _decisions.Pointer;
        float* targets = _targets.Pointer;
        byte* windows = _windows.Pointer;
        fixed (byte* symbol = symbols)
        fixed (float* value = values)
        {
            for (int g = bits.Length - 1; g >= 0; g--)
            {
                int b = bits[g], parities = ParityTrellis.Parities(b), stride = ParityTables.MidpointStride(b);
                float* midpoints = _tables.MidpointsOf(b), book = _tables.Floats(b);
                fixed (byte* subsets = ParityTrellis.SubsetsOfReversed(parities))
                {
                    for (int i = 0; i < GroupAxes; i++)
                    {
                        // Without branches, which nothing would predict.
                        axis--;
                        ulong even = decisions[2 * axis], word = even ^ ((even ^ decisions[(2 * axis) + 1]) & (0UL - (ulong)(state & 1)));
                        int window = state | ((int)((word >> (state >> 1)) & 1) << ParityTrellis.StateBits);
                        if (untilMet && windows[axis] == window) return windows[0] >> 1;
                        windows[axis] = (byte)window;
                        int subset = subsets[window], level = 0;
                        Vector512<float> target = Vector512.Create(targets[axis]);
                        for (float* m = midpoints + (subset * stride), end = m + stride; m < end; m += 16)
                        {
                            level += BitOperations.PopCount(
                                Vector512.GreaterThan(target, Vector512.LoadAligned(m)).ExtractMostSignificantBits());
                        }

                        symbol[axis] = (byte)((level << 1) | (state & 1));
                        value[axis] = book[(level << parities) | subset];
                        state = window >> 1;
                    }
                }
            }
        }

        return state;
    }

    private static float Error(ReadOnlySpan<float> target, ReadOnlySpan<float> scale, ReadOnlySpan<float> values, int axes)
    {
        Vector256<float> sum = default;
        for (int i = 0; i < axes; i += GroupAxes)
        {
            Vector256<float> error = Vector256.Create(target.Slice(i, 8))
                - (Vector256.Create(scale.Slice(i, 8)) * Vector256.Create(values.Slice(i, 8)));
            sum += error * error;
        }

        Vector128<float> four = sum.GetLower() + sum.GetUpper();
        float total = four[0] + four[2] + (four[1] + four[3]);
        return float.IsFinite(total) ? total : throw new ArgumentException("Target or scale is not finite, or their squares overflow.");
    }

    private void Check(
        ReadOnlySpan<float> target, ReadOnlySpan<float> scale, ReadOnlySpan<byte> bits, Span<byte> symbols, Span<float> values)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits.Length, _maxGroups);
        ParityTrellis.Check(bits);
        int axes = bits.Length * GroupAxes;
        ArgumentOutOfRangeException.ThrowIfLessThan(target.Length, axes);
        ArgumentOutOfRangeException.ThrowIfLessThan(scale.Length, axes);
        ArgumentOutOfRangeException.ThrowIfLessThan(symbols.Length, axes);
        ArgumentOutOfRangeException.ThrowIfLessThan(values.Length, axes);
    }
}
