using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// Finds the best code string of a bitshift trellis code (Viterbi). It is the hot path of building an index of codec <c>packed</c>.
/// </summary>
/// <remarks>
/// <para>
/// Layout. <c>cost</c> holds one float a state. An axis of b bits goes from state p to ((p &lt;&lt; b) | u) &amp; 255. The predecessors of
/// a state s are the states p = s >> b modulo 256 >> b. So the minima over predecessors are minima of whole vectors of costs, folded within
/// a vector where fewer than 16 are left.
/// </para>
/// <para>
/// Backtracking. The encoder does not store the predecessor. From 3 bits on it stores one bit a state, "cost equals the minimum of its
/// class"; the lowest state of a class with its bit set is the predecessor. At 1 bit it stores which of a class's two states is the
/// cheaper. At 2 bits it stores three comparisons: states 0 and 1 of the four, states 2 and 3, and the winners of both. That is at most 32
/// bytes an axis.
/// </para>
/// <para>
/// Instruction sets. AVX-512 has 16 states a vector, all in registers for a run of axes of equal bits. AVX2 and 128 bits have 8 states a
/// step, in memory. Everything else runs the reference. All give the same bits. An encoder holds scratch memory: use one a thread.
/// </para>
/// <para>Speed. See docs/architecture.md, "Hot paths"; guarded by bench/Vlc.Bench, TrellisBenchmarks.</para>
/// </remarks>
public sealed unsafe partial class TrellisEncoder : IDisposable
{
    private const int StateCount = TrellisTables.StateCount;

    /// <summary>Words of 64 bits that hold a bit for each state.</summary>
    private const int WordsPerAxis = StateCount / 64;

    private readonly TrellisTables _tables;
    private readonly int _maxAxes;

    /// <summary>For 3 bits and more: a word in which the bits of class 0 are set, by the bits of an axis.</summary>
    private static readonly ulong[] Members =
    [
        .. Enumerable.Range(0, TrellisTables.MaxBits + 1)
            .Select(bits => (StateCount >> bits) is var classes && classes < 64 ? ulong.MaxValue / ((1UL << classes) - 1) : 1),
    ];

    /// <summary>Costs of the states, followed by the minima of up to 128 classes.</summary>
    private readonly AlignedBuffer<float> _cost = new(StateCount + (StateCount / 2));

    /// <summary>What backtracking needs to find predecessors, 256 bits an axis; see the remarks.</summary>
    private readonly AlignedBuffer<ulong> _steps;

    /// <summary>Makes an encoder.</summary>
    /// <param name="tables">Must outlive the encoder.</param>
    /// <param name="maxAxes">Most axes that a string has; at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative number of axes.</exception>
    public TrellisEncoder(TrellisTables tables, int maxAxes)
    {
        ArgumentNullException.ThrowIfNull(tables);
        ArgumentOutOfRangeException.ThrowIfNegative(maxAxes);
        _tables = tables;
        _maxAxes = maxAxes;
        _steps = new AlignedBuffer<ulong>(maxAxes * (long)WordsPerAxis);
    }

