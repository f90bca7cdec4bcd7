using Vlc.Anchors;

namespace Vlc.Storage;

/// <summary>One row of the byte table.</summary>
/// <param name="Name">What it is.</param>
/// <param name="File">The file it lies in.</param>
/// <param name="Bytes">Its bytes.</param>
public sealed record ByteTableRow(string Name, IndexFile File, long Bytes);

/// <summary>What an index is made of, to the byte, without opening it for searching.</summary>
public sealed class IndexInfo
{
    private IndexInfo(Manifest manifest, IndexFiles files, IReadOnlyList<ByteTableRow> sections)
    {
        Manifest = manifest;
        Files = files;
        Sections = sections;
        TotalBytes = sections.Sum(section => section.Bytes);
    }

    /// <summary>The manifest.</summary>
    public Manifest Manifest { get; }

    /// <summary>Where the files lie.</summary>
    public IndexFiles Files { get; }

    /// <summary>Everything on disk; the bytes add up to those of the files exactly.</summary>
    public IReadOnlyList<ByteTableRow> Sections { get; }

    /// <summary>Bytes of all files.</summary>
    public long TotalBytes { get; }

    /// <summary>All bytes over n.</summary>
    public double BytesPerVector => (double)TotalBytes / Manifest.Count;

    /// <summary>All bytes over those of the vectors as float32: n · d · 4.</summary>
    public double Ratio => BytesPerVector / (Manifest.Dimension * sizeof(float));

    /// <summary>Reads the manifest and the lengths of the files.</summary>
    /// <param name="basePath">BASE, the common part of the five files' names.</param>
    /// <exception cref="FileNotFoundException">There is no index under this name.</exception>
    /// <exception cref="VlcFormatException">A file is missing, damaged, or of a later version.</exception>
    public static IndexInfo Read(string basePath)
    {
        using IndexReader reader = IndexReader.Open(basePath);
        Manifest manifest = reader.Manifest;
        var rows = new List<ByteTableRow>();
        long inline = manifest.Sections.Where(section => section.File == IndexFile.Manifest).Sum(section => section.Length);
        long outside = manifest.Sections.Where(section => section.File != IndexFile.Manifest).Sum(section => section.Length);
        rows.Add(new ByteTableRow("manifest", IndexFile.Manifest, reader.TotalBytes - outside - inline));
        rows.AddRange(manifest.Sections.OrderBy(section => section.File).ThenBy(section => section.Offset)
            .Select(section => new ByteTableRow(Name(section.Kind), section.File, section.Length)));
        return new IndexInfo(manifest, reader.Files, rows);
    }

    /// <summary>Checks everything that can be checked: structure, lengths, ranges, and the checksum of every section.</summary>
    /// <param name="basePath">BASE, the common part of the five files' names.</param>
    /// <param name="progress">Hears the share done.</param>
    /// <param name="cancellationToken">Stops the check.</param>
    /// <returns>What was checked. A version-1 index has no checksums; only structure, lengths and ranges are checked there.</returns>
    /// <exception cref="FileNotFoundException">There is no index under this name.</exception>
    /// <exception cref="VlcFormatException">Something is not as it was written.</exception>
    public static IndexInfo Verify(string basePath, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        using (IndexReader reader = IndexReader.Open(basePath))
        {
            reader.Verify(progress, cancellationToken);
            reader.ReadAnchors();
            var lists = reader.OpenAssignments().Lists;
            reader.OpenCodec(lists).Dispose();
        }

        return Read(basePath);
    }

    private static string Name(SectionKind kind) => kind switch
    {
        SectionKind.Anchors => "anchors",
        SectionKind.Assignments => "assignments",
        SectionKind.Jacobians => "jacobians",
        SectionKind.Residuals => "residuals",
        SectionKind.AxisScales => "axis scales",
        SectionKind.CodedAxes => "coded axes",
        SectionKind.CodecModel => "codec model",
        SectionKind.TrellisTables => "trellis tables",
        SectionKind.Bases => "local bases",
        SectionKind.CellScales => "cell scales",
        _ => kind.ToString(),
    };
}
