using System.Numerics.Tensors;

namespace Vlc.Codecs.Packed;

/// <summary>
/// Whole bits for each axis by reverse water-filling: an axis gets a further bit as long as the bit lowers its weighted distortion by at
/// least the level. All numbers are logarithms in 1/64 octave, so that reader and writer agree.
/// </summary>
internal static class BitAllocation
{
    /// <summary>Most bits of an axis.</summary>
    public const int MostBits = 8;

    /// <summary>A variance so small that its axis never gets a bit.</summary>
    public const int NoVariance = int.MinValue / 4;

    /// <summary>
    /// 64 · log2(D(b - 1) - D(b)) of the trellis code's tables with D(0) = 1: the gain of bit b of an axis of variance 1.
    /// </summary>
    private static readonly int[] GainOfBit = [0, -31, -146, -265, -387, -508, -621, -751, -863];

    /// <summary>Allocates bits; the sum is a whole number of bytes.</summary>
    /// <param name="variances">64 · log2 of each axis's weighted variance.</param>
    /// <param name="level">64 · log2 of the least gain of a bit.</param>
    /// <param name="bits">Receives 0 to 8 for each axis.</param>
    /// <returns>Bytes of a code.</returns>
    public static int Allocate(ReadOnlySpan<int> variances, int level, Span<byte> bits)
    {
        int total = Fill(variances, level, bits);
        // Rounds to the nearest byte: adds the best further bits, or removes the least useful ones. Padding would code nothing.
        return Settle(variances, bits, total, (total + 4) / 8 * 8);
    }

    /// <summary>Allocates a given number of bytes, or as many as the axes can hold, as the level that spends them would.</summary>
    /// <param name="variances">64 · log2 of each axis's weighted variance.</param>
    /// <param name="bytes">Bytes to spend.</param>
    /// <param name="bits">Receives 0 to 8 for each axis.</param>
    /// <returns>Bytes of a code.</returns>
    public static int AllocateBytes(ReadOnlySpan<int> variances, int bytes, Span<byte> bits)
    {
        int target = Math.Min(8 * bytes, MostBits * variances.Length);
        // From a level at which every axis is full to one at which none has a bit.
        int low = TensorPrimitives.Min(variances) + GainOfBit[MostBits] - 1, high = TensorPrimitives.Max(variances) + GainOfBit[1] + 1;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            if (Fill(variances, middle, bits) > target) low = middle;
            else high = middle;
        }

        return Settle(variances, bits, Fill(variances, high, bits), target);
    }

    private static int Fill(ReadOnlySpan<int> variances, int level, Span<byte> bits)
    {
        int total = 0;
        for (int axis = 0; axis < variances.Length; axis++)
        {
            int count = 0;
            while (count < MostBits && variances[axis] + GainOfBit[count + 1] >= level) count++;
            bits[axis] = (byte)count;
            total += count;
        }

        return total;
    }

    private static int Settle(ReadOnlySpan<int> variances, Span<byte> bits, int total, int target)
    {
        for (; total < target; total++)
        {
            int best = -1, bestGain = NoVariance;
            for (int axis = 0; axis < variances.Length; axis++)
            {
                if (bits[axis] == MostBits) continue;
                int gain = variances[axis] + GainOfBit[bits[axis] + 1];
                if (gain > bestGain) (best, bestGain) = (axis, gain);
            }

            // Such an axis exists: axes that are all full hold a whole number of bytes already.
            bits[best]++;
        }

        for (; total > target; total--)
        {
            int least = -1, leastGain = int.MaxValue;
            for (int axis = 0; axis < variances.Length; axis++)
            {
                if (bits[axis] == 0) continue;
                int gain = variances[axis] + GainOfBit[bits[axis]];
                if (gain < leastGain) (least, leastGain) = (axis, gain);
            }

            bits[least]--;
        }

        return total / 8;
    }
}
