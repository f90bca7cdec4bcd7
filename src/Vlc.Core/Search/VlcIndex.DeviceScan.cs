using Vlc.Compute;
using Vlc.Numerics.Threading;

namespace Vlc.Search;

/// <content>Batches of queries whose lists a device scans: what to scan is planned here, as for <see cref="Search"/>.</content>
public sealed partial class VlcIndex
{
    /// <summary>Bytes of rotated queries that go to a device together.</summary>
    private const long DeviceQueryBytes = 32L << 20;

    /// <summary>Most queries that go to a device together.</summary>
    private const int DeviceQueries = 1024;

    /// <summary>Brings the codes to a device, to be disposed of before this index and the backend.</summary>
    /// <param name="backend">Where to search.</param>
    public DeviceIndex HoldOn(ICodeScanBackend backend)
    {
        ArgumentNullException.ThrowIfNull(backend);
        return new DeviceIndex(this, _codec.HoldOn(backend, _lists, Metric, _anchors));
    }

    /// <summary><see cref="DeviceIndex.SearchBatch"/>.</summary>
    internal void SearchHeld(
        ICodeScanner scanner, ReadOnlyMemory<float> queries, int k, Memory<int> ids, Memory<float> scores, SearchOptions options,
        CancellationToken cancellationToken)
    {
        CheckOptions(options);
        int queryCount = CheckBatch(queries, k, ids, scores);
        int size = (int)Math.Clamp(DeviceQueryBytes / (_codec.CoordinateCount * (long)sizeof(float)), 1, DeviceQueries);
        int[] passing = options.Filter is { } filter ? CountPassing(filter) : [];
        for (int first = 0; first < queryCount; first += size)
        {
            int count = Math.Min(size, queryCount - first);
            QueryBatch batch = PrepareForDevice(queries.Slice(first * Dimension, count * Dimension), count, k, options, passing, cancellationToken);
            Span<int> idsHere = ids.Span.Slice(first * k, count * k);
            Span<float> scoresHere = scores.Span.Slice(first * k, count * k);
            scanner.Scan(batch, k, idsHere, scoresHere, cancellationToken);
            ToScores(scoresHere);
            for (int i = 0; i < idsHere.Length; i++)
            {
                if (idsHere[i] < 0) scoresHere[i] = float.NaN;
            }
        }
    }

    /// <summary>Prepares queries on all threads and plans their scans.</summary>
    private QueryBatch PrepareForDevice(
        ReadOnlyMemory<float> queries, int count, int k, SearchOptions options, int[] passing, CancellationToken cancellationToken)
    {
        ScanPlan plan = Plan(options);
        bool all = ScansAll(plan);
        int width = _codec.CoordinateCount, groups = _codec.GroupCount;
        float[] coordinates = new float[(long)count * width], offsets = new float[count * groups], squared = new float[count];
        var cells = new int[count][];
        BlockScheduler.Run(
            count, options.Threads ?? Environment.ProcessorCount,
            (query, _) =>
            {
                QueryScratch scratch = Rent();
                try
                {
                    Prepare(queries.Span.Slice(query * Dimension, Dimension), scratch);
                    if (!all) cells[query] = CellsToScan(scratch, plan, k, options.Filter, passing);
                    _codec.Describe(
                        scratch, cells[query], coordinates.AsSpan(query * width, width), offsets.AsSpan(query * groups, groups), out squared[query]);
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
            Count = count, Coordinates = coordinates, Offsets = offsets, SquaredLengths = squared, VisitStarts = starts, Visitors = visitors,
            Allowed = options.Filter?.Bits ?? default,
        };
    }

    /// <summary>The cells that <see cref="Search"/> would scan; those that decide how many are scanned here first.</summary>
    private int[] CellsToScan(QueryScratch scratch, ScanPlan plan, int k, IdFilter? filter, int[] passing)
    {
        scratch.Begin(k);
        CellWalk walk = Walk(scratch, plan);
        List<int> cells = [];
        while (walk.TryNext(out int cell))
        {
            if (walk.IsAlone && plan.Reach is not null) ScanCell(scratch, cell, filter);
            cells.Add(cell);
            walk.Pass(filter is null ? CellSize(cell) : passing[cell]);
        }

        return [.. cells];
    }

    /// <summary>From the cells of each query to the queries of each list, ascending.</summary>
    private (int[] Starts, int[] Visitors) Visits(int[][] cells)
    {
        var starts = new int[_lists.CellCount + 1];
        foreach (int[] own in cells)
        {
            foreach (int cell in own)
            {
                for (int list = cell * _listsPerCell; list < (cell + 1) * _listsPerCell; list++) starts[list + 1]++;
            }
        }

        for (int list = 0; list < _lists.CellCount; list++) starts[list + 1] += starts[list];
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
    private int[] CountPassing(IdFilter filter)
    {
        var passing = new int[AnchorCount];
        for (int list = 0; list < _lists.CellCount; list++)
        {
            foreach (int row in _lists.Rows(list))
            {
                if (filter.Passes(row)) passing[list / _listsPerCell]++;
            }
        }

        return passing;
    }
}
