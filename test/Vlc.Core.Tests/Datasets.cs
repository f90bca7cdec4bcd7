using Vlc.Anchors;
using Vlc.Indexing;
using Vlc.Numerics.Randomness;
using Vlc.Search;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests;

/// <summary>Synthetic rows for facts that hold on any data, and indexes of them.</summary>
internal static class Datasets
{
    /// <summary>Gaussian clusters around Gaussian centres: spread 1 around centres of spread 4.</summary>
    public static float[] Clusters(int count, int dimension, int clusters, ulong seed)
    {
        var random = new SeededRandom(seed, 1);
        var centres = new float[clusters * dimension];
        for (int i = 0; i < centres.Length; i++) centres[i] = 4 * random.NextGaussian();
        var rows = new float[count * dimension];
        for (int row = 0; row < count; row++)
        {
            int centre = (int)random.NextInt64(clusters);
            for (int k = 0; k < dimension; k++) rows[(row * dimension) + k] = centres[(centre * dimension) + k] + random.NextGaussian();
        }

        return rows;
    }

    /// <summary>Each component times <paramref name="factor"/>, plus <paramref name="offset"/>.</summary>
    public static float[] Moved(float[] rows, float factor, float offset) => [.. rows.Select(value => (value * factor) + offset)];

    /// <summary>Training with a named number of anchors, one iteration after the other on one thread.</summary>
    public static AnchorTrainingOptions Training(int anchors, ulong seed = 1, int threads = 1) =>
        new() { AnchorCount = anchors, Seed = seed, Threads = threads };

    /// <summary>Builds an index in a folder and returns its base path.</summary>
    public static string Build(TemporaryFolder folder, float[] rows, int dimension, IndexOptions options, string name = "index")
    {
        string path = folder.File(name);
        using var source = new InMemoryVectors(rows, dimension);
        IndexBuilder.Build(source, path, options);
        return path;
    }

    /// <summary>Ids of the k nearest rows, as long as there are some.</summary>
    public static int[] Search(VlcIndex index, ReadOnlySpan<float> query, int k, SearchOptions? options = null)
    {
        var ids = new int[k];
        int found = index.Search(query, ids, new float[k], options);
        return ids[..found];
    }

    /// <summary>Squared distance in double.</summary>
    public static double Squared(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        double sum = 0;
        for (int k = 0; k < x.Length; k++) sum += ((double)x[k] - y[k]) * ((double)x[k] - y[k]);
        return sum;
    }

    public static ReadOnlySpan<float> Row(float[] rows, int dimension, int row) => rows.AsSpan(row * dimension, dimension);
}
