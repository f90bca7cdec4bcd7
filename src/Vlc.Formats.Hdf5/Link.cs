namespace Vlc.Formats.Hdf5;

/// <summary>An entry of a group: a name, and the object, the path or the other file that it stands for.</summary>
/// <param name="Name">The name within the group.</param>
/// <param name="Address">A hard link's object header; null for other links.</param>
/// <param name="Path">A soft link's path, or an external link's path within the other file.</param>
/// <param name="ExternalFile">The other file; null unless the link is external.</param>
internal sealed record Link(string Name, long? Address, string? Path = null, string? ExternalFile = null)
{
    private const int Hard = 0, Soft = 1, External = 64;

    /// <summary>A link message, IV.A.2.g; null for a link of a kind that an application defined.</summary>
    public static Link? Read(Cursor message)
    {
        message.ExpectVersion(1);
        int flags = message.U8();
        int kind = (flags & 0x08) != 0 ? message.U8() : Hard;
        if ((flags & 0x04) != 0) message.Skip(sizeof(ulong));
        if ((flags & 0x10) != 0) message.Skip(1);
        long length = message.Number(1 << (flags & 3));
        if (length > message.Remaining) throw message.Damaged("a name within it", $"{length} bytes");
        string name = message.Text((int)length);
        switch (kind)
        {
            case Hard:
                return new Link(name, message.Address() ?? throw message.Damaged("an address", "none"));
            case Soft:
                return new Link(name, null, message.Text(message.U16()));
            case External:
                Cursor value = message.Slice(message.U16());
                value.Skip(1);
                string file = value.ZeroTerminated();
                return new Link(name, null, value.ZeroTerminated(), file);
            default:
                return null;
        }
    }
}
