namespace Vlc.Formats.Hdf5;

/// <summary>Version 1 B-tree of chunks, III.A.1: level by level down to the leaves.</summary>
internal sealed class ChunkTree(Hdf5File file, int rank, Placement placement, List<Chunk> chunks)
{
    private readonly Visits _visits = new(file);

    public void Walk(long address) => Walk(address, expectedLevel: null);

    private void Walk(long address, int? expectedLevel)
    {
        const int chunkNodes = 1;
        _visits.Enter(address);
        int prefix = 8 + (2 * file.OffsetSize);
        Cursor head = file.Take(address, prefix, "B-tree node");
        head.Expect("TREE"u8);
        int type = head.U8(), level = head.U8(), used = head.U16();
        if (type != chunkNodes) throw head.Damaged("a node of chunks", $"type {type}");
        if (expectedLevel is { } expected && level != expected) throw head.Damaged($"level {expected}", $"level {level}");
        int key = 8 + ((rank + 1) * sizeof(ulong));
        Cursor entries = file.Take(address + prefix, (used * (long)(key + file.OffsetSize)) + key, "B-tree node");
        for (int i = 0; i < used; i++)
        {
            uint stored = entries.U32(), mask = entries.U32();
            long row = entries.Number(sizeof(ulong)), column = rank == 2 ? entries.Number(sizeof(ulong)) : 0;
            entries.Skip(sizeof(ulong));
            long child = entries.Address() ?? throw entries.Damaged("an address", "none");
            if (level > 0) Walk(child, level - 1);
            else Add(entries, row, column, child, stored, mask);
        }
    }

    private void Add(Cursor entries, long row, long column, long address, uint stored, uint mask)
    {
        (long down, long rowRest) = long.DivRem(row, placement.ChunkRows);
        (long across, long columnRest) = long.DivRem(column, placement.ChunkColumns);
        if (rowRest != 0 || columnRest != 0) throw entries.Damaged("the place of a chunk", $"({row}, {column})");
        placement.AddAt(chunks, down, across, address, stored, mask);
    }
}
