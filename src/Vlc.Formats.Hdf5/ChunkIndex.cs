namespace Vlc.Formats.Hdf5;

/// <summary>One chunk as it lies in the file.</summary>
/// <param name="Index">Its place in the grid, row by row.</param>
/// <param name="Address">Where it lies.</param>
/// <param name="Stored">Its bytes there.</param>
/// <param name="Mask">The filters that were not applied to it, one bit each.</param>
internal readonly record struct Chunk(long Index, long Address, long Stored, uint Mask)
{
    public static IComparer<Chunk> ByIndex { get; } = Comparer<Chunk>.Create((left, right) => left.Index.CompareTo(right.Index));
}

/// <summary>The part of a layout message about chunks: their shape, and the structure that finds them.</summary>
internal sealed class ChunkIndex
{
    private const int BTree1 = 0, Single = 1, Implicit = 2, FixedArray = 3, ExtensibleArray = 4, BTree2 = 5;

    private readonly int _kind;
    private readonly long? _address;
    private readonly (long Size, uint Mask)? _single;

    private ChunkIndex(int kind, long[] extents, long? address, (long Size, uint Mask)? single)
    {
        _kind = kind;
        ChunkExtents = extents;
        _address = address;
        _single = single;
    }

    /// <summary>Extents of a chunk in each dimension, then the bytes of an element.</summary>
    public long[] ChunkExtents { get; }

    public static ChunkIndex Read(Cursor message, int version, int rank)
    {
        if (version == 3)
        {
            ThrowIfRankDiffers(message, message.U8(), rank);
            long? root = message.Address();
            return new ChunkIndex(BTree1, ReadExtents(message, rank, sizeof(uint)), root, null);
        }

        const int notFilteredAtEdge = 1, filteredSingle = 2;
        int flags = message.U8();
        ThrowIfRankDiffers(message, message.U8(), rank);
        int size = message.U8();
        if (size is < 1 or > sizeof(ulong)) throw message.Damaged("chunk extents of 1 to 8 bytes", $"{size}");
        long[] extents = ReadExtents(message, rank, size);
        int kind = message.U8();
        if ((flags & notFilteredAtEdge) != 0)
        {
            throw new VlcFormatException(
                message.File.Path, "data layout", "chunks that are all filtered", "chunks at the edge that are not",
                $"Convert it: {DataLayout.Repack(message.File, "CONTI")}");
        }

        (long, uint)? single = null;
        switch (kind)
        {
            case Single:
                if ((flags & filteredSingle) != 0) single = (message.Length(), message.U32());
                break;
            case Implicit: break;
            case FixedArray: message.Skip(1); break;
            case ExtensibleArray: message.Skip(5); break;
            case BTree2: message.Skip(sizeof(uint) + 2); break;
            default: throw message.Damaged("a chunk index of type 1 to 5", $"type {kind}");
        }

        return new ChunkIndex(kind, extents, message.Address(), single);
    }

    /// <summary>The chunks that were written, in the order of the grid.</summary>
    public Chunk[] List(Dataset dataset, ChunkGrid grid, Filters filters)
    {
        if (_address is not { } address) return [];
        Hdf5File file = dataset.File;
        Placement placement = new(dataset, ChunkExtents, grid);
        List<Chunk> chunks = [];
        switch (_kind)
        {
            case BTree1:
                new ChunkTree(file, dataset.Extents.Count, placement, chunks).Walk(address);
                break;
            case Single:
                if (_single is null && filters.Count > 0) throw file.Damaged(address, "the size of the filtered chunk", "none");
                chunks.Add(new Chunk(0, address, _single?.Size ?? grid.ChunkBytes, _single?.Mask ?? 0));
                break;
            case Implicit:
                if (filters.Count > 0) throw file.Damaged(address, "chunks without filters", filters.Description);
                file.ThrowIfOutside(address, checked((long)Int128.Min((Int128)placement.Slots * grid.ChunkBytes, long.MaxValue)), "chunks");
                for (long slot = 0; slot < placement.Slots; slot++)
                {
                    placement.Add(chunks, slot, address + (slot * grid.ChunkBytes), grid.ChunkBytes, 0);
                }
                break;
            case FixedArray:
                new ChunkArray(file, placement, grid, filters.Count > 0, chunks).ReadFixed(address);
                break;
            case ExtensibleArray:
                new ChunkArray(file, placement, grid, filters.Count > 0, chunks).ReadExtensible(address);
                break;
            default:
                ReadTree2(file, address, dataset.Extents.Count, placement, grid, filters, chunks);
                break;
        }

        chunks.Sort(Chunk.ByIndex);
        for (int i = 1; i < chunks.Count; i++)
        {
            if (chunks[i].Index == chunks[i - 1].Index) throw file.Damaged(address, "each chunk once", $"chunk {chunks[i].Index} twice");
        }

        return [.. chunks];
    }

    private static void ReadTree2(
        Hdf5File file, long address, int rank, Placement placement, ChunkGrid grid, Filters filters, List<Chunk> chunks)
    {
        const int unfiltered = 10, filtered = 11;
        BTree2 tree = new(file, address);
        if (tree.Type != (filters.Count > 0 ? filtered : unfiltered))
        {
            throw file.Damaged(address, "an index of chunks", $"a tree of type {tree.Type}");
        }
        int sizeBytes = tree.RecordSize - file.OffsetSize - sizeof(uint) - (rank * sizeof(ulong));
        foreach (Cursor record in tree.Records())
        {
            long chunk = record.Address() ?? throw record.Damaged("an address", "none");
            (long size, uint mask) = tree.Type == filtered ? (record.Number(sizeBytes), record.U32()) : (grid.ChunkBytes, 0);
            long row = record.Number(sizeof(ulong)), column = rank == 2 ? record.Number(sizeof(ulong)) : 0;
            placement.AddAt(chunks, row, column, chunk, size, mask);
        }
    }

    private static long[] ReadExtents(Cursor message, int rank, int size)
    {
        long[] extents = new long[rank + 1];
        for (int i = 0; i <= rank; i++) extents[i] = message.Number(size);
        return extents;
    }

    private static void ThrowIfRankDiffers(Cursor message, int found, int rank)
    {
        if (found != rank + 1) throw message.Damaged($"chunks of {rank} dimensions", $"{found - 1}");
    }
}
