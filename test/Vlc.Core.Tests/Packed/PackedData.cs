using Vlc.Indexing;
using Vlc.Numerics.Randomness;
using Vlc.Codecs;
using Vlc.Codecs.Packed;
using Vlc.Tests;

namespace Vlc.Core.Tests.Packed;

/// <summary>
/// Rows for which the packed codec's parts all matter: clusters of unequal size and width, each with a spectrum of its own.
/// </summary>
internal static class PackedData
{
    public const int Dimension = 21;
    public const int Count = 1500;
    public const int Anchors = 32;

    public static float[] Rows(int count, ulong seed)
    {
        const int Clusters = 12;
        var shapes = new SeededRandom(77, 1);
        float[] centres = [.. Enumerable.Range(0, Clusters * Dimension).Select(_ => 3 * shapes.NextGaussian())];
        // Three widths apart by four, and axes that decay in another order from one cluster to the next.
        float[] spreads = [.. Enumerable.Range(0, Clusters * Dimension).Select(
            i => MathF.ScaleB(1, -2 * (i / Dimension % 3)) * MathF.Pow(0.85f, ((i % Dimension) + (7 * (i / Dimension))) % Dimension))];
        var random = new SeededRandom(seed, 2);
        var rows = new float[count * Dimension];
        for (int row = 0; row < count; row++)
        {
            // The first cluster is drawn 1 / 4 of the time, the last seldom.
            double share = random.NextInt64(1 << 20) / (double)(1 << 20);
            int cluster = (int)(share * share * Clusters);
            for (int k = 0; k < Dimension; k++)
            {
                int place = (cluster * Dimension) + k;
                rows[(row * Dimension) + k] = centres[place] + (spreads[place] * random.NextGaussian());
            }
        }

        return rows;
    }

    public static string Build(
        TemporaryFolder folder, Metric metric, PackedOptions options, string name = "index", CodecKind codec = CodecKind.Packed) =>
        Datasets.Build(
            folder, Rows(Count, 1), Dimension,
            new IndexOptions { Metric = metric, Codec = codec, Packed = options, Training = Datasets.Training(Anchors) }, name);
}
