namespace Vlc.Formats.Hdf5;

/// <summary>What the header of a dataset says: its shape, its type, where its data lies and how it is filtered.</summary>
internal sealed class Dataset
{
    private const int MaxRank = 32;

    private readonly ObjectHeader _header;

    private Dataset(ObjectHeader header, string name, Cursor datatype, Cursor dataspace)
    {
        _header = header;
        Name = name;
        Type = Datatype.Read(datatype);
        (Extents, MaxExtents) = ReadSpace(dataspace);
    }

    public Hdf5File File => _header.File;

    /// <summary>The path within the file.</summary>
    public string Name { get; }

    public Datatype Type { get; }

    /// <summary>The extent of each dimension; empty for a scalar.</summary>
    public IReadOnlyList<long> Extents { get; }

    /// <summary>The extents that the dataset may grow to; null is without limit.</summary>
    public IReadOnlyList<long?> MaxExtents { get; }

    /// <summary>"float32 (50000, 384)".</summary>
    public string Description => $"{Type.Description} ({string.Join(", ", Extents)})";

    /// <summary>The dataset of an object header; null where the object is none.</summary>
    public static Dataset? From(ObjectHeader header, string name) =>
        header.Find(ObjectHeader.Dataspace) is { } space && header.Find(ObjectHeader.Datatype) is { } type
            && header.Find(ObjectHeader.Layout) is not null
            ? new Dataset(header, name, type, space)
            : null;

    /// <summary>Opens the data, with rows of all but the first dimension.</summary>
    /// <exception cref="VlcFormatException">The layout or a filter is not supported, or the data does not lie within the file.</exception>
    public RowStorage OpenRows()
    {
        string where = $"dataset '{Name}'";
        if (_header.Find(ObjectHeader.ExternalFiles) is not null)
        {
            throw new VlcFormatException(
                File.Path, where, "data in the file itself", "data in external files",
                $"Convert it: h5repack -l CONTI {Path.GetFileName(File.Path)} converted.h5");
        }

        Filters filters = Filters.Read(_header.Find(ObjectHeader.Filters));
        filters.ThrowIfUnsupported(File.Path, where);
        return DataLayout.Open(this, _header.Find(ObjectHeader.Layout)!, filters, FillValue(), where);
    }

    private static (long[] Extents, long?[] MaxExtents) ReadSpace(Cursor space)
    {
        int version = space.U8();
        if (version is not (1 or 2)) throw space.Damaged("a dataspace of version 1 or 2", $"version {version}");
        int rank = space.U8(), flags = space.U8();
        if (rank > MaxRank) throw space.Damaged($"at most {MaxRank} dimensions", $"{rank}");
        space.Skip(version == 1 ? 5 : 1);
        long[] extents = new long[rank];
        for (int i = 0; i < rank; i++) extents[i] = space.Length();
        long?[] limits = [.. extents.Select(extent => (long?)extent)];
        if ((flags & 1) != 0)
        {
            // A limit is stored as a length; without one, all its bits are set, as in an undefined address.
            for (int i = 0; i < rank; i++) limits[i] = ReadLimit(space, extents[i]);
        }

        return (extents, limits);
    }

    private static long? ReadLimit(Cursor space, long extent)
    {
        ReadOnlySpan<byte> stored = space.Bytes(space.File.LengthSize);
        if (!stored.ContainsAnyExcept((byte)0xFF)) return null;
        long limit = 0;
        for (int i = stored.Length - 1; i >= 0; i--) limit = (limit << 8) | stored[i];
        return limit >= extent ? limit : throw space.Damaged($"a limit of at least {extent}", $"{limit}");
    }

    /// <summary>The bytes that an element has which was never written.</summary>
    private byte[] FillValue()
    {
        byte[] zero = new byte[Type.Size];
        if (_header.Find(ObjectHeader.FillValue) is { } message)
        {
            int version = message.U8();
            if (version is < 1 or > 3) throw message.Damaged("a fill value of version 1 to 3", $"version {version}");
            bool defined;
            if (version == 3)
            {
                defined = (message.U8() & 0x20) != 0;
            }
            else
            {
                message.Skip(2);
                defined = message.U8() != 0;
            }

            return defined ? ReadFill(message) : zero;
        }

        return _header.Find(ObjectHeader.OldFillValue) is { } old ? ReadFill(old) : zero;

        byte[] ReadFill(Cursor value)
        {
            long size = value.U32();
            if (size == 0) return zero;
            return size == Type.Size
                ? value.Bytes(Type.Size).ToArray()
                : throw value.Damaged($"a fill value of {Type.Size} bytes", $"{size}");
        }
    }
}
