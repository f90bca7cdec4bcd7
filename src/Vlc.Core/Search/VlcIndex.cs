using System.Collections.Concurrent;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Vlc.Anchors;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Numerics.Threading;
using Vlc.Residuals;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Search;

/// <summary>
/// A compressed index, open for searching. Anchors and the lists of rows are in memory; the codes stay in their file, mapped. Safe for
/// any number of threads at once; <see cref="Dispose"/> only when none searches any more.
/// </summary>
public sealed partial class VlcIndex : IDisposable
{
    private readonly IndexReader _reader;
    private readonly float[] _anchors;
    private readonly StoredAssignments _assignments;
    private readonly CellLists _lists;
    private readonly int _listsPerCell;
    private readonly ResidualCodec _codec;
    private readonly PackedMatrix _packedAnchors;
    private readonly float[] _centre;
    private readonly float[] _halfNorms;
    private readonly int _largestList;
    private readonly float _scale;
    private readonly ConcurrentBag<QueryScratch> _scratch = [];

    internal VlcIndex(IndexReader reader)
    {
        _reader = reader;
        Manifest = reader.Manifest;
        _scale = MathF.ScaleB(1, Manifest.ScaleExponent);
        _anchors = reader.ReadAnchors();
        _listsPerCell = reader.ListsPerCell;
        _assignments = reader.OpenAssignments();
        _lists = _assignments.Lists;
        for (int list = 0; list < _lists.CellCount; list++) _largestList = Math.Max(_largestList, _lists.Count(list));
        _codec = reader.OpenCodec(_lists);

        // Anchors are ranked by ½‖a‖² - q·a, around their centre: far from the origin the difference would drown in rounding. A
        // product is ranked as it is.
        _centre = new float[Dimension];
        _halfNorms = new float[AnchorCount];
        float[] ranked = _anchors;
        if (Metric != Metric.InnerProduct)
        {
            var sums = new double[Dimension];
            for (int cell = 0; cell < AnchorCount; cell++) RowSums.Add(sums, Anchor(cell));
            for (int k = 0; k < Dimension; k++) _centre[k] = (float)(sums[k] / AnchorCount);
            ranked = new float[_anchors.Length];
            for (int cell = 0; cell < AnchorCount; cell++)
            {
                TensorPrimitives.Subtract(Anchor(cell), _centre, ranked.AsSpan(cell * Dimension, Dimension));
            }

            NearestColumn.HalfSquaredNorms(ranked, Dimension, _halfNorms);
        }

        _packedAnchors = new PackedMatrix(ranked, AnchorCount, Dimension);
    }

