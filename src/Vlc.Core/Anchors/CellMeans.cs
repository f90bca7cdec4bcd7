using Vlc.Compute;
using Vlc.Numerics.Randomness;
using Vlc.Numerics.Threading;

namespace Vlc.Anchors;

/// <summary>
/// The update step: each cell's anchor becomes the (robust) mean of its rows, plus the noise of the temperature. This type decides which
/// rows count and how much; the backend that keeps the rows sums them.
/// </summary>
internal static class CellMeans
{
    private const int CellsPerBlock = 16;

    /// <summary>Moves every anchor that has rows; the anchor of an empty cell stays.</summary>
    /// <param name="rows">The rows of the cells.</param>
    /// <param name="dimension">d.</param>
    /// <param name="cells">Rows of each cell.</param>
    /// <param name="squaredDistances">Of each row to its present anchor.</param>
    /// <param name="mean">Which mean.</param>
    /// <param name="temperature">0 for Lloyd's update.</param>
    /// <param name="seed">The user's seed.</param>
    /// <param name="iteration">Number of the iteration; each has noise of its own.</param>
    /// <param name="anchors">Row-major, m x d; updated in place.</param>
    /// <param name="threads">Threads to use.</param>
    /// <param name="cancellationToken">Checked for each block of cells.</param>
    public static void Update(
        IResidentRows rows, int dimension, InvertedLists cells, ReadOnlyMemory<double> squaredDistances, RobustMean mean,
        double temperature, ulong seed, int iteration, Memory<float> anchors, int threads, CancellationToken cancellationToken)
    {
        switch (mean.Kind)
        {
            case MeanKind.Trimmed:
                (int[] kept, int[] starts) = Trimmed(cells, squaredDistances, mean.Parameter, threads, cancellationToken);
                rows.Means(kept, starts, ReadOnlyMemory<double>.Empty, anchors, cancellationToken);
                break;
            case MeanKind.Huber:
                rows.Means(
                    cells.Order, cells.Starts, HuberWeights(cells, squaredDistances, mean.Parameter, threads, cancellationToken), anchors,
                    cancellationToken);
                break;
            default:
                rows.Means(cells.Order, cells.Starts, ReadOnlyMemory<double>.Empty, anchors, cancellationToken);
                break;
        }

        if (temperature > 0)
        {
            AddNoise(dimension, cells, squaredDistances, temperature, seed, iteration, anchors, threads, cancellationToken);
        }
    }

    /// <summary>
    /// Each cell's rows without the farthest share, in ascending order again, so that leaving none out gives the bits of the arithmetic
    /// mean.
    /// </summary>
    private static (int[] Kept, int[] Starts) Trimmed(
        InvertedLists cells, ReadOnlyMemory<double> squaredDistances, double share, int threads, CancellationToken cancellationToken)
    {
        var starts = new int[cells.CellCount + 1];
        for (int cell = 0; cell < cells.CellCount; cell++)
        {
            starts[cell + 1] = starts[cell] + cells.Count(cell) - (int)(share * cells.Count(cell));
        }

        var kept = new int[starts[^1]];
        ForEachCell(
            cells, threads,
            cell =>
            {
                int[] byDistance = ByDistance(cells.Rows(cell), squaredDistances.Span);
                int first = starts[cell], count = starts[cell + 1] - first;
                byDistance.AsSpan(0, count).CopyTo(kept.AsSpan(first));
                Array.Sort(kept, first, count);
            },
            cancellationToken);
        return (kept, starts);
    }

    /// <summary>
    /// The weight of each row in the order of the lists: 1 up to a multiple of the cell's median distance, the inverse of the distance
    /// beyond.
    /// </summary>
    private static double[] HuberWeights(
        InvertedLists cells, ReadOnlyMemory<double> squaredDistances, double multiple, int threads, CancellationToken cancellationToken)
    {
        var weights = new double[cells.RowCount];
        ForEachCell(
            cells, threads,
            cell =>
            {
                ReadOnlySpan<int> members = cells.Rows(cell);
                int[] ordered = ByDistance(members, squaredDistances.Span);
                double limit = multiple * Math.Sqrt(squaredDistances.Span[ordered[ordered.Length / 2]]);
                Span<double> own = weights.AsSpan(cells.Starts.Span[cell], members.Length);
                for (int i = 0; i < own.Length; i++)
                {
                    // More than half of a cell's rows coincide with its anchor. The others weigh 0, and the anchor is where it belongs.
                    double distance = Math.Sqrt(squaredDistances.Span[members[i]]);
                    own[i] = distance <= limit ? 1 : limit / distance;
                }
            },
            cancellationToken);
        return weights;
    }

    private static void AddNoise(
        int dimension, InvertedLists cells, ReadOnlyMemory<double> squaredDistances, double temperature, ulong seed, int iteration,
        Memory<float> anchors,
        int threads, CancellationToken cancellationToken) => ForEachCell(
            cells, threads,
            cell =>
            {
                double variance = 0;
                foreach (int row in cells.Rows(cell)) variance += squaredDistances.Span[row];
                variance /= (double)cells.Count(cell) * dimension;
                float deviation = (float)Math.Sqrt(temperature * variance);
                var random = new SeededRandom(seed, NoiseStream(iteration, cell));
                foreach (ref float component in anchors.Span.Slice(cell * dimension, dimension))
                {
                    component = MathF.FusedMultiplyAdd(deviation, random.NextGaussian(), component);
                }
            },
            cancellationToken);

    private static void ForEachCell(InvertedLists cells, int threads, Action<int> body, CancellationToken cancellationToken) =>
        BlockScheduler.Run(
            BlockScheduler.BlockCount(cells.CellCount, CellsPerBlock), threads,
            (block, _) =>
            {
                int end = Math.Min((block + 1) * CellsPerBlock, cells.CellCount);
                for (int cell = block * CellsPerBlock; cell < end; cell++)
                {
                    if (cells.Count(cell) > 0) body(cell);
                }
            },
            cancellationToken);

    private static int[] ByDistance(ReadOnlySpan<int> members, ReadOnlySpan<double> squaredDistances)
    {
        int[] rows = members.ToArray();
        var keys = new (double Distance, int Row)[rows.Length];
        for (int i = 0; i < rows.Length; i++) keys[i] = (squaredDistances[rows[i]], rows[i]);
        Array.Sort(keys, rows);
        return rows;
    }

    private static ulong NoiseStream(int iteration, int cell) => 0xA000_0000_0000_0000UL | ((ulong)(uint)iteration << 32) | (uint)cell;
}
