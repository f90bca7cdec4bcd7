using Vlc.Numerics.Randomness;

namespace Vlc.Cli.Evaluation;

/// <summary>
/// The seed program's synthetic vectors: Gaussian clouds around random centres. They exercise the program; of real data they
/// prove nothing.
/// </summary>
internal static class GaussianBlobs
{
    // The clouds overlap a little, as the seed's do: within a cloud the spread is a third of that of the centres.
    private const float Spread = 1f / 3;
    private const ulong CentreStream = 1;
    private const ulong RowStream = 2;

    /// <summary>Draws rows.</summary>
    /// <param name="count">Rows.</param>
    /// <param name="dimension">Components of each.</param>
    /// <param name="blobs">Clouds.</param>
    /// <param name="seed">Of everything random.</param>
    /// <returns>Row-major, <paramref name="count"/> x <paramref name="dimension"/>.</returns>
    public static float[] Draw(int count, int dimension, int blobs, ulong seed)
    {
        var random = new SeededRandom(seed, CentreStream);
        var centres = new float[blobs * dimension];
        for (int i = 0; i < centres.Length; i++) centres[i] = random.NextGaussian();

        random = new SeededRandom(seed, RowStream);
        var rows = new float[count * dimension];
        for (int row = 0; row < count; row++)
        {
            int centre = (int)random.NextInt64(blobs) * dimension;
            for (int k = 0; k < dimension; k++) rows[(row * dimension) + k] = centres[centre + k] + (Spread * random.NextGaussian());
        }

        return rows;
    }
}
