using Vlc.Numerics.Randomness;

namespace Vlc.Gpu.Tests;

/// <summary>Synthetic rows.</summary>
internal static class RandomRows
{
    /// <summary>Gaussian components.</summary>
    public static float[] Gaussian(int count, int dimension, ulong seed)
    {
        var random = new SeededRandom(seed, 0);
        var rows = new float[count * dimension];
        for (int i = 0; i < rows.Length; i++) rows[i] = random.NextGaussian();
        return rows;
    }

    /// <summary>Rows around as many centres, so that training has clusters to find.</summary>
    public static float[] Clusters(int count, int dimension, int clusters, ulong seed)
    {
        float[] centres = Gaussian(clusters, dimension, seed + 1), rows = Gaussian(count, dimension, seed);
        for (int i = 0; i < rows.Length; i++)
        {
            rows[i] = (rows[i] * 0.2f) + centres[(i / dimension % clusters * dimension) + (i % dimension)];
        }

        return rows;
    }
}
