using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;
using Vlc.Numerics.Threading;

namespace Vlc.Anchors;

/// <summary>
/// The update step: each cell's anchor becomes the (robust) mean of its rows, plus the noise of the temperature. One thread sums a
/// cell in row order, in double, so that the result does not depend on the number of threads.
/// </summary>
internal static class CellMeans
{
    private const int CellsPerBlock = 16;

    /// <summary>Moves every anchor that has rows; the anchor of an empty cell stays.</summary>
    /// <param name="rows">Row-major, n x d.</param>
    /// <param name="dimension">d.</param>
    /// <param name="cells">Rows of each cell.</param>
    /// <param name="squaredDistances">Of each row to its present anchor.</param>
    /// <param name="mean">Which mean.</param>
    /// <param name="temperature">0 for Lloyd's update.</param>
    /// <param name="seed">The user's seed.</param>
    /// <param name="iteration">Number of the iteration: each has noise of its own.</param>
    /// <param name="anchors">Row-major, m x d; updated in place.</param>
    /// <param name="threads">Threads to use.</param>
    /// <param name="cancellationToken">Checked for each block of cells.</param>
    public static void Update(
        ReadOnlyMemory<float> rows, int dimension, CellLists cells, ReadOnlyMemory<double> squaredDistances, RobustMean mean,
        double temperature, ulong seed, int iteration, Memory<float> anchors, int threads, CancellationToken cancellationToken)
    {
        BlockScheduler.Run(
            BlockScheduler.BlockCount(cells.CellCount, CellsPerBlock), threads,
            (block, _) =>
            {
                var sums = new double[dimension];
                int end = Math.Min((block + 1) * CellsPerBlock, cells.CellCount);
                for (int cell = block * CellsPerBlock; cell < end; cell++)
                {
                    ReadOnlySpan<int> members = cells.Rows(cell);
                    if (members.IsEmpty) continue;
                    Span<float> anchor = anchors.Span.Slice(cell * dimension, dimension);
                    Compute(rows.Span, dimension, members, squaredDistances.Span, mean, sums, anchor);
                    if (temperature > 0)
                    {
                        double variance = 0;
                        foreach (int row in members) variance += squaredDistances.Span[row];
                        variance /= (double)members.Length * dimension;
                        AddNoise(anchor, (float)Math.Sqrt(temperature * variance), new SeededRandom(seed, NoiseStream(iteration, cell)));
                    }
                }
            },
            cancellationToken);
    }

    /// <summary>The mean of some rows.</summary>
    public static void Compute(
        ReadOnlySpan<float> rows, int dimension, ReadOnlySpan<int> members, ReadOnlySpan<double> squaredDistances, RobustMean mean,
        Span<double> sums, Span<float> result)
    {
        sums.Clear();
        double weightSum;
        switch (mean.Kind)
        {
            case MeanKind.Trimmed:
                int kept = members.Length - (int)(mean.Parameter * members.Length);
                int[] byDistance = ByDistance(members, squaredDistances);
                // Summed in row order again, so that leaving nothing out gives the arithmetic mean to the bit.
                Array.Sort(byDistance, 0, kept);
                foreach (int row in byDistance.AsSpan(0, kept)) RowSums.Add(sums, rows.Slice(row * dimension, dimension));
                weightSum = kept;
                break;
            case MeanKind.Huber:
                int[] ordered = ByDistance(members, squaredDistances);
                double limit = mean.Parameter * Math.Sqrt(squaredDistances[ordered[ordered.Length / 2]]);
                weightSum = 0;
                foreach (int row in members)
                {
                    double distance = Math.Sqrt(squaredDistances[row]);
                    double weight = distance <= limit ? 1 : limit / distance;
                    RowSums.AddWeighted(sums, rows.Slice(row * dimension, dimension), weight);
                    weightSum += weight;
                }

                break;
            default:
                foreach (int row in members) RowSums.Add(sums, rows.Slice(row * dimension, dimension));
                weightSum = members.Length;
                break;
        }

        // More than half of a cell's rows on its anchor, the rest with Huber weight 0: the anchor is where it belongs.
        if (weightSum <= 0) return;
        for (int k = 0; k < dimension; k++) result[k] = (float)(sums[k] / weightSum);
    }

    private static int[] ByDistance(ReadOnlySpan<int> members, ReadOnlySpan<double> squaredDistances)
    {
        int[] rows = members.ToArray();
        var keys = new (double Distance, int Row)[rows.Length];
        for (int i = 0; i < rows.Length; i++) keys[i] = (squaredDistances[rows[i]], rows[i]);
        Array.Sort(keys, rows);
        return rows;
    }

    private static void AddNoise(Span<float> anchor, float deviation, SeededRandom random)
    {
        for (int k = 0; k < anchor.Length; k++) anchor[k] = MathF.FusedMultiplyAdd(deviation, random.NextGaussian(), anchor[k]);
    }

    private static ulong NoiseStream(int iteration, int cell) => 0xA000_0000_0000_0000UL | ((ulong)(uint)iteration << 32) | (uint)cell;
}
