namespace Vlc.Numerics.Randomness;

/// <summary>
/// Seeded random numbers whose sequence is part of the promise "same seed, same bytes": xoshiro256++ (Blackman and Vigna, 2019), seeded by
/// SplitMix64. <see cref="System.Random"/> does not document its sequence.
/// </summary>
public sealed class SeededRandom
{
    private ulong _s0, _s1, _s2, _s3;

    /// <summary>Starts the sequence of a seed and a stream.</summary>
    /// <param name="seed">The user's seed.</param>
    /// <param name="stream">
    /// A number for each independent use of the seed (phase, iteration, block), so that uses do not share a sequence.
    /// </param>
    public SeededRandom(ulong seed, ulong stream = 0)
    {
        ulong state = Mix(seed) ^ Mix(stream + 0x632BE59BD9B4E019UL);
        _s0 = SplitMix(ref state);
        _s1 = SplitMix(ref state);
        _s2 = SplitMix(ref state);
        _s3 = SplitMix(ref state);
    }

    /// <summary>64 uniform bits.</summary>
    public ulong NextUInt64()
    {
        ulong result = ulong.RotateLeft(_s0 + _s3, 23) + _s0;
        ulong t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = ulong.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>Uniform in [0, 1) with 53 bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [0, <paramref name="bound"/>); the bias of at most bound / 2^64 is accepted.</summary>
    /// <param name="bound">Exclusive upper bound; at least 1.</param>
    public long NextInt64(long bound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);
        return (long)Math.BigMul(NextUInt64(), (ulong)bound, out _);
    }

    /// <summary>
    /// A number of mean 0 and variance 1 that is close to Gaussian: the centred sum of 12 uniforms (Irwin-Hall), limited to 6 sigma. It
    /// needs no logarithm or cosine, whose last bits differ between platforms.
    /// </summary>
    public float NextGaussian()
    {
        long sum = 0;
        for (int i = 0; i < 4; i++)
        {
            ulong bits = NextUInt64();
            sum += (long)(bits & 0x1FFFFF) + (long)((bits >> 21) & 0x1FFFFF) + (long)((bits >> 42) & 0x1FFFFF);
        }

        return (float)((sum - (6L * 0x1FFFFF)) * (1.0 / 0x200000));
    }

    /// <summary>
    /// <paramref name="count"/> distinct numbers below <paramref name="bound"/>, ascending. The algorithm is Floyd's, O(count); Knuth's
    /// selection sampling is O(bound).
    /// </summary>
    /// <param name="bound">Exclusive upper bound.</param>
    /// <param name="count">How many; at most <paramref name="bound"/>.</param>
    /// <returns>Ascending, each of the subsets equally likely.</returns>
    public long[] NextSubset(long bound, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, bound);
        var chosen = new HashSet<long>(count);
        for (long j = bound - count; j < bound; j++)
        {
            long t = NextInt64(j + 1);
            if (!chosen.Add(t)) chosen.Add(j);
        }

        long[] ascending = [.. chosen];
        Array.Sort(ascending);
        return ascending;
    }

    private static ulong SplitMix(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15UL;
        return Mix(state);
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
