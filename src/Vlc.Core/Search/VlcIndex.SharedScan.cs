using Vlc.Numerics.Threading;

namespace Vlc.Search;

/// <content>
/// Batches of queries that share scans: a row's code is decoded once for all queries that come to its list, which costs more than comparing it with several
/// of them. Every query gets the result of <see cref="Search"/>: it scans the same cells, and its nearest rows do not depend on their order.
/// </content>
public sealed partial class VlcIndex
{
    /// <summary>Queries that go through the index together: enough that several meet in a list, few enough that their scratch memory stays small.</summary>
    private const int SharedBlock = 128;

    private void SearchShared(
        ReadOnlyMemory<float> queries, int queryCount, int k, Memory<int> ids, Memory<float> scores, SearchOptions options, int threads,
        CancellationToken cancellationToken)
    {
        CheckOptions(options);
        ScanPlan plan = Plan(options);
        int size = Math.Clamp((queryCount + threads - 1) / threads, 1, SharedBlock);
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
                        Prepare(queries.Span.Slice((first + i) * Dimension, Dimension), scratch[i]);
                        scratch[i].Begin(k);
                    }

                    ScanShared(scratch, plan);
                    for (int i = 0; i < count; i++)
                    {
                        Span<int> idsHere = ids.Span.Slice((first + i) * k, k);
                        Span<float> scoresHere = scores.Span.Slice((first + i) * k, k);
                        int found = scratch[i].Nearest.Drain(idsHere, scoresHere);
                        ToScores(scoresHere[..found]);
                        idsHere[found..].Fill(-1);
                        scoresHere[found..].Fill(float.NaN);
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
    /// Scans for every query the cells that it would scan alone: those that decide how far it goes by itself, so that its bound is near before it shares, the others
    /// cell by cell with whoever comes there too.
    /// </summary>
    private void ScanShared(QueryScratch[] queries, ScanPlan plan)
    {
        var visits = new List<(int Cell, int Query)>();
        for (int q = 0; q < queries.Length; q++)
        {
            CellWalk walk = Walk(queries[q], plan);
            while (walk.TryNext(out int cell))
            {
                if (walk.IsAlone) ScanCell(queries[q], cell, filter: null);
                else visits.Add((cell, q));
                walk.Pass(CellSize(cell));
            }
        }

        visits.Sort();
        var together = new QueryScratch[_codec.SharedQueries];
        for (int visit = 0; visit < visits.Count;)
        {
            int cell = visits[visit].Cell, count = 0;
            for (; visit < visits.Count && visits[visit].Cell == cell && count < together.Length; visit++) together[count++] = queries[visits[visit].Query];
            for (int list = cell * _listsPerCell; list < (cell + 1) * _listsPerCell; list++)
            {
                ReadOnlySpan<int> rows = _lists.Rows(list);
                if (!rows.IsEmpty) _codec.OfferShared(together.AsSpan(0, count), list, Anchor(cell), rows, []);
            }
        }
    }
}
