namespace Vlc.Formats.Hdf5;

/// <summary>
/// The links of a group: in a symbol table as h5py writes by default, in messages of its header, or in a heap where there are many.
/// </summary>
internal sealed class Group
{
    private readonly Hdf5File _file;
    private readonly Visits _visits;
    private readonly List<Link> _links = [];

    private Group(Hdf5File file)
    {
        _file = file;
        _visits = new Visits(file);
    }

    public IReadOnlyList<Link> Links => _links;

    /// <summary>The group of an object header; null where the object is none.</summary>
    public static Group? From(ObjectHeader header)
    {
        Group group = new(header.File);
        if (header.Find(ObjectHeader.SymbolTable) is { } table)
        {
            long tree = table.Address() ?? throw table.Damaged("a tree", "none");
            long heap = table.Address() ?? throw table.Damaged("a heap", "none");
            group.WalkTree(tree, null, new LocalHeap(header.File, heap));
            return group;
        }

        if (header.Find(ObjectHeader.LinkInfo) is not { } info) return null;
        foreach (Cursor message in header.All(ObjectHeader.Link)) group.Add(message);
        group.ReadDense(info);
        return group;
    }

    private void Add(Cursor message)
    {
        if (Link.Read(message) is { } link) _links.Add(link);
    }

    private void ReadDense(Cursor info)
    {
        const int byName = 5;
        info.ExpectVersion(0);
        if ((info.U8() & 1) != 0) info.Skip(sizeof(ulong));
        if (info.Address() is not { } heapAddress) return;
        long names = info.Address() ?? throw info.Damaged("an index of names", "none");
        FractalHeap heap = new(_file, heapAddress);
        BTree2 tree = new(_file, names);
        if (tree.Type != byName) throw info.Damaged("an index of names", $"a tree of type {tree.Type}");
        foreach (Cursor record in tree.Records())
        {
            record.Skip(sizeof(uint));
            Add(heap.Take(record));
        }
    }

    /// <summary>Version 1 B-tree of symbol table nodes, III.A.1 and III.B.</summary>
    private void WalkTree(long address, int? expectedLevel, LocalHeap heap)
    {
        const int groupNodes = 0;
        _visits.Enter(address);
        int prefix = 8 + (2 * _file.OffsetSize);
        Cursor head = _file.Take(address, prefix, "B-tree node");
        head.Expect("TREE"u8);
        int type = head.U8(), level = head.U8(), used = head.U16();
        if (type != groupNodes) throw head.Damaged("a node of a group", $"type {type}");
        if (expectedLevel is { } expected && level != expected) throw head.Damaged($"level {expected}", $"level {level}");
        Cursor entries = _file.Take(
            address + prefix, (used * (long)(_file.LengthSize + _file.OffsetSize)) + _file.LengthSize, "B-tree node");
        for (int i = 0; i < used; i++)
        {
            entries.Skip(_file.LengthSize);
            long child = entries.Address() ?? throw entries.Damaged("an address", "none");
            if (level > 0) WalkTree(child, level - 1, heap);
            else ReadSymbols(child, heap);
        }
    }

    private void ReadSymbols(long address, LocalHeap heap)
    {
        const int softLink = 2;
        _visits.Enter(address);
        Cursor head = _file.Take(address, 8, "symbol table node");
        head.Expect("SNOD"u8);
        head.ExpectVersion(1);
        head.Skip(1);
        int count = head.U16();
        int size = (2 * _file.OffsetSize) + 8 + 16;
        Cursor entries = _file.Take(address + 8, (long)count * size, "symbol table node");
        for (int i = 0; i < count; i++)
        {
            string name = heap.Text(entries.Number(_file.OffsetSize));
            long? header = entries.Address();
            uint kind = entries.U32();
            entries.Skip(4);
            Cursor scratch = entries.Slice(16);
            _links.Add(kind == softLink
                ? new Link(name, null, heap.Text(scratch.U32()))
                : new Link(name, header ?? throw entries.Damaged("an address", "none")));
        }
    }

    /// <summary>The heap of a group's names, III.D.</summary>
    private sealed class LocalHeap
    {
        private readonly Cursor _data;

        public LocalHeap(Hdf5File file, long address)
        {
            Cursor head = file.Take(address, 8 + (2 * file.LengthSize) + file.OffsetSize, "local heap");
            head.Expect("HEAP"u8);
            head.ExpectVersion(0);
            head.Skip(3);
            long size = head.Length();
            head.Length();
            _data = file.Take(head.Address() ?? throw head.Damaged("an address", "none"), size, "local heap");
        }

        public string Text(long offset)
        {
            Cursor data = _data.Restarted();
            data.Skip((int)long.Min(offset, int.MaxValue));
            return data.ZeroTerminated();
        }
    }
}
