namespace Vlc.Formats.Hdf5;

/// <summary>The data layout message, IV.A.2.i: where the bytes of a dataset lie.</summary>
internal static class DataLayout
{
    private const int Compact = 0, Contiguous = 1, Chunked = 2, Virtual = 3;

    public static RowStorage Open(Dataset dataset, Cursor message, Filters filters, byte[] fill, string where)
    {
        Hdf5File file = dataset.File;
        int version = message.U8();
        if (version is not (3 or 4))
        {
            throw new VlcFormatException(
                file.Path, where, "a data layout of version 3 or 4", $"version {version}", $"Convert it: {Repack(file, "CONTI")}");
        }

        long rowBytes = RowBytes(dataset, where);
        Int128 total = (Int128)rowBytes * dataset.Extents[0];
        int kind = message.U8();
        switch (kind)
        {
            case Compact:
                int size = message.U16();
                if (size != total) throw message.Damaged($"{total} bytes of data", $"{size}");
                return new CompactRows(message.Bytes(size).ToArray(), (int)rowBytes);
            case Contiguous:
                long? address = message.Address();
                long stated = message.Length();
                if (address is null) return new UnwrittenRows(fill, where);
                if (stated < total) throw message.Damaged($"{total} bytes of data", $"{stated}");
                file.ThrowIfOutside(address.Value, (long)total, where);
                return new ContiguousRows(file, address.Value, (int)rowBytes, where);
            case Chunked:
                return ChunkedRows.Open(dataset, message, version, filters, fill, where);
            case Virtual:
                throw new VlcFormatException(
                    file.Path, where, "data in the file itself", "a virtual dataset, which shows the data of others",
                    "Read the datasets it is made of.");
            default:
                throw message.Damaged("a data layout of class 0 to 2", $"class {kind}");
        }
    }

    public static string Repack(Hdf5File file, string layout) => $"h5repack -l {layout} {Path.GetFileName(file.Path)} converted.h5";

    private static long RowBytes(Dataset dataset, string where)
    {
        Int128 bytes = dataset.Type.Size;
        foreach (long extent in dataset.Extents.Skip(1)) bytes = Int128.Min(bytes * extent, long.MaxValue);
        return bytes <= VectorShape.MaxDimension * sizeof(double) || dataset.Extents.Count == 1
            ? (long)bytes
            : throw new VlcFormatException(
                dataset.File.Path, where, $"a dimension of 1 to {VectorShape.MaxDimension}", dataset.Description);
    }
}
