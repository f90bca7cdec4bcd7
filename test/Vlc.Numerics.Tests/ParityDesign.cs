using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;

namespace Vlc.Numerics.Tests;

/// <summary>
/// Designs the codebooks of the parity trellis code: from quantiles of a wide Gaussian, subset by subset in turns, Lloyd's iterations over
/// the encoder's paths of unit Gaussian samples. In whole numbers and double sums in a fixed order, so that the same codebooks come out
/// everywhere.
/// </summary>
internal static class ParityDesign
{
    private const int StringAxes = 512, FewStrings = 200, ManyStrings = 600, LatePasses = 5;

    /// <summary>All codebooks and shares, as <see cref="ParityTables"/> takes them.</summary>
    public static (short[] Values, ushort[] Shares) Design()
    {
        short[] values = [.. Enumerable.Range(1, ParityTrellis.MaxBits).SelectMany(Start)];
        int first = 0;
        for (int bits = 1; bits <= ParityTrellis.MaxBits; bits++)
        {
            Span<short> book = values.AsSpan(first, ParityTrellis.Entries(bits));
            int earlyPasses = bits >= 4 ? 25 : 12;
            for (int pass = 0; pass < earlyPasses + LatePasses; pass++) Improve(
                values, book, bits, pass < earlyPasses ? FewStrings : ManyStrings);
            first += book.Length;
        }

        using var tables = new ParityTables(values, new ushort[values.Length]);
        return (values, [.. Enumerable.Range(1, ParityTrellis.MaxBits).SelectMany(bits => Shares(tables, bits))]);
    }

    /// <summary>Mean squared error of codebooks at some bits on other samples than those of the design.</summary>
    public static double Error(ParityTables tables, int bits, int axes, int strings)
    {
        double error = 0;
        ForEach(tables, bits, axes, strings, seed: 99, (target, symbols, values) =>
        {
            for (int i = 0; i < axes; i++) error += (target[i] - values[i]) * (double)(target[i] - values[i]);
        });
        return error / ((double)axes * strings);
    }

    private static IEnumerable<short> Start(int bits)
    {
        int entries = ParityTrellis.Entries(bits);
        return Enumerable.Range(0, entries).Select(i => (short)Math.Round(4096 * Math.Sqrt(2) * Quantile((i + 0.5) / entries)));
    }

    private static void Improve(short[] all, Span<short> book, int bits, int strings)
    {
        using var tables = new ParityTables(all, new ushort[all.Length]);
        int subsets = 1 << ParityTrellis.Parities(bits);
        (double[] sums, int[] counts) = Count(tables, bits, strings);
        for (int entry = 0; entry < book.Length; entry++)
        {
            if (counts[entry] > 0) book[entry] = (short)Math.Clamp(
                Math.Round(4096 * sums[entry] / counts[entry]), short.MinValue, short.MaxValue);
        }

        // An entry that few samples chose may overtake its neighbour.
        for (int entry = subsets; entry < book.Length; entry++) book[entry] = Math.Max(book[entry], book[entry - subsets]);
    }

    /// <summary>How many in 65,535 samples an entry stands for.</summary>
    private static IEnumerable<ushort> Shares(ParityTables tables, int bits) =>
        Count(tables, bits, ManyStrings).Counts.Select(count => (ushort)Math.Round(65_535.0 * count / (ManyStrings * StringAxes)));

    /// <summary>For each entry the sum and the number of the samples that it stands for.</summary>
    private static (double[] Sums, int[] Counts) Count(ParityTables tables, int bits, int strings)
    {
        int parities = ParityTrellis.Parities(bits);
        var sums = new double[ParityTrellis.Entries(bits)];
        var counts = new int[sums.Length];
        ForEach(tables, bits, StringAxes, strings, seed: 1, (target, symbols, _) =>
        {
            // The string is cyclic: its window before the first axis is the last one.
            int window = 0;
            for (int i = StringAxes - ParityTrellis.StateBits; i < StringAxes; i++) window = (window >> 1) | ((symbols[i] & 1) << 7);
            for (int i = 0; i < StringAxes; i++)
            {
                window = (window >> 1) | ((symbols[i] & 1) << 7);
                int entry = ((symbols[i] >> 1) << parities) | ParityTrellis.Subset(window, parities);
                sums[entry] += target[i];
                counts[entry]++;
            }
        });
        return (sums, counts);
    }

    private static void ForEach(ParityTables tables, int bits, int axes, int strings, ulong seed, Action<float[], byte[], float[]> take)
    {
        using var encoder = new ParityEncoder(tables, axes);
        var random = new SeededRandom(seed, (ulong)bits);
        byte[] groups = [.. Enumerable.Repeat((byte)bits, axes / ParityTrellis.GroupAxes)], symbols = new byte[axes];
        float[] target = new float[axes], scale = [.. Enumerable.Repeat(1f, axes)], values = new float[axes];
        for (int s = 0; s < strings; s++)
        {
            for (int i = 0; i < axes; i++) target[i] = random.NextGaussian();
            encoder.Encode(target, scale, groups, symbols, values);
            take(target, symbols, values);
        }
    }

    /// <summary>Quantile of a unit Gaussian, by bisection of its distribution.</summary>
    private static double Quantile(double probability)
    {
        double low = -8, high = 8;
        while (high - low > 1e-9)
        {
            double middle = 0.5 * (low + high), sum = 0;
            const int Steps = 2000;
            for (int i = 0; i < Steps; i++)
            {
                double x = -8 + ((middle + 8) * (i + 0.5) / Steps);
                sum += Math.Exp(-0.5 * x * x);
            }

            if (sum * (middle + 8) / Steps * 0.3989422804014327 < probability) low = middle;
            else high = middle;
        }

        return low;
    }
}
