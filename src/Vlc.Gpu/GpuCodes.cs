using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using Vlc.Compute;
using Vlc.Gpu.Kernels;

namespace Vlc.Gpu;

/// <summary>
/// Codes of an index for scans on a device. They stay on the device if they fit three quarters of the memory budget. Otherwise every batch
/// copies them, a range of tiles at a time, into two alternating buffers, so that one is filled while the other is scanned. The description
/// of the codes and the row numbers always stay on the device.
/// </summary>
internal sealed class GpuCodes : ICodeScanner
{
    private const int Tile = ScanKernel.Tile;
    private const int Queries = ScanKernel.Queries;

    /// <summary>Initial bytes of the distances of a launch.</summary>
    private const long DistanceBytes = 128L << 20;

    /// <summary>Axes times rows times queries of a launch, after which cancellation is checked: milliseconds of a GPU.</summary>
    private const double AxesOfLaunch = 2e10;

    private readonly GpuBackend _backend;
    private readonly IScanLayout _layout;
    private readonly DeviceBuffers _deviceBuffers;
    private readonly Action<AcceleratorStream, KernelConfig, NearestWork> _select;
    private readonly int[] _tileLists;
    private readonly int[] _tileOffsets;
    private readonly int[] _firstTiles;
    private readonly int _unitsOfAll;
    private readonly DeviceMemory.Buffer<int>? _deviceTileLists;
    private readonly DeviceMemory.Buffer<int>? _deviceTileOffsets;
    private readonly DeviceMemory.Buffer<int>? _tileRows;
    private readonly TileUploader? _uploader;
    private readonly AcceleratorStream _stream;
    private LaunchBuffers? _launchBuffers;