    /// <summary>
    /// The states that minimise Σ (target[i] - scale[i]·T[state i])² over all strings. The path starts from state 0 and its end is free. Of
    /// equal costs the lowest predecessor wins, and at the end the lowest state.
    /// </summary>
    /// <param name="target">The values to approximate, a finite float an axis.</param>
    /// <param name="scale">Value of a table's 1 on each axis; finite.</param>
    /// <param name="bits">Bits of each axis, 1 to 8, in any order.</param>
    /// <param name="states">Receives the 8-bit state after each axis.</param>
    /// <returns>The minimum: e = fma(-scale, T, target), cost = fma(e, e, cost), axis by axis.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// More axes than the encoder was made for, a span is too short, or an axis has other than 1 to 8 bits.
    /// </exception>
    /// <exception cref="ArgumentException">The minimum is not finite.</exception>
    public float Encode(ReadOnlySpan<float> target, ReadOnlySpan<float> scale, ReadOnlySpan<byte> bits, Span<byte> states)
    {
        if (InstructionSets.Level < InstructionSetLevel.Vector128) return EncodeReference(target, scale, bits, states);
        Check(target, scale, bits, states);
        float* cost = _cost.Pointer;
        ulong* steps = _steps.Pointer;
        new Span<float>(cost + 1, StateCount - 1).Fill(float.PositiveInfinity);
        cost[0] = 0;
        fixed (float* targets = target, scales = scale)
        {
            for (int first = 0, end; first < bits.Length; first = end)
            {
                // Axes of equal bits run together: their costs stay in registers.
                end = first + 1;
                while (end < bits.Length && bits[end] == bits[first]) end++;
                float* table = _tables.Floats + ((bits[first] - 1) * StateCount);
                ulong* run = steps + ((nint)first * WordsPerAxis);
                int axes = end - first;
                switch (bits[first])
                {
                    case 1: Advance<Bits1>(cost, table, targets + first, scales + first, axes, run); break;
                    case 2: Advance<Bits2>(cost, table, targets + first, scales + first, axes, run); break;
                    case 3: Advance<Bits3>(cost, table, targets + first, scales + first, axes, run); break;
                    case 4: Advance<Bits4>(cost, table, targets + first, scales + first, axes, run); break;
                    case 5: Advance<Bits5>(cost, table, targets + first, scales + first, axes, run); break;
                    case 6: Advance<Bits6>(cost, table, targets + first, scales + first, axes, run); break;
                    case 7: Advance<Bits7>(cost, table, targets + first, scales + first, axes, run); break;
                    default: Advance<Bits8>(cost, table, targets + first, scales + first, axes, run); break;
                }
            }
        }

        int state = 0;
        for (int other = 1; other < StateCount; other++)
        {
            if (cost[other] < cost[state]) state = other;
        }

        float minimum = CheckFinite(cost[state]);
        for (int i = bits.Length - 1; i >= 0; i--)
        {
            states[i] = (byte)state;
            state = Predecessor(steps + ((nint)i * WordsPerAxis), bits[i], state >> bits[i]);
        }

        return minimum;
    }

    /// <summary>The scalar reference of <see cref="Encode"/>, with the same bits.</summary>
    /// <inheritdoc cref="Encode" path="/param"/>
    /// <inheritdoc cref="Encode" path="/returns"/>
    /// <inheritdoc cref="Encode" path="/exception"/>
    public float EncodeReference(ReadOnlySpan<float> target, ReadOnlySpan<float> scale, ReadOnlySpan<byte> bits, Span<byte> states)
    {
        Check(target, scale, bits, states);
        float[] cost = new float[StateCount], next = new float[StateCount];
        byte[] predecessors = new byte[bits.Length * StateCount];
        cost.AsSpan(1).Fill(float.PositiveInfinity);
        for (int i = 0; i < bits.Length; i++)
        {
            ReadOnlySpan<float> table = _tables.Table(bits[i]);
            int classes = StateCount >> bits[i];
            for (int first = 0; first < classes; first++)
            {
                // A state with these high bits may follow any state with these low bits.
                int best = first;
                for (int from = first + classes; from < StateCount; from += classes)
                {
                    if (cost[from] < cost[best]) best = from;
                }

                for (int state = first << bits[i]; state < (first + 1) << bits[i]; state++)
                {
                    float error = MathF.FusedMultiplyAdd(-scale[i], table[state], target[i]);
                    next[state] = MathF.FusedMultiplyAdd(error, error, cost[best]);
                    predecessors[(i * StateCount) + state] = (byte)best;
                }
            }

            (cost, next) = (next, cost);
        }

        int end = 0;
        for (int state = 1; state < StateCount; state++)
        {
            if (cost[state] < cost[end]) end = state;
        }

        float minimum = CheckFinite(cost[end]);
        for (int i = bits.Length - 1; i >= 0; i--)
        {
            states[i] = (byte)end;
            end = predecessors[(i * StateCount) + end];
        }

        return minimum;
    }

