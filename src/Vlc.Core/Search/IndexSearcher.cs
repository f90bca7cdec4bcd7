using System.Collections.Concurrent;
using System.Numerics.Tensors;
using Vlc.Diagnostics;
using Vlc.Numerics.Memory;
using Vlc.Probing;
using Vlc.Scanning;
using Vlc.Segments;

namespace Vlc.Search;

/// <summary>
/// Searches the segments of an index as one: a query is prepared and its cells are ranked once, then the lists of all segments are scanned
/// cell by cell. Results are those of one segment with the same rows, bit by bit. Safe for any number of threads at once.
/// </summary>
internal sealed partial class IndexSearcher : IDisposable
{
    private readonly IndexModel _model;
    private readonly Segment[] _segments;
    private readonly int _listsPerCell;
    private readonly int _largestList;
    private readonly ConcurrentBag<QueryScratch> _scratch = [];

    /// <summary>Readies a search.</summary>
    /// <param name="model">The model; disposed of by the caller, after this.</param>
    /// <param name="segments">Segments under the model, in the order of their rows.</param>
    public IndexSearcher(IndexModel model, IReadOnlyList<Segment> segments)
    {
        (_model, _segments, _listsPerCell) = (model, [.. segments], model.Codec.ListsPerCell);
        Count = _segments.Sum(segment => segment.Count);
        for (int list = 0; list < model.Codec.ListCount; list++)
        {
            int rows = ListSize(list);
            AliveCount += rows;
            _largestList = Math.Max(_largestList, rows);
        }
    }

    /// <summary>Rows of all segments, deleted ones included: row numbers are below it.</summary>
    public int Count { get; }

    /// <summary>Rows that are not deleted.</summary>
    public int AliveCount { get; }

    /// <summary>When a search with these options stops.</summary>
    /// <exception cref="ArgumentException">Less than one cell or row.</exception>
    public ProbingPlan Plan(SearchOptions options)
    {
        if (options.Probes < 1)
        {
            throw new ArgumentException($"{options.Probes} probes: at least one cell must be scanned.", nameof(options));
        }

        if (options.ScannedRows < 1)
        {
            throw new ArgumentException($"{options.ScannedRows} rows: at least one must be scanned.", nameof(options));
        }

        if (options.Probes is null && options.ScannedRows is null && _model.Curve is { } curve)
        {
            ProbingPoint chosen = curve.For(options.TargetRecall ?? _model.TargetRecall);
            // The curve was measured on as many rows as its last point scans; rows that came or went since change the budget alike.
            int measured = curve.Points[^1].Rows;
            long rows = measured == AliveCount ? chosen.Rows : (((long)chosen.Rows * AliveCount) + measured - 1) / measured;
            return new ProbingPlan(_model.AnchorCount, (int)Math.Min(rows, AliveCount), chosen.DistanceRatio);
        }

        return new ProbingPlan(
            Math.Min(options.Probes ?? _model.AnchorCount, _model.AnchorCount), Math.Min(options.ScannedRows ?? AliveCount, AliveCount));
    }

