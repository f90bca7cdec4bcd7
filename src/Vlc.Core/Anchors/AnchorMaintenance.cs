using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Threading;

namespace Vlc.Anchors;

/// <summary>
/// Merge and split: moves anchors from where they are redundant to where they are missing, which Lloyd's update cannot do. Each move is
/// weighed by the energy. Merging cells i and j costs the distortion n_i·n_j/(n_i + n_j)·‖a_i - a_j‖² (Ward, 1963). Splitting a cell in two
/// gains the same expression of its halves. A merge is made when a split pays for it, or when the bytes it saves do. The moves are those of
/// breathing k-means (Fritzke, 2020), with explicit costs.
/// </summary>
internal static class AnchorMaintenance
{
    /// <summary>Share of the anchors that one round may move.</summary>
    private const double LargestShare = 0.1;

    private const int PowerIterations = 5;

    /// <summary>Counts of the moves of a round.</summary>
    public readonly record struct Moves(int Merged, int Split);

    /// <summary>One round on arithmetic means of the present assignment.</summary>
    /// <param name="backend">The backend that computes merge candidates.</param>
    /// <param name="rows">Row-major, n x d.</param>
    /// <param name="dimension">d.</param>
    /// <param name="cells">Rows of each cell.</param>
    /// <param name="anchors">Row-major, m x d: the means of the cells; replaced by the moved ones, possibly fewer.</param>
    /// <param name="byteWorth">The distortion that dropping one anchor may cost: lambda · n · bytes of an anchor / n.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    /// <param name="cancellationToken">Checked between steps.</param>
    public static Moves Run(
        IComputeBackend backend, ReadOnlyMemory<float> rows, int dimension, InvertedLists cells, ref float[] anchors, double byteWorth,
        int threads,
        CancellationToken cancellationToken)
    {
        int cellCount = cells.CellCount;
        if (cellCount < 2) return default;
        int most = Math.Max(1, (int)(cellCount * LargestShare));
        List<Merge> merges = CheapestMerges(backend, anchors, dimension, cells, cancellationToken);
        List<Split> splits = BestSplits(rows, dimension, cells, anchors, most, threads, cancellationToken);

        var touched = new bool[cellCount];
        var removed = new bool[cellCount];
        int merged = 0, split = 0, nextSplit = 0;
        foreach (Merge merge in merges)
        {
            if (merged >= most) break;
            if (touched[merge.Kept] || touched[merge.Removed]) continue;
            while (nextSplit < splits.Count
                && (touched[splits[nextSplit].Cell] || splits[nextSplit].Cell == merge.Kept || splits[nextSplit].Cell == merge.Removed))
            {
                nextSplit++;
            }

            double gain = nextSplit < splits.Count ? splits[nextSplit].Gain : 0;
            bool paysBySplit = gain > merge.Cost, paysByBytes = byteWorth > merge.Cost && byteWorth > gain;
            if (!paysBySplit && !paysByBytes) break;
            touched[merge.Kept] = touched[merge.Removed] = true;
            MergeInto(anchors, dimension, merge.Kept, cells.Count(merge.Kept), merge.Removed, cells.Count(merge.Removed));
            merged++;
            if (paysByBytes)
            {
                removed[merge.Removed] = true;
                continue;
            }

            Split chosen = splits[nextSplit++];
            touched[chosen.Cell] = true;
            chosen.First.CopyTo(anchors.AsSpan(chosen.Cell * dimension));
            chosen.Second.CopyTo(anchors.AsSpan(merge.Removed * dimension));
            split++;
        }

        if (removed.AsSpan().Contains(true)) anchors = Compact(anchors, dimension, removed);
        return new Moves(merged, split);
    }

    /// <summary>The count-weighted mean of two cells' means; counts are conserved.</summary>
    public static void MergeInto(Span<float> anchors, int dimension, int kept, int keptCount, int removed, int removedCount)
    {
        int count = keptCount + removedCount;
        if (count == 0) return;
        double share = (double)removedCount / count;
        Span<float> target = anchors.Slice(kept * dimension, dimension);
        ReadOnlySpan<float> source = anchors.Slice(removed * dimension, dimension);
        for (int k = 0; k < dimension; k++) target[k] = (float)(target[k] + (share * ((double)source[k] - target[k])));
    }