    /// <summary>Opens an index.</summary>
    /// <param name="basePath">BASE, the common part of the five files' names.</param>
    /// <exception cref="FileNotFoundException">There is no index under this name.</exception>
    /// <exception cref="VlcFormatException">A file is missing, damaged, or of a later version.</exception>
    public static VlcIndex Open(string basePath)
    {
        IndexReader reader = IndexReader.Open(basePath);
        try
        {
            return new VlcIndex(reader);
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>The manifest.</summary>
    public Manifest Manifest { get; }

    /// <summary>n, the number of vectors.</summary>
    public int Count => Manifest.Count;

    /// <summary>d, components of a vector.</summary>
    public int Dimension => Manifest.Dimension;

    /// <summary>m, the number of anchors, and so of cells.</summary>
    public int AnchorCount => Manifest.AnchorCount;

    /// <summary>The metric.</summary>
    public Metric Metric => Manifest.Metric;

    /// <summary>Bytes of all files of the index.</summary>
    public long TotalBytes => _reader.TotalBytes;

    /// <summary>All bytes over those of the vectors as float32: n · d · 4.</summary>
    public double Ratio => TotalBytes / ((double)Count * Dimension * sizeof(float));

    /// <summary>When a search with these options stops.</summary>
    /// <param name="options">Null takes the defaults.</param>
    /// <exception cref="ArgumentException">Less than one cell or row.</exception>
    public ScanPlan Plan(SearchOptions? options = null)
    {
        options ??= SearchOptions.Default;
        if (options.Probes < 1) throw new ArgumentException($"{options.Probes} probes: at least one cell must be scanned.", nameof(options));
        if (options.ScannedRows < 1) throw new ArgumentException($"{options.ScannedRows} rows: at least one must be scanned.", nameof(options));
        if (options.Probes is null && options.ScannedRows is null && Manifest.Scan is { } curve)
        {
            ScanPoint chosen = curve.For(options.TargetRecall ?? Manifest.TargetRecall);
            return new ScanPlan(AnchorCount, Math.Min(chosen.Rows, Count), chosen.Reach);
        }

        return new ScanPlan(Math.Min(options.Probes ?? AnchorCount, AnchorCount), Math.Min(options.ScannedRows ?? Count, Count));
    }

    /// <summary>Finds the nearest rows of one query.</summary>
    /// <param name="query">d finite floats; any length for cosine but 0.</param>
    /// <param name="ids">Receives row numbers, nearest first; its length is k.</param>
    /// <param name="scores">Receives the squared distance (l2), the cosine, or the product; as long as <paramref name="ids"/>.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <returns>How many were found: fewer than k when the scanned cells, or the filter, have no more.</returns>
    /// <exception cref="ArgumentException">A query of another dimension, not finite, or without a direction; an index of another metric.</exception>
    public int Search(ReadOnlySpan<float> query, Span<int> ids, Span<float> scores, SearchOptions? options = null)
    {
        options ??= SearchOptions.Default;
        CheckOptions(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(scores.Length, ids.Length);
        ScanPlan plan = Plan(options);
        if (ids.IsEmpty) return 0;
        QueryScratch scratch = Rent();
        try
        {
            Prepare(query, scratch);
            scratch.Begin(ids.Length);
            if (ScansAll(plan))
            {
                for (int cell = 0; cell < AnchorCount; cell++) ScanCell(scratch, cell, options.Filter);
            }
            else
            {
                CellWalk walk = Walk(scratch, plan);
                while (walk.TryNext(out int cell)) walk.Pass(ScanCell(scratch, cell, options.Filter));
            }

            int found = scratch.Nearest.Drain(ids, scores);
            ToScores(scores[..found]);
            return found;
        }
        finally
        {
            _scratch.Add(scratch);
        }
    }

    /// <summary>Finds the nearest rows of many queries, on several threads; each query gets the result of <see cref="Search"/>.</summary>
    /// <param name="queries">Row-major, q x d.</param>
    /// <param name="k">Neighbours of each; at least 1.</param>
    /// <param name="ids">Receives q x k row numbers; -1 where fewer were found.</param>
    /// <param name="scores">Receives q x k scores; NaN where fewer were found.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <param name="cancellationToken">Checked for each block of queries.</param>
    /// <exception cref="ArgumentException">As for <see cref="Search"/>.</exception>
    public void SearchBatch(
        ReadOnlyMemory<float> queries, int k, Memory<int> ids, Memory<float> scores, SearchOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        options ??= SearchOptions.Default;
        int queryCount = CheckBatch(queries, k, ids, scores);
        int threads = options.Threads ?? Environment.ProcessorCount;
        if (_codec.SharedQueries > 1 && options.Filter is null && queryCount > 1)
        {
            SearchShared(queries, queryCount, k, ids, scores, options, threads, cancellationToken);
            return;
        }

        BlockScheduler.Run(
            queryCount, threads,
            (i, _) =>
            {
                Span<int> idsHere = ids.Span.Slice(i * k, k);
                Span<float> scoresHere = scores.Span.Slice(i * k, k);
                int found = Search(queries.Span.Slice(i * Dimension, Dimension), idsHere, scoresHere, options);
                idsHere[found..].Fill(-1);
                scoresHere[found..].Fill(float.NaN);
            },
            cancellationToken);
    }

    /// <summary>What <see cref="Search"/> scans for a query: cells, and the rows in them.</summary>
    /// <param name="query">As for <see cref="Search"/>.</param>
    /// <param name="k">Neighbours wanted; at least 1.</param>
    /// <param name="options">Null takes the defaults; a filter is left out of account.</param>
    /// <exception cref="ArgumentException">As for <see cref="Search"/>.</exception>
    public (int Cells, int Rows) Extent(ReadOnlySpan<float> query, int k, SearchOptions? options = null)
    {
        options ??= SearchOptions.Default;
        CheckOptions(options);
        ScanPlan plan = Plan(options);
        QueryScratch scratch = Rent();
        try
        {
            Prepare(query, scratch);
            scratch.Begin(k);
            CellWalk walk = Walk(scratch, plan);
            while (walk.TryNext(out int cell))
            {
                if (walk.IsAlone) ScanCell(scratch, cell, filter: null);
                walk.Pass(CellSize(cell));
            }

            return (walk.Cells, walk.Rows);
        }
        finally
        {
            _scratch.Add(scratch);
        }
    }

    /// <summary>Gives a vector back, as well as the codes know it; of unit length, nearly, for cosine.</summary>
    /// <param name="id">Row number.</param>
    /// <param name="vector">Receives d floats.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such row.</exception>
    public void Reconstruct(int id, Span<float> vector)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(vector.Length, Dimension);
        int list = _assignments[id];
        Span<float> target = vector[..Dimension];
        Anchor(list / _listsPerCell).CopyTo(target);
        _codec.AddResidual(id, list, _lists.Rows(list).BinarySearch(id), target);
        TensorPrimitives.Multiply(target, 1 / _scale, target);
    }

    /// <summary>The cell of a row.</summary>
    /// <param name="id">Row number.</param>
    public int Assignment(int id) => _assignments[id] / _listsPerCell;

    /// <summary>Rows of a cell.</summary>
    /// <param name="cell">Cell number.</param>
    public int CellSize(int cell)
    {
        int size = 0;
        for (int list = cell * _listsPerCell; list < (cell + 1) * _listsPerCell; list++) size += _lists.Count(list);
        return size;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_scratch.TryTake(out QueryScratch? scratch)) scratch.Dispose();
        _packedAnchors.Dispose();
        _codec.Dispose();
        _reader.Dispose();
    }

    /// <summary>
    /// One scan of all cells, and what was found of the exact neighbours whenever a budget of rows is used up or a reach is passed. The query's own row is left
    /// out, if it is a row of the index.
    /// </summary>
    /// <param name="query">As for <see cref="Search"/>.</param>
    /// <param name="ownRow">Its own row.</param>
    /// <param name="exact">The exact neighbours.</param>
    /// <param name="limits">Budgets and reaches, ascending.</param>
    /// <param name="budgetStops">Receives where a search with each budget stops.</param>
    /// <param name="reachStops">Receives where a search with each reach stops.</param>
    internal void MeasureScan(
        ReadOnlySpan<float> query, int? ownRow, ReadOnlySpan<int> exact, ScanLimits limits, Span<ScanStop> budgetStops, Span<ScanStop> reachStops)
    {
        QueryScratch scratch = Rent();
        Prepare(query, scratch);
        IdFilter? others = ownRow is { } own ? IdFilter.Deny(Count, [own]) : null;
        scratch.Begin(exact.Length);
        var found = new int[exact.Length];
        int budget = 0, reach = 0;
        CellWalk walk = Walk(scratch, new ScanPlan(AnchorCount, Count));
        while (walk.TryNext(out int cell))
        {
            // Before this cell: whoever does not go on to it stops here.
            int before = walk.Cells - 1, firstBudget = budget, firstReach = reach;
            while (walk.Rows >= limits.Budgets[budget]) budget++;
            while (reach < limits.Reaches.Length && walk.Distance > limits.Reaches[reach]) reach++;
            if (budget > firstBudget || reach > firstReach)
            {
                var stop = new ScanStop(before, walk.Rows, Hits(exact));
                budgetStops[firstBudget..budget].Fill(stop);
                reachStops[firstReach..reach].Fill(stop);
            }

            walk.Pass(ScanCell(scratch, cell, others));
        }

        var end = new ScanStop(walk.Cells, walk.Rows, Hits(exact));
        budgetStops[budget..].Fill(end);
        reachStops[reach..].Fill(end);
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

    private ReadOnlySpan<float> Anchor(int cell) => _anchors.AsSpan(cell * Dimension, Dimension);

    private QueryScratch Rent() => _scratch.TryTake(out QueryScratch? scratch) ? scratch : new QueryScratch(Metric, Dimension, AnchorCount, _largestList, _codec.CreateQueryState());

    private void CheckOptions(SearchOptions options)
    {
        if (options.Metric is { } metric && metric != Metric)
        {
            throw new ArgumentException($"The index was built for metric {Metric}; a search by {metric} would return wrong neighbours. Rebuild it for {metric}.", nameof(options));
        }

        if (options.Filter is { } filter && filter.Count != Count)
        {
            throw new ArgumentException($"The filter is for an index of {filter.Count} rows; this one has {Count}.", nameof(options));
        }
    }

    /// <summary>The number of queries of a batch, whose room for results is checked.</summary>
    private int CheckBatch(ReadOnlyMemory<float> queries, int k, Memory<int> ids, Memory<float> scores)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        if (queries.Length % Dimension != 0)
        {
            throw new ArgumentException($"{queries.Length} floats are not a whole number of queries of {Dimension} dimensions.", nameof(queries));
        }

        int queryCount = queries.Length / Dimension;
        ArgumentOutOfRangeException.ThrowIfLessThan(ids.Length, (long)queryCount * k);
        ArgumentOutOfRangeException.ThrowIfLessThan(scores.Length, (long)queryCount * k);
        return queryCount;
    }

    private void Prepare(ReadOnlySpan<float> query, QueryScratch scratch)
    {
        if (query.Length != Dimension)
        {
            throw new ArgumentException($"The query has {query.Length} dimensions; the index has {Dimension}.", nameof(query));
        }

        if (!TensorPrimitives.IsFiniteAll(query)) throw new ArgumentException("The query has a component that is NaN or infinite.", nameof(query));
        Span<float> vector = scratch.Vector;
        query.CopyTo(vector);
        if (Metric == Metric.Cosine && !UnitLength.TryNormalize(vector))
        {
            throw new ArgumentException("The query is zero: it has no direction, and so no cosine.", nameof(query));
        }

        TensorPrimitives.Multiply(vector, _scale, vector);
        scratch.CodecState?.Reset();
    }

    private bool ScansAll(ScanPlan plan) => plan.Probes == AnchorCount && plan.ScannedRows == Count && plan.Reach is null;

    /// <summary>Ranks the cells; the way of the query through them.</summary>
    private CellWalk Walk(QueryScratch scratch, ScanPlan plan)
    {
        RankCells(scratch);
        return new CellWalk(plan, scratch);
    }

    /// <summary>Scores every cell and queues them, nearest first.</summary>
    private void RankCells(QueryScratch scratch)
    {
        TensorPrimitives.Subtract(scratch.Vector, _centre, scratch.Centred);
        Span<float> scores = scratch.Cells.Scores;
        scratch.CentredSquared = Distances.Dot(scratch.Centred, scratch.Centred);
        _packedAnchors.Multiply(scratch.Centred, scores);
        TensorPrimitives.Subtract(_halfNorms, scores, scores);
        scratch.Cells.Build();
    }

    /// <summary>Offers the rows of a cell; returns how many passed the filter.</summary>
    private int ScanCell(QueryScratch scratch, int cell, IdFilter? filter)
    {
        int scanned = 0;
        for (int list = cell * _listsPerCell; list < (cell + 1) * _listsPerCell; list++)
        {
            ReadOnlySpan<int> rows = _lists.Rows(list), positions = [];
            if (filter is not null)
            {
                int passing = 0;
                for (int position = 0; position < rows.Length; position++)
                {
                    if (!filter.Passes(rows[position])) continue;
                    scratch.PassingPositions[passing] = position;
                    scratch.PassingRows[passing++] = rows[position];
                }

                // An empty list of positions would mean all of them.
                if (passing < rows.Length) positions = scratch.PassingPositions.AsSpan(0, passing);
                rows = scratch.PassingRows.AsSpan(0, passing);
            }

            if (rows.IsEmpty) continue;
            _codec.Offer(scratch, list, Anchor(cell), rows, positions);
            scanned += rows.Length;
        }

        return scanned;
    }

    /// <summary>From scaled internal distances to what the metric calls a score.</summary>
    private void ToScores(Span<float> distances)
    {
        // Applied twice: the square of a scale beyond 2^63 is no float32.
        float inverse = 1 / _scale;
        switch (Metric)
        {
            case Metric.InnerProduct:
                foreach (ref float value in distances) value = value * -inverse * inverse;
                break;
            case Metric.Cosine:
                foreach (ref float value in distances) value = 1 - (0.5f * value * inverse * inverse);
                break;
            default:
                foreach (ref float value in distances) value = value * inverse * inverse;
                break;
        }
    }
}