    /// <summary>Finds the nearest rows of one query.</summary>
    /// <param name="query">d finite floats.</param>
    /// <param name="ids">Receives row numbers, nearest first; its length is k.</param>
    /// <param name="scores">Receives scores; as long.</param>
    /// <param name="options">How to search.</param>
    /// <param name="observation">Hears how many rows were scanned; null where nobody listens.</param>
    /// <param name="cancellationToken">Checked between cells.</param>
    /// <returns>How many were found.</returns>
    /// <exception cref="ArgumentException">A query or options that do not fit the index.</exception>
    public int Search(
        ReadOnlySpan<float> query, Span<int> ids, Span<float> scores, SearchOptions options, SearchObservation? observation,
        CancellationToken cancellationToken)
    {
        Check(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(scores.Length, ids.Length);
        ProbingPlan plan = Plan(options);
        if (ids.IsEmpty) return 0;
        QueryScratch scratch = Rent();
        try
        {
            _model.Prepare(query, scratch);
            scratch.Begin(ids.Length, Limit(options), ScansAll(plan));
            ScanCells(scratch, plan, options.Filter, cancellationToken);
            observation?.Add(scratch.ScannedRows, scratch.MeasuredRows);
            return Take(scratch, ids, scores, options);
        }
        finally
        {
            _scratch.Add(scratch);
        }
    }

    /// <summary>Finds every row whose score is at least as good as a threshold.</summary>
    /// <param name="query">d finite floats.</param>
    /// <param name="threshold">Largest squared distance (l2), or least cosine or product.</param>
    /// <param name="options">How to search; without probes, rows or a target recall, every cell is scanned.</param>
    /// <param name="observation">Hears how many rows were scanned; null where nobody listens.</param>
    /// <param name="cancellationToken">Checked between cells.</param>
    /// <returns>Row numbers and scores, nearest first.</returns>
    /// <exception cref="ArgumentException">A query or options that do not fit the index.</exception>
    public (int[] Ids, float[] Scores) SearchRange(
        ReadOnlySpan<float> query, float threshold, SearchOptions options, SearchObservation? observation,
        CancellationToken cancellationToken)
    {
        Check(options);
        if (!float.IsFinite(threshold)) throw new ArgumentException("The threshold must be a finite score.", nameof(threshold));
        if (options.ScoreThreshold is not null) throw new ArgumentException("A range search has a threshold of its own.", nameof(options));
        ProbingPlan plan = options.Probes is null && options.ScannedRows is null && options.TargetRecall is null
            ? new ProbingPlan(_model.AnchorCount, AliveCount)
            : Plan(options);
        QueryScratch scratch = Rent();
        try
        {
            _model.Prepare(query, scratch);
            scratch.Begin(AliveCount, Limit(threshold), isExact: true);
            ScanCells(scratch, plan, options.Filter, cancellationToken);
            observation?.Add(scratch.ScannedRows, scratch.MeasuredRows);
            int found = scratch.Nearest.Count;
            var ids = new int[found];
            var scores = new float[found];
            scratch.Nearest.Drain(ids, scores);
            _model.ToScores(scores);
            int kept = KeepWithin(scores, threshold);
            return (ids[..kept], scores[..kept]);
        }
        finally
        {
            _scratch.Add(scratch);
        }
    }

    /// <summary>What a search scans for a query: cells, and the rows in them.</summary>
    /// <param name="query">d finite floats.</param>
    /// <param name="k">Neighbours wanted; at least 1.</param>
    /// <param name="options">How to search; a filter is left out of account.</param>
    /// <exception cref="ArgumentException">A query or options that do not fit the index.</exception>
    public (int Cells, int Rows) Extent(ReadOnlySpan<float> query, int k, SearchOptions options)
    {
        Check(options);
        ProbingPlan plan = Plan(options);
        QueryScratch scratch = Rent();
        try
        {
            _model.Prepare(query, scratch);
            scratch.Begin(k, Limit(options));
            ProbeSequence probes = Probes(scratch, plan);
            while (probes.TryNext(out int cell))
            {
                if (probes.DecidesExtent) ScanCell(scratch, cell, filter: null);
                probes.Count(CellSize(cell));
            }

            return (probes.Cells, probes.Rows);
        }
        finally
        {
            _scratch.Add(scratch);
        }
    }

    /// <summary>Gives a vector back, as well as the codes know it.</summary>
    /// <param name="id">Row number.</param>
    /// <param name="vector">Receives d floats.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such row.</exception>
    public void Reconstruct(int id, Span<float> vector)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(vector.Length, _model.Dimension);
        (Segment segment, int row) = Locate(id);
        int list = segment.Assignments[row];
        Span<float> target = vector[.._model.Dimension];
        segment.CheckList(list);
        _model.Anchor(list / _listsPerCell).CopyTo(target);
        _model.Codec.AddResidual(segment.Codes, row, list, segment.Lists.Rows(list).BinarySearch(row), target);
        TensorPrimitives.Multiply(target, 1 / _model.Scale, target);
    }

