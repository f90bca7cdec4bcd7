using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using Vlc.Compute;
using Vlc.Gpu.Kernels;
using Vlc.Numerics.Threading;

namespace Vlc.Gpu;

/// <summary>
/// Codes of an index for scans on a device: all of them there, where they fit three quarters of the memory budget; otherwise copied stretch by stretch for every batch. What says how to read
/// them, and the row numbers, always stay on the device.
/// </summary>
internal sealed class GpuCodes : ICodeScanner
{
    private const int Tile = ScanKernel.Tile;
    private const int Queries = ScanKernel.Queries;

    /// <summary>Bytes of the distances of a launch, to begin with.</summary>
    private const long DistanceBytes = 128L << 20;

    /// <summary>Axes times rows times queries of a launch, after which cancellation is looked at: milliseconds of a GPU.</summary>
    private const double AxesOfLaunch = 2e10;

    private readonly GpuBackend _backend;
    private readonly TrellisCodes _codes;
    private readonly DeviceBuffers _held;
    private readonly Action<AcceleratorStream, KernelConfig, ScanCodes, ScanQueries, ScanWork> _measure;
    private readonly Action<AcceleratorStream, KernelConfig, NearestWork> _select;
    private readonly int[] _tileLists;
    private readonly int[] _tileOffsets;
    private readonly int[] _firstTiles;
    private readonly int _unitsOfAll;
    private readonly ScanCodes _view;
    private readonly DeviceMemory.Buffer<uint>? _words;
    private readonly int _mostAxes;
    private Room? _room;

    public GpuCodes(GpuBackend backend, TrellisCodes codes)
    {
        (_backend, _codes, _held) = (backend, codes, new DeviceBuffers(backend));
        List<int> tileLists = [], tileOffsets = [];
        int units = 0;
        _firstTiles = new int[codes.Lists.Count];
        for (int list = 0; list < codes.Lists.Count; list++)
        {
            TrellisList coded = codes.Lists[list];
            _firstTiles[list] = tileLists.Count;
            CodeBytes += (coded.Codes?.RowBytes ?? 0) * (long)coded.Rows.Length;
            _mostAxes = Math.Max(_mostAxes, coded.Axes.Length);
            for (int row = 0; row < coded.Rows.Length; row += Tile)
            {
                tileLists.Add(list);
                tileOffsets.Add(units);
                units = checked(units + WordsOf(coded));
            }
        }

        (_tileLists, _tileOffsets, _unitsOfAll) = ([.. tileLists], [.. tileOffsets, units], units);
        _measure = backend.LoadScan(codes.CountsAsUnitLength ? ScanKernel.Cosines : codes.Metric == Metric.InnerProduct ? ScanKernel.Products : ScanKernel.Distances);
        _select = backend.LoadNearest();
        try
        {
            _view = UploadDescription();
            _words = Reserve();
            if (!IsStreamed) Fill(0, _tileLists.Length);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public int MostNeighbors => NearestKernel.MostNeighbors;

    public long CodeBytes { get; }

    public bool IsStreamed => _words is not null && _words.Length < (long)_unitsOfAll * Tile;

    /// <summary>Bytes of the words of all tiles, on the device or not.</summary>
    public long WordBytes => (long)_unitsOfAll * Tile * sizeof(uint);

    public void Scan(TrellisQueries queries, int k, Span<int> rows, Span<float> distances, CancellationToken cancellationToken = default)
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
        using var batch = new Batch(_backend, _codes, queries, k);
        Room room = ReserveRoom(count, exhaustive: queries.VisitStarts.IsEmpty);
        int stretch = 0;
        while (stretch < _tileLists.Length)
        {
            int end = _tileLists.Length;
            if (IsStreamed)
            {
                end = EndOfStretch(stretch);
                Fill(stretch, end);
            }

            if (queries.VisitStarts.IsEmpty) ScanAll(batch, room, stretch, end, cancellationToken);
            else ScanVisits(queries, batch, room, stretch, end, cancellationToken);
            stretch = end;
        }

        batch.Download(rows, distances);
    }

    public void Dispose()
    {
        _room?.Dispose();
        _words?.Dispose();
        _held.Dispose();
    }

    /// <summary>Every query scans every tile of a stretch.</summary>
    private void ScanAll(Batch batch, Room room, int first, int end, CancellationToken cancellationToken)
    {
        int quads = (batch.Count + Queries - 1) / Queries;
        int tilesAtOnce = (int)Math.Clamp(Math.Min(room.Slots / batch.Count, AxesOfLaunch / ((double)Math.Max(_mostAxes, 1) * Tile * batch.Count)), 1, int.MaxValue / quads);
        for (int tile = first; tile < end; tile += tilesAtOnce)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int tiles = Math.Min(tilesAtOnce, end - tile);
            Launch(batch, room, first, tiles * quads, quads, tile, tiles, room.Starts.View.SubView(0, 1));
        }
    }

