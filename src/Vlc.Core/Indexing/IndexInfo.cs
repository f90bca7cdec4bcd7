using Vlc.Segments;
using Vlc.Storage;

namespace Vlc.Indexing;

/// <summary>One row of the byte table.</summary>
/// <param name="Name">What it is.</param>
/// <param name="File">The file it lies in.</param>
/// <param name="Bytes">Its bytes.</param>
public sealed record ByteTableRow(string Name, IndexFileId File, long Bytes);

/// <summary>What an index is made of, to the byte, without opening it for searching.</summary>
public sealed class IndexInfo
{
    private IndexInfo(Manifest manifest, IndexFiles files, IReadOnlyList<ByteTableRow> sections)
    {
        Manifest = manifest;
        Files = files;
        Sections = sections;
        Bytes = IndexBytes.Of(manifest);
    }

    /// <summary>The manifest.</summary>
    public Manifest Manifest { get; }

    /// <summary>Where the files lie.</summary>
    public IndexFiles Files { get; }

    /// <summary>Everything on disk; the bytes add up to those of the files exactly.</summary>
    public IReadOnlyList<ByteTableRow> Sections { get; }

    /// <summary>Bytes by what needs them.</summary>
    public IndexBytes Bytes { get; }

    /// <summary>Bytes of everything that a search needs.</summary>
    public long TotalBytes => Bytes.Search;

    /// <summary>Those bytes over n.</summary>
    public double BytesPerVector => (double)TotalBytes / Manifest.Count;

    /// <summary>Those bytes over those of the vectors as float32: n · d · 4.</summary>
    public double Ratio => BytesPerVector / (Manifest.Dimension * sizeof(float));

    /// <summary>Reads the manifest and the lengths of the files.</summary>
    /// <param name="basePath">BASE, the common part of the five files' names.</param>
    /// <exception cref="FileNotFoundException">There is no index under this name.</exception>
    /// <exception cref="VlcFormatException">A file is missing, damaged, or of a later version.</exception>
    public static IndexInfo Read(string basePath)
    {
        using SectionReader reader = SectionReader.Open(basePath);
        Manifest manifest = reader.Manifest;
        var rows = new List<ByteTableRow>();
        long inline = manifest.Sections.Where(section => section.File == IndexFile.Manifest).Sum(section => section.Length);
        rows.Add(new ByteTableRow("manifest", IndexFileId.Manifest, manifest.ByteLength - inline));
        rows.AddRange(manifest.Sections
            .OrderBy(section => section.Segment).ThenBy(section => section.File).ThenBy(section => section.Offset)
            .Select(section => new ByteTableRow(Name(section), section.FileId, section.Length)));
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
        using (SectionReader reader = SectionReader.Open(basePath))
        {
            reader.Verify(progress, cancellationToken);
            OpenedIndex opened = OpenedIndex.Open(reader);
            opened.Model.Codec.WriteEncoderState();
            Yardstick.Read(reader);
            for (int row = 0; opened.Keys is { } keys && row < opened.Manifest.Count; row++) _ = keys[row];
            opened.Release();
        }

        return Read(basePath);
    }

    private static string Name(IndexSection section) =>
        section.Segment == 0 ? Name(section.Kind) : $"{Name(section.Kind)} of segment {section.Segment}";

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
        SectionKind.EncoderState => "encoder state",
        SectionKind.Yardstick => "yardstick",
        SectionKind.Keys => "keys",
        SectionKind.Deleted => "deleted rows",
        SectionKind.BlockChecksums => "block checksums",
        _ => kind.ToString(),
    };
}
