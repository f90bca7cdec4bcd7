using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;

namespace Vlc.Numerics.Tests.Kernels;

/// <summary>What a parity kernel works on: bits of groups, a target and scales.</summary>
internal sealed record ParitySample(byte[] Bits, float[] Target, float[] Scale)
{
    public int Axes => Bits.Length * ParityTrellis.GroupAxes;

    /// <summary>Bits that descend, and the same bits everywhere, 1 to 7.</summary>
    public static IEnumerable<ParitySample> All(int groups)
    {
        var random = new SeededRandom((ulong)groups);
        yield return Random([.. Enumerable.Range(0, groups).Select(_ => (byte)(1 + random.NextInt64(7))).OrderDescending()], random);
        for (byte b = 1; b <= ParityTrellis.MaxBits; b++) yield return Random([.. Enumerable.Repeat(b, groups)], random);
    }

    /// <summary>Layouts of these bits: without coarse bits, with any, and with those that would be chosen.</summary>
    public IEnumerable<ParityLayout> Layouts()
    {
        var random = new SeededRandom((ulong)Bits.Length, stream: 2);
        byte[] coarse = new byte[Bits.Length];
        yield return new ParityLayout(Bits, coarse);
        for (int g = 0; g < coarse.Length; g++)
        {
            byte[] possible = [.. ((byte[])[0, 1, 2, 4]).Where(c => c < Bits[g])];
            coarse[g] = possible[random.NextInt64(possible.Length)];
        }

        yield return new ParityLayout(Bits, coarse);
        ParityLayout.ChooseCoarseBits(Bits, 48, coarse);
        yield return new ParityLayout(Bits, coarse);
    }

    /// <summary>Residuals of the model: variances follow from the bits.</summary>
    public static ParitySample Random(byte[] bits, SeededRandom random)
    {
        float[] scale = [.. bits.SelectMany(
            b => Enumerable.Range(0, ParityTrellis.GroupAxes).Select(_ => (.7f + (.6f * (float)random.NextDouble())) * (1 << b)))];
        return new ParitySample(bits, [.. scale.Select(s => s * random.NextGaussian())], scale);
    }
}
