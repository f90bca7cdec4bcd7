using System.Buffers.Binary;
using Vlc.Probing;

namespace Vlc.Storage;

/// <summary>
/// The manifest, BASE.idx: everything a reader needs to find and check the other four files. docs/format.md gives it to the byte.
/// </summary>
public sealed class Manifest
{
    /// <summary>First four bytes of a manifest: "VLCA" read as a little-endian u32.</summary>
    public const uint Magic = 0x564C4341;

    /// <summary>The version that this library writes.</summary>
    public const int CurrentVersion = 4;

    /// <summary>Bytes of the version-1 manifest, which begin every later one.</summary>
    public const int Version1Bytes = 19;

    private const int HeaderBytes = 64;
    private const int SectionBytes = 32;
    private const int PointBytes = 20;

    private const int SegmentBytes = 8;

    /// <summary>Most segments of an index: a section names its own in a byte.</summary>
    public const int MaxSegments = 256;

    /// <summary>Bytes of a scan point before version 3: a budget of rows without a ratio.</summary>
    private const int BudgetPointBytes = 12;

    /// <summary>Format version of the files.</summary>
    public required int Version { get; init; }

    /// <summary>m, the number of anchors.</summary>
    public required int AnchorCount { get; init; }

    /// <summary>d, components of a vector.</summary>
    public required int Dimension { get; init; }

    /// <summary>n, the number of vectors.</summary>
    public required int Count { get; init; }

    /// <summary>The metric that the index was built for.</summary>
    public required Metric Metric { get; init; }

    /// <summary>How residuals are stored.</summary>
    public required CodecKind Codec { get; init; }

    /// <summary>d_r, coded axes of a residual; 0 for codec none.</summary>
    public required int CodedDimension { get; init; }

    /// <summary>e: everything is stored times 2^e, so that float16 neither overflows nor loses bits.</summary>
    public required int ScaleExponent { get; init; }

    /// <summary>Seed of the build.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The sections, in the order of their files.</summary>
    public required IReadOnlyList<IndexSection> Sections { get; init; }

    /// <summary>Recall@10 that the index was built for, and that a search aims for unless told otherwise.</summary>
    public double TargetRecall { get; init; } = ProbingCurve.DefaultTargetRecall;

    /// <summary>Recall against scanned rows; null where the builder measured none, and in version 1.</summary>
    public required ProbingCurve? Scan { get; init; }

    /// <summary>The segments, in the order of their rows; of versions before 4 there is one.</summary>
    public required IReadOnlyList<SegmentEntry> Segments { get; init; }

    /// <summary>Rows that are deleted.</summary>
    public int DeletedCount => Segments.Sum(segment => segment.DeletedCount);

    /// <summary>Bytes of the manifest itself, with the sections that lie in it.</summary>
    public long ByteLength { get; init; }

    /// <summary>Every file of the index but the manifest.</summary>
    public IEnumerable<IndexFileId> Files =>
        Sections.Select(section => section.FileId).Where(file => file.File != IndexFile.Manifest).Distinct();

    /// <summary>The section of a kind, or null.</summary>
    /// <param name="kind">What it holds.</param>
    /// <param name="segment">The segment it belongs to; 0 for the model and the whole index.</param>
    public IndexSection? Find(SectionKind kind, int segment = 0)
    {
        foreach (IndexSection section in Sections)
        {
            if (section.Kind == kind && section.Segment == segment) return section;
        }

        return null;
    }

    /// <summary>The first row of a segment.</summary>
    /// <param name="segment">Its number; the number of segments gives n.</param>
    public int FirstRow(int segment)
    {
        int first = 0;
        for (int i = 0; i < segment; i++) first += Segments[i].Count;
        return first;
    }

    /// <summary>
    /// A digest of what the manifest says of a file, its checksums among it, as hexadecimal digits: the same for files of equal content
    /// alone.
    /// </summary>
    internal string Tie(IndexFileId file)
    {
        using var digest = new InputDigest();
        foreach (IndexSection section in Sections)
        {
            if (section.FileId != file) continue;
            digest.Add((long)section.Kind, (long)section.Element, section.Checksum, section.Offset, section.Length, section.Rows,
                section.Columns);
        }

        return Convert.ToHexStringLower(digest.ToArray());
    }

