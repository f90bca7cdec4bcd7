using CsCheck;
using Vlc.Numerics.Randomness;

namespace Vlc.Numerics.Tests.Randomness;

public sealed class SeededRandomTests
{
    /// <summary>
    /// From an independent implementation of SplitMix64 and xoshiro256++ in Python: these numbers are part of every seeded file.
    /// </summary>
    [Theory]
    [InlineData(1, 0, 0xea87d19b2e7965deUL, 0x99bd325f1f3d7e8fUL, 0x4f5f32c40b59cc8aUL, 0x13a173e62d4a92a8UL)]
    [InlineData(0, 0, 0x76a7a32dbd731802UL, 0xac9076473748912fUL, 0xcf0cfcf097fefd16UL, 0x346c3a120d5e429eUL)]
    [InlineData(42, 7, 0x47d1bc7afc863c03UL, 0x43d5717520de02f1UL, 0x47fbfe3066b0159bUL, 0x1eb29dd835e22f62UL)]
    public void The_sequence_of_a_seed_is_fixed(ulong seed, ulong stream, ulong first, ulong second, ulong third, ulong fourth)
    {
        var random = new SeededRandom(seed, stream);
        Assert.Equal(
            [first, second, third, fourth], (ulong[])[random.NextUInt64(), random.NextUInt64(), random.NextUInt64(), random.NextUInt64()]);
    }

    [Fact]
    public void Uniform_numbers_have_the_moments_of_uniform_numbers()
    {
        const int Draws = 100_000;
        var random = new SeededRandom(5);
        double sum = 0, squares = 0;
        for (int i = 0; i < Draws; i++)
        {
            double value = random.NextDouble();
            Assert.InRange(value, 0, 1 - (1.0 / (1L << 53)));
            sum += value;
            squares += value * value;
        }

        // Five standard errors: sqrt(1/12/n), and sqrt(4/45/n) for the squares.
        Assert.Equal(0.5, sum / Draws, 5 * Math.Sqrt(1.0 / 12 / Draws));
        Assert.Equal(1.0 / 3, squares / Draws, 5 * Math.Sqrt(4.0 / 45 / Draws));
    }

    [Fact]
    public void Gaussian_numbers_have_mean_0_variance_1_and_nearly_the_kurtosis_of_a_gaussian()
    {
        const int Draws = 100_000;
        var random = new SeededRandom(6);
        double sum = 0, squares = 0, fourths = 0;
        for (int i = 0; i < Draws; i++)
        {
            double value = random.NextGaussian();
            Assert.InRange(value, -6, 6);
            sum += value;
            squares += value * value;
            fourths += value * value * value * value;
        }

        Assert.Equal(0, sum / Draws, 5 * Math.Sqrt(1.0 / Draws));
        Assert.Equal(1, squares / Draws, 5 * Math.Sqrt(2.0 / Draws));
        // The sum of 12 uniforms has kurtosis 3 - 1.2 / 12.
        Assert.Equal(2.9, fourths / Draws, 5 * Math.Sqrt(96.0 / Draws));
    }

    [Fact]
    public void Bounded_numbers_are_evenly_spread()
    {
        var random = new SeededRandom(7);
        var counts = new int[7];
        for (int i = 0; i < 70_000; i++) counts[random.NextInt64(7)]++;
        // Each count is binomial: 10,000 with a deviation of 93.
        Assert.All(counts, count => Assert.InRange(count, 9_500, 10_500));
        Assert.Equal(0, random.NextInt64(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.NextInt64(0));
    }

    [Fact]
    public void A_subset_is_ascending_distinct_and_in_range() =>
        Gen.Select(Gen.ULong, Gen.Int[0, 60], Gen.Int[0, 60]).Sample((seed, count, more) =>
        {
            long[] subset = new SeededRandom(seed).NextSubset(count + more, count);
            Assert.Equal(count, subset.Length);
            for (int i = 0; i < count; i++)
            {
                Assert.InRange(subset[i], i == 0 ? 0 : subset[i - 1] + 1, count + more - 1);
            }
        });

    [Fact]
    public void Every_subset_is_equally_likely()
    {
        var random = new SeededRandom(8);
        var counts = new Dictionary<(long, long), int>();
        for (int i = 0; i < 30_000; i++)
        {
            long[] pair = random.NextSubset(6, 2);
            counts[(pair[0], pair[1])] = counts.GetValueOrDefault((pair[0], pair[1])) + 1;
        }

        // 15 pairs, 2,000 each with a deviation of 43.
        Assert.Equal(15, counts.Count);
        Assert.All(counts.Values, count => Assert.InRange(count, 1_750, 2_250));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.NextSubset(2, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.NextSubset(2, -1));
    }
}