    /// <summary>Queries scan tiles of the lists that they visit.</summary>
    private void ScanVisits(TrellisQueries queries, Batch batch, Room room, int first, int end, CancellationToken cancellationToken)
    {
        int[] visitStarts = queries.VisitStarts.ToArray(), starts = new int[batch.Count + 1];
        List<int> items = [];
        Span<int> places = stackalloc int[Queries];
        for (int tile = first; tile < end;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // As many tiles as there is room for; one always fits, as no more than all queries visit it.
            int last = tile, slots = 0;
            Array.Clear(starts);
            for (; last < end; last++)
            {
                ReadOnlySpan<int> visitors = VisitorsOf(last);
                if (slots + visitors.Length > room.Slots) break;
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
                        // Who is missing is measured as the first again, for nobody.
                        bool present = visit + i < visitors.Length;
                        int query = visitors[present ? visit + i : visit];
                        places[i] = present ? next[query]++ : -1;
                        if (present) slotTiles[places[i]] = tile;
                        items.Add(query);
                    }

                    foreach (int place in places) items.Add(place);
                }
            }

            if (slots == 0) continue;
            room.Starts.View.SubView(0, starts.Length).CopyFromCPU(_backend.DefaultStream, starts);
            room.SlotTiles.View.SubView(0, slots).CopyFromCPU(_backend.DefaultStream, slotTiles);
            room.Items.View.SubView(0, items.Count).CopyFromCPU(_backend.DefaultStream, CollectionsMarshal.AsSpan(items));
            Launch(batch, room, first, items.Count / ScanKernel.ItemInts, quads: 0, tile: 0, tiles: 0, room.Starts.View.SubView(0, starts.Length));
        }

        ReadOnlySpan<int> VisitorsOf(int tile)
        {
            int list = _tileLists[tile];
            return queries.Visitors.Span[visitStarts[list]..visitStarts[list + 1]];
        }
    }

    private void Launch(Batch batch, Room room, int stretch, int groups, int quads, int tile, int tiles, ArrayView1D<int, Stride1D.Dense> starts)
    {
        AcceleratorStream stream = _backend.DefaultStream;
        var work = new ScanWork
        {
            Words = _words!.View, Items = room.Items.View, Distances = room.Distances.View, FirstOffset = IsStreamed ? _tileOffsets[stretch] : 0, Quads = quads, FirstTile = tile,
            Tiles = tiles,
        };
        _measure(stream, new KernelConfig(groups, Tile), _view, batch.View, work);
        NearestWork select = batch.Nearest;
        (select.Distances, select.Starts, select.SlotTiles, select.TileRows) = (room.Distances.View, starts, room.SlotTiles.View, _view.TileRows);
        (select.FirstTile, select.Tiles) = (tile, tiles);
        _select(stream, new KernelConfig(batch.Count, NearestKernel.GroupSize), select);
        stream.Synchronize();
    }

    /// <summary>Room for the words of all tiles, or of as many as the device has room for.</summary>
    private DeviceMemory.Buffer<uint> Reserve()
    {
        long all = Math.Max((long)_unitsOfAll * Tile, 1), least = Math.Max((long)LargestTile() * Tile, 1);
        long left = (_backend.Memory.Budget - _backend.Memory.Used) / 4 * 3 / sizeof(uint);
        long length = all <= left ? all : Math.Clamp(left / Tile * Tile, least, all);
        while (true)
        {
            try
            {
                return _backend.Memory.Allocate<uint>(length);
            }
            catch (DeviceOutOfMemoryException) when (length > least)
            {
                length = Math.Max(length / 2 / Tile * Tile, least);
            }
        }
    }

    private int LargestTile()
    {
        int largest = 0;
        for (int tile = 0; tile < _tileLists.Length; tile++) largest = Math.Max(largest, _tileOffsets[tile + 1] - _tileOffsets[tile]);
        return largest;
    }

    private int EndOfStretch(int first)
    {
        int end = first + 1;
        while (end < _tileLists.Length && (_tileOffsets[end + 1] - _tileOffsets[first]) * (long)Tile <= _words!.Length) end++;
        return end;
    }

    /// <summary>Room for the distances of a launch, for each query at least one tile's; kept from batch to batch.</summary>
    private Room ReserveRoom(int queries, bool exhaustive)
    {
        if (_room?.Serves(queries, exhaustive) == true) return _room;
        _room?.Dispose();
        _room = null;
        long wanted = exhaustive ? (long)_tileLists.Length * queries : DistanceBytes;
        long slots = Math.Clamp(DistanceBytes / (Tile * sizeof(float)), queries, Math.Max(wanted, queries));
        while (true)
        {
            try
            {
                return _room = new Room(_backend, (int)slots, queries, exhaustive);
            }
            catch (DeviceOutOfMemoryException) when (slots > queries)
            {
                slots = Math.Max(slots / 2, queries);
            }
        }
    }

    /// <summary>Brings the words of a stretch of tiles to the device, filled on all threads.</summary>
    private void Fill(int first, int end)
    {
        int tilesAtOnce = Math.Max((int)Math.Min(_backend.Options.BatchBytes / 4 / (Math.Max(LargestTile(), 1) * (long)Tile * sizeof(uint)), end - first), 1);
        uint[] staging = [];
        for (int tile = first; tile < end; tile += tilesAtOnce)
        {
            int count = Math.Min(tilesAtOnce, end - tile), length = (_tileOffsets[tile + count] - _tileOffsets[tile]) * Tile, begin = tile;
            if (length == 0) continue;
            if (staging.Length < length) staging = new uint[length];
            Array.Clear(staging, 0, length);
            BlockScheduler.Run(
                count, Environment.ProcessorCount,
                (i, _) => Interleave(begin + i, staging.AsSpan((_tileOffsets[begin + i] - _tileOffsets[begin]) * Tile)));
            _words!.View.SubView((_tileOffsets[tile] - _tileOffsets[first]) * (long)Tile, length).CopyFromCPU(_backend.DefaultStream, staging.AsSpan(0, length));
            _backend.DefaultStream.Synchronize();
        }
    }

    /// <summary>The strings of a tile word by word: word w of row i at 64·w + i.</summary>
    private void Interleave(int tile, Span<uint> words)
    {
        TrellisList coded = _codes.Lists[_tileLists[tile]];
        int first = (tile - _firstTiles[_tileLists[tile]]) * Tile, count = Math.Min(Tile, coded.Rows.Length - first);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> code = coded.Codes!.Row(first + i);
            int word = 0;
            for (; (word + 1) * sizeof(uint) <= code.Length; word++) words[(word * Tile) + i] = BinaryPrimitives.ReadUInt32BigEndian(code[(word * sizeof(uint))..]);
            for (int at = word * sizeof(uint); at < code.Length; at++) words[(word * Tile) + i] |= (uint)code[at] << (24 - (8 * (at % sizeof(uint))));
        }
    }

    private static int WordsOf(TrellisList coded) => ((coded.Codes?.RowBytes ?? 0) + sizeof(uint) - 1) / sizeof(uint);

    private ScanCodes UploadDescription()
    {
        IReadOnlyList<TrellisList> lists = _codes.Lists;
        var headers = new int[lists.Count * ScanCodes.HeaderInts];
        var squared = new float[lists.Count];
        List<int> plans = [], axes = [];
        List<float> scales = [], anchors = [];
        ReadOnlyMemory<float> lastAnchor = default;
        for (int list = 0; list < lists.Count; list++)
        {
            TrellisList coded = lists[list];
            // Classes of a cell share its anchor.
            if (!coded.Anchor.Equals(lastAnchor))
            {
                anchors.AddRange(coded.Anchor.Span);
                lastAnchor = coded.Anchor;
            }

            int[] header = [plans.Count, coded.Axes.Length, coded.FirstCoordinate, coded.Anchor.Length, anchors.Count - coded.Anchor.Length, coded.Group];
            header.CopyTo(headers, list * ScanCodes.HeaderInts);
            squared[list] = coded.AnchorSquared;
            Plan(coded.Bits.Span, plans);
            axes.AddRange(coded.Axes.Span);
            scales.AddRange(coded.Scales.Span[..coded.Axes.Length]);
            while (axes.Count < plans.Count) axes.Add(0);
            while (scales.Count < plans.Count) scales.Add(0);
        }

        var rows = new int[_tileLists.Length * Tile];
        rows.AsSpan().Fill(-1);
        for (int tile = 0; tile < _tileLists.Length;)
        {
            ReadOnlySpan<int> listRows = lists[_tileLists[tile]].Rows.Span;
            listRows.CopyTo(rows.AsSpan(tile * Tile));
            tile += (listRows.Length + Tile - 1) / Tile;
        }

        float[] tables = Array.ConvertAll(_codes.Tables.ToArray(), value => (float)value);
        return new ScanCodes
        {
            Tables = _held.Upload<float>(tables).View,
            TileLists = _held.Upload<int>(_tileLists).View,
            TileOffsets = _held.Upload<int>(_tileOffsets).View,
            TileRows = _held.Upload<int>(rows).View,
            Headers = _held.Upload<int>(headers).View,
            Plans = _held.Upload<int>(CollectionsMarshal.AsSpan(plans)).View,
            Axes = _held.Upload<int>(CollectionsMarshal.AsSpan(axes)).View,
            Scales = _held.Upload<float>(CollectionsMarshal.AsSpan(scales)).View,
            Anchors = _held.Upload<float>(CollectionsMarshal.AsSpan(anchors)).View,
            AnchorSquared = _held.Upload<float>(squared).View,
            Means = _held.Upload(_codes.MeanCoordinates.Span).View,
        };
    }

    /// <summary>How each axis is read, padded to whole lanes by axes that read what the last one reads.</summary>
    private static void Plan(ReadOnlySpan<byte> bits, List<int> plans)
    {
        int end = 0, word = -1;
        foreach (byte b in bits)
        {
            end += b;
            int now = (end - 1) / 32;
            plans.Add(((b - 1) * 256 << ScanKernel.PlanBits) | (now > word ? ScanKernel.Advance : 0) | (31 - ((end - 1) % 32)));
            word = now;
        }

        while (plans.Count % ScanKernel.Lanes > 0) plans.Add(plans[^1] & ~ScanKernel.Advance);
    }

    /// <summary>A batch of queries on the device, and the nearest rows of each so far.</summary>
    private sealed class Batch : IDisposable
    {
        private readonly GpuBackend _backend;
        private readonly DeviceBuffers _buffers;
        private readonly DeviceMemory.Buffer<float> _distances;
        private readonly DeviceMemory.Buffer<int> _rows;
        private readonly DeviceMemory.Buffer<int> _found;
        private readonly int _k;

        public Batch(GpuBackend backend, TrellisCodes codes, TrellisQueries queries, int k)
        {
            (_backend, _k, _buffers) = (backend, k, new DeviceBuffers(backend));
            Count = queries.Count;
            try
            {
                View = new ScanQueries
                {
                    Coordinates = _buffers.Upload(queries.Coordinates.Span).View, Offsets = _buffers.Upload(queries.Offsets.Span).View,
                    Squared = _buffers.Upload(queries.SquaredLengths.Span).View, Pitch = codes.MeanCoordinates.Length, Groups = codes.GroupCount, Count = Count,
                };
                _distances = _buffers.Allocate<float>((long)Count * k);
                _rows = _buffers.Allocate<int>((long)Count * k);
                _found = _buffers.Allocate<int>(Count);
                Nearest = new NearestWork
                {
                    Allowed = _buffers.Upload(MemoryMarshal.Cast<ulong, uint>(queries.Allowed.Span)).View, BestDistances = _distances.View, BestRows = _rows.View,
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

        public void Download(Span<int> rows, Span<float> distances)
        {
            var found = new int[Count];
            _rows.View.CopyToCPU(_backend.DefaultStream, rows[..(Count * _k)]);
            _distances.View.CopyToCPU(_backend.DefaultStream, distances[..(Count * _k)]);
            _found.View.CopyToCPU(_backend.DefaultStream, found);
            _backend.DefaultStream.Synchronize();
            for (int query = 0; query < Count; query++) rows.Slice(query * _k, _k)[found[query]..].Fill(-1);
        }

        public void Dispose() => _buffers.Dispose();
    }

    /// <summary>Room on the device for what one launch measures.</summary>
    private sealed class Room : IDisposable
    {
        private readonly DeviceBuffers _buffers;
        private readonly bool _exhaustive;
        private readonly int _queries;

        /// <param name="backend">The device.</param>
        /// <param name="slots">Pairs of a query and a tile.</param>
        /// <param name="queries">Queries of the batch.</param>
        /// <param name="exhaustive">Whether nothing has to be said about who scans what.</param>
        public Room(GpuBackend backend, int slots, int queries, bool exhaustive)
        {
            (Slots, _queries, _exhaustive, _buffers) = (slots, queries, exhaustive, new DeviceBuffers(backend));
            try
            {
                Distances = _buffers.Allocate<float>((long)slots * Tile);
                // A slot has an item to itself where nobody else visits its list.
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

        /// <summary>Whether there is room for another batch as well as for the one that this was made for.</summary>
        public bool Serves(int queries, bool exhaustive) => queries <= _queries && exhaustive == _exhaustive;

        public void Dispose() => _buffers.Dispose();
    }
}
