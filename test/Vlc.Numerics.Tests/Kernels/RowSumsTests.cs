using Vlc.Numerics.Kernels;

namespace Vlc.Numerics.Tests.Kernels;

public sealed class RowSumsTests
{
    [Fact]
    public void Sums_have_the_bits_of_one_addition_an_axis()
    {
        foreach (int length in KernelInputs.Lengths)
        {
            double[] sums = new double[length + 1], weighted = new double[length + 1];
            double[] expected = new double[length + 1], expectedWeighted = new double[length + 1];
            for (ulong row = 0; row < 5; row++)
            {
                float[] values = KernelInputs.Values(length + 1, row + 1);
                RowSums.Add(sums.AsSpan(1), values.AsSpan(1));
                RowSums.AddWeighted(weighted.AsSpan(1), values.AsSpan(1), 1.0 / 3);
                for (int k = 1; k <= length; k++)
                {
                    expected[k] += values[k];
                    expectedWeighted[k] = Math.FusedMultiplyAdd(1.0 / 3, values[k], expectedWeighted[k]);
                }
            }

            Assert.Equal(expected, sums);
            Assert.Equal(expectedWeighted, weighted);
        }
    }

    [Fact]
    public void A_hundred_thousand_rows_lose_nothing_that_a_float_sum_would()
    {
        double[] sums = new double[17];
        float[] row = [.. Enumerable.Repeat(0.1f, 17)];
        for (int i = 0; i < 100_000; i++) RowSums.Add(sums, row);
        Assert.All(sums, sum => Assert.Equal(100_000 * (double)0.1f, sum, 1e-6));
    }

    [Fact]
    public void Sums_shorter_than_the_row_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => RowSums.Add(new double[2], new float[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => RowSums.AddWeighted(new double[2], new float[3], 1));
    }
}
