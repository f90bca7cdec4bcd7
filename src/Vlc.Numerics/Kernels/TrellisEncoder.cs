using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>Finds the best code string of a bitshift trellis code (Viterbi): the hot path of building an index of codec <c>trellis</c>.</summary>
/// <remarks>Holds scratch memory: one encoder a thread.</remarks>
public sealed unsafe class TrellisEncoder : IDisposable
{
    private const int StateCount = TrellisTables.StateCount;

    private readonly TrellisTables _tables;
    private readonly int _maxAxes;

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
    /// <exception cref="ArgumentOutOfRangeException">More axes than the encoder was made for, a span is too short, or an axis has other than 1 to 8 bits.</exception>
    /// <exception cref="ArgumentException">The minimum is not finite.</exception>
    public float Encode(ReadOnlySpan<float> target, ReadOnlySpan<float> scale, ReadOnlySpan<byte> bits, Span<byte> states) =>
        EncodeReference(target, scale, bits, states);

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
            int stride = StateCount >> bits[i];
            for (int state = 0; state < StateCount; state++)
            {
                // The predecessors are the states whose low bits are the high bits of this one.
                int best = state >> bits[i];
                for (int from = best + stride; from < StateCount; from += stride)
                {
                    if (cost[from] < cost[best]) best = from;
                }

                float error = MathF.FusedMultiplyAdd(-scale[i], table[state], target[i]);
                next[state] = MathF.FusedMultiplyAdd(error, error, cost[best]);
                predecessors[(i * StateCount) + state] = (byte)best;
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
        if (code.Length != length) throw new ArgumentException($"The string takes {length} bytes; room for {code.Length} was given.", nameof(code));
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
}
