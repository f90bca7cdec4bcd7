namespace Vlc.Formats.Hdf5;

/// <summary>The grid that a dataset of one or two dimensions is cut into.</summary>
/// <param name="Rows">Rows of the dataset.</param>
/// <param name="RowBytes">Bytes of a row.</param>
/// <param name="ChunkRows">Rows of a chunk; the last chunk may hang over the end.</param>
/// <param name="ChunkRowBytes">Bytes of a chunk's row.</param>
/// <param name="Across">Chunks side by side.</param>
/// <param name="Down">Chunks one below the other.</param>
internal sealed record ChunkGrid(long Rows, int RowBytes, long ChunkRows, int ChunkRowBytes, long Across, long Down)
{
    public long ChunkBytes => ChunkRows * ChunkRowBytes;

    public long Chunks => Across * Down;
}

/// <summary>
/// Rows in chunks. The chunks that lie side by side are read together and kept, so that each is inflated once by whoever reads forward.
/// </summary>
internal sealed class ChunkedRows : RowStorage
{
    // What a band of chunks may have; h5py's own choice has under a megabyte.
    private const long MaxBandBytes = 0x7FFFFFC7;

    private readonly Hdf5File _file;
    private readonly ChunkGrid _grid;
    private readonly Filters _filters;
    private readonly byte[] _fill;
    private readonly string _where;
    private readonly Chunk[] _chunks;

    private byte[] _band = [];
    private byte[] _spare = [];
    private long _bandIndex = -1;

    private ChunkedRows(Hdf5File file, ChunkGrid grid, Filters filters, byte[] fill, Chunk[] chunks, string where)
    {
        _file = file;
        _grid = grid;
        _filters = filters;
        _fill = fill;
        _where = where;
        _chunks = chunks;
        Notes = chunks.Length == grid.Chunks
            ? []
            : [$"{grid.Chunks - chunks.Length} of {grid.Chunks} chunks of {where} were never written; they read as the fill value."];
    }

    public override IReadOnlyList<string> Notes { get; }

    public static ChunkedRows Open(Dataset dataset, Cursor message, int version, Filters filters, byte[] fill, string where)
    {
        int rank = dataset.Extents.Count;
        if (rank > 2) throw new VlcFormatException(dataset.File.Path, where, "one or two dimensions", dataset.Description);
        ChunkIndex index = ChunkIndex.Read(message, version, rank);
        long[] chunk = index.ChunkExtents;
        if (chunk[rank] != dataset.Type.Size) throw message.Damaged($"elements of {dataset.Type.Size} bytes", $"{chunk[rank]}");
        long columns = rank == 2 ? dataset.Extents[1] : 1, chunkColumns = rank == 2 ? chunk[1] : 1;
        if (chunk.Any(extent => extent < 1) || (Int128)chunk[0] * chunkColumns * dataset.Type.Size > MaxBandBytes)
        {
            throw message.Damaged($"a chunk of 1 to {MaxBandBytes} bytes", $"({string.Join(", ", chunk)})");
        }

        long rows = dataset.Extents[0];
        ChunkGrid grid = new(
            rows, (int)(columns * dataset.Type.Size), chunk[0], (int)(chunkColumns * dataset.Type.Size),
            Across: CeilingDivide(columns, chunkColumns), Down: CeilingDivide(rows, chunk[0]));
        Chunk[] chunks = index.List(dataset, grid, filters);
        foreach (Chunk entry in chunks) ThrowIfImpossible(dataset.File, entry, grid, filters, where);
        long band = long.Min(grid.ChunkRows, rows) * grid.RowBytes;
        return band <= MaxBandBytes
            ? new ChunkedRows(dataset.File, grid, filters, fill, chunks, where)
            : throw new VlcFormatException(
                dataset.File.Path, where, $"chunks side by side of at most {MaxBandBytes} bytes", $"{band} bytes",
                $"Convert it: {DataLayout.Repack(dataset.File, $"CHUNK={long.Max(1, (1 << 20) / grid.RowBytes)}x{columns}")}");
    }

    public override void Read(long start, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            long band = start / _grid.ChunkRows;
            int first = (int)(start - (band * _grid.ChunkRows));
            int rows = (int)long.Min(destination.Length / _grid.RowBytes, BandRows(band) - first);
            Load(band);
            _band.AsSpan(first * _grid.RowBytes, rows * _grid.RowBytes).CopyTo(destination);
            destination = destination[(rows * _grid.RowBytes)..];
            start += rows;
        }
    }

    private static void ThrowIfImpossible(Hdf5File file, Chunk chunk, ChunkGrid grid, Filters filters, string where)
    {
        file.ThrowIfOutside(chunk.Address, chunk.Stored, $"{where}, chunk {chunk.Index}");
        if (!filters.CanHold(chunk.Stored, grid.ChunkBytes, chunk.Mask))
        {
            throw file.Damaged(chunk.Address, $"a chunk that inflates to {grid.ChunkBytes} bytes", $"{chunk.Stored} bytes of it");
        }
    }

    private static long CeilingDivide(long value, long by) => (value / by) + (value % by == 0 ? 0 : 1);

    private long BandRows(long band) => long.Min(_grid.ChunkRows, _grid.Rows - (band * _grid.ChunkRows));

    private void Load(long band)
    {
        if (band == _bandIndex) return;
        _bandIndex = -1;
        if (_grid.Across == 1 && _grid.ChunkRowBytes == _grid.RowBytes && Find(band) is { } only)
        {
            _spare = Read(only);
            (_band, _spare) = (_spare, _band);
            _bandIndex = band;
            return;
        }

        int rows = (int)BandRows(band), bytes = rows * _grid.RowBytes;
        if (_band.Length < bytes) _band = new byte[bytes];
        for (long column = 0; column < _grid.Across; column++)
        {
            int left = (int)(column * _grid.ChunkRowBytes);
            int width = int.Min(_grid.ChunkRowBytes, _grid.RowBytes - left);
            byte[]? chunk = Find((band * _grid.Across) + column) is { } entry ? Read(entry) : null;
            for (int row = 0; row < rows; row++)
            {
                Span<byte> target = _band.AsSpan((row * _grid.RowBytes) + left, width);
                if (chunk is null) UnwrittenRows.Repeat(_fill, target);
                else chunk.AsSpan(row * _grid.ChunkRowBytes, width).CopyTo(target);
            }

            if (chunk is not null) _spare = chunk;
        }

        _bandIndex = band;
    }

    private Chunk? Find(long index)
    {
        int at = Array.BinarySearch(_chunks, new Chunk(index, 0, 0, 0), Chunk.ByIndex);
        return at >= 0 ? _chunks[at] : null;
    }

    private byte[] Read(Chunk chunk)
    {
        string where = $"{_where}, chunk {chunk.Index}";
        byte[] stored = new byte[chunk.Stored];
        _file.ReadExactly(stored, chunk.Address, where);
        int bytes = (int)_grid.ChunkBytes;
        if (_filters.Count == 0)
        {
            return stored.Length == bytes ? stored : throw _file.Damaged(chunk.Address, $"{where} of {bytes} bytes", $"{stored.Length}");
        }

        byte[] raw = _spare.Length == bytes ? _spare : new byte[bytes];
        return _filters.Undo(
            stored, raw, _fill.Length, chunk.Mask, (expected, found) => _file.Damaged(chunk.Address, $"{where}: {expected}", found));
    }
}
