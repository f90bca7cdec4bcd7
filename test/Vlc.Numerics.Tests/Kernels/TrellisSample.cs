using Vlc.Numerics.Randomness;

namespace Vlc.Numerics.Tests.Kernels;

/// <summary>The input of a trellis kernel: bits of axes, a target and scales.</summary>
internal sealed record TrellisSample(byte[] Bits, float[] Target, float[] Scale)
{
    public int TotalBits => Bits.Sum(b => b);

    /// <summary>Bits in any order, bits descending, and the same bits everywhere, 1 to 8.</summary>
    public static IEnumerable<TrellisSample> All(int length)
    {
        var random = new SeededRandom((ulong)length);
        byte[] any = [.. Enumerable.Range(0, length).Select(_ => (byte)(1 + random.NextInt64(8)))];
        yield return Random(any, random);
        yield return Random([.. any.OrderDescending()], random);
        for (byte b = 1; b <= 8; b++) yield return Random([.. Enumerable.Repeat(b, length)], random);
    }

    private static TrellisSample Random(byte[] bits, SeededRandom random) => new(
        bits, [.. bits.Select(_ => random.NextGaussian())], [.. bits.Select(_ => .1f + (float)random.NextDouble())]);
}
