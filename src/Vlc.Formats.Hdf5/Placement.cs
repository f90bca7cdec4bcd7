namespace Vlc.Formats.Hdf5;

/// <summary>
/// Where a slot of a chunk array lies in the grid. The array counts the slots of the extents that the dataset may grow to, with the
/// unlimited dimension first; those beyond the present extents are passed over.
/// </summary>
internal sealed class Placement
{
    private readonly ChunkGrid _grid;
    private readonly long _stride;
    private readonly bool _columnsFirst;

    public Placement(Dataset dataset, long[] chunkExtents, ChunkGrid grid)
    {
        _grid = grid;
        ChunkRows = chunkExtents[0];
        ChunkColumns = dataset.Extents.Count == 1 ? 1 : chunkExtents[1];
        bool flat = dataset.Extents.Count == 1;
        long? down = SlotsOf(dataset.MaxExtents[0], chunkExtents[0]), across = flat ? 1 : SlotsOf(dataset.MaxExtents[1], chunkExtents[1]);
        _columnsFirst = across is null && down is not null;
        _stride = (_columnsFirst ? down : across) ?? 1;
        Slots = down is { } rows && across is { } columns ? (long)Int128.Min((Int128)rows * columns, long.MaxValue) : long.MaxValue;
    }

    public long ChunkRows { get; }

    public long ChunkColumns { get; }

    /// <summary>Slots of the array; <see cref="long.MaxValue"/> where it grows without limit.</summary>
    public long Slots { get; }

    public void Add(List<Chunk> chunks, long slot, long address, long stored, uint mask)
    {
        (long outer, long inner) = long.DivRem(slot, _stride);
        if (_columnsFirst) AddAt(chunks, inner, outer, address, stored, mask);
        else AddAt(chunks, outer, inner, address, stored, mask);
    }

    public void AddAt(List<Chunk> chunks, long row, long column, long address, long stored, uint mask)
    {
        if (row < _grid.Down && column < _grid.Across) chunks.Add(new Chunk((row * _grid.Across) + column, address, stored, mask));
    }

    private static long? SlotsOf(long? limit, long chunk) => limit is { } extent ? (extent / chunk) + (extent % chunk == 0 ? 0 : 1) : null;
}
