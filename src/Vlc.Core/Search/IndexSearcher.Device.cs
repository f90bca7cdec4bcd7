using Vlc.Compute;
using Vlc.Numerics.Threading;
using Vlc.Probing;
using Vlc.Scanning;
using Vlc.Segments;

namespace Vlc.Search;

/// <content>Batches of queries whose lists a device scans. What to scan is planned here, as for a search on the processor.</content>
internal sealed partial class IndexSearcher
{
    /// <summary>Bytes of rotated queries that go to a device together.</summary>
    private const long DeviceQueryBytes = 32L << 20;

    /// <summary>Most queries that go to a device together.</summary>
    private const int DeviceQueries = 1024;

    /// <summary>Brings the codes of every segment to a device.</summary>
    /// <param name="backend">Where to search.</param>
    public ICodeScanner[] LoadOnto(ICodeScanBackend backend)
    {
        var scanners = new List<ICodeScanner>();
        try
        {
            foreach (Segment segment in _segments)
            {
                segment.CheckAll();
                scanners.Add(_model.Codec.LoadOnto(backend, segment.Codes, segment.Lists, _model.Metric, _model.Anchors));
            }

            return [.. scanners];
        }
        catch
        {
            foreach (ICodeScanner scanner in scanners) scanner.Dispose();
            throw;
        }
    }

    /// <summary>Finds the nearest rows of many queries on a device; results are those of <see cref="SearchBatch"/>, bit for bit.</summary>
    /// <param name="scanners">From <see cref="LoadOnto"/>.</param>
    /// <param name="queries">Row-major, q x d.</param>
    /// <param name="k">Neighbours of each.</param>
    /// <param name="ids">Receives q x k row numbers; -1 where fewer were found.</param>
    /// <param name="scores">Receives q x k scores; NaN where fewer were found.</param>
    /// <param name="options">How to search.</param>
    /// <param name="cancellationToken">Checked between launches.</param>
    /// <exception cref="ArgumentException">Queries or options that do not fit the index.</exception>
    public void SearchOnDevice(
        ICodeScanner[] scanners, ReadOnlyMemory<float> queries, int k, Memory<int> ids, Memory<float> scores, SearchOptions options,
        CancellationToken cancellationToken)
    {
        Check(options);
        int queryCount = CheckBatch(queries, k, ids, scores), d = _model.Dimension;
        int size = (int)Math.Clamp(DeviceQueryBytes / (_model.Codec.CoordinateCount * (long)sizeof(float)), 1, DeviceQueries);
        int[] passing = options.Filter is { } filter ? CountPassing(filter) : [];
        ulong[][] allowed = [.. _segments.Select(segment => Allowed(segment, options.Filter))];
        for (int first = 0; first < queryCount; first += size)
        {
            int count = Math.Min(size, queryCount - first);
            QueryBatch batch = PrepareForDevice(
                queries.Slice(first * d, count * d), count, k, options, passing, cancellationToken);
            Span<int> ownIds = ids.Span.Slice(first * k, count * k);
            Span<float> ownScores = scores.Span.Slice(first * k, count * k);
            ScanSegments(scanners, batch, allowed, k, ownIds, ownScores, cancellationToken);
            _model.ToScores(ownScores);
            for (int i = 0; i < ownIds.Length; i++)
            {
                bool within = options.ScoreThreshold is not { } threshold || KeepWithin([ownScores[i]], threshold) == 1;
                if (ownIds[i] < 0 || !within) (ownIds[i], ownScores[i]) = (-1, float.NaN);
            }
        }
    }

    /// <summary>Scans segment by segment and keeps the nearest of all.</summary>
    private void ScanSegments(
        ICodeScanner[] scanners, QueryBatch batch, ulong[][] allowed, int k, Span<int> ids, Span<float> distances,
        CancellationToken cancellationToken)
    {
        if (scanners.Length == 1)
        {
            scanners[0].Scan(batch.Of(allowed[0]), k, ids, distances, cancellationToken);
            return;
        }

        TopK[] nearest = [.. Enumerable.Range(0, batch.Count).Select(_ => new TopK(k))];
        var rows = new int[batch.Count * k];
        var found = new float[rows.Length];
        for (int segment = 0; segment < scanners.Length; segment++)
        {
            scanners[segment].Scan(batch.Of(allowed[segment]), k, rows, found, cancellationToken);
            for (int i = 0; i < rows.Length; i++)
            {
                if (rows[i] >= 0) nearest[i / k].Push(found[i], rows[i] + _segments[segment].FirstRow);
            }
        }

        for (int query = 0; query < batch.Count; query++)
        {
            Span<int> own = ids.Slice(query * k, k);
            own[nearest[query].Drain(own, distances.Slice(query * k, k))..].Fill(-1);
        }
    }