    /// <summary>The cell of a row.</summary>
    /// <param name="id">Row number.</param>
    public int Assignment(int id)
    {
        (Segment segment, int row) = Locate(id);
        return segment.Assignments[row] / _listsPerCell;
    }

    /// <summary>Rows of a cell that are not deleted.</summary>
    /// <param name="cell">Cell number.</param>
    public int CellSize(int cell)
    {
        int size = 0;
        for (int list = cell * _listsPerCell; list < (cell + 1) * _listsPerCell; list++) size += ListSize(list);
        return size;
    }

    public void Dispose()
    {
        while (_scratch.TryTake(out QueryScratch? scratch)) scratch.Dispose();
    }

    private QueryScratch Rent() => _scratch.TryTake(out QueryScratch? scratch) ? scratch : _model.CreateScratch(_largestList);

    private (Segment Segment, int Row) Locate(int id)
    {
        int number = _segments.Length - 1;
        while (_segments[number].FirstRow > id) number--;
        return (_segments[number], id - _segments[number].FirstRow);
    }

    private int ListSize(int list)
    {
        int size = 0;
        foreach (Segment segment in _segments) size += segment.AliveCount(list);
        return size;
    }

    private void Check(SearchOptions options)
    {
        if (options.Metric is { } metric && metric != _model.Metric)
        {
            throw new ArgumentException(
                $"The index was built for metric {_model.Metric}; a search by {metric} would return wrong neighbours. "
                    + $"Rebuild it for {metric}.",
                nameof(options));
        }

        if (options.Filter is { } filter && filter.Count != Count)
        {
            throw new ArgumentException($"The filter is for an index of {filter.Count} rows; this one has {Count}.", nameof(options));
        }

        if (options.ScoreThreshold is { } threshold && !float.IsFinite(threshold))
        {
            throw new ArgumentException("The threshold must be a finite score.", nameof(options));
        }
    }

    /// <summary>The internal distance beyond which no row has a score within the threshold.</summary>
    private float Limit(SearchOptions options) => options.ScoreThreshold is { } threshold ? Limit(threshold) : float.PositiveInfinity;

    private float Limit(float threshold)
    {
        // The scan compares distances, the user scores: a few units in the last place more, and the scores decide in the end.
        float distance = _model.ToDistance(threshold), unit = MathF.Max(_model.Scale * _model.Scale, MathF.Abs(distance));
        return distance + (unit * 1e-5f);
    }

    /// <summary>How many of the scores, best first, are within a threshold.</summary>
    private int KeepWithin(ReadOnlySpan<float> scores, float threshold)
    {
        int kept = scores.Length;
        while (kept > 0 && !(_model.Metric == Metric.L2 ? scores[kept - 1] <= threshold : scores[kept - 1] >= threshold)) kept--;
        return kept;
    }

    /// <summary>Empties the query's nearest into results.</summary>
    private int Take(QueryScratch scratch, Span<int> ids, Span<float> scores, SearchOptions options)
    {
        int found = scratch.Nearest.Drain(ids, scores);
        _model.ToScores(scores[..found]);
        return options.ScoreThreshold is { } threshold ? KeepWithin(scores[..found], threshold) : found;
    }

    private bool ScansAll(ProbingPlan plan) =>
        plan.Probes == _model.AnchorCount && plan.ScannedRows == AliveCount && plan.DistanceRatio is null;

    /// <summary>Ranks the cells; the probes of the query.</summary>
    private ProbeSequence Probes(QueryScratch scratch, ProbingPlan plan)
    {
        _model.RankCells(scratch);
        return new ProbeSequence(plan, scratch);
    }

    private void ScanCells(QueryScratch scratch, ProbingPlan plan, RowFilter? filter, CancellationToken cancellationToken)
    {
        if (ScansAll(plan))
        {
            for (int cell = 0; cell < _model.AnchorCount; cell++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                ScanCell(scratch, cell, filter);
            }

            return;
        }

        ProbeSequence probes = Probes(scratch, plan);
        while (probes.TryNext(out int cell))
        {
            cancellationToken.ThrowIfCancellationRequested();
            probes.Count(ScanCell(scratch, cell, filter));
        }
    }

