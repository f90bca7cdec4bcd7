using CsCheck;
using Vlc.Codecs.Packed;

namespace Vlc.Core.Tests.Packed;

public sealed class BitAllocationTests
{
    private static readonly Gen<int[]> s_variances = Gen.Int[-2000, 2000].Array[1, 40];
    private static readonly Gen<int> s_level = Gen.Int[-3500, 3500];

    [Fact]
    public void A_code_is_whole_bytes_of_at_most_eight_bits_an_axis() =>
        Gen.Select(s_variances, s_level).Sample((variances, level) =>
        {
            byte[] bits = Allocate(variances, level, out int bytes);
            Assert.Equal(8 * bytes, bits.Sum(b => b));
            Assert.All(bits, b => Assert.InRange(b, 0, BitAllocation.MostBits));
        });

    [Fact]
    public void A_higher_level_never_takes_more_bytes() =>
        Gen.Select(s_variances, s_level, s_level).Sample((variances, one, other) =>
        {
            Allocate(variances, Math.Max(one, other), out int fewer);
            Allocate(variances, Math.Min(one, other), out int more);
            Assert.True(fewer <= more);
        });

    [Fact]
    public void An_axis_of_more_variance_never_has_fewer_bits() =>
        Gen.Select(s_variances, s_level).Sample((variances, level) =>
        {
            int[] sorted = [.. variances.Distinct().OrderDescending()];
            byte[] bits = Allocate(sorted, level, out _);
            Assert.Equal(bits.OrderDescending(), bits);
        });

    [Fact]
    public void The_bytes_are_the_nearest_to_what_the_level_asks_for()
    {
        // Bit b of an axis of variance 2^0 gains 2^(gain / 64): at level -31 each gets its first bit, at -30 none.
        int[] gains = [-31, -146, -265, -387, -508, -621, -751, -863];
        foreach (int axes in (int[])[1, 3, 4, 5, 8, 11, 12, 20])
        {
            for (int b = 0; b < gains.Length; b++)
            {
                Allocate(new int[axes], gains[b], out int bytes);
                Assert.Equal(((axes * (b + 1)) + 4) / 8, bytes);
                Allocate(new int[axes], gains[b] + 1, out bytes);
                Assert.Equal(((axes * b) + 4) / 8, bytes);
            }
        }
    }

    [Fact]
    public void Equal_axes_fill_up_and_give_back_from_the_lowest()
    {
        // Five bits wanted, eight given: the three more go to the first axes.
        Assert.Equal([2, 2, 2, 1, 1], Allocate(new int[5], -31, out _));
        // Three bits wanted, none given.
        Assert.Equal(new byte[3], Allocate(new int[3], -31, out _));
        // Eleven wanted, eight given: the first three give back.
        Assert.Equal([0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], Allocate(new int[11], -31, out _));
    }

    [Fact]
    public void A_single_axis_has_eight_bits_or_none()
    {
        Assert.Equal([8], Allocate([0], -387, out _));
        Assert.Equal([0], Allocate([0], -386, out _));
    }

    private static byte[] Allocate(int[] variances, int level, out int bytes)
    {
        var bits = new byte[variances.Length];
        bytes = BitAllocation.Allocate(variances, level, bits);
        return bits;
    }

    [Fact]
    public void Given_bytes_are_spent_where_the_level_that_spends_them_would() =>
        Gen.Select(Gen.Int[-1500, 1500].Array[1, 30], Gen.Int[0, 40]).Sample((variances, bytes) =>
        {
            var bits = new byte[variances.Length];
            int spent = BitAllocation.AllocateBytes(variances, bytes, bits);
            Assert.Equal(Math.Min(bytes, variances.Length), spent);
            Assert.Equal(8 * spent, bits.Sum(b => b));
            // No bit would gain more on another axis.
            int[] gains = [-31, -146, -265, -387, -508, -621, -751, -863];
            for (int from = 0; from < bits.Length; from++)
            {
                for (int to = 0; to < bits.Length; to++)
                {
                    if (bits[from] > 0 && bits[to] < 8)
                    {
                        Assert.True(variances[to] + gains[bits[to]] <= variances[from] + gains[bits[from] - 1]);
                    }
                }
            }
        });
}
