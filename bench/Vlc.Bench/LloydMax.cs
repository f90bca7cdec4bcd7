using Vlc.Numerics.Kernels;

namespace Vlc.Bench;

/// <summary>
/// The best scalar quantisers of a unit Gaussian (Lloyd 1982, Max 1960) as trellis tables. The value depends on an axis's own bits alone,
/// so the encoder's search finds the nearest value of each axis.
/// </summary>
internal static class LloydMax
{
    public static TrellisTables Tables()
    {
        var values = new short[TrellisTables.MaxBits * TrellisTables.StateCount];
        for (int bits = 1; bits <= TrellisTables.MaxBits; bits++)
        {
            double[] levels = Levels(1 << bits);
            for (int state = 0; state < TrellisTables.StateCount; state++)
            {
                values[((bits - 1) * TrellisTables.StateCount) + state] = (short)Math.Round(4096 * levels[state & ((1 << bits) - 1)]);
            }
        }

        return new TrellisTables(values);
    }

    /// <summary>Lloyd's iteration on a fine grid of the density.</summary>
    private static double[] Levels(int count)
    {
        const int Points = 1 << 16;
        const double Widest = 6.5;
        double[] x = [.. Enumerable.Range(0, Points).Select(i => Widest * ((2 * (i + 0.5) / Points) - 1))];
        double[] mass = [.. x.Select(value => Math.Exp(-0.5 * value * value))];
        // Panter and Dite: the density of levels is the cube root of the mass, a Gaussian three times as wide.
        double[] levels = new double[count];
        double total = x.Sum(value => Math.Exp(-value * value / 6)), sum = 0;
        int next = 0;
        for (int i = 0; i < Points && next < count; i++)
        {
            sum += Math.Exp(-x[i] * x[i] / 6);
            if (sum >= (next + 0.5) / count * total) levels[next++] = x[i];
        }

        for (int iteration = 0; iteration < 300; iteration++)
        {
            var moments = new double[count];
            var masses = new double[count];
            int nearest = 0;
            for (int i = 0; i < Points; i++)
            {
                while (nearest < count - 1 && x[i] > 0.5 * (levels[nearest] + levels[nearest + 1])) nearest++;
                moments[nearest] += mass[i] * x[i];
                masses[nearest] += mass[i];
            }

            for (int i = 0; i < count; i++)
            {
                if (masses[i] > 0) levels[i] = moments[i] / masses[i];
            }
        }

        return levels;
    }
}