    /// <summary>Writes states as a bit string, most significant bit first: axis i contributes the low bits[i] bits of states[i].</summary>
    /// <param name="states">The state after each axis.</param>
    /// <param name="bits">Bits of each axis, 1 to 8.</param>
    /// <param name="code">
    /// Receives the string, ceil(Σ bits / 8) bytes; bit j is mask 0x80 >> (j &amp; 7) of byte j >> 3, the last bits are zero.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// An axis has other than 1 to 8 bits, or <paramref name="states"/> is too short.
    /// </exception>
    /// <exception cref="ArgumentException"><paramref name="code"/> has another length.</exception>
    public static void Pack(ReadOnlySpan<byte> states, ReadOnlySpan<byte> bits, Span<byte> code)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(states.Length, bits.Length);
        int length = (TrellisTables.CheckedSum(bits) + 7) / 8;
        if (code.Length != length)
        {
            throw new ArgumentException($"The string takes {length} bytes; {code.Length} were given.", nameof(code));
        }

        uint pending = 0;
        int pendingBits = 0, written = 0;
        for (int i = 0; i < bits.Length; i++)
        {
            // Older bytes are shifted out at the top.
            pending = (pending << bits[i]) | (states[i] & ((1u << bits[i]) - 1));
            pendingBits += bits[i];
            if (pendingBits < 8) continue;
            pendingBits -= 8;
            code[written++] = (byte)(pending >> pendingBits);
        }

