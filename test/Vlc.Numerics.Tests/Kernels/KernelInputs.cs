using Vlc.Numerics.Randomness;

namespace Vlc.Numerics.Tests.Kernels;

/// <summary>Inputs for kernels: sizes near every tile and vector width, and values of every kind of rounding.</summary>
internal static class KernelInputs
{
    /// <summary>
    /// Near 16 lanes, 32 columns of a panel, 64 of an unrolled step, 128 of four panels; not multiples of 4, 6 or 14 rows.
    /// </summary>
    public static readonly int[] Lengths = [1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 79, 127, 128, 129, 200];

    /// <summary>Gaussian numbers of mixed magnitude, so that an order of summation shows in the last bits.</summary>
    public static float[] Values(int length, ulong seed)
    {
        var random = new SeededRandom(seed);
        var values = new float[length];
        for (int i = 0; i < length; i++) values[i] = random.NextGaussian() * MathF.ScaleB(1, (int)random.NextInt64(9) - 4);
        return values;
    }

    /// <summary>Every code that the int8 codec writes, and -128, which a damaged file may hold.</summary>
    public static sbyte[] Codes(int length, ulong seed)
    {
        var random = new SeededRandom(seed);
        var codes = new sbyte[length];
        for (int i = 0; i < length; i++) codes[i] = (sbyte)(random.NextInt64(256) - 128);
        return codes;
    }

    /// <summary>Equality of bits: NaN equals NaN, and -0 does not equal 0.</summary>
    public static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToUInt32Bits(expected[i]) != BitConverter.SingleToUInt32Bits(actual[i]))
            {
                Assert.Fail($"element {i}: expected {expected[i]:R}, found {actual[i]:R} at level {InstructionSets.Level}");
            }
        }
    }
}
