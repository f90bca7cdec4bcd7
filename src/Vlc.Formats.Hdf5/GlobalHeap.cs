namespace Vlc.Formats.Hdf5;

/// <summary>The heap of text of variable length, III.E: collections of objects by number. The collection used last is kept.</summary>
internal sealed class GlobalHeap(Hdf5File file)
{
    private readonly Dictionary<int, Cursor> _objects = [];
    private long _address = -1;

    /// <summary>The object that a reference stands for.</summary>
    public Cursor Take(long address, uint number)
    {
        if (address != _address) Load(address);
        return _objects.TryGetValue((int)uint.Min(number, int.MaxValue), out Cursor? found)
            ? found.Restarted()
            : throw file.Damaged(address, $"object {number} of the heap", "none");
    }

    private void Load(long address)
    {
        _objects.Clear();
        _address = address;
        int prefix = 8 + file.LengthSize;
        Cursor head = file.Take(address, prefix, "global heap");
        head.Expect("GCOL"u8);
        head.ExpectVersion(1);
        head.Skip(3);
        Cursor collection = file.Take(address, head.Length(), "global heap");
        collection.Skip(prefix);
        while (collection.Remaining >= prefix)
        {
            int number = collection.U16();
            collection.Skip(6);
            long size = collection.Length();

            // Number 0 is the free space at the end.
            if (number == 0) return;
            if (size > collection.Remaining) throw collection.Damaged("an object within it", $"{size} bytes");
            if (!_objects.TryAdd(number, collection.Slice((int)size))) throw collection.Damaged("each object once", $"{number} twice");
            collection.Skip(int.Min((8 - (int)(size % 8)) % 8, collection.Remaining));
        }
    }
}
