using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;

namespace Vlc.Numerics.Tests.Kernels;

public sealed class ParityEncoderTests
{
    public static TheoryData<int> Groups => [.. Enumerable.Range(0, 18), 25, 49];

    [Theory]
    [MemberData(nameof(Groups))]
    public void Encode_gives_the_bits_of_the_reference(int groups)
    {
        using var encoder = new ParityEncoder(ParityTables.Designed, groups * ParityTrellis.GroupAxes);
        foreach (ParitySample sample in ParitySample.All(groups))
        {
            byte[] symbols = new byte[sample.Axes], expected = new byte[sample.Axes];
            float[] values = new float[sample.Axes], expectedValues = new float[sample.Axes];
            float error = encoder.EncodeReference(sample.Target, sample.Scale, sample.Bits, expected, expectedValues);
            Assert.Equal(error, encoder.Encode(sample.Target, sample.Scale, sample.Bits, symbols, values));
            Assert.Equal(expected, symbols);
            Assert.Equal(expectedValues, values);
        }
    }

    [Theory]
    [MemberData(nameof(Groups))]
    public void Values_are_those_of_the_symbols_and_the_error_is_theirs(int groups)
    {
        using var encoder = new ParityEncoder(ParityTables.Designed, groups * ParityTrellis.GroupAxes);
        foreach (ParitySample sample in ParitySample.All(groups))
        {
            byte[] symbols = new byte[sample.Axes];
            float[] values = new float[sample.Axes], decoded = new float[sample.Axes];
            float error = encoder.Encode(sample.Target, sample.Scale, sample.Bits, symbols, values);
            ParityScan.Decode(ParityTables.Designed, sample.Bits, symbols, decoded);
            Assert.Equal(decoded, values);
            double expected = 0;
            for (int i = 0; i < sample.Axes; i++) expected += Math.Pow(sample.Target[i] - ((double)sample.Scale[i] * values[i]), 2);
            Assert.InRange(error, .9999 * expected, 1.0001 * expected);
        }
    }

    /// <summary>Of one group all cyclic strings can be tried: what is found is the best but for the rounding of distances.</summary>
    [Fact]
    public void Encode_finds_the_best_of_all_strings_of_a_group()
    {
        using var encoder = new ParityEncoder(ParityTables.Designed, 8);
        var random = new SeededRandom(11);
        double found = 0, best = 0;
        for (int trial = 0; trial < 40; trial++)
        {
            ParitySample sample = ParitySample.Random([1], random);
            found += encoder.Encode(sample.Target, sample.Scale, sample.Bits, new byte[8], new float[8]);
            double least = double.PositiveInfinity;
            byte[] symbols = new byte[8];
            float[] values = new float[8];
            for (int text = 0; text < 256; text++)
            {
                for (int i = 0; i < 8; i++) symbols[i] = (byte)((text >> i) & 1);
                ParityScan.Decode(ParityTables.Designed, sample.Bits, symbols, values);
                double error = 0;
                for (int i = 0; i < 8; i++) error += Math.Pow(sample.Target[i] - (sample.Scale[i] * values[i]), 2);
                least = Math.Min(least, error);
            }

            best += least;
        }

        Assert.InRange(found / best, .9999, 1.001);
    }

    /// <summary>
    /// Axes that pad the last group cost nothing, and an outlier far beyond the codebooks is coded by their outermost values.
    /// </summary>
    [Fact]
    public void Padding_and_outliers_are_coded()
    {
        using var encoder = new ParityEncoder(ParityTables.Designed, 16);
        float[] target = new float[16], scale = new float[16], values = new float[16];
        Array.Fill(scale, 1f, 0, 11);
        target[3] = 8;
        byte[] symbols = new byte[16];
        float error = encoder.Encode(target, scale, [3, 3], symbols, values);
        Assert.True(values[3] > 2.4f, $"the outlier became {values[3]}");
        Assert.InRange(error, (8 - values[3]) * (8 - values[3]), ((8 - values[3]) * (8 - values[3])) + 1);
        Assert.Equal(0, encoder.Encode(new float[16], new float[16], [3, 3], symbols, values));
    }

    /// <summary>
    /// The limits of the issue: within .09, .12, .17, .20, .22 bit of Shannon's bound at 1 to 5 bits, and the error that the tables state.
    /// </summary>
    [Theory]
    [InlineData(1, .09)]
    [InlineData(2, .12)]
    [InlineData(3, .17)]
    [InlineData(4, .20)]
    [InlineData(5, .22)]
    [InlineData(6, .23)]
    [InlineData(7, .32)]
    public void The_gap_to_the_bound_of_Shannon_is_in_bounds(int bits, double limit)
    {
        double error = ParityDesign.Error(ParityTables.Designed, bits, axes: 512, strings: 40);
        Assert.InRange(bits + (.5 * Math.Log2(error)), 0, limit);
        Assert.Equal(1, error / ParityTables.MeanSquaredError[bits], .02);
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        using var encoder = new ParityEncoder(ParityTables.Designed, 16);
        float[] two = new float[16];
        byte[] symbols = new byte[16];
        Assert.Throws<ArgumentOutOfRangeException>(
            () => encoder.Encode(new float[24], new float[24], [1, 1, 1], new byte[24], new float[24]));
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.Encode(two, two, [1, 8], symbols, two));
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.Encode(two, two, [1, 0], symbols, two));
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.Encode(two, two, [1, 2], symbols, two));
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.Encode(two, new float[8], [1, 1], symbols, two));
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.Encode(new float[8], two, [1, 1], symbols, two));
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.Encode(two, two, [1, 1], new byte[8], two));
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.Encode(two, two, [1, 1], symbols, new float[8]));
        float[] ones = [.. Enumerable.Repeat(1f, 16)], odd = [.. ones];
        odd[5] = float.NaN;
        Assert.Throws<ArgumentException>(() => encoder.Encode(odd, ones, [1, 1], symbols, new float[16]));
        odd[5] = float.PositiveInfinity;
        Assert.Throws<ArgumentException>(() => encoder.Encode(odd, ones, [1, 1], symbols, new float[16]));
        Assert.Throws<ArgumentException>(() => new ParityTables(new short[256], ParityTables.Designed.Shares));
        Assert.Throws<ArgumentOutOfRangeException>(() => ParityTables.Designed.Codebook(0).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => ParityTables.Designed.Codebook(8).Length);
        Assert.Throws<ArgumentException>(() => new ParityTables(ParityTables.Designed.Values, new ushort[3]));
        short[] descending = [.. ParityTables.Designed.Values];
        (descending[16], descending[32]) = (descending[32], descending[16]);
        Assert.Throws<ArgumentException>(() => new ParityTables(descending, ParityTables.Designed.Shares));
    }
}
