using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>Finds the best code string of a bitshift trellis code (Viterbi): the hot path of building an index of codec <c>trellis</c>.</summary>
/// <remarks>
/// <para>
/// Layout. <c>cost</c> holds one float a state. An axis of b bits goes from state p to ((p &lt;&lt; b) | u) &amp; 255: the predecessors of a
/// state s are all states p = s >> b modulo 256 >> b, so that the minima over predecessors are minima of whole vectors of costs, folded
/// within a vector where fewer than 16 are left. What is kept for the way back is not the predecessor but one bit a state, "cost equals
/// the minimum of its class": 32 bytes an axis, and the lowest bit set in a class is the predecessor.
/// </para>
/// <para>
/// Instruction sets. AVX-512 with 16 states a vector, AVX2 with 8; everything else runs the reference. All give the same bits. Holds scratch memory:
/// one encoder a thread.
/// </para>
/// <para>Speed. See docs/architecture.md, "Hot paths"; guarded by bench/Vlc.Bench, TrellisBenchmarks.</para>
/// </remarks>
public sealed unsafe class TrellisEncoder : IDisposable
{
    private const int StateCount = TrellisTables.StateCount;

    /// <summary>Words of 64 bits that hold a bit for each state.</summary>
    private const int WordsPerAxis = StateCount / 64;

    private readonly TrellisTables _tables;
    private readonly int _maxAxes;

    /// <summary>Costs of the states, then room for the minima of up to 128 classes.</summary>
    private readonly AlignedBuffer<float> _cost = new(StateCount + (StateCount / 2));

