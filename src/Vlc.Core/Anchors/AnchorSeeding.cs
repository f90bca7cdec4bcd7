using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;

namespace Vlc.Anchors;

/// <summary>
/// Initial anchors by k-means|| (Bahmani et al., "Scalable k-means++", 2012). Rows are drawn with probability proportional to their squared
/// distance to the anchors so far. A round draws one panel of the assignment kernel (32), so that seeding runs at the speed of assignment.
/// Exactly m anchors are drawn; nothing is re-clustered.
/// </summary>
internal static class AnchorSeeding
{
    private const ulong Stream = 0x5EED;

    /// <summary>Draws <paramref name="anchorCount"/> distinct rows.</summary>
    /// <param name="backend">The backend that computes distances.</param>
    /// <param name="resident">The rows as the backend keeps them.</param>
    /// <param name="rows">Row-major, n x d.</param>
    /// <param name="dimension">d.</param>
    /// <param name="anchorCount">m, at most n.</param>
    /// <param name="seed">The user's seed.</param>
    /// <param name="cancellationToken">Checked each round.</param>
    /// <returns>Row-major, m x d.</returns>
    public static float[] Draw(
        IComputeBackend backend, IResidentRows resident, ReadOnlySpan<float> rows, int dimension, int anchorCount, ulong seed,
        CancellationToken cancellationToken)
    {
        int rowCount = rows.Length / dimension;
        var random = new SeededRandom(seed, Stream);
        var anchors = new float[anchorCount * dimension];
        var rowNorms = new float[rowCount];
        NearestColumn.HalfSquaredNorms(rows, dimension, rowNorms);
        var distances = new double[rowCount];
        distances.AsSpan().Fill(double.PositiveInfinity);
        var nearest = new int[rowCount];
        var scores = new float[rowCount];
        var cumulative = new double[rowCount];
        int drawn = 0;
        while (drawn < anchorCount)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // The first batches are small, because the draws of one batch do not see each other and may be neighbours.
            int batch = Math.Min(anchorCount - drawn, drawn == 0 ? 1 : Math.Min(PackedMatrix.PanelWidth, Math.Max(1, drawn / 2)));
            DrawBatch(rows, dimension, distances, cumulative, anchors.AsSpan(drawn * dimension), batch, random);
            using (IResidentAnchors added = backend.LoadAnchors(anchors.AsSpan(drawn * dimension, batch * dimension), dimension))
            {
                resident.Assign(added, nearest, scores, cancellationToken);
            }

            for (int row = 0; row < rowCount; row++)
            {
                double distance = Math.Max(0, 2.0 * ((double)scores[row] + rowNorms[row]));
                if (distance < distances[row]) distances[row] = distance;
            }

            drawn += batch;
        }

        return anchors;
    }

    private static void DrawBatch(
        ReadOnlySpan<float> rows, int dimension, double[] distances, double[] cumulative, Span<float> destination, int batch,
        SeededRandom random)
    {
        int rowCount = distances.Length;
        double total = 0;
        for (int row = 0; row < rowCount; row++) cumulative[row] = total += distances[row];
        Span<int> drawn = stackalloc int[batch];
        for (int i = 0; i < batch; i++)
        {
            int chosen = DrawOne(cumulative, total, random);
            // Drawing a row twice in a batch wastes an anchor. Where few distinct rows remain, that is accepted.
            for (int attempt = 0; attempt < 16 && drawn[..i].Contains(chosen); attempt++) chosen = DrawOne(cumulative, total, random);
            drawn[i] = chosen;
            rows.Slice(chosen * dimension, dimension).CopyTo(destination[(i * dimension)..]);
        }
    }

    private static int DrawOne(double[] cumulative, double total, SeededRandom random)
    {
        // All distances are infinite (nothing is drawn yet) or zero (every row is an anchor): any row will do.
        if (!(total > 0 && double.IsFinite(total))) return (int)random.NextInt64(cumulative.Length);
        int position = Array.BinarySearch(cumulative, random.NextDouble() * total);
        return Math.Min(position < 0 ? ~position : position + 1, cumulative.Length - 1);
    }
}
