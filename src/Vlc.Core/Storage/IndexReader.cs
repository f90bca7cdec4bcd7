using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Vlc.Anchors;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Residuals;
using Vlc.Residuals.Packed;

namespace Vlc.Storage;

/// <summary>Opens the files of an index, checks their lengths and ranges, and reads their sections.</summary>
internal sealed class IndexReader : IDisposable
{
    private readonly MappedFile?[] _mapped = new MappedFile?[IndexFiles.All.Count];
    private readonly Func<SectionKind, byte[]?> _inline;
    private readonly IndexFiles _files;
    private PackedModel? _packedModel;

    /// <summary>A reader of files whose manifest is known: a staged index has none on disk yet.</summary>
    public IndexReader(IndexFiles files, Manifest manifest, long manifestBytes, Func<SectionKind, byte[]?> inline)
    {
        _files = files;
        Manifest = manifest;
        _inline = inline;
        TotalBytes = manifestBytes;
        try
        {
            foreach (IndexFile file in manifest.Sections.Select(section => section.File).Where(file => file != IndexFile.Manifest).Distinct())
            {
                string path = files.Path(file);
                if (!File.Exists(path)) throw IndexFiles.Missing(path);
                MappedFile mapped = new(path);
                _mapped[(int)file] = mapped;
                TotalBytes += mapped.Length;
                long expected = manifest.Sections.Where(section => section.File == file).Max(section => section.Offset + section.Length);
                if (mapped.Length != expected)
                {
                    throw new VlcFormatException(
                        path, "length", $"{expected} bytes, as the manifest says", $"{mapped.Length}", "The file is truncated or of another index; rebuild it.");
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Manifest Manifest { get; }

    /// <summary>Bytes of all files.</summary>
    public long TotalBytes { get; }

    public IndexFiles Files => _files;

    public static IndexReader Open(string basePath)
    {
        const int Attempts = 3;
        for (int attempt = 1; ; attempt++)
        {
            (IndexFiles files, byte[] bytes) = IndexFiles.Resolve(basePath);
            try
            {
                Manifest manifest = Manifest.Parse(bytes, files);
                var reader = new IndexReader(files, manifest, bytes.Length, kind => Inline(manifest, bytes, kind));
                // A writer may have renamed files between the manifest and the others: what was opened must belong to what is there now.
                if (IndexFiles.Resolve(basePath).Manifest.AsSpan().SequenceEqual(bytes)) return reader;
                reader.Dispose();
                if (attempt == Attempts) throw new IOException($"{basePath}: the index keeps being replaced while it is opened; try again.");
            }
            catch (Exception exception) when (attempt < Attempts && exception is VlcFormatException or FileNotFoundException
                                              && !IndexFiles.Resolve(basePath).Manifest.AsSpan().SequenceEqual(bytes))
            {
                // Replaced meanwhile: look again.
            }
        }
    }

    /// <summary>Lists of each cell: its classes in the packed codec, else 1.</summary>
    public int ListsPerCell => Manifest.Codec == CodecKind.Packed ? PackedModel.Parameters.ClassCount : 1;

    /// <summary>The packed codec's model.</summary>
    private PackedModel PackedModel => _packedModel ??= new PackedModel(PackedSections.Read(
        Manifest, _files, _inline(RequireBytes(SectionKind.CodecModel).Kind), AllBytes(SectionKind.Bases), AllBytes(SectionKind.Anchors),
        AllBytes(SectionKind.CellScales)));

    /// <summary>Anchors as float32, row-major, m x d.</summary>
    public float[] ReadAnchors() => Manifest.Codec == CodecKind.Packed
        ? PackedCodec.Anchors(PackedModel.Parameters)
        : ReadHalfMatrix(SectionKind.Anchors, Manifest.AnchorCount, Manifest.Dimension);

    /// <summary>The list of each row, its cell or a class of its cell, left where it is stored; all of it is checked.</summary>
    public StoredAssignments OpenAssignments()
    {
        bool packed = Manifest.Codec == CodecKind.Packed;
        IndexSection section = packed
            ? RequireBytes(SectionKind.Assignments)
            : Require(SectionKind.Assignments, SectionElement.UInt32, (uint)Manifest.Count, 1);
        int lists = packed ? PackedModel.ListCount : Manifest.AnchorCount;
        long expected = packed ? PackedSections.AssignmentBytes(Manifest.Count, lists) : section.Length;
        if (section.Length != expected || section.File == IndexFile.Manifest)
        {
            throw new VlcFormatException(
                _files.Path(IndexFile.Assignments), "length", $"{expected} bytes", $"{section.Length}", "The file is damaged; rebuild the index.");
        }

        return new StoredAssignments(_mapped[(int)section.File]!, section.Offset, Manifest.Count, lists, packed ? PackedSections.BitsFor(lists) : null, _files.Path(section.File));
    }

    /// <summary>The codec over its codes.</summary>
    /// <param name="lists">Rows of each list.</param>
    public ResidualCodec OpenCodec(CellLists lists)
    {
        if (Manifest.Codec == CodecKind.None) return new AnchorsOnlyCodec(Manifest.Dimension);
        if (Manifest.Codec == CodecKind.Packed) return OpenPackedCodec(lists);
        CodedAxes axes = ReadCodedAxes();
        bool bytes = Manifest.Codec == CodecKind.Int8;
        IndexSection section = Require(
            SectionKind.Residuals, bytes ? SectionElement.Int8 : SectionElement.Float16, (uint)Manifest.Count, (uint)axes.Count);
        var codes = new CodeRows(_mapped[(int)section.File]!, section.Offset, Manifest.Count, axes.Count * ElementBytes(section.Element));
        AxisScales? scales = ReadScales(axes);
        return bytes ? new Int8Codec(codes, axes, scales!) : new Float16Codec(codes, axes, scales);
    }

    /// <summary>Recomputes every checksum.</summary>
    /// <exception cref="VlcFormatException">A section's bytes are not those that were written.</exception>
    public void Verify(IProgress<double>? progress, CancellationToken cancellationToken)
    {
        if (Manifest.Version == 1) return;
        const int BytesAtOnce = 1 << 22;
        long done = 0;
        foreach (IndexSection section in Manifest.Sections)
        {
            uint state = Crc32C.Start;
            if (section.File == IndexFile.Manifest)
            {
                state = Crc32C.Append(state, _inline(section.Kind));
            }
            else
            {
                for (long offset = 0; offset < section.Length; offset += BytesAtOnce)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    state = Crc32C.Append(state, Bytes(section, offset, (int)Math.Min(BytesAtOnce, section.Length - offset)));
                    progress?.Report((done + offset) / (double)TotalBytes);
                }
            }

            done += section.Length;
            uint computed = Crc32C.Finish(state);
            if (computed != section.Checksum)
            {
                throw new VlcFormatException(
                    _files.Path(section.File), $"section {section.Kind}, offset {section.Offset} to {section.Offset + section.Length - 1}",
                    $"checksum 0x{section.Checksum:X8}", $"0x{computed:X8}", "Bytes have changed since the index was written; rebuild it or restore a copy.");
            }
        }
    }

    public void Dispose()
    {
        foreach (MappedFile? file in _mapped) file?.Dispose();
    }

    internal static int ElementBytes(SectionElement element) => element switch
    {
        SectionElement.Float16 => 2,
        SectionElement.Float32 or SectionElement.UInt32 => 4,
        _ => 1,
    };

    private static byte[]? Inline(Manifest manifest, byte[] bytes, SectionKind kind) =>
        manifest.Find(kind) is { File: IndexFile.Manifest } section ? bytes.AsSpan((int)section.Offset, (int)section.Length).ToArray() : null;

    private PackedCodec OpenPackedCodec(CellLists lists)
    {
        var counts = new int[lists.CellCount];
        for (int list = 0; list < counts.Length; list++) counts[list] = lists.Count(list);
        IndexSection codes = RequireBytes(SectionKind.Residuals);
        if (codes.File != IndexFile.Residuals || codes.Offset != 0)
        {
            throw new VlcFormatException(_files.Path(IndexFile.Manifest), $"section {codes.Kind}", "a file of its own", codes.ToString());
        }

        long expected = PackedCodec.CodeBytes(PackedModel, counts), found = codes.Length;
        if (found != expected)
        {
            throw new VlcFormatException(
                _files.Path(IndexFile.Residuals), "length", $"{expected} bytes, by the assignments", $"{found}", "The file is damaged; rebuild the index.");
        }

        byte[] tables = _inline(RequireBytes(SectionKind.TrellisTables).Kind) ?? [];
        const int TableBytes = TrellisTables.MaxBits * TrellisTables.StateCount * sizeof(short);
        if (tables.Length != TableBytes)
        {
            throw new VlcFormatException(_files.Path(IndexFile.Manifest), "trellis tables", $"{TableBytes} bytes", $"{tables.Length}");
        }

        return new PackedCodec(
            PackedModel, new TrellisTables(MemoryMarshal.Cast<byte, short>(tables)), _mapped[(int)IndexFile.Residuals], counts);
    }

    private IndexSection RequireBytes(SectionKind kind) => Manifest.Find(kind) is { Element: SectionElement.Bytes } section
        ? section
        : throw new VlcFormatException(
            _files.Path(IndexFile.Manifest), $"section {kind}", "its bytes", Manifest.Find(kind)?.ToString() ?? "none", "The manifest is damaged; rebuild the index.");

    private ReadOnlySpan<byte> AllBytes(SectionKind kind)
    {
        IndexSection section = RequireBytes(kind);
        if (section.File == IndexFile.Manifest || section.Length > int.MaxValue)
        {
            throw new VlcFormatException(_files.Path(IndexFile.Manifest), $"section {kind}", "a file of its own below 2 GiB", section.ToString());
        }

        return Bytes(section, 0, (int)section.Length);
    }

    private CodedAxes ReadCodedAxes()
    {
        if (Manifest.Find(SectionKind.CodedAxes) is null) return new CodedAxes(Manifest.Dimension);
        IndexSection section = Require(SectionKind.CodedAxes, SectionElement.UInt32, 1, (uint)Manifest.CodedDimension);
        int[] axes = MemoryMarshal.Cast<byte, int>(_inline(SectionKind.CodedAxes)).ToArray();
        for (int i = 0; i < axes.Length; i++)
        {
            if (axes[i] < 0 || axes[i] >= Manifest.Dimension || (i > 0 && axes[i] <= axes[i - 1]))
            {
                throw new VlcFormatException(
                    _files.Path(IndexFile.Manifest), $"offset {section.Offset + (4 * i)}", "ascending axes below the dimension", $"{(uint)axes[i]}");
            }
        }

        return new CodedAxes(Manifest.Dimension, axes);
    }

    private AxisScales? ReadScales(CodedAxes axes)
    {
        if (Manifest.Find(SectionKind.Jacobians) is not null)
        {
            return AxisScales.PerCell(ReadHalfMatrix(SectionKind.Jacobians, Manifest.AnchorCount, Manifest.Dimension), Manifest.AnchorCount, axes);
        }

        if (Manifest.Find(SectionKind.AxisScales) is not null)
        {
            Require(SectionKind.AxisScales, SectionElement.Float32, 1, (uint)axes.Count);
            float[] scales = MemoryMarshal.Cast<byte, float>(_inline(SectionKind.AxisScales)).ToArray();
            CheckFinite(scales, SectionKind.AxisScales);
            return AxisScales.Global(scales, axes);
        }

        if (Manifest.Codec != CodecKind.Int8) return null;
        // Version 1 without Jacobians: a code is the residual itself.
        var ones = new float[axes.Count];
        ones.AsSpan().Fill(1);
        return AxisScales.Global(ones, axes);
    }

    private float[] ReadHalfMatrix(SectionKind kind, int rows, int columns)
    {
        IndexSection section = Require(kind, SectionElement.Float16, (uint)rows, (uint)columns);
        var values = new float[rows * columns];
        for (int row = 0; row < rows; row++)
        {
            TensorPrimitives.ConvertToSingle(
                MemoryMarshal.Cast<byte, Half>(Bytes(section, row * (long)columns * 2, columns * 2)), values.AsSpan(row * columns, columns));
        }

        CheckFinite(values, kind);
        return values;
    }

    private void CheckFinite(float[] values, SectionKind kind)
    {
        if (TensorPrimitives.IsFiniteAll<float>(values)) return;
        int place = Array.FindIndex(values, value => !float.IsFinite(value));
        IndexSection section = Manifest.Find(kind)!;
        throw new VlcFormatException(
            _files.Path(section.File), $"offset {section.Offset + ((long)place * ElementBytes(section.Element))}", "a finite number", $"{values[place]}",
            "The file is damaged; rebuild the index.");
    }

    private IndexSection Require(SectionKind kind, SectionElement element, uint rows, uint columns)
    {
        IndexSection? section = Manifest.Find(kind);
        long bytes = (long)rows * columns * ElementBytes(element);
        bool inline = kind is SectionKind.AxisScales or SectionKind.CodedAxes;
        if (section is null || (section.File == IndexFile.Manifest) != inline || section.Element != element || section.Rows != rows || section.Columns != columns || section.Length != bytes)
        {
            throw new VlcFormatException(
                _files.Path(IndexFile.Manifest), $"section {kind}", $"{rows} x {columns} {element}, {bytes} bytes", section?.ToString() ?? "none",
                "The manifest is damaged; rebuild the index.");
        }

        return section;
    }

    private ReadOnlySpan<byte> Bytes(IndexSection section, long offset, int length) =>
        _mapped[(int)section.File]!.Slice(section.Offset + offset, length);
}
