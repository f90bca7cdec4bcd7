using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;

namespace Vlc.Numerics.Tests.Kernels;

public sealed class TrellisEncoderTests
{
    /// <summary>Lengths of strings near the vectors' widths, and two like those of an index.</summary>
    public static TheoryData<int> Lengths => [.. Enumerable.Range(0, 71), 200, 385];

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Encode_gives_the_bits_of_the_reference(int length)
    {
        using var encoder = new TrellisEncoder(TrellisTables.Designed, length);
        foreach (TrellisSample sample in TrellisSample.All(length))
        {
            byte[] states = new byte[length], expected = new byte[length];
            float expectedCost = encoder.EncodeReference(sample.Target, sample.Scale, sample.Bits, expected);
            Assert.Equal(expectedCost, encoder.Encode(sample.Target, sample.Scale, sample.Bits, states));
            Assert.Equal(expected, states);
        }
    }

    [Fact]
    public void Ties_go_to_the_lowest_state()
    {
        // All values are equal, so that every path costs the same.
        using var tables = new TrellisTables(new short[TrellisTables.MaxBits * TrellisTables.StateCount]);
        using var encoder = new TrellisEncoder(tables, 16);
        byte[] bits = [8, 7, 6, 5, 4, 3, 2, 1, 1, 2, 3, 4, 5, 6, 7, 8], states = new byte[16];
        float[] ones = [.. Enumerable.Repeat(1f, 16)];
        Assert.Equal(16, encoder.Encode(ones, ones, bits, states));
        Assert.All(states, state => Assert.Equal(0, state));
    }

    [Fact]
    public void Encode_finds_the_best_of_all_strings()
    {
        using var encoder = new TrellisEncoder(TrellisTables.Designed, 8);
        var random = new SeededRandom(11);
        byte[][] allocations =
            [[1], [8], [1, 1, 1, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2], [3, 3, 3, 3], [4, 4, 4], [6, 5], [1, 8, 3], [5, 4, 2, 1]];
        foreach (byte[] bits in allocations)
        {
            int total = bits.Sum(b => b);
            float[] target = [.. bits.Select(_ => random.NextGaussian())], scale = [.. bits.Select(_ => .5f + (float)random.NextDouble())];
            float best = float.PositiveInfinity;
            for (int text = 0; text < 1 << total; text++)
            {
                float cost = 0;
                int end = 0;
                for (int i = 0; i < bits.Length; i++)
                {
                    end += bits[i];
                    int state = (text >> (total - end)) & 255;
                    float error = MathF.FusedMultiplyAdd(-scale[i], TrellisTables.Designed.Table(bits[i])[state], target[i]);
                    cost = MathF.FusedMultiplyAdd(error, error, cost);
                }

                best = Math.Min(best, cost);
            }

            Assert.Equal(best, encoder.Encode(target, scale, bits, new byte[bits.Length]));
        }
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void A_packed_string_decodes_to_the_values_of_its_states(int length)
    {
        using var encoder = new TrellisEncoder(TrellisTables.Designed, length);
        foreach (TrellisSample sample in TrellisSample.All(length))
        {
            byte[] states = new byte[length], code = new byte[(sample.TotalBits + 7) / 8];
            code.AsSpan().Fill(0xFF);
            encoder.Encode(sample.Target, sample.Scale, sample.Bits, states);
            TrellisEncoder.Pack(states, sample.Bits, code);
            float[] values = new float[length];
            TrellisScan.Decode(TrellisTables.Designed, code, sample.Bits, values);
            for (int i = 0; i < length; i++) Assert.Equal(TrellisTables.Designed.Table(sample.Bits[i])[states[i]], values[i]);
            if (sample.TotalBits % 8 != 0) Assert.Equal(0, code[^1] & (0xFF >> (sample.TotalBits % 8)));
        }
    }

    [Fact]
    public void Pack_writes_the_most_significant_bit_first()
    {
        byte[] code = new byte[2];
        TrellisEncoder.Pack([0b101, 0b10110, 0b01101101], [3, 2, 8], code);
        Assert.Equal([0b10110_011, 0b01101_000], code);
    }

    /// <summary>The required limits for unit Gaussians, and the error that the tables state.</summary>
    [Theory]
    [InlineData(1, .302)]
    [InlineData(2, .0870)]
    [InlineData(3, .0247)]
    [InlineData(4, .0076)]
    public void Mean_squared_error_of_unit_Gaussians_is_in_bounds(int bitsPerAxis, double limit)
    {
        const int length = 2000, strings = 20;
        using var encoder = new TrellisEncoder(TrellisTables.Designed, length);
        var random = new SeededRandom(99);
        float[] target = new float[length], scale = [.. Enumerable.Repeat(1f, length)];
        byte[] bits = [.. Enumerable.Repeat((byte)bitsPerAxis, length)], states = new byte[length];
        double sum = 0;
        for (int s = 0; s < strings; s++)
        {
            for (int i = 0; i < length; i++) target[i] = random.NextGaussian();
            sum += encoder.Encode(target, scale, bits, states);
        }

        double error = sum / (length * strings);
        Assert.InRange(error, 0, limit);
        Assert.Equal(1, error / TrellisTables.MeanSquaredError[bitsPerAxis], .03);
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        using var encoder = new TrellisEncoder(TrellisTables.Designed, 2);
        float[] two = [1, 1];
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.Encode(new float[3], new float[3], [1, 1, 1], new byte[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.Encode(two, two, [1, 9], new byte[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.Encode(two, two, [0, 1], new byte[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.Encode(two, [1], [1, 1], new byte[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.Encode(two, two, [1, 1], new byte[1]));
        Assert.Throws<ArgumentException>(() => encoder.Encode([1, float.NaN], two, [1, 1], new byte[2]));
        Assert.Throws<ArgumentException>(() => encoder.Encode([1, float.PositiveInfinity], two, [1, 1], new byte[2]));
        Assert.Throws<ArgumentException>(() => TrellisEncoder.Pack([1, 1], [4, 5], new byte[1]));
        Assert.Throws<ArgumentException>(() => TrellisEncoder.Pack([1, 1], [4, 4], new byte[2]));
        Assert.Throws<ArgumentException>(() => new TrellisTables(new short[256]));
        Assert.Throws<ArgumentOutOfRangeException>(() => TrellisTables.Designed.Table(0).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => TrellisTables.Designed.Table(9).Length);
    }
}