        if (pendingBits > 0) code[written] = (byte)(pending << (8 - pendingBits));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _cost.Dispose();
        _steps.Dispose();
    }

    /// <summary>Advances the costs of all states over a run of axes of equal bits, and notes the predecessor of each class.</summary>
    /// <param name="cost">256 costs, followed by space for the minima.</param>
    /// <param name="table">Values of the axes' table.</param>
    /// <param name="target">The axes' targets.</param>
    /// <param name="scale">The axes' scales.</param>
    /// <param name="axes">How many axes.</param>
    /// <param name="steps">Receives 256 bits an axis, for <see cref="Predecessor"/>.</param>
    private static void Advance<TBits>(float* cost, float* table, float* target, float* scale, int axes, ulong* steps)
        where TBits : struct, IBits
    {
        if (InstructionSets.Level == InstructionSetLevel.Vector512) Advance512<TBits>(cost, table, target, scale, axes, (ushort*)steps);
        else if (InstructionSets.Level == InstructionSetLevel.Vector256)
        {
            AdvanceEights<TBits, Eight256>(cost, table, target, scale, axes, (byte*)steps);
        }
        else AdvanceEights<TBits, Eight128>(cost, table, target, scale, axes, (byte*)steps);
    }

    /// <summary>All 256 costs stay in 16 registers from axis to axis.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Advance512<TBits>(float* cost, float* table, float* target, float* scale, int axes, ushort* notes)
        where TBits : struct, IBits
    {
        Vector512<float> c0 = Vector512.LoadAligned(cost + 0), c1 = Vector512.LoadAligned(cost + 16);
        Vector512<float> c2 = Vector512.LoadAligned(cost + 32), c3 = Vector512.LoadAligned(cost + 48);
        Vector512<float> c4 = Vector512.LoadAligned(cost + 64), c5 = Vector512.LoadAligned(cost + 80);
        Vector512<float> c6 = Vector512.LoadAligned(cost + 96), c7 = Vector512.LoadAligned(cost + 112);
        Vector512<float> c8 = Vector512.LoadAligned(cost + 128), c9 = Vector512.LoadAligned(cost + 144);
        Vector512<float> c10 = Vector512.LoadAligned(cost + 160), c11 = Vector512.LoadAligned(cost + 176);
        Vector512<float> c12 = Vector512.LoadAligned(cost + 192), c13 = Vector512.LoadAligned(cost + 208);
        Vector512<float> c14 = Vector512.LoadAligned(cost + 224), c15 = Vector512.LoadAligned(cost + 240);
        for (int i = 0; i < axes; i++, notes += StateCount / 16)
        {
            // Lane l of m_j is the minimum of class 16·j + l.
            Vector512<float> m0, m1 = default, m2 = default, m3 = default, m4 = default, m5 = default, m6 = default, m7 = default;
            if (TBits.Count == 1)
            {
                m0 = Less(c0, c8, notes + 0);
                m1 = Less(c1, c9, notes + 1);
                m2 = Less(c2, c10, notes + 2);
                m3 = Less(c3, c11, notes + 3);
                m4 = Less(c4, c12, notes + 4);
                m5 = Less(c5, c13, notes + 5);
                m6 = Less(c6, c14, notes + 6);
                m7 = Less(c7, c15, notes + 7);
            }
            else if (TBits.Count == 2)
            {
                m0 = Less(Less(c0, c4, notes + 0), Less(c8, c12, notes + 4), notes + 8);
                m1 = Less(Less(c1, c5, notes + 1), Less(c9, c13, notes + 5), notes + 9);
                m2 = Less(Less(c2, c6, notes + 2), Less(c10, c14, notes + 6), notes + 10);
                m3 = Less(Less(c3, c7, notes + 3), Less(c11, c15, notes + 7), notes + 11);
            }
            else if (TBits.Count == 3)
            {
                m0 = Avx512F.Min(
                    Avx512F.Min(Avx512F.Min(c0, c2), Avx512F.Min(c4, c6)), Avx512F.Min(Avx512F.Min(c8, c10), Avx512F.Min(c12, c14)));
                m1 = Avx512F.Min(
                    Avx512F.Min(Avx512F.Min(c1, c3), Avx512F.Min(c5, c7)), Avx512F.Min(Avx512F.Min(c9, c11), Avx512F.Min(c13, c15)));
                notes[0] = Mask(Vector512.Equals(m0, c0));
                notes[1] = Mask(Vector512.Equals(m1, c1));
                notes[2] = Mask(Vector512.Equals(m0, c2));
                notes[3] = Mask(Vector512.Equals(m1, c3));
                notes[4] = Mask(Vector512.Equals(m0, c4));
                notes[5] = Mask(Vector512.Equals(m1, c5));
                notes[6] = Mask(Vector512.Equals(m0, c6));
                notes[7] = Mask(Vector512.Equals(m1, c7));
                notes[8] = Mask(Vector512.Equals(m0, c8));
                notes[9] = Mask(Vector512.Equals(m1, c9));
                notes[10] = Mask(Vector512.Equals(m0, c10));
                notes[11] = Mask(Vector512.Equals(m1, c11));
                notes[12] = Mask(Vector512.Equals(m0, c12));
                notes[13] = Mask(Vector512.Equals(m1, c13));
                notes[14] = Mask(Vector512.Equals(m0, c14));
                notes[15] = Mask(Vector512.Equals(m1, c15));
            }
            else
            {
                m0 = Avx512F.Min(
                    Avx512F.Min(Avx512F.Min(c0, c1), Avx512F.Min(c2, c3)), Avx512F.Min(Avx512F.Min(c4, c5), Avx512F.Min(c6, c7)));
                Vector512<float> upper = Avx512F.Min(Avx512F.Min(c12, c13), Avx512F.Min(c14, c15));
                m0 = Avx512F.Min(m0, Avx512F.Min(Avx512F.Min(Avx512F.Min(c8, c9), Avx512F.Min(c10, c11)), upper));
                // Fewer classes than lanes: every lane receives the minimum of its class.
                if (TBits.Count >= 5) m0 = Avx512F.Min(m0, Avx512F.Shuffle4x128(m0, m0, 0b01_00_11_10));
                if (TBits.Count >= 6) m0 = Avx512F.Min(m0, Avx512F.Shuffle4x128(m0, m0, 0b10_11_00_01));
                if (TBits.Count >= 7) m0 = Avx512F.Min(m0, Avx512F.Permute4x32(m0, 0b01_00_11_10));
                if (TBits.Count >= 8) m0 = Avx512F.Min(m0, Avx512F.Permute4x32(m0, 0b10_11_00_01));
                notes[0] = Mask(Vector512.Equals(m0, c0));
                notes[1] = Mask(Vector512.Equals(m0, c1));
                notes[2] = Mask(Vector512.Equals(m0, c2));
                notes[3] = Mask(Vector512.Equals(m0, c3));
                notes[4] = Mask(Vector512.Equals(m0, c4));
                notes[5] = Mask(Vector512.Equals(m0, c5));
                notes[6] = Mask(Vector512.Equals(m0, c6));
                notes[7] = Mask(Vector512.Equals(m0, c7));
                notes[8] = Mask(Vector512.Equals(m0, c8));
                notes[9] = Mask(Vector512.Equals(m0, c9));
                notes[10] = Mask(Vector512.Equals(m0, c10));
                notes[11] = Mask(Vector512.Equals(m0, c11));
                notes[12] = Mask(Vector512.Equals(m0, c12));
                notes[13] = Mask(Vector512.Equals(m0, c13));
                notes[14] = Mask(Vector512.Equals(m0, c14));
                notes[15] = Mask(Vector512.Equals(m0, c15));
            }

            Vector512<float> targets = Vector512.Create(target[i]), negated = Vector512.Create(-scale[i]);
            c0 = Step<TBits>(0, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
            c1 = Step<TBits>(1, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
            c2 = Step<TBits>(2, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
            c3 = Step<TBits>(3, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
            c4 = Step<TBits>(4, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
            c5 = Step<TBits>(5, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
            c6 = Step<TBits>(6, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
            c7 = Step<TBits>(7, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
            c8 = Step<TBits>(8, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
            c9 = Step<TBits>(9, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
            c10 = Step<TBits>(10, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
            c11 = Step<TBits>(11, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
            c12 = Step<TBits>(12, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
            c13 = Step<TBits>(13, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
            c14 = Step<TBits>(14, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
            c15 = Step<TBits>(15, m0, m1, m2, m3, m4, m5, m6, m7, table, targets, negated);
        }

        c0.StoreAligned(cost + 0);
        c1.StoreAligned(cost + 16);
        c2.StoreAligned(cost + 32);
        c3.StoreAligned(cost + 48);
        c4.StoreAligned(cost + 64);
        c5.StoreAligned(cost + 80);
        c6.StoreAligned(cost + 96);
        c7.StoreAligned(cost + 112);
        c8.StoreAligned(cost + 128);
        c9.StoreAligned(cost + 144);
        c10.StoreAligned(cost + 160);
        c11.StoreAligned(cost + 176);
        c12.StoreAligned(cost + 192);
        c13.StoreAligned(cost + 208);
        c14.StoreAligned(cost + 224);
        c15.StoreAligned(cost + 240);
    }

    /// <summary>The lesser of two costs lane by lane, the first of equal ones; the note has a bit where it is the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Less(Vector512<float> first, Vector512<float> second, ushort* note)
    {
        *note = Mask(Vector512.LessThan(second, first));
        return Avx512F.Min(first, second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ushort Mask(Vector512<float> lanes) => (ushort)lanes.ExtractMostSignificantBits();

    /// <summary>Costs of the states from 16·<paramref name="z"/> on: the cost of state s adds to the minimum of class s >> b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Step<TBits>(
        int z, Vector512<float> m0, Vector512<float> m1, Vector512<float> m2, Vector512<float> m3, Vector512<float> m4, Vector512<float> m5,
        Vector512<float> m6, Vector512<float> m7, float* table, Vector512<float> targets, Vector512<float> negated)
        where TBits : struct, IBits
    {
        Vector512<float> minima = (z >> TBits.Count) switch { 0 => m0, 1 => m1, 2 => m2, 3 => m3, 4 => m4, 5 => m5, 6 => m6, _ => m7 };
        // The permutation takes its indices modulo 16.
        Vector512<int> classOf = (Vector512<int>.Indices + Vector512.Create(z * 16)) >> TBits.Count;
        Vector512<float> minimum = Avx512F.PermuteVar16x32(minima, classOf);
        Vector512<float> error = Avx512F.FusedMultiplyAdd(negated, Vector512.LoadAligned(table + (z * 16)), targets);
        return Avx512F.FusedMultiplyAdd(error, error, minimum);
    }

    /// <summary>
    /// The cheapest state of a class, the lowest of equal ones. A class has the states equal to its number modulo 256 >> b. There are no
    /// branches, because they would be unpredictable.
    /// </summary>
    /// <param name="notes">The notes of <see cref="Advance"/> on the axis.</param>
    /// <param name="bits">b of the axis.</param>
    /// <param name="number">The class.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Predecessor(ulong* notes, int bits, int number)
    {
        if (bits == 1) return number + (128 * (int)((notes[number >> 6] >> (number & 63)) & 1));
        if (bits == 2)
        {
            int upper = (int)((notes[2] >> number) & 1);
            return number + (128 * upper) + (64 * (int)(((upper != 0 ? notes[1] : notes[0]) >> number) & 1));
        }

        // A class has bits in every word: 1 + 2^classes + 2^(2·classes) + ... = (2^64 - 1) / (2^classes - 1).
        ulong members = Members[bits] << number;
        ulong w0 = notes[0] & members, w1 = notes[1] & members, w2 = notes[2] & members, w3 = notes[3] & members;
        ulong low = w0 != 0 ? w0 : w1, high = w2 != 0 ? w2 : w3;
        int lowStart = w0 != 0 ? 0 : 64, highStart = w2 != 0 ? 128 : 192;
        ulong word = low != 0 ? low : high;
        return (low != 0 ? lowStart : highStart) + BitOperations.TrailingZeroCount(word);
    }

    private static float CheckFinite(float cost) =>
        float.IsFinite(cost) ? cost : throw new ArgumentException("Target or scale is not finite, or their squares overflow.");

    private void Check(ReadOnlySpan<float> target, ReadOnlySpan<float> scale, ReadOnlySpan<byte> bits, Span<byte> states)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits.Length, _maxAxes);
        ArgumentOutOfRangeException.ThrowIfLessThan(target.Length, bits.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(scale.Length, bits.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(states.Length, bits.Length);
        TrellisTables.CheckedSum(bits);
    }

    /// <summary>The bits of an axis as a type, so that the compiler specialises a body for each.</summary>
    private interface IBits
    {
        static abstract int Count { get; }
    }

    private readonly struct Bits1 : IBits
    {
        public static int Count => 1;
    }

    private readonly struct Bits2 : IBits
    {
        public static int Count => 2;
    }

    private readonly struct Bits3 : IBits
    {
        public static int Count => 3;
    }

    private readonly struct Bits4 : IBits
    {
        public static int Count => 4;
    }

    private readonly struct Bits5 : IBits
    {
        public static int Count => 5;
    }

    private readonly struct Bits6 : IBits
    {
        public static int Count => 6;
    }

    private readonly struct Bits7 : IBits
    {
        public static int Count => 7;
    }

    private readonly struct Bits8 : IBits
    {
        public static int Count => 8;
    }
}
