using Vlc.Numerics.Threading;
using Vlc.Search;

namespace Vlc.Indexing;

/// <content>Ranking candidates again by originals that the caller has.</content>
public sealed partial class VlcIndex
{
    private int SearchAndRerank(
        IndexSearcher searcher, ReadOnlySpan<float> query, Span<int> ids, Span<float> scores, SearchOptions options, Reranking rerank,
        CancellationToken cancellationToken)
    {
        int wanted = (int)Math.Min((long)ids.Length * Math.Max(1, rerank.CandidatesPerNeighbor), AliveCount);
        var candidates = new int[wanted];
        var ranked = new float[wanted];
        // The threshold is about exact scores: it must not keep candidates out by what their codes say.
        int found = searcher.Search(query, candidates, ranked, options.WithoutThreshold(), cancellationToken);
        rerank.Rank(query, Metric, candidates.AsSpan(0, found), ranked.AsSpan(0, found));
        int kept = Math.Min(found, ids.Length);
        if (options.ScoreThreshold is { } threshold)
        {
            while (kept > 0 && !(Metric == Metric.L2 ? ranked[kept - 1] <= threshold : ranked[kept - 1] >= threshold)) kept--;
        }

        candidates.AsSpan(0, kept).CopyTo(ids);
        ranked.AsSpan(0, kept).CopyTo(scores);
        return kept;
    }

    private void BatchAndRerank(
        IndexSearcher searcher, ReadOnlyMemory<float> queries, int k, Memory<int> ids, Memory<float> scores, SearchOptions options,
        Reranking rerank, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        int count = queries.Length / Dimension;
        ArgumentOutOfRangeException.ThrowIfLessThan(ids.Length, (long)count * k);
        ArgumentOutOfRangeException.ThrowIfLessThan(scores.Length, (long)count * k);
        BlockScheduler.Run(
            count, options.Threads ?? Environment.ProcessorCount,
            (i, _) =>
            {
                Span<int> ownIds = ids.Span.Slice(i * k, k);
                Span<float> ownScores = scores.Span.Slice(i * k, k);
                int found = SearchAndRerank(
                    searcher, queries.Span.Slice(i * Dimension, Dimension), ownIds, ownScores, options, rerank, cancellationToken);
                ownIds[found..].Fill(-1);
                ownScores[found..].Fill(float.NaN);
            },
            cancellationToken);
    }
}
