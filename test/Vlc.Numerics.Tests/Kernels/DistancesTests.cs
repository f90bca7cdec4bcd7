using Vlc.Numerics.Kernels;

namespace Vlc.Numerics.Tests.Kernels;

public sealed class DistancesTests
{
    [Fact]
    public void Dot_and_distance_have_the_bits_of_their_references_at_every_length_and_offset()
    {
        float[] x = KernelInputs.Values(300, 1), y = KernelInputs.Values(300, 2);
        foreach (int length in KernelInputs.Lengths)
        {
            foreach (int offset in (int[])[0, 1, 5, 13])
            {
                ReadOnlySpan<float> a = x.AsSpan(offset, length), b = y.AsSpan((2 * offset) + 1, length);
                KernelInputs.AssertSameBits(
                    [Distances.DotReference(a, b), Distances.SquaredEuclideanReference(a, b)],
                    [Distances.Dot(a, b), Distances.SquaredEuclidean(a, b)]);
            }
        }
    }

    [Fact]
    public void References_are_what_they_claim_within_rounding()
    {
        float[] x = KernelInputs.Values(129, 3), y = KernelInputs.Values(129, 4);
        double dot = 0, squared = 0, magnitude = 0;
        for (int k = 0; k < x.Length; k++)
        {
            dot += (double)x[k] * y[k];
            magnitude += Math.Abs((double)x[k] * y[k]);
            squared += ((double)x[k] - y[k]) * ((double)x[k] - y[k]);
        }

        Assert.InRange(Distances.Dot(x, y), dot - (1e-6 * magnitude), dot + (1e-6 * magnitude));
        Assert.InRange(Distances.SquaredEuclidean(x, y), squared * (1 - 1e-6), squared * (1 + 1e-6));
    }

    [Fact]
    public void Nothing_behind_the_first_vector_counts()
    {
        float[] x = KernelInputs.Values(37, 5), y = KernelInputs.Values(37, 6);
        float[] longer = [.. y, float.NaN, float.PositiveInfinity];
        KernelInputs.AssertSameBits([Distances.Dot(x, y)], [Distances.Dot(x, longer)]);
        Assert.Equal(0, Distances.Dot([], []));
    }

    [Fact]
    public void A_second_vector_that_is_shorter_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Distances.Dot(new float[2], new float[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Distances.SquaredEuclidean(new float[17], new float[16]));
    }
}