    /// <summary>A bit for each row of a segment that may be found; empty where all may.</summary>
    private static ulong[] Allowed(Segment segment, RowFilter? filter)
    {
        if (filter is null && !segment.HasDeleted) return [];
        var bits = new ulong[(segment.Count + 63) / 64];
        for (int list = 0; list < segment.Lists.CellCount; list++)
        {
            foreach (int row in segment.Rows(list).Rows)
            {
                if (filter is null || filter.Passes(segment.FirstRow + row)) bits[row >> 6] |= 1UL << (row & 63);
            }
        }

        return bits;
    }

    /// <summary>Prepares queries on all threads and plans their scans.</summary>
    private QueryBatch PrepareForDevice(
        ReadOnlyMemory<float> queries, int count, int k, SearchOptions options, int[] passing, CancellationToken cancellationToken)
    {
        ProbingPlan plan = Plan(options);
        bool all = ScansAll(plan);
        int width = _model.Codec.CoordinateCount, groups = _model.Codec.GroupCount, d = _model.Dimension;
        float[] coordinates = new float[(long)count * width], offsets = new float[count * groups], squared = new float[count];
        var cells = new int[count][];
        BlockScheduler.Run(
            count, options.Threads ?? Environment.ProcessorCount,
            (query, _) =>
            {
                QueryScratch scratch = Rent();
                try
                {
                    _model.Prepare(queries.Span.Slice(query * d, d), scratch);
                    if (!all) cells[query] = CellsToScan(scratch, plan, k, options, passing);
                    _model.Codec.Describe(
                        scratch, cells[query], coordinates.AsSpan(query * width, width), offsets.AsSpan(query * groups, groups),
                        out squared[query]);
                }
                finally
                {
                    _scratch.Add(scratch);
                }
            },
            cancellationToken);
        (int[] starts, int[] visitors) = all ? ([], []) : Visits(cells);
        return new QueryBatch
        {
            Count = count, Coordinates = coordinates, Offsets = offsets, SquaredLengths = squared,
            VisitStarts = starts, Visitors = visitors,
        };
    }

    /// <summary>The cells that a search on the processor would scan; those that decide how many are scanned here first.</summary>
    private int[] CellsToScan(QueryScratch scratch, ProbingPlan plan, int k, SearchOptions options, int[] passing)
    {
        scratch.Begin(k, Limit(options));
        ProbeSequence probes = Probes(scratch, plan);
        List<int> cells = [];
        while (probes.TryNext(out int cell))
        {
            if (probes.DecidesExtent && plan.DistanceRatio is not null) ScanCell(scratch, cell, options.Filter);
            cells.Add(cell);
            probes.Count(options.Filter is null ? CellSize(cell) : passing[cell]);
        }

        return [.. cells];
    }

    /// <summary>From the cells of each query to the queries of each list, ascending.</summary>
    private (int[] Starts, int[] Visitors) Visits(int[][] cells)
    {
        int listCount = _model.Codec.ListCount;
        var starts = new int[listCount + 1];
        foreach (int[] own in cells)
        {
            foreach (int cell in own)
            {
                for (int list = cell * _listsPerCell; list < (cell + 1) * _listsPerCell; list++) starts[list + 1]++;
            }
        }

        for (int list = 0; list < listCount; list++) starts[list + 1] += starts[list];
        int[] visitors = new int[starts[^1]], next = starts[..^1];
        for (int query = 0; query < cells.Length; query++)
        {
            foreach (int cell in cells[query])
            {
                for (int list = cell * _listsPerCell; list < (cell + 1) * _listsPerCell; list++) visitors[next[list]++] = query;
            }
        }

        return (starts, visitors);
    }

    /// <summary>Rows of each cell that a filter lets through.</summary>
    private int[] CountPassing(RowFilter filter)
    {
        var passing = new int[_model.AnchorCount];
        foreach (Segment segment in _segments)
        {
            for (int list = 0; list < _model.Codec.ListCount; list++)
            {
                foreach (int row in segment.Rows(list).Rows)
                {
                    if (filter.Passes(segment.FirstRow + row)) passing[list / _listsPerCell]++;
                }
            }
        }

        return passing;
    }
}
