using System.Buffers.Binary;

namespace Vlc.Storage;

/// <summary>
/// Version 1, as the seed's program writes it: magic u32, version u16, m u32, d u32, n u32, flags u8 (bit 0 Jacobians, bit 1 residuals), 19
/// bytes;
/// the four other files are bare arrays. It names neither metric nor element type: the metric is l2, and the type of the residuals
/// follows from the length of their file.
/// </summary>
internal static class ManifestVersion1
{
    public static Manifest Parse(ReadOnlySpan<byte> bytes, IndexFiles files)
    {
        string path = files.Path(IndexFile.Manifest);
        if (bytes.Length != Manifest.Version1Bytes)
        {
            throw new VlcFormatException(path, "length", $"{Manifest.Version1Bytes} bytes in version 1", $"{bytes.Length}");
        }

        uint m = BinaryPrimitives.ReadUInt32LittleEndian(bytes[6..]), d = BinaryPrimitives.ReadUInt32LittleEndian(bytes[10..]);
        uint n = BinaryPrimitives.ReadUInt32LittleEndian(bytes[14..]);
        byte flags = bytes[18];
        Manifest.CheckSizes(path, m, d, n, version: 1);
        if (flags > 3) throw new VlcFormatException(path, "offset 18", "flags 0 to 3", $"{flags}");

        long full = (long)n * d;
        var sections = new List<IndexSection>
        {
            Section(files, SectionKind.Anchors, IndexFile.Anchors, SectionElement.Float16, m, d, sizeof(ushort)),
            Section(files, SectionKind.Assignments, IndexFile.Assignments, SectionElement.UInt32, n, 1, sizeof(uint)),
        };
        if ((flags & 1) != 0) sections.Add(Section(files, SectionKind.Jacobians, IndexFile.Jacobians, SectionElement.Float16, m, d,
            sizeof(ushort)));
        CodecKind codec = CodecKind.None;
        if ((flags & 2) != 0)
        {
            long length = files.Length(new IndexFileId(IndexFile.Residuals));
            if (length != full && length != 2 * full)
            {
                throw new VlcFormatException(
                    files.Path(IndexFile.Residuals), "length", $"{full} bytes (int8) or {2 * full} (float16)", $"{length}",
                    "Version 1 cannot say how many dimensions a residual has; only d is read.");
            }

            codec = length == full ? CodecKind.Int8 : CodecKind.Float16;
            sections.Add(codec == CodecKind.Int8
                ? Section(files, SectionKind.Residuals, IndexFile.Residuals, SectionElement.Int8, n, d, 1)
                : Section(files, SectionKind.Residuals, IndexFile.Residuals, SectionElement.Float16, n, d, sizeof(ushort)));
        }

        return new Manifest
        {
            Version = 1,
            AnchorCount = (int)m,
            Dimension = (int)d,
            Count = (int)n,
            Metric = Metric.L2,
            Codec = codec,
            CodedDimension = codec == CodecKind.None ? 0 : (int)d,
            ScaleExponent = 0,
            Seed = 0,
            ByteLength = bytes.Length,
            Sections = sections,
            Segments = [new SegmentEntry((int)n, 0)],
            Scan = null,
        };
    }

    private static IndexSection Section(
        IndexFiles files, SectionKind kind, IndexFile file, SectionElement element, uint rows, uint columns, int elementBytes)
    {
        long expected = (long)rows * columns * elementBytes, found = files.Length(new IndexFileId(file));
        if (found != expected) throw new VlcFormatException(files.Path(file), "length",
            $"{expected} bytes ({rows} x {columns} x {elementBytes})", $"{found}");
        return new IndexSection(kind, file, element, 0, 0, expected, rows, columns);
    }
}