    /// <summary>
    /// Splits some rows in two: 2-means of their projections on the leading direction of their scatter (power iteration). The gain is
    /// exactly the distortion that the split removes, before any row of another cell moves in. It is 0 when the rows cannot be split.
    /// </summary>
    public static Split SplitCell(ReadOnlySpan<float> rows, int dimension, int cell, ReadOnlySpan<int> members, ReadOnlySpan<float> mean)
    {
        var direction = new double[dimension];
        var next = new double[dimension];
        var axis = new float[dimension];
        var projections = new double[members.Length];
        // The start is the row farthest from the mean, which is never orthogonal to all of the scatter.
        double farthest = -1;
        int farthestRow = members[0];
        foreach (int row in members)
        {
            double distance = Distances.SquaredEuclidean(rows.Slice(row * dimension, dimension), mean);
            if (distance > farthest) (farthest, farthestRow) = (distance, row);
        }

        if (!(farthest > 0)) return new Split(cell, 0, [], []);
        for (int k = 0; k < dimension; k++) direction[k] = (double)rows[(farthestRow * dimension) + k] - mean[k];
        for (int iteration = 0; iteration < PowerIterations; iteration++)
        {
            if (!Normalize(direction)) return new Split(cell, 0, [], []);
            for (int k = 0; k < dimension; k++) axis[k] = (float)direction[k];
            double offset = Distances.Dot(mean, axis);
            for (int i = 0; i < members.Length; i++)
            {
                projections[i] = Distances.Dot(rows.Slice(members[i] * dimension, dimension), axis) - offset;
            }

            if (iteration == PowerIterations - 1) break;
            next.AsSpan().Clear();
            double total = 0;
            for (int i = 0; i < members.Length; i++)
            {
                RowSums.AddWeighted(next, rows.Slice(members[i] * dimension, dimension), projections[i]);
                total += projections[i];
            }

            for (int k = 0; k < dimension; k++) next[k] -= total * mean[k];

            (direction, next) = (next, direction);
        }

        double threshold = TwoMeansThreshold(projections);
        var firstSums = new double[dimension];
        var secondSums = new double[dimension];
        int firstCount = 0;
        for (int i = 0; i < members.Length; i++)
        {
            ReadOnlySpan<float> row = rows.Slice(members[i] * dimension, dimension);
            if (projections[i] <= threshold)
            {
                RowSums.Add(firstSums, row);
                firstCount++;
            }
            else
            {
                RowSums.Add(secondSums, row);
            }
        }

        int secondCount = members.Length - firstCount;
        if (firstCount == 0 || secondCount == 0) return new Split(cell, 0, [], []);
        var first = new float[dimension];
        var second = new float[dimension];
        double squared = 0;
        for (int k = 0; k < dimension; k++)
        {
            double a = firstSums[k] / firstCount, b = secondSums[k] / secondCount;
            squared += (a - b) * (a - b);
            first[k] = (float)a;
            second[k] = (float)b;
        }

        return new Split(cell, (double)firstCount * secondCount / members.Length * squared, first, second);
    }

    private static List<Merge> CheapestMerges(
        IComputeBackend backend, float[] anchors, int dimension, InvertedLists cells, CancellationToken cancellationToken)
    {
        int cellCount = cells.CellCount;
        int[] counts = [.. Enumerable.Range(0, cellCount).Select(cells.Count)], partners = new int[cellCount];
        var costs = new double[cellCount];
        backend.FindMergePartners(anchors, dimension, counts, partners, costs, cancellationToken);
        var merges = new List<Merge>(cellCount);
        for (int cell = 0; cell < cellCount; cell++)
        {
            int partner = partners[cell];
            if (counts[cell] == 0)
            {
                // An empty cell has nothing to merge, so it may be dropped in any case.
                merges.Add(new Merge(0, cell, cell));
            }
            else if (partner >= 0 && (counts[cell] < counts[partner] || (counts[cell] == counts[partner] && cell > partner)))
            {
                // The smaller cell goes. A pair is listed once where both name each other.
                merges.Add(new Merge(costs[cell], partner, cell));
            }
        }

        merges.Sort(static (x, y) => x.Cost != y.Cost ? x.Cost.CompareTo(y.Cost) : x.Removed.CompareTo(y.Removed));
        return merges;
    }

