namespace Vlc.Formats.Hdf5;

/// <summary>A version 2 B-tree, III.A.2: the records of all nodes in order. Every node has a checksum.</summary>
internal sealed class BTree2
{
    // Signature, version, type; and the checksum at the end.
    private const int NodeFrame = 10;

    private readonly Hdf5File _file;
    private readonly Visits _visits;
    private readonly long? _root;
    private readonly int _nodeSize, _depth, _rootRecords;

    // By depth below: the most records of a subtree, and bytes that count a node's and a subtree's records.
    private readonly int _countBytes;
    private readonly int[] _totalBytes;

    public BTree2(Hdf5File file, long address)
    {
        _file = file;
        _visits = new Visits(file);
        Cursor head = file.Take(address, 16 + file.OffsetSize + sizeof(ushort) + file.LengthSize + sizeof(uint), "B-tree header");
        head.Expect("BTHD"u8);
        head.ExpectVersion(0);
        Type = head.U8();
        _nodeSize = (int)uint.Min(head.U32(), int.MaxValue);
        RecordSize = head.U16();
        _depth = head.U16();
        head.Skip(2);
        _root = head.Address();
        _rootRecords = head.U16();
        head.Length();
        head.ThrowIfChecksumDiffers();
        const int deepest = 16;
        if (RecordSize < 1 || _nodeSize < NodeFrame + RecordSize || _depth > deepest)
        {
            throw head.Damaged("a tree", $"nodes of {_nodeSize} bytes, depth {_depth}");
        }
        (_countBytes, _totalBytes) = Sizes();
    }

    public int Type { get; }

    /// <summary>Bytes of a record.</summary>
    public int RecordSize { get; }

    public IEnumerable<Cursor> Records() => _root is { } root ? Node(root, _rootRecords, _depth) : [];

    /// <summary>Bytes that are enough to store a number up to <paramref name="limit"/>.</summary>
    public static int BytesFor(ulong limit) => (int)(ulong.Log2(ulong.Max(limit, 1)) / 8) + 1;

    private (int CountBytes, int[] TotalBytes) Sizes()
    {
        ulong most = (ulong)((_nodeSize - NodeFrame) / RecordSize);
        int count = BytesFor(most);
        int[] totals = new int[_depth + 1];
        for (int depth = 1; depth <= _depth; depth++)
        {
            int pointer = _file.OffsetSize + count + totals[depth - 1];
            ulong records = (ulong)(int.Max(_nodeSize - NodeFrame - pointer, 0) / (RecordSize + pointer));
            UInt128 below = ((UInt128)(records + 1) * most) + records;
            most = (ulong)UInt128.Min(below, ulong.MaxValue);
            totals[depth] = BytesFor(most);
        }

        return (count, totals);
    }

    private IEnumerable<Cursor> Node(long address, int records, int depth)
    {
        _visits.Enter(address);
        int pointer = depth == 0 ? 0 : _file.OffsetSize + _countBytes + _totalBytes[depth - 1];
        int size = NodeFrame + (records * RecordSize) + (depth == 0 ? 0 : (records + 1) * pointer);
        if (size > _nodeSize) throw _file.Damaged(address, $"a node of at most {_nodeSize} bytes", $"{size}");
        Cursor node = _file.Take(address, size, "B-tree node");
        node.Expect(depth == 0 ? "BTLF"u8 : "BTIN"u8);
        node.ExpectVersion(0);
        if (node.U8() != Type) throw node.Damaged($"type {Type}", "another");
        Cursor body = node.Slice(records * RecordSize);
        Cursor children = node.Slice(node.Remaining - sizeof(uint));
        node.ThrowIfChecksumDiffers();
        for (int i = 0; i <= records; i++)
        {
            if (depth > 0)
            {
                long child = children.Address() ?? throw children.Damaged("an address", "none");
                int below = (int)children.Number(_countBytes);
                children.Skip(_totalBytes[depth - 1]);
                foreach (Cursor record in Node(child, below, depth - 1)) yield return record;
            }

            if (i < records) yield return body.Slice(RecordSize);
        }
    }
}