    /// <summary>Scans the rows of a cell; returns how many passed the filter.</summary>
    private int ScanCell(QueryScratch scratch, int cell, RowFilter? filter)
    {
        int scanned = 0;
        ReadOnlySpan<float> anchor = _model.Anchor(cell);
        for (int list = cell * _listsPerCell; list < (cell + 1) * _listsPerCell; list++)
        {
            if (_segments.Length > 1 && _model.Codec.GathersSegments)
            {
                ListRows rows = Gather(scratch, list, filter);
                if (rows.Count > 0) _model.Codec.Scan(scratch, list, anchor, rows);
                scanned += rows.Count;
                continue;
            }

            // Short pieces of a list are read sooner if the processor is asked for all of them at first.
            if (_segments.Length > 1) foreach (Segment segment in _segments) segment.Codes.Of(list)?.Prefetch();
            foreach (Segment segment in _segments)
            {
                ListRows rows = Passing(scratch, segment.Rows(list), filter);
                if (rows.Count > 0) _model.Codec.Scan(scratch, list, anchor, rows);
                scanned += rows.Count;
            }
        }

        scratch.ScannedRows += scanned;
        return scanned;
    }

    /// <summary>The rows that pass the filter.</summary>
    private static ListRows Passing(QueryScratch scratch, ListRows rows, RowFilter? filter)
    {
        if (filter is null) return rows;
        int[] passing = scratch.PassingRows, positions = scratch.PassingPositions;
        int count = 0;
        for (int i = 0; i < rows.Count; i++)
        {
            if (!filter.Passes(rows.FirstRow + rows.Rows[i])) continue;
            positions[count] = rows.Positions.IsEmpty ? i : rows.Positions[i];
            passing[count++] = rows.Rows[i];
        }

        // An empty list of positions would mean all of them.
        return count == rows.Count ? rows : new ListRows(rows.Codes, passing.AsSpan(0, count), positions.AsSpan(0, count), rows.FirstRow);
    }

    /// <summary>
    /// The rows of a list in all segments, their codes copied one behind the other: a scan costs as much for a list as for its rows, so
    /// that many short lists would cost more than the copy.
    /// </summary>
    private ListRows Gather(QueryScratch scratch, int list, RowFilter? filter)
    {
        int stride = _model.Codec.CodeBytes(list), size = 0, parts = 0, last = 0;
        for (int i = 0; i < _segments.Length; i++)
        {
            int own = _segments[i].AliveCount(list);
            if (own == 0) continue;
            (size, last, parts) = (size + own, i, parts + 1);
            _segments[i].Codes.Of(list)?.Prefetch();
        }

        if (parts <= 1) return Passing(scratch, _segments[last].Rows(list), filter);
        // Kernels read whole vectors: memory beyond the last code spares them the copy of it.
        const int Slack = 256;
        NativeBytes codes = scratch.Gathered(((long)size * stride) + Slack);
        int[] numbers = scratch.GatheredRows;
        int count = 0;
        foreach (Segment segment in _segments)
        {
            ListRows rows = Passing(scratch, segment.Rows(list), filter);
            if (rows.Count == 0) continue;
            if (rows.Codes is { } own)
            {
                Span<byte> target = codes.Writable((long)count * stride, rows.Count * stride);
                if (rows.Positions.IsEmpty) own.Rows(0, rows.Count).CopyTo(target);
                else for (int i = 0; i < rows.Count; i++) own.Row(rows.Positions[i]).CopyTo(target[(i * stride)..]);
            }

            TensorPrimitives.Add(rows.Rows, rows.FirstRow, numbers.AsSpan(count, rows.Count));
            count += rows.Count;
        }

        CodeRows? gathered = stride > 0 && count > 0 ? scratch.GatheredCodes(count, stride) : null;
        return new ListRows(gathered, numbers.AsSpan(0, count), [], firstRow: 0);
    }
}