    public GpuCodes(GpuBackend backend, IScanLayout layout)
    {
        (_backend, _layout, _deviceBuffers) = (backend, layout, new DeviceBuffers(backend));
        List<int> tileLists = [], tileOffsets = [];
        int units = 0;
        _firstTiles = new int[layout.ListCount];
        for (int list = 0; list < layout.ListCount; list++)
        {
            int count = layout.Rows(list).Length;
            _firstTiles[list] = tileLists.Count;
            CodeBytes += layout.RowBytes(list) * (long)count;
            for (int row = 0; row < count; row += Tile)
            {
                tileLists.Add(list);
                tileOffsets.Add(units);
                units = checked(units + layout.RowWords(list));
            }
        }

        (_tileLists, _tileOffsets, _unitsOfAll) = ([.. tileLists], [.. tileOffsets, units], units);
        _select = backend.LoadNearest();
        // Not the default stream: its work waits for all other streams, and they wait for it.
        _stream = backend.CreateStream();
        try
        {
            layout.Upload(_deviceBuffers);
            _deviceTileLists = _deviceBuffers.Upload<int>(_tileLists);
            _deviceTileOffsets = _deviceBuffers.Upload<int>(_tileOffsets);
            _tileRows = _deviceBuffers.Upload<int>(RowsOfTiles());
            _uploader = new TileUploader(backend, _tileOffsets, Interleave);
            if (!IsStreamed) _uploader.Fill(turn: 0, 0, _tileLists.Length);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public int MostNeighbors => NearestKernel.MostNeighbors;

    public long CodeBytes { get; }

    public bool IsStreamed => _uploader?.IsStreamed == true;

    /// <summary>Bytes of the words of all tiles, whether on the device or not.</summary>
    public long WordBytes => (long)_unitsOfAll * Tile * sizeof(uint);

    public void Scan(QueryBatch queries, int k, Span<int> rows, Span<float> distances, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(k, MostNeighbors);
        int count = queries.Count;
        ArgumentOutOfRangeException.ThrowIfLessThan(rows.Length, (long)count * k);
        ArgumentOutOfRangeException.ThrowIfLessThan(distances.Length, (long)count * k);
        if (count == 0) return;
        cancellationToken.ThrowIfCancellationRequested();
        _backend.Bind();
        using var batch = new Batch(_backend, _layout, queries, k);
        try
        {
            LaunchBuffers launchBuffers = ReserveLaunchBuffers(count, exhaustive: queries.VisitStarts.IsEmpty);
            int firstTile = NextVisited(queries, 0);
            for (int turn = 0; firstTile < _tileLists.Length; turn++)
            {
                int end = _tileLists.Length;
                if (IsStreamed)
                {
                    end = _uploader!.EndOf(firstTile);
                    // The last launch of the previous range runs meanwhile. It began after the launches before it had ended, and those read
                    // the buffer that is filled now. Every range has at least one launch.
                    _uploader.Fill(turn, firstTile, end);
                }

                var view = new TileRange(_uploader!.Words(turn), firstTile, end, IsStreamed ? _tileOffsets[firstTile] : 0);
                if (queries.VisitStarts.IsEmpty) ScanAll(batch, launchBuffers, view, cancellationToken);
                else ScanVisits(queries, batch, launchBuffers, view, cancellationToken);
                firstTile = NextVisited(queries, end);
            }

            batch.Download(_stream, rows, distances);
        }
        finally
        {
            // Launches that still run read the buffers that are about to be freed.
            _stream.Synchronize();
        }
    }

    public void Dispose()
    {
        _stream.Synchronize();
        _launchBuffers?.Dispose();
        _uploader?.Dispose();
        _deviceBuffers.Dispose();
        _stream.Dispose();
    }

    /// <summary>The first tile from <paramref name="tile"/> on that a query visits; tiles that no query visits are not copied.</summary>
    private int NextVisited(QueryBatch queries, int tile)
    {
        if (queries.VisitStarts.IsEmpty) return tile;
        ReadOnlySpan<int> starts = queries.VisitStarts.Span;
        while (tile < _tileLists.Length && starts[_tileLists[tile]] == starts[_tileLists[tile] + 1]) tile++;
        return tile;
    }

    /// <summary>Every query scans every tile of a range.</summary>
    private void ScanAll(Batch batch, LaunchBuffers launchBuffers, TileRange range, CancellationToken cancellationToken)
    {
        int quads = (batch.Count + Queries - 1) / Queries;
        int tilesAtOnce = (int)Math.Clamp(
            Math.Min(launchBuffers.Slots / batch.Count, AxesOfLaunch / ((double)Math.Max(_layout.MostAxes, 1) * Tile * batch.Count)), 1,
            int.MaxValue / quads);
        for (int tile = range.First; tile < range.End; tile += tilesAtOnce)
        {
            // At most one launch at a time is queued; cancellation would have to wait for all of them.
            _stream.Synchronize();
            cancellationToken.ThrowIfCancellationRequested();
            int tiles = Math.Min(tilesAtOnce, range.End - tile);
            Launch(batch, launchBuffers, range, tiles * quads, quads, tile, tiles, launchBuffers.Starts.View.SubView(0, 1));
        }
    }

    /// <summary>Queries scan the tiles of the lists that they probe.</summary>
    private void ScanVisits(
        QueryBatch queries, Batch batch, LaunchBuffers launchBuffers, TileRange range, CancellationToken cancellationToken)
    {
        int[] visitStarts = queries.VisitStarts.ToArray(), starts = new int[batch.Count + 1];
        List<int> items = [];
        Span<int> slotNumbers = stackalloc int[Queries];
        for (int tile = range.First; tile < range.End;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // As many tiles as the buffers allow. One always fits, because at most all queries visit it.
            int last = tile, slots = 0;
            Array.Clear(starts);
            for (; last < range.End; last++)
            {
                ReadOnlySpan<int> visitors = VisitorsOf(last);
                if (slots + visitors.Length > launchBuffers.Slots) break;
                slots += visitors.Length;
                foreach (int query in visitors) starts[query + 1]++;
            }

            for (int query = 0; query < batch.Count; query++) starts[query + 1] += starts[query];
            int[] next = starts[..^1], slotTiles = new int[slots];
            items.Clear();
            for (; tile < last; tile++)
            {
                ReadOnlySpan<int> visitors = VisitorsOf(tile);
                for (int visit = 0; visit < visitors.Length; visit += Queries)
                {
                    items.Add(tile);
                    for (int i = 0; i < Queries; i++)
                    {
                        // A missing query repeats the first one, and its distances are discarded.
                        bool present = visit + i < visitors.Length;
                        int query = visitors[present ? visit + i : visit];
                        slotNumbers[i] = present ? next[query]++ : -1;
                        if (present) slotTiles[slotNumbers[i]] = tile;
                        items.Add(query);
                    }

                    foreach (int index in slotNumbers) items.Add(index);
                }
            }

            if (slots == 0) continue;
            // The previous launch reads what is written now.
            _stream.Synchronize();
            launchBuffers.Starts.View.SubView(0, starts.Length).CopyFromCPU(_stream, starts);
            launchBuffers.SlotTiles.View.SubView(0, slots).CopyFromCPU(_stream, slotTiles);
            launchBuffers.Items.View.SubView(0, items.Count).CopyFromCPU(_stream, CollectionsMarshal.AsSpan(items));
            Launch(
                batch, launchBuffers, range, items.Count / ScanKernel.ItemInts, quads: 0, tile: 0, tiles: 0,
                launchBuffers.Starts.View.SubView(0, starts.Length));
        }

        ReadOnlySpan<int> VisitorsOf(int tile)
        {
            int list = _tileLists[tile];
            return queries.Visitors.Span[visitStarts[list]..visitStarts[list + 1]];
        }
    }

    /// <summary>Starts measuring and selecting; the previous launch must have ended.</summary>
    private void Launch(
        Batch batch, LaunchBuffers launchBuffers, TileRange range, int groups, int quads, int tile, int tiles,
        ArrayView1D<int, Stride1D.Dense> starts)
    {
        _layout.Measure(_stream, groups, batch.View, new ScanWork
        {
            Words = range.Words, TileLists = _deviceTileLists!.View, TileOffsets = _deviceTileOffsets!.View,
            Items = launchBuffers.Items.View, Distances = launchBuffers.Distances.View,
            FirstOffset = range.FirstOffset, Quads = quads, FirstTile = tile, Tiles = tiles,
        });
        NearestWork select = batch.Nearest;
        (select.Distances, select.Starts, select.SlotTiles, select.TileRows) = (
            launchBuffers.Distances.View, starts, launchBuffers.SlotTiles.View, _tileRows!.View);
        (select.FirstTile, select.Tiles) = (tile, tiles);
        _select(_stream, new KernelConfig(batch.Count, NearestKernel.GroupSize), select);
    }

    /// <summary>Buffers for the distances of a launch, at least one tile's for each query. They are kept from batch to batch.</summary>
    private LaunchBuffers ReserveLaunchBuffers(int queries, bool exhaustive)
    {
        if (_launchBuffers?.Serves(queries, exhaustive) == true) return _launchBuffers;
        _launchBuffers?.Dispose();
        _launchBuffers = null;
        long wanted = exhaustive ? (long)_tileLists.Length * queries : DistanceBytes;
        long slots = Math.Clamp(DistanceBytes / (Tile * sizeof(float)), queries, Math.Max(wanted, queries));
        while (true)
        {
            try
            {
                return _launchBuffers = new LaunchBuffers(_backend, (int)slots, queries, exhaustive);
            }
            catch (DeviceOutOfMemoryException) when (slots > queries)
            {
                slots = Math.Max(slots / 2, queries);
            }
        }
    }

    /// <summary>The codes of a tile word by word: word w of row i at 64·w + i.</summary>
    private void Interleave(int tile, Span<uint> words)
    {
        int list = _tileLists[tile], first = (tile - _firstTiles[list]) * Tile, count = Math.Min(Tile, _layout.Rows(list).Length - first);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> code = _layout.Code(list, first + i);
            int whole = code.Length / sizeof(uint), at = i;
            for (int word = 0; word < whole; word++, at += Tile)
            {
                ReadOnlySpan<byte> bytes = code[(word * sizeof(uint))..];
                words[at] = _layout.IsBigEndian
                    ? BinaryPrimitives.ReadUInt32BigEndian(bytes)
                    : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            }

            for (int index = 0; (whole * sizeof(uint)) + index < code.Length; index++)
            {
                words[at] |= (uint)code[(whole * sizeof(uint)) + index] << (_layout.IsBigEndian ? 24 - (8 * index) : 8 * index);
            }
        }
    }

    /// <summary>Row numbers of each tile, 64 of them; -1 after the last.</summary>
    private int[] RowsOfTiles()
    {
        var rows = new int[_tileLists.Length * Tile];
        rows.AsSpan().Fill(-1);
        for (int tile = 0; tile < _tileLists.Length;)
        {
            ReadOnlySpan<int> listRows = _layout.Rows(_tileLists[tile]);
            listRows.CopyTo(rows.AsSpan(tile * Tile));
            tile += (listRows.Length + Tile - 1) / Tile;
        }

        return rows;
    }

    /// <summary>Tiles whose words are on the device.</summary>
    /// <param name="Words">Their words.</param>
    /// <param name="First">The first tile.</param>
    /// <param name="End">The tile after the last.</param>
    /// <param name="FirstOffset">The offset of the first words among those of all tiles, in units of 64.</param>
    private readonly record struct TileRange(ArrayView<uint> Words, int First, int End, int FirstOffset);

    /// <summary>A batch of queries on the device, and the nearest rows of each so far.</summary>
    private sealed class Batch : IDisposable
    {
        private readonly DeviceBuffers _buffers;
        private readonly DeviceMemory.Buffer<float> _distances;
        private readonly DeviceMemory.Buffer<int> _rows;
        private readonly DeviceMemory.Buffer<int> _found;
        private readonly int _k;

        public Batch(GpuBackend backend, IScanLayout layout, QueryBatch queries, int k)
        {
            (_k, _buffers) = (k, new DeviceBuffers(backend));
            Count = queries.Count;
            try
            {
                View = new ScanQueries
                {
                    Coordinates = _buffers.Upload(queries.Coordinates.Span).View, Offsets = _buffers.Upload(queries.Offsets.Span).View,
                    Squared = _buffers.Upload(queries.SquaredLengths.Span).View, Pitch = layout.CoordinateCount, Groups = layout.GroupCount,
                    Count = Count,
                };
                _distances = _buffers.Allocate<float>((long)Count * k);
                _rows = _buffers.Allocate<int>((long)Count * k);
                _found = _buffers.Allocate<int>(Count);
                Nearest = new NearestWork
                {
                    Allowed = _buffers.Upload(MemoryMarshal.Cast<ulong, uint>(queries.Allowed.Span)).View, BestDistances = _distances.View,
                    BestRows = _rows.View,
                    Found = _found.View, K = k, IsFiltered = queries.Allowed.IsEmpty ? 0 : 1,
                };
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public int Count { get; }

        public ScanQueries View { get; }

        /// <summary>The part of a selection that all launches share.</summary>
        public NearestWork Nearest { get; }

        public void Download(AcceleratorStream stream, Span<int> rows, Span<float> distances)
        {
            var found = new int[Count];
            _rows.View.CopyToCPU(stream, rows[..(Count * _k)]);
            _distances.View.CopyToCPU(stream, distances[..(Count * _k)]);
            _found.View.CopyToCPU(stream, found);
            stream.Synchronize();
            for (int query = 0; query < Count; query++) rows.Slice(query * _k, _k)[found[query]..].Fill(-1);
        }

        public void Dispose() => _buffers.Dispose();
    }

    /// <summary>Buffers on the device for what one launch measures.</summary>
    private sealed class LaunchBuffers : IDisposable
    {
        private readonly DeviceBuffers _buffers;
        private readonly bool _exhaustive;
        private readonly int _queries;

        /// <param name="backend">The device.</param>
        /// <param name="slots">Pairs of a query and a tile.</param>
        /// <param name="queries">Queries of the batch.</param>
        /// <param name="exhaustive">Whether all queries scan all tiles, so that no assignment of queries to tiles is stored.</param>
        public LaunchBuffers(GpuBackend backend, int slots, int queries, bool exhaustive)
        {
            (Slots, _queries, _exhaustive, _buffers) = (slots, queries, exhaustive, new DeviceBuffers(backend));
            try
            {
                Distances = _buffers.Allocate<float>((long)slots * Tile);
                // A slot has an item of its own where no other query visits its list.
                Items = _buffers.Allocate<int>(exhaustive ? 1 : (long)slots * ScanKernel.ItemInts);
                SlotTiles = _buffers.Allocate<int>(exhaustive ? 1 : slots);
                Starts = _buffers.Allocate<int>(queries + 1);
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public int Slots { get; }

        public DeviceMemory.Buffer<float> Distances { get; }

        public DeviceMemory.Buffer<int> Items { get; }

        public DeviceMemory.Buffer<int> SlotTiles { get; }

        public DeviceMemory.Buffer<int> Starts { get; }

        /// <summary>Whether the buffers suffice for another batch as well.</summary>
        public bool Serves(int queries, bool exhaustive) => queries <= _queries && exhaustive == _exhaustive;

        public void Dispose() => _buffers.Dispose();
    }
}
