using Vlc.Diagnostics;
using Vlc.Numerics.Threading;
using Vlc.Search;

namespace Vlc.Indexing;

/// <content>Ranking candidates again by originals that the caller has.</content>
public sealed partial class VlcIndex
{
    private int SearchAndRerank(
        IndexSearcher searcher, ReadOnlySpan<float> query, Span<int> ids, Span<float> scores, SearchOptions options, Reranking rerank,
        SearchObservation? observation, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(scores.Length, ids.Length);
        int wanted = (int)Math.Min((long)ids.Length * rerank.CandidatesPerNeighbor, AliveCount);
        var candidates = new int[wanted];
        var ranked = new float[wanted];
        // The threshold is about exact scores: it must not keep candidates out by what their codes say.
        int found = searcher.Search(query, candidates, ranked, options.WithoutThreshold(), observation, cancellationToken);
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
        Reranking rerank, SearchObservation? observation, CancellationToken cancellationToken)
    {
        int count = searcher.CheckBatch(queries, k, ids, scores);
        BlockScheduler.Run(
            count, options.Threads ?? Environment.ProcessorCount,
            (i, _) =>
            {
                Span<int> ownIds = ids.Span.Slice(i * k, k);
                Span<float> ownScores = scores.Span.Slice(i * k, k);
                int found = SearchAndRerank(
                    searcher, queries.Span.Slice(i * Dimension, Dimension), ownIds, ownScores, options, rerank, observation,
                    cancellationToken);
                ownIds[found..].Fill(-1);
                ownScores[found..].Fill(float.NaN);
            },
            cancellationToken);
    }
}
