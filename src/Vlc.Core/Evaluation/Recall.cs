namespace Vlc.Evaluation;

/// <summary>Recall@k = |found top k ∩ exact top k| / k, averaged over queries.</summary>
/// <param name="Value">The mean, 0 to 1.</param>
/// <param name="StandardError">Standard error of the mean over the queries.</param>
public readonly record struct Recall(double Value, double StandardError)
{
    /// <summary>Compares results with ground truth.</summary>
    /// <param name="found">q x k row numbers; -1 where fewer were found.</param>
    /// <param name="exact">q x <paramref name="exactWidth"/> row numbers, nearest first; the first k of each count.</param>
    /// <param name="k">k.</param>
    /// <param name="exactWidth">Columns of <paramref name="exact"/>; at least k.</param>
    /// <exception cref="ArgumentException">The spans differ in their number of queries.</exception>
    public static Recall Compute(ReadOnlySpan<int> found, ReadOnlySpan<int> exact, int k, int exactWidth)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(exactWidth, k);
        int queries = found.Length / k;
        if (queries == 0 || exact.Length / exactWidth != queries)
        {
            throw new ArgumentException(
                $"{queries} results cannot be compared with ground truth for {exact.Length / exactWidth} queries.", nameof(exact));
        }

        var hits = new int[queries];
        for (int query = 0; query < queries; query++)
        {
            ReadOnlySpan<int> truth = exact.Slice(query * exactWidth, k);
            foreach (int row in found.Slice(query * k, k))
            {
                if (row >= 0 && truth.Contains(row)) hits[query]++;
            }
        }

        return FromHits(hits, k);
    }

    /// <summary>From the number of hits of each query.</summary>
    internal static Recall FromHits(ReadOnlySpan<int> hits, int k)
    {
        var recalls = new double[hits.Length];
        for (int i = 0; i < hits.Length; i++) recalls[i] = (double)hits[i] / k;
        return Mean(recalls);
    }

    /// <summary>From the recall of each query.</summary>
    internal static Recall Mean(ReadOnlySpan<double> recalls)
    {
        double sum = 0, squares = 0;
        foreach (double recall in recalls)
        {
            sum += recall;
            squares += recall * recall;
        }

        int count = recalls.Length;
        double mean = sum / count;
        double variance = count > 1 ? Math.Max(0, (squares / count) - (mean * mean)) * count / (count - 1) : 0;
        return new Recall(mean, Math.Sqrt(variance / count));
    }
}