    /// <summary>For each axis, bit p says that state p before it was a cheapest of its class.</summary>
    private readonly AlignedBuffer<ulong> _cheapest;

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
        _cheapest = new AlignedBuffer<ulong>(maxAxes * (long)WordsPerAxis);
    }

    /// <summary>
    /// The states that minimise Σ (target[i] - scale[i]·T[state i])² over all strings, starting from state 0 with a free end. Of equal
    /// costs the lowest predecessor, and at the end the lowest state, wins.
    /// </summary>
    /// <param name="target">What to approximate, a finite float an axis.</param>
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
        if (InstructionSets.Level < InstructionSetLevel.Vector256) return EncodeReference(target, scale, bits, states);
        Check(target, scale, bits, states);
        float* cost = _cost.Pointer;
        ulong* cheapest = _cheapest.Pointer;
        new Span<float>(cost + 1, StateCount - 1).Fill(float.PositiveInfinity);
        cost[0] = 0;
        for (int i = 0; i < bits.Length; i++)
        {
            float* table = _tables.Floats + ((bits[i] - 1) * StateCount);
            ushort* axis = (ushort*)(cheapest + ((nint)i * WordsPerAxis));
            switch (bits[i])
            {
                case 1: Advance<Bits1>(cost, table, target[i], scale[i], axis); break;
                case 2: Advance<Bits2>(cost, table, target[i], scale[i], axis); break;
                case 3: Advance<Bits3>(cost, table, target[i], scale[i], axis); break;
                case 4: Advance<Bits4>(cost, table, target[i], scale[i], axis); break;
                case 5: Advance<Bits5>(cost, table, target[i], scale[i], axis); break;
                case 6: Advance<Bits6>(cost, table, target[i], scale[i], axis); break;
                case 7: Advance<Bits7>(cost, table, target[i], scale[i], axis); break;
                default: Advance<Bits8>(cost, table, target[i], scale[i], axis); break;
            }
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
            end = LowestCheapest(cheapest + ((nint)i * WordsPerAxis), StateCount >> bits[i], end >> bits[i]);
        }

        return minimum;
    }

    /// <summary><see cref="Encode"/> written for reading; the same bits.</summary>
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
                // The states whose high bits are these may follow any state whose low bits are these.
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
    /// <param name="code">Receives the string, ceil(Σ bits / 8) bytes; bit j is mask 0x80 >> (j &amp; 7) of byte j >> 3, the last bits are zero.</param>
    /// <exception cref="ArgumentOutOfRangeException">An axis has other than 1 to 8 bits, or <paramref name="states"/> is too short.</exception>
    /// <exception cref="ArgumentException"><paramref name="code"/> has another length.</exception>
    public static void Pack(ReadOnlySpan<byte> states, ReadOnlySpan<byte> bits, Span<byte> code)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(states.Length, bits.Length);
        int length = (TrellisTables.CheckedSum(bits) + 7) / 8;
        if (code.Length != length)
        {
            throw new ArgumentException($"The string takes {length} bytes; room for {code.Length} was given.", nameof(code));
        }

        uint pending = 0;
        int pendingBits = 0, written = 0;
        for (int i = 0; i < bits.Length; i++)
        {
            // What is left of older bytes is shifted out at the top.
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
        _cheapest.Dispose();
    }

    /// <summary>Takes the costs of all states over one axis, and notes which of them were the cheapest of their class.</summary>
    /// <param name="cost">256 costs; behind them room for the minima.</param>
    /// <param name="table">Values of the axis's table.</param>
    /// <param name="target">The axis's target.</param>
    /// <param name="scale">The axis's scale.</param>
    /// <param name="cheapest">Receives 256 bits.</param>
    private static void Advance<TBits>(float* cost, float* table, float target, float scale, ushort* cheapest)
        where TBits : struct, IBits
    {
        if (InstructionSets.Level == InstructionSetLevel.Vector512) Advance512<TBits>(cost, table, target, scale, cheapest);
        else Advance256<TBits>(cost, table, target, scale, (byte*)cheapest);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Advance512<TBits>(float* cost, float* table, float target, float scale, ushort* cheapest)
        where TBits : struct, IBits
    {
        // Classes of predecessors, and vectors that their minima take.
        int classes = StateCount >> TBits.Count, stride = Math.Max(classes / 16, 1);
        float* minima = cost + StateCount;
        for (int j = 0; j < stride; j++)
        {
            Vector512<float> m0 = Vector512.LoadAligned(cost + (j * 16)), m1 = Vector512.LoadAligned(cost + ((j + stride) * 16));
            for (int z = j + (2 * stride); z < 16; z += 2 * stride)
            {
                m0 = Avx512F.Min(m0, Vector512.LoadAligned(cost + (z * 16)));
                m1 = Avx512F.Min(m1, Vector512.LoadAligned(cost + ((z + stride) * 16)));
            }

            m0 = Avx512F.Min(m0, m1);

            // Fewer classes than lanes: every lane receives the minimum of its class.
            if (TBits.Count >= 5) m0 = Avx512F.Min(m0, Avx512F.Shuffle4x128(m0, m0, 0b01_00_11_10));
            if (TBits.Count >= 6) m0 = Avx512F.Min(m0, Avx512F.Shuffle4x128(m0, m0, 0b10_11_00_01));
            if (TBits.Count >= 7) m0 = Avx512F.Min(m0, Avx512F.Permute4x32(m0, 0b01_00_11_10));
            if (TBits.Count >= 8) m0 = Avx512F.Min(m0, Avx512F.Permute4x32(m0, 0b10_11_00_01));
            m0.StoreAligned(minima + (j * 16));
            for (int z = j; z < 16; z += stride)
            {
                cheapest[z] = (ushort)Vector512.Equals(m0, Vector512.LoadAligned(cost + (z * 16))).ExtractMostSignificantBits();
            }
        }

        Vector512<float> targets = Vector512.Create(target), negated = Vector512.Create(-scale);
        for (int z = 0; z < 16; z++)
        {
            // State s goes on from the minimum of class s >> b; the permutation counts modulo 16.
            Vector512<int> classOf = (Vector512<int>.Indices + Vector512.Create(z * 16)) >> TBits.Count;
            Vector512<float> reached = Avx512F.PermuteVar16x32(Vector512.LoadAligned(minima + (((z * 16) >> TBits.Count) & ~15)), classOf);
            Vector512<float> error = Avx512F.FusedMultiplyAdd(negated, Vector512.LoadAligned(table + (z * 16)), targets);
            Avx512F.FusedMultiplyAdd(error, error, reached).StoreAligned(cost + (z * 16));
        }
    }

    /// <summary><see cref="Advance512"/> with 8 states a vector, 32 vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Advance256<TBits>(float* cost, float* table, float target, float scale, byte* cheapest)
        where TBits : struct, IBits
    {
        int classes = StateCount >> TBits.Count, stride = Math.Max(classes / 8, 1);
        float* minima = cost + StateCount;
        for (int j = 0; j < stride; j++)
        {
            Vector256<float> m0 = Vector256.LoadAligned(cost + (j * 8)), m1 = Vector256.LoadAligned(cost + ((j + stride) * 8));
            for (int z = j + (2 * stride); z < 32; z += 2 * stride)
            {
                m0 = Avx.Min(m0, Vector256.LoadAligned(cost + (z * 8)));
                m1 = Avx.Min(m1, Vector256.LoadAligned(cost + ((z + stride) * 8)));
            }

            m0 = Avx.Min(m0, m1);
            if (TBits.Count >= 6) m0 = Avx.Min(m0, Avx.Permute2x128(m0, m0, 1));
            if (TBits.Count >= 7) m0 = Avx.Min(m0, Avx.Permute(m0, 0b01_00_11_10));
            if (TBits.Count >= 8) m0 = Avx.Min(m0, Avx.Permute(m0, 0b10_11_00_01));
            m0.StoreAligned(minima + (j * 8));
            for (int z = j; z < 32; z += stride)
            {
                cheapest[z] = (byte)Vector256.Equals(m0, Vector256.LoadAligned(cost + (z * 8))).ExtractMostSignificantBits();
            }
        }

        Vector256<float> targets = Vector256.Create(target), negated = Vector256.Create(-scale);
        for (int z = 0; z < 32; z++)
        {
            // The permutation counts modulo 8.
            Vector256<int> classOf = (Vector256<int>.Indices + Vector256.Create(z * 8)) >> TBits.Count;
            Vector256<float> reached = Avx2.PermuteVar8x32(Vector256.LoadAligned(minima + (((z * 8) >> TBits.Count) & ~7)), classOf);
            Vector256<float> error = Fma.MultiplyAdd(negated, Vector256.LoadAligned(table + (z * 8)), targets);
            Fma.MultiplyAdd(error, error, reached).StoreAligned(cost + (z * 8));
        }
    }

    /// <summary>The lowest state whose bit is set of a class: the states equal to <paramref name="first"/> modulo <paramref name="classes"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LowestCheapest(ulong* cheapest, int classes, int first)
    {
        // Up to 32 classes, each has bits in every word: 1 + 2^classes + 2^(2·classes) + ... = (2^64 - 1) / (2^classes - 1).
        ulong members = (classes < 64 ? ulong.MaxValue / ((1UL << classes) - 1) : 1) << first;
        int word = first >> 6, step = Math.Max(classes >> 6, 1);
        while (word < WordsPerAxis - step && (cheapest[word] & members) == 0) word += step;
        return (word * 64) + BitOperations.TrailingZeroCount(cheapest[word] & members);
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

    /// <summary>Bits of an axis as a type, of which the compiler makes a body each.</summary>
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
