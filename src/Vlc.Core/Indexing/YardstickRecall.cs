using System.Numerics.Tensors;
using Vlc.Evaluation;
using Vlc.Numerics.Threading;
using Vlc.Scanning;
using Vlc.Search;
using Vlc.Segments;

namespace Vlc.Indexing;

/// <summary>Recall@10 of an index on the queries that it keeps.</summary>
internal static class YardstickRecall
{
    private const int K = 10;

    /// <summary>Measures; queries that have no neighbour left are left out.</summary>
    public static Recall Measure(OpenedIndex index, Yardstick yardstick, SearchOptions options, CancellationToken cancellationToken)
    {
        int d = yardstick.Dimension;
        var recalls = new double[yardstick.Count];
        BlockScheduler.Run(
            yardstick.Count, options.Threads ?? Environment.ProcessorCount,
            (query, _) =>
            {
                int[] exact =
                [
                    .. yardstick.Rows.AsSpan(query * Yardstick.Neighbors, Yardstick.Neighbors).ToArray()
                        .Where(row => row >= 0 && !(index.Deleted?.Contains(row) ?? false)).Take(K),
                ];
                if (exact.Length == 0)
                {
                    recalls[query] = double.NaN;
                    return;
                }

                var original = new float[d];
                TensorPrimitives.Multiply(yardstick.Queries.AsSpan(query * d, d), 1 / index.Model.Scale, original);
                int own = yardstick.OwnRows[query];
                RowFilter? others = own >= 0 ? RowFilter.Deny(index.Manifest.Count, [own]) : null;
                var ids = new int[exact.Length];
                int found = index.Searcher.Search(
                    original, ids, new float[ids.Length], options.WithFilter(others), observation: null, cancellationToken);
                recalls[query] = (double)ids.AsSpan(0, found).ToArray().Count(exact.Contains) / exact.Length;
            },
            cancellationToken);
        return Recall.Mean([.. recalls.Where(recall => !double.IsNaN(recall))]);
    }
}
