using Vlc.Probing;
using Vlc.Scanning;

namespace Vlc.Search;

/// <summary>
/// The cells that a query probes, nearest first, to the end of its plan. Single queries, batches and devices probe the same cells: what
/// ends the sequence early follows from the first rows alone, which every query scans by itself.
/// </summary>
/// <remarks>
/// Why a distance ratio. A budget of rows gives every query the same, but one whose neighbours are near needs few cells, one in sparse
/// surroundings many. An anchor farther away than the k-th row found, by some factor, has hardly a nearer row in its cell. The k-th of the
/// first rows serves as well as that of all rows so far (measured on the sets of docs/evaluation.md), and lets the rest of the sequence be
/// known in advance.
/// </remarks>
/// <param name="plan">When to stop.</param>
/// <param name="scratch">Its cells are ranked and its nearest rows empty.</param>
internal struct ProbeSequence(ProbingPlan plan, QueryScratch scratch)
{
    /// <summary>Rows for each neighbour wanted from which on the distance of the k-th is known well enough.</summary>
    private const int RowsForEachNeighbor = 40;

    private readonly long _decidingRows = (long)RowsForEachNeighbor * scratch.Nearest.K;

    /// <summary>One over the squared distance of the k-th nearest of the first rows, once these are scanned.</summary>
    private float? _unit;

    /// <summary>Cells so far.</summary>
    public int Cells { get; private set; }

    /// <summary>Rows so far.</summary>
    public int Rows { get; private set; }

    /// <summary>Whether the next cell is one of those that decide how far the query goes.</summary>
    public readonly bool DecidesExtent => Rows < _decidingRows;

    /// <summary>
    /// Squared distance of query and anchor over that of the k-th nearest of the first rows; 0 while these are being scanned, or are fewer
    /// than k.
    /// </summary>
    public float DistanceRatio { get; private set; }

    /// <summary>The next cell, to be followed by <see cref="Count"/>; false at the end of the plan.</summary>
    public bool TryNext(out int cell)
    {
        cell = -1;
        if (Cells >= plan.Probes || Rows >= plan.ScannedRows || !scratch.Cells.TryNext(out cell)) return false;
        if (!DecidesExtent)
        {
            _unit ??= 1 / scratch.Nearest.Bound;
            DistanceRatio = scratch.SquaredDistance(cell) * _unit.Value;
            if (DistanceRatio > plan.DistanceRatio) return false;
        }

        Cells++;
        return true;
    }

    /// <summary>Counts the rows of the cell.</summary>
    public void Count(int rows) => Rows += rows;
}
