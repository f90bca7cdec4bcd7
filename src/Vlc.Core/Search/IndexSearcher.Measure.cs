using Vlc.Probing;
using Vlc.Scanning;

namespace Vlc.Search;

/// <content>Measuring how much of the exact neighbours a scan finds the further it goes.</content>
internal sealed partial class IndexSearcher
{
    /// <summary>
    /// One scan of all cells, and what was found of the exact neighbours whenever a budget of rows is used up or a distance ratio is
    /// passed. The query's own row is left out, if it is a row of the index.
    /// </summary>
    /// <param name="query">d finite floats.</param>
    /// <param name="ownRow">Its own row.</param>
    /// <param name="exact">The exact neighbours.</param>
    /// <param name="limits">Budgets and ratios, ascending.</param>
    /// <param name="budgetStops">Receives where a search with each budget stops.</param>
    /// <param name="ratioStops">Receives where a search with each ratio stops.</param>
    public void MeasureScan(
        ReadOnlySpan<float> query, int? ownRow, ReadOnlySpan<int> exact, ProbingLimits limits, Span<ProbingStop> budgetStops,
        Span<ProbingStop> ratioStops)
    {
        QueryScratch scratch = Rent();
        _model.Prepare(query, scratch);
        RowFilter? others = ownRow is { } own ? RowFilter.Deny(Count, [own]) : null;
        scratch.Begin(exact.Length);
        var found = new int[exact.Length];
        int budget = 0, ratio = 0;
        ProbeSequence probes = Probes(scratch, new ProbingPlan(_model.AnchorCount, AliveCount));
        while (probes.TryNext(out int cell))
        {
            // Before this cell: whoever does not go on to it stops here.
            int before = probes.Cells - 1, firstBudget = budget, firstRatio = ratio;
            while (probes.Rows >= limits.Budgets[budget]) budget++;
            while (ratio < limits.DistanceRatios.Length && probes.DistanceRatio > limits.DistanceRatios[ratio]) ratio++;
            if (budget > firstBudget || ratio > firstRatio)
            {
                var stop = new ProbingStop(before, probes.Rows, Hits(exact));
                budgetStops[firstBudget..budget].Fill(stop);
                ratioStops[firstRatio..ratio].Fill(stop);
            }

            probes.Count(ScanCell(scratch, cell, others));
        }

        var end = new ProbingStop(probes.Cells, probes.Rows, Hits(exact));
        budgetStops[budget..].Fill(end);
        ratioStops[ratio..].Fill(end);
        _scratch.Add(scratch);

        int Hits(ReadOnlySpan<int> exact)
        {
            int hits = 0;
            foreach (int row in found.AsSpan(0, scratch.Nearest.CopyTo(found)))
            {
                if (exact.Contains(row)) hits++;
            }

            return hits;
        }
    }
}
