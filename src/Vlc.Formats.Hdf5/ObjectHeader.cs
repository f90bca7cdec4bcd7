namespace Vlc.Formats.Hdf5;

/// <summary>
/// The messages of an object: what it is, what its data looks like, where the data lies. Versions 1 and 2, file format 3.0, IV.A.
/// </summary>
internal sealed class ObjectHeader
{
    public const int Dataspace = 0x0001, LinkInfo = 0x0002, Datatype = 0x0003, OldFillValue = 0x0004, FillValue = 0x0005, Link = 0x0006,
        ExternalFiles = 0x0007, Layout = 0x0008, Filters = 0x000B, Continuation = 0x0010, SymbolTable = 0x0011;

    private const int SharedFlag = 0x02, FailIfUnknownFlag = 0x80, LastKnown = 0x0017;

    private readonly List<(int Type, int Flags, Cursor Body)> _messages = [];
    private readonly Visits _chunks;

    public ObjectHeader(Hdf5File file, long address)
    {
        File = file;
        Address = address;
        _chunks = new Visits(file);
        Cursor head = file.Take(address, long.Min(16, file.Length - address), "object header");
        if (head.U8() == 1) ReadVersion1(head);
        else ReadVersion2();
    }

    public Hdf5File File { get; }

    public long Address { get; }

    /// <summary>The body of the first message of a type, at its beginning; null where there is none.</summary>
    public Cursor? Find(int type) => All(type).FirstOrDefault();

    /// <summary>The bodies of all messages of a type.</summary>
    public IEnumerable<Cursor> All(int type)
    {
        foreach ((int found, int flags, Cursor body) in _messages)
        {
            if (found == type) yield return (flags & SharedFlag) == 0 ? body.Restarted() : Shared(type, body.Restarted());
        }
    }

    /// <summary>A message that stands in another object's header: a committed datatype.</summary>
    private Cursor Shared(int type, Cursor body)
    {
        const int inHeap = 1;
        int version = body.U8();
        int kind = body.U8();
        if (version is < 1 or > 3) throw body.Damaged("a shared message of version 1 to 3", $"version {version}");
        if (version == 3 && kind == inHeap)
        {
            throw new VlcFormatException(
                File.Path, $"object at {Address}", "messages in the object's own header", "one in the table of shared messages",
                $"Convert it: h5repack {Path.GetFileName(File.Path)} converted.h5");
        }

        if (version == 1) body.Skip(6);
        long address = body.Address() ?? throw body.Damaged("an address", "none");
        ObjectHeader holder = address == Address ? this : new ObjectHeader(File, address);
        foreach ((int found, int flags, Cursor message) in holder._messages)
        {
            // The holder has the message itself: a chain would be a loop in the making.
            if (found == type && (flags & SharedFlag) == 0) return message.Restarted();
        }

        throw body.Damaged($"an object with a message of type {type}", "none");
    }

    private void ReadVersion1(Cursor head)
    {
        head.Skip(1);
        int count = head.U16();
        head.Skip(4);
        long size = head.U32();
        ReadMessages(Take(Address + 16, size), version: 1, hasOrder: false, ref count);
        if (count != 0) throw File.Damaged(Address, "as many messages as the header states", $"{count} fewer");
    }

    private void ReadVersion2()
    {
        Cursor head = File.Take(Address, long.Min(64, File.Length - Address), "object header");
        head.Expect("OHDR"u8);
        head.ExpectVersion(2);
        int flags = head.U8();
        if ((flags & 0x20) != 0) head.Skip(16);
        if ((flags & 0x10) != 0) head.Skip(4);
        long size = head.Number(1 << (flags & 3));
        int prefix = head.Position;
        Cursor whole = Take(Address, size, prefix + sizeof(uint));
        whole.Skip(prefix);
        Cursor messages = whole.Slice((int)size);
        whole.ThrowIfChecksumDiffers();
        int count = int.MaxValue;
        ReadMessages(messages, version: 2, hasOrder: (flags & 0x04) != 0, ref count);
    }

    private Cursor Take(long address, long size, int frame = 0)
    {
        _chunks.Enter(address);
        if (size > File.Length) throw File.Damaged(address, "an object header within the file", $"{size} bytes");
        return File.Take(address, size + frame, "object header");
    }

    private void ReadMessages(Cursor messages, int version, bool hasOrder, ref int count)
    {
        int prefix = version == 1 ? 8 : hasOrder ? 6 : 4;
        List<(long Address, long Length)> continued = [];
        while (messages.Remaining >= prefix && count > 0)
        {
            int type = version == 1 ? messages.U16() : messages.U8();
            int size = messages.U16();
            int flags = messages.U8();
            messages.Skip(prefix - (version == 1 ? 5 : 4));
            Cursor body = messages.Slice(size);
            count--;
            if (type > LastKnown && (flags & FailIfUnknownFlag) != 0) throw body.Damaged("known messages", $"one of type {type}");
            if (type == Continuation) continued.Add((body.Address() ?? throw body.Damaged("an address", "none"), body.Length()));
            else _messages.Add((type, flags, body));
        }

        foreach ((long address, long length) in continued)
        {
            Cursor chunk = Take(address, length);
            if (version == 2)
            {
                chunk.Expect("OCHK"u8);
                Cursor whole = chunk;
                chunk = whole.Slice(int.Max(whole.Remaining - sizeof(uint), 0));
                whole.ThrowIfChecksumDiffers();
            }

            ReadMessages(chunk, version, hasOrder, ref count);
        }
    }
}