    /// <summary>The same with other sections.</summary>
    internal Manifest With(IReadOnlyList<IndexSection> sections) => new()
    {
        Version = Version,
        AnchorCount = AnchorCount,
        Dimension = Dimension,
        Count = Count,
        Metric = Metric,
        Codec = Codec,
        CodedDimension = CodedDimension,
        ScaleExponent = ScaleExponent,
        Seed = Seed,
        Sections = [.. sections],
        Segments = Segments,
        TargetRecall = TargetRecall,
        Scan = Scan,
        ByteLength = ByteLength,
    };

    /// <summary>Bytes that the checksums of a section's blocks take in the manifest.</summary>
    /// <param name="length">Bytes of the section, which is one that is read piece by piece.</param>
    internal static long BlockTableBytes(double length) =>
        length <= SectionDigest.BlockBytes ? 0 : SectionBytes + (sizeof(uint) * SectionDigest.BlockCount((long)length));

    /// <summary>
    /// Bytes of a manifest of one segment with so many sections, points of a probing curve, and bytes of sections that lie in it.
    /// </summary>
    internal static int BytesOf(int sections, int points, int inlineBytes) =>
        HeaderBytes + (SectionBytes * sections) + (PointBytes * points) + inlineBytes + sizeof(uint);

    /// <summary>Serialises the manifest with the sections that lie in it; their offsets and checksums are filled in.</summary>
    /// <param name="inline">Content of each section whose file is the manifest, in the order of <see cref="Sections"/>.</param>
    /// <param name="sections">The sections as written.</param>
    internal byte[] Serialize(IReadOnlyList<byte[]> inline, out IReadOnlyList<IndexSection> sections)
    {
        int points = Scan?.Points.Count ?? 0;
        // One whole segment follows from n.
        int segments = Segments.Count == 1 && DeletedCount == 0 ? 0 : Segments.Count;
        int offset = HeaderBytes + (SectionBytes * Sections.Count) + (PointBytes * points) + (SegmentBytes * segments);
        var bytes = new byte[BytesOf(Sections.Count, points, inline.Sum(content => content.Length)) + (SegmentBytes * segments)];
        var written = new List<IndexSection>();
        int nextInline = 0;
        foreach (IndexSection section in Sections)
        {
            if (section.File != IndexFile.Manifest)
            {
                written.Add(section);
                continue;
            }

            byte[] content = inline[nextInline++];
            content.CopyTo(bytes, offset);
            written.Add(section with { Offset = offset, Length = content.Length, Checksum = Crc32C.Compute(content) });
            offset += content.Length;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(4), CurrentVersion);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(6), (uint)AnchorCount);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(10), (uint)Dimension);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(14), (uint)Count);
        bytes[18] = (byte)((Find(SectionKind.Jacobians) is null ? 0 : 1) | (Find(SectionKind.Residuals) is null ? 0 : 2));
        bytes[19] = CurrentVersion;
        bytes[20] = (byte)Metric;
        bytes[21] = (byte)Codec;
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(22), (short)ScaleExponent);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(24), (uint)CodedDimension);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(28), Seed);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(36), (uint)bytes.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(40), (ushort)Sections.Count);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(42), (ushort)points);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(44), (uint)(Scan?.K ?? 0));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(48), (uint)(Scan?.Queries ?? 0));
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(52), Scan?.StandardError ?? 0);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(56), (float)TargetRecall);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(60), (ushort)segments);
        Span<byte> next = bytes.AsSpan(HeaderBytes);
        foreach (IndexSection section in written)
        {
            next[0] = (byte)section.Kind;
            next[1] = (byte)section.File;
            next[2] = (byte)section.Element;
            next[3] = (byte)section.Segment;
            BinaryPrimitives.WriteUInt32LittleEndian(next[4..], section.Checksum);
            BinaryPrimitives.WriteInt64LittleEndian(next[8..], section.Offset);
            BinaryPrimitives.WriteInt64LittleEndian(next[16..], section.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(next[24..], section.Rows);
            BinaryPrimitives.WriteUInt32LittleEndian(next[28..], section.Columns);
            next = next[SectionBytes..];
        }

        foreach (ProbingPoint point in Scan?.Points ?? [])
        {
            BinaryPrimitives.WriteUInt32LittleEndian(next, (uint)point.Rows);
            BinaryPrimitives.WriteSingleLittleEndian(next[4..], point.Recall);
            BinaryPrimitives.WriteSingleLittleEndian(next[8..], point.Probes);
            BinaryPrimitives.WriteSingleLittleEndian(next[12..], point.DistanceRatio ?? float.PositiveInfinity);
            BinaryPrimitives.WriteSingleLittleEndian(next[16..], point.MeanRows);
            next = next[PointBytes..];
        }

        foreach (SegmentEntry segment in Segments.Take(segments))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(next, (uint)segment.Count);
            BinaryPrimitives.WriteUInt32LittleEndian(next[4..], (uint)segment.DeletedCount);
            next = next[SegmentBytes..];
        }

        int end = bytes.Length - sizeof(uint);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(end), Crc32C.Compute(bytes.AsSpan(0, end)));
        sections = written;
        return bytes;
    }

    /// <summary>Reads a manifest of any supported version.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="files">Paths of the five files: version 1 finds its sections by their lengths.</param>
    /// <exception cref="VlcFormatException">Not a manifest, of a later version, damaged, or out of range.</exception>
    internal static Manifest Parse(ReadOnlySpan<byte> bytes, IndexFiles files)
    {
        string path = files.Path(IndexFile.Manifest);
        if (bytes.Length < Version1Bytes)
        {
            throw new VlcFormatException(path, "length", $"at least {Version1Bytes} bytes", $"{bytes.Length}",
                "The file is truncated, or not a VLC index.");
        }

        uint magic = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (magic != Magic)
        {
            throw new VlcFormatException(path, "offset 0", $"magic number 0x{Magic:X8}", $"0x{magic:X8}", "This is not a VLC index.");
        }

        int version = BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]);
        if (version == 1) return ManifestVersion1.Parse(bytes, files);
        // From version 2 on byte 19 names the oldest reader that understands the file.
        int minimumReader = bytes.Length > 19 ? bytes[19] : version;
        if (version < 1 || minimumReader > CurrentVersion)
        {
            throw new VlcFormatException(
                path, "offset 4", $"format version 1 to {CurrentVersion}",
                    $"version {version}, for readers of version {minimumReader} and later",
                "Update VLC to read this index.");
        }

        return ParseCurrent(bytes, path, version);
    }

    private static Manifest ParseCurrent(ReadOnlySpan<byte> bytes, string path, int version)
    {
        if (bytes.Length < HeaderBytes + sizeof(uint)) throw Bad("length", $"at least {HeaderBytes + 4} bytes", $"{bytes.Length}");
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes[36..]);
        if (length != bytes.Length) throw Bad("offset 36", $"the file's length, {bytes.Length}", $"{length}");
        uint stored = BinaryPrimitives.ReadUInt32LittleEndian(bytes[^4..]), computed = Crc32C.Compute(bytes[..^4]);
        if (stored != computed) throw Bad($"offset {bytes.Length - 4}", $"checksum 0x{computed:X8}", $"0x{stored:X8}");

        int sectionCount = BinaryPrimitives.ReadUInt16LittleEndian(bytes[40..]),
            pointCount = BinaryPrimitives.ReadUInt16LittleEndian(bytes[42..]);
        int segmentCount = version < 4 ? 0 : BinaryPrimitives.ReadUInt16LittleEndian(bytes[60..]);
        if (segmentCount > MaxSegments) throw Bad("offset 60", $"at most {MaxSegments} segments", $"{segmentCount}");
        int pointBytes = version < 3 ? BudgetPointBytes : PointBytes;
        if (HeaderBytes + (sectionCount * SectionBytes) + (pointCount * pointBytes) + (segmentCount * SegmentBytes)
            + sizeof(uint) > bytes.Length)
        {
            throw Bad("offset 40", "tables within the file", $"{sectionCount} sections, {pointCount} points and {segmentCount} segments");
        }

        uint m = BinaryPrimitives.ReadUInt32LittleEndian(bytes[6..]), d = BinaryPrimitives.ReadUInt32LittleEndian(bytes[10..]);
        uint n = BinaryPrimitives.ReadUInt32LittleEndian(bytes[14..]), coded = BinaryPrimitives.ReadUInt32LittleEndian(bytes[24..]);
        CheckSizes(path, m, d, n, version);
        if (coded > d) throw Bad("offset 24", $"at most {d} coded dimensions", $"{coded}");
        if (!Enum.IsDefined((Metric)bytes[20])) throw Bad("offset 20", "a known metric", $"{bytes[20]}");
        if (!Enum.IsDefined((CodecKind)bytes[21])) throw Bad("offset 21", "a known codec", $"{bytes[21]}");
        if (coded == 0 && (CodecKind)bytes[21] != CodecKind.None) throw Bad("offset 24", "at least 1 coded dimension", "0");
        int exponent = BinaryPrimitives.ReadInt16LittleEndian(bytes[22..]);
        if (exponent is < -126 or > 126) throw Bad("offset 22", "a scale exponent from -126 to 126", $"{exponent}");

        float target = BinaryPrimitives.ReadSingleLittleEndian(bytes[56..]);
        if (!(target > 0 && target <= 1)) throw Bad("offset 56", "a target recall above 0 and at most 1", $"{target}");

        var sections = new List<IndexSection>();
        int offset = HeaderBytes;
        for (int i = 0; i < sectionCount; i++, offset += SectionBytes)
        {
            ReadOnlySpan<byte> entry = bytes.Slice(offset, SectionBytes);
            var section = new IndexSection(
                (SectionKind)entry[0], (IndexFile)entry[1], (SectionElement)entry[2], BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]),
                BinaryPrimitives.ReadInt64LittleEndian(entry[8..]), BinaryPrimitives.ReadInt64LittleEndian(entry[16..]),
                BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]), BinaryPrimitives.ReadUInt32LittleEndian(entry[28..]),
                version < 4 ? 0 : entry[3]);
            if (section.Segment > 0 && (section.Segment >= segmentCount || !IndexFileId.IsOfSegment(section.File)))
            {
                throw Bad($"offset {offset + 3}", "a segment of the index", section.ToString());
            }

            if (!Enum.IsDefined(section.File) || section.Offset < 0 || section.Length < 0 || section.Length > long.MaxValue - section.Offset
                || (section.File == IndexFile.Manifest && section.Length > bytes.Length - 4 - section.Offset))
            {
                throw Bad($"offset {offset}", "a section within its file", section.ToString());
            }

            sections.Add(section);
        }

        CheckApart(sections, path);
        var points = new List<ProbingPoint>();
        for (int i = 0; i < pointCount; i++, offset += pointBytes)
        {
            ReadOnlySpan<byte> entry = bytes.Slice(offset, pointBytes);
            int rows = BinaryPrimitives.ReadInt32LittleEndian(entry);
            float recall = BinaryPrimitives.ReadSingleLittleEndian(entry[4..]),
                probes = BinaryPrimitives.ReadSingleLittleEndian(entry[8..]);
            float ratio = version < 3 ? float.PositiveInfinity : BinaryPrimitives.ReadSingleLittleEndian(entry[12..]);
            float meanRows = version < 3 ? rows : BinaryPrimitives.ReadSingleLittleEndian(entry[16..]);
            // Compacting can leave fewer rows than the curve was measured on.
            if (rows < 1 || (rows > n && version < 4)) throw Bad($"offset {offset}", $"1 to {n} rows", $"{rows}");
            bool finite = float.IsFinite(recall) && float.IsFinite(probes) && float.IsFinite(meanRows);
            if (!finite) throw Bad($"offset {offset + 4}", "finite numbers", $"{recall}, {probes}, {meanRows}");
            if (!(ratio > 0)) throw Bad($"offset {offset + 12}", "a distance ratio above 0", $"{ratio}");
            points.Add(new ProbingPoint(rows, float.IsPositiveInfinity(ratio) ? null : ratio, recall, probes, meanRows));
        }

        var segments = new List<SegmentEntry>();
        long rowsOfSegments = 0;
        for (int i = 0; i < segmentCount; i++, offset += SegmentBytes)
        {
            uint rows = BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]),
                deleted = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(offset + 4)..]);
            if (rows is 0 or > int.MaxValue || deleted > rows) throw Bad($"offset {offset}", "rows, and at most as many deleted",
                $"{rows} and {deleted}");
            segments.Add(new SegmentEntry((int)rows, (int)deleted));
            rowsOfSegments += rows;
        }

        if (segmentCount == 0) segments.Add(new SegmentEntry((int)n, 0));
        else if (rowsOfSegments != n) throw Bad("offset 14", $"{rowsOfSegments} vectors, those of the segments", $"{n}");
        if (segments.Sum(segment => (long)segment.DeletedCount) >= n) throw Bad("segments", "a row that is not deleted", "none");

        return new Manifest
        {
            Version = version,
            AnchorCount = (int)m,
            Dimension = (int)d,
            Count = (int)n,
            Metric = (Metric)bytes[20],
            Codec = (CodecKind)bytes[21],
            CodedDimension = (int)coded,
            ScaleExponent = exponent,
            Seed = BinaryPrimitives.ReadUInt64LittleEndian(bytes[28..]),
            ByteLength = bytes.Length,
            Sections = sections,
            Segments = segments,
            TargetRecall = target,
            Scan = points.Count == 0 ? null : new ProbingCurve
            {
                K = BinaryPrimitives.ReadInt32LittleEndian(bytes[44..]),
                Queries = BinaryPrimitives.ReadInt32LittleEndian(bytes[48..]),
                StandardError = BinaryPrimitives.ReadSingleLittleEndian(bytes[52..]),
                Points = points,
            },
        };

        VlcFormatException Bad(string where, string expected, string found) =>
            new(path, where, expected, found, "The manifest is damaged; rebuild the index from the original vectors.");
    }

    /// <summary>Refuses sections that occur twice or lie over one another: a byte table would count them twice.</summary>
    private static void CheckApart(List<IndexSection> sections, string path)
    {
        IndexSection? last = null;
        var seen = new HashSet<(SectionKind, int)>();
        foreach (IndexSection section in sections.OrderBy(section => (section.File, section.Segment, section.Offset)))
        {
            bool apart = last is null || last.FileId != section.FileId || last.Offset + last.Length <= section.Offset;
            if (!apart || !seen.Add((section.Kind, section.Segment)))
            {
                throw new VlcFormatException(
                    path, $"section {section.Kind}", "sections apart, each kind once", section.ToString(),
                    "The manifest is damaged; rebuild the index from the original vectors.");
            }

            last = section;
        }
    }

    /// <summary>Refuses counts that no index has, before anything is computed from them.</summary>
    internal static void CheckSizes(string path, uint m, uint d, uint n, int version)
    {
        if (m is 0 or > int.MaxValue) throw new VlcFormatException(path, "offset 6", "1 to 2^31 - 1 anchors", $"{m}");
        if (d is 0 or > MaxDimension) throw new VlcFormatException(path, "offset 10", $"1 to {MaxDimension} dimensions", $"{d}");
        if (n is 0 or > int.MaxValue) throw new VlcFormatException(path, "offset 14", "1 to 2^31 - 1 vectors", $"{n}");
        // A build never makes more; deleting and compacting can leave fewer rows.
        if (m > n && version < 4) throw new VlcFormatException(path, "offset 6", $"at most as many anchors as vectors, {n}", $"{m}");
        if ((long)m * d > int.MaxValue / 4) throw new VlcFormatException(path, "offset 6", "anchors of less than 2 GiB as float32",
            $"{m} x {d}");
    }

    /// <summary>Most dimensions of a vector.</summary>
    public const int MaxDimension = 65_536;
}

/// <summary>A segment of an index: rows that were coded together.</summary>
/// <param name="Count">Rows, deleted ones included.</param>
/// <param name="DeletedCount">How many of them are deleted.</param>
public sealed record SegmentEntry(int Count, int DeletedCount);