    private static List<Split> BestSplits(
        ReadOnlyMemory<float> rows, int dimension, InvertedLists cells, float[] anchors, int most, int threads,
        CancellationToken cancellationToken)
    {
        // A cell's scatter bounds the gain of its split, so only the cells of largest scatter are tried.
        var scatter = new double[cells.CellCount];
        BlockScheduler.Run(
            cells.CellCount, threads,
            (cell, _) =>
            {
                double sum = 0;
                foreach (int row in cells.Rows(cell))
                {
                    sum += Distances.SquaredEuclidean(
                        rows.Span.Slice(row * dimension, dimension), anchors.AsSpan(cell * dimension, dimension));
                }

                scatter[cell] = sum;
            },
            cancellationToken);
        int[] candidates = [.. Enumerable.Range(0, cells.CellCount).Where(cell => cells.Count(cell) > 1 && scatter[cell] > 0)
            .OrderByDescending(cell => scatter[cell]).ThenBy(cell => cell).Take(2 * most)];
        var splits = new Split[candidates.Length];
        BlockScheduler.Run(
            candidates.Length, threads,
            (i, _) => splits[i] = SplitCell(
                rows.Span, dimension, candidates[i], cells.Rows(candidates[i]), anchors.AsSpan(candidates[i] * dimension, dimension)),
            cancellationToken);
        return [.. splits.Where(split => split.Gain > 0).OrderByDescending(split => split.Gain).ThenBy(split => split.Cell)];
    }

    /// <summary>The boundary of the 2-means of numbers on a line; the start splits them at their mean.</summary>
    private static double TwoMeansThreshold(ReadOnlySpan<double> values)
    {
        double threshold = 0;
        for (int iteration = 0; iteration < 16; iteration++)
        {
            double lowSum = 0, highSum = 0;
            int low = 0;
            foreach (double value in values)
            {
                if (value <= threshold)
                {
                    lowSum += value;
                    low++;
                }
                else
                {
                    highSum += value;
                }
            }

            if (low == 0 || low == values.Length) return threshold;
            double moved = 0.5 * ((lowSum / low) + (highSum / (values.Length - low)));
            if (moved == threshold) return threshold;
            threshold = moved;
        }

        return threshold;
    }

    private static bool Normalize(Span<double> vector)
    {
        double squared = 0;
        foreach (double value in vector) squared += value * value;
        if (!(squared > 0 && double.IsFinite(squared))) return false;
        double inverse = 1 / Math.Sqrt(squared);
        foreach (ref double value in vector) value *= inverse;
        return true;
    }

    private static float[] Compact(float[] anchors, int dimension, bool[] removed)
    {
        var kept = new float[(removed.Length - removed.Count(gone => gone)) * dimension];
        int next = 0;
        for (int cell = 0; cell < removed.Length; cell++)
        {
            if (removed[cell]) continue;
            anchors.AsSpan(cell * dimension, dimension).CopyTo(kept.AsSpan(next));
            next += dimension;
        }

        return kept;
    }

    /// <summary>
    /// Merging <paramref name="Removed"/> into <paramref name="Kept"/> adds <paramref name="Cost"/> to the total distortion.
    /// </summary>
    private readonly record struct Merge(double Cost, int Kept, int Removed);

    /// <summary>Splitting <paramref name="Cell"/> into two means removes <paramref name="Gain"/> from the total distortion.</summary>
    internal readonly record struct Split(int Cell, double Gain, float[] First, float[] Second);
}
