using Vlc.Numerics.Kernels;

namespace Vlc.Codecs.Packed;

/// <summary>The code of codec <c>packed</c>: each axis shifts its bits into a state of 8, which is the number of its value.</summary>
/// <param name="tables">The values by state; must outlive the code.</param>
internal sealed class BitshiftCode(TrellisTables tables) : TrellisCode
{
    /// <summary>With the tables that indexes are built with.</summary>
    public static BitshiftCode Designed { get; } = new(TrellisTables.Designed);

    /// <summary>The values by state.</summary>
    public TrellisTables Tables => tables;

    public override int Allocate(ReadOnlySpan<int> variances, int level, int equalStride, Span<byte> bits, out int[] order)
    {
        int stride = equalStride > 0
            ? BitAllocation.AllocateBytes(variances, equalStride, bits)
            : BitAllocation.Allocate(variances, level, bits);
        order = DescendingBits(bits);
        return stride;
    }

    public override double MeanSquaredError(int bits) => TrellisTables.MeanSquaredError[bits];

    public override StringSearch CreateSearch(int axes) => new Search(this, axes);

    public override void Pack(PackedModel.List coded, ReadOnlySpan<byte> symbols, Span<byte> code) =>
        TrellisEncoder.Pack(symbols, coded.Bits, code);

    /// <summary>The values of a string.</summary>
    /// <param name="coded">The row's list.</param>
    /// <param name="states">State after each coded axis.</param>
    /// <param name="values">Receives as many floats.</param>
    public void Values(PackedModel.List coded, ReadOnlySpan<byte> states, Span<float> values)
    {
        for (int i = 0; i < states.Length; i++) values[i] = tables.Table(coded.Bits[i])[states[i]];
    }

    /// <summary>The axes with bits: most bits first, then by number. By counting, as an index is opened list by list.</summary>
    private static int[] DescendingBits(ReadOnlySpan<byte> bits)
    {
        Span<int> places = stackalloc int[TrellisTables.MaxBits + 1];
        places.Clear();
        foreach (byte b in bits) places[b]++;
        int coded = 0;
        for (int b = TrellisTables.MaxBits; b > 0; b--) (places[b], coded) = (coded, coded + places[b]);
        var order = new int[coded];
        for (int axis = 0; axis < bits.Length; axis++)
        {
            if (bits[axis] > 0) order[places[bits[axis]]++] = axis;
        }

        return order;
    }

    private sealed class Search(BitshiftCode code, int axes) : StringSearch
    {
        private readonly TrellisEncoder _encoder = new(code.Tables, axes);

        public override float Encode(
            ReadOnlySpan<float> target, ReadOnlySpan<float> scale, PackedModel.List coded, Span<byte> symbols, Span<float> values)
        {
            float error = _encoder.Encode(target, scale, coded.Bits, symbols);
            code.Values(coded, symbols, values);
            return error;
        }

        public override void Dispose() => _encoder.Dispose();
    }
}
