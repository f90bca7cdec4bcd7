using Vlc.Diagnostics;
using Vlc.Numerics.Threading;
using Vlc.Probing;
using Vlc.Scanning;

namespace Vlc.Search;

/// <content>
/// Batches of queries. Where a codec gains by it they share scans: a row's code is decoded once for all queries that come to its list,
/// which costs more than comparing it with several of them. Every query gets the result of a search of its own: it scans the same cells,
/// and its nearest rows do not depend on their order.
/// </content>
internal sealed partial class IndexSearcher
{
    /// <summary>Queries that share scans: enough that several meet in a list, few enough that their scratch memory stays small.</summary>
    private const int SharedBlock = 128;

    /// <summary>Finds the nearest rows of many queries.</summary>
    /// <param name="queries">Row-major, q x d.</param>
    /// <param name="k">Neighbours of each; at least 1.</param>
    /// <param name="ids">Receives q x k row numbers; -1 where fewer were found.</param>
    /// <param name="scores">Receives q x k scores; NaN where fewer were found.</param>
    /// <param name="options">How to search.</param>
    /// <param name="observation">Hears how many rows were scanned; null where nobody listens.</param>
    /// <param name="cancellationToken">Checked between blocks of queries.</param>
    /// <exception cref="ArgumentException">Queries or options that do not fit the index.</exception>
    public void SearchBatch(
        ReadOnlyMemory<float> queries, int k, Memory<int> ids, Memory<float> scores, SearchOptions options, SearchObservation? observation,
        CancellationToken cancellationToken)
    {
        Check(options);
        int queryCount = CheckBatch(queries, k, ids, scores), d = _model.Dimension;
        int threads = options.Threads ?? Environment.ProcessorCount;
        if (_model.Codec.SharedQueries > 1 && options.Filter is null && queryCount > 1)
        {
            SearchShared(queries, queryCount, k, ids, scores, options, threads, observation, cancellationToken);
            return;
        }

        BlockScheduler.Run(
            queryCount, threads,
            (i, _) =>
            {
                Span<int> ownIds = ids.Span.Slice(i * k, k);
                Span<float> ownScores = scores.Span.Slice(i * k, k);
                int found = Search(queries.Span.Slice(i * d, d), ownIds, ownScores, options, observation, cancellationToken);
                ownIds[found..].Fill(-1);
                ownScores[found..].Fill(float.NaN);
            },
            cancellationToken);
    }

    /// <summary>The number of queries of a batch, whose space for results is checked.</summary>
    /// <exception cref="ArgumentException">Less than one neighbour, a part of a query, or too little space.</exception>
    public int CheckBatch(ReadOnlyMemory<float> queries, int k, Memory<int> ids, Memory<float> scores)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        if (queries.Length % _model.Dimension != 0)
        {
            throw new ArgumentException(
                $"{queries.Length} floats are not a whole number of queries of {_model.Dimension} dimensions.", nameof(queries));
        }

        int queryCount = queries.Length / _model.Dimension;
        ArgumentOutOfRangeException.ThrowIfLessThan(ids.Length, (long)queryCount * k);
        ArgumentOutOfRangeException.ThrowIfLessThan(scores.Length, (long)queryCount * k);
        return queryCount;
    }

    private void SearchShared(
        ReadOnlyMemory<float> queries, int queryCount, int k, Memory<int> ids, Memory<float> scores, SearchOptions options, int threads,
        SearchObservation? observation, CancellationToken cancellationToken)
    {
        ProbingPlan plan = Plan(options);
        int size = Math.Clamp((queryCount + threads - 1) / threads, 1, SharedBlock), d = _model.Dimension;
        BlockScheduler.Run(
            BlockScheduler.BlockCount(queryCount, size), threads,
            (block, _) =>
            {
                int first = block * size, count = Math.Min(size, queryCount - first);
                var scratch = new QueryScratch[count];
                try
                {
                    for (int i = 0; i < count; i++)
                    {
                        scratch[i] = Rent();
                        _model.Prepare(queries.Span.Slice((first + i) * d, d), scratch[i]);
                        scratch[i].Begin(k, Limit(options));
                    }

                    ScanShared(scratch, plan);
                    for (int i = 0; i < count; i++)
                    {
                        Span<int> ownIds = ids.Span.Slice((first + i) * k, k);
                        Span<float> ownScores = scores.Span.Slice((first + i) * k, k);
                        observation?.Add(scratch[i].ScannedRows, scratch[i].MeasuredRows);
                        int found = Take(scratch[i], ownIds, ownScores, options);
                        ownIds[found..].Fill(-1);
                        ownScores[found..].Fill(float.NaN);
                    }
                }
                finally
                {
                    foreach (QueryScratch? rented in scratch)
                    {
                        if (rented is not null) _scratch.Add(rented);
                    }
                }
            },
            cancellationToken);
    }

    /// <summary>
    /// Scans for every query the cells that it would scan alone: those that decide how far it goes by itself, so that its bound is near
    /// before it shares, the others cell by cell with whoever comes there too.
    /// </summary>
    private void ScanShared(QueryScratch[] queries, ProbingPlan plan)
    {
        var visits = new List<(int Cell, int Query)>();
        for (int q = 0; q < queries.Length; q++)
        {
            ProbeSequence probes = Probes(queries[q], plan);
            while (probes.TryNext(out int cell))
            {
                if (probes.DecidesExtent) ScanCell(queries[q], cell, filter: null);
                else visits.Add((cell, q));
                probes.Count(CellSize(cell));
            }
        }

        visits.Sort();
        var together = new QueryScratch[_model.Codec.SharedQueries];
        for (int visit = 0; visit < visits.Count;)
        {
            int cell = visits[visit].Cell, count = 0;
            for (; visit < visits.Count && visits[visit].Cell == cell && count < together.Length; visit++)
            {
                together[count++] = queries[visits[visit].Query];
            }

            for (int list = cell * _listsPerCell; list < (cell + 1) * _listsPerCell; list++)
            {
                ListRows rows = _segments.Length > 1 ? Gather(together[0], list, filter: null) : _segments[0].Rows(list);
                if (rows.Count == 0) continue;
                foreach (QueryScratch query in together.AsSpan(0, count)) query.ScannedRows += rows.Count;
                _model.Codec.ScanShared(together.AsSpan(0, count), list, _model.Anchor(cell), rows);
            }
        }
    }
}
