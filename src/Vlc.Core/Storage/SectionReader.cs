using System.Diagnostics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Vlc.Numerics.Memory;

namespace Vlc.Storage;

/// <summary>
/// Opens the files of an index, checks their lengths, and hands out the bytes of their sections. What the bytes mean is known above.
/// </summary>
internal sealed class SectionReader : IDisposable
{
    private const string Damaged = "The manifest is damaged; rebuild the index.";

    private readonly Dictionary<IndexFileId, CodeMemory> _memory = [];
    private readonly Func<SectionKind, byte[]?> _inline;
    private readonly OpenOptions _options;
    private readonly Dictionary<IndexSection, uint[]> _blocks = [];

    /// <summary>A reader of files whose manifest is known: a state that is not committed has none yet.</summary>
    /// <param name="files">Names of the files, for messages.</param>
    /// <param name="manifest">The manifest.</param>
    /// <param name="content">Its bytes; empty while it is not written.</param>
    /// <param name="inline">Bytes of a section that lies in the manifest.</param>
    /// <param name="open">Opens a file.</param>
    /// <param name="options">When checksums are compared.</param>
    /// <exception cref="VlcFormatException">A file is missing, not as long as the manifest says, or of another index.</exception>
    public SectionReader(
        IndexFiles files, Manifest manifest, ReadOnlyMemory<byte> content, Func<SectionKind, byte[]?> inline,
        Func<IndexFileId, CodeMemory> open,
        OpenOptions options)
    {
        Files = files;
        Manifest = manifest;
        _inline = inline;
        _options = options;
        ManifestContent = content;
        try
        {
            foreach (IndexFileId file in manifest.Files)
            {
                CodeMemory memory = open(file);
                _memory[file] = memory;
                long expected = manifest.Sections.Where(section => section.FileId == file).Max(section => section.Offset + section.Length);
                if (memory.Length != expected)
                {
                    throw new VlcFormatException(
                        files.Path(file), "length", $"{expected} bytes, as the manifest says", $"{memory.Length}",
                        "The file is truncated or of another index; rebuild it.");
                }
            }

            ReadBlockChecksums();
            CheckOpened();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Manifest Manifest { get; }

    public IndexFiles Files { get; }

    /// <summary>The manifest as it is stored.</summary>
    public ReadOnlyMemory<byte> ManifestContent { get; }

    /// <summary>Opens the index of a folder: the state that is there, whole, however often it is replaced meanwhile.</summary>
    /// <param name="basePath">BASE of the index.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <exception cref="FileNotFoundException">There is no index under this name.</exception>
    /// <exception cref="VlcFormatException">A file is missing, damaged, or of a later version.</exception>
    /// <exception cref="IOException">The index has been replaced again and again for so long that it could not be opened.</exception>
    public static SectionReader Open(string basePath, OpenOptions? options = null)
    {
        options ??= OpenOptions.Default;
        // Each file of a state moves once: so many failures under one manifest are not a writer's doing. Damage is looked at twice.
        const int MostFailures = 10;
        TimeSpan longest = TimeSpan.FromSeconds(30);
        long start = Stopwatch.GetTimestamp();
        byte[] seen = [];
        for (int failures = 0; ; Thread.Sleep(failures > 2 ? 1 : 0))
        {
            (IndexFiles files, byte[] bytes) = IndexFiles.Resolve(basePath);
            bool late = Stopwatch.GetElapsedTime(start) > longest;
            try
            {
                Manifest manifest = Manifest.Parse(bytes, files);
                var reader = new SectionReader(
                    files, manifest, bytes, kind => Inline(manifest, bytes, kind), file => Map(files, file, options.InMemory), options);
                // A writer may have renamed files between the manifest and the others: what was opened must belong to what is there now.
                if (IndexFiles.Resolve(basePath).Manifest.AsSpan().SequenceEqual(bytes)) return reader;
                reader.Dispose();
                if (late) throw new IOException($"{basePath}: the index keeps being replaced while it is opened; try again.");
            }
            catch (Exception exception) when (!late && exception is VlcFormatException or FileNotFoundException)
            {
                // A file was moved or replaced meanwhile, perhaps by a state and that by this one again; or it is missing or damaged for
                // good.
                if (!bytes.AsSpan().SequenceEqual(seen)) (seen, failures) = (bytes, 0);
                failures += File.Exists((exception as VlcFormatException)?.Path) ? MostFailures / 2 : 1;
                if (failures >= MostFailures) throw;
            }
        }
    }

    /// <summary>Opens the index of a container.</summary>
    /// <exception cref="VlcFormatException">A file is missing, damaged, or of a later version.</exception>
    public static SectionReader Open(MemoryContainer container)
    {
        byte[] bytes = container.Committed.GetValueOrDefault(IndexFileId.Manifest)
            ?? throw IndexFiles.Missing(container.Files.Path(IndexFile.Manifest));
        Manifest manifest = Manifest.Parse(bytes, container.Files);
        return new SectionReader(container.Files, manifest, bytes, kind => Inline(manifest, bytes, kind), container.Open,
            OpenOptions.Default);
    }

    /// <summary>Recomputes every checksum.</summary>
    /// <exception cref="VlcFormatException">A section's bytes are not those that were written.</exception>
    public void Verify(IProgress<double>? progress, CancellationToken cancellationToken)
    {
        if (Manifest.Version == 1) return;
        const int BytesAtOnce = 1 << 22;
        long done = 0, total = Math.Max(1, Manifest.Sections.Sum(section => section.Length));
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
                    progress?.Report((done + offset) / (double)total);
                }
            }

            done += section.Length;
            Compare(section, 0, section.Length, section.Checksum, Crc32C.Finish(state));
            if (_blocks.TryGetValue(section, out uint[]? blocks)) new BlockChecks(this, section, blocks).Touch(0, section.Length);
        }
    }

    /// <summary>Compares a part of a section that lies in a file of its own with its checksum.</summary>
    /// <exception cref="VlcFormatException">Its bytes are not those that were written.</exception>
    public void Check(IndexSection section, long offset, long length, uint checksum)
    {
        const int BytesAtOnce = 1 << 20;
        uint state = Crc32C.Start;
        for (long done = 0; done < length; done += BytesAtOnce)
        {
            state = Crc32C.Append(state, Bytes(section, offset + done, (int)Math.Min(BytesAtOnce, length - done)));
        }

        Compare(section, offset, length, checksum, Crc32C.Finish(state));
    }

    /// <summary>Compares a whole section with its checksum, unless the index has none.</summary>
    /// <exception cref="VlcFormatException">Its bytes are not those that were written.</exception>
    public void Check(IndexSection section)
    {
        if (Manifest.Version > 1) Check(section, 0, section.Length, section.Checksum);
    }

    /// <summary>What checks the blocks of a section as they are touched; null where nothing is to be checked any more.</summary>
    public BlockChecks? ChecksOf(IndexSection section) =>
        _options.Checksums == ChecksumPolicy.FirstTouch && TryBlocksOf(section) is { } blocks ? new BlockChecks(this, section, blocks)
            : null;

    /// <summary>The checksums of a section's blocks: those of the manifest, or those that the bytes have where it has none.</summary>
    /// <exception cref="VlcFormatException">The manifest has none, and the section's bytes are not those that were written.</exception>
    public uint[] BlockChecksumsOf(IndexSection section)
    {
        if (_blocks.TryGetValue(section, out uint[]? blocks)) return blocks;
        const int BytesAtOnce = 1 << 20;
        var digest = new SectionDigest();
        for (long offset = 0; offset < section.Length; offset += BytesAtOnce)
        {
            digest.Append(Bytes(section, offset, (int)Math.Min(BytesAtOnce, section.Length - offset)));
        }

        Compare(section, 0, section.Length, section.Checksum, digest.Checksum);
        return digest.Blocks;
    }

    public void Dispose()
    {
        foreach (CodeMemory memory in _memory.Values) memory.Dispose();
    }

    /// <summary>The bytes of a section that lies in the manifest; null where there is none.</summary>
    public byte[]? Inline(SectionKind kind) => _inline(kind);

    /// <summary>Copies a whole file.</summary>
    public void CopyTo(IndexFileId file, Stream stream)
    {
        const int BytesAtOnce = 1 << 20;
        CodeMemory memory = _memory[file];
        for (long offset = 0; offset < memory.Length; offset += BytesAtOnce)
        {
            stream.Write(memory.Slice(offset, (int)Math.Min(BytesAtOnce, memory.Length - offset)));
        }
    }

    /// <summary>The memory of the file in which a section lies.</summary>
    public CodeMemory MemoryOf(IndexSection section) => _memory[section.FileId];

    /// <summary>A section that must be there, as bytes with a layout of their own.</summary>
    /// <exception cref="VlcFormatException">There is none, or it is another matrix.</exception>
    public IndexSection RequireBytes(SectionKind kind, int segment = 0) =>
        Manifest.Find(kind, segment) is { Element: SectionElement.Bytes } section
            ? section
            : throw new VlcFormatException(
                Files.Path(IndexFile.Manifest), $"section {kind}", "its bytes", Manifest.Find(kind, segment)?.ToString() ?? "none",
                    Damaged);

    /// <summary>All bytes of a section that has a place in a file of its own.</summary>
    /// <exception cref="VlcFormatException">There is none, or it is too long to be read at once.</exception>
    public ReadOnlySpan<byte> AllBytes(SectionKind kind)
    {
        IndexSection section = RequireBytes(kind);
        if (section.File == IndexFile.Manifest || section.Length > int.MaxValue)
        {
            throw new VlcFormatException(
                Files.Path(IndexFile.Manifest), $"section {kind}", "a file of its own below 2 GiB", section.ToString());
        }

        // No search needs this file, so that it is checked when it is read.
        if (section.File == IndexFile.Encoder && _options.Checksums != ChecksumPolicy.Never) Check(section);
        return Bytes(section, 0, (int)section.Length);
    }

    /// <summary>A matrix of float16 as float32.</summary>
    /// <exception cref="VlcFormatException">Another shape, or a number that is not finite.</exception>
    public float[] ReadHalfMatrix(SectionKind kind, int rows, int columns)
    {
        IndexSection section = Require(kind, SectionElement.Float16, (uint)rows, (uint)columns);
        var values = new float[rows * columns];
        for (int row = 0; row < rows; row++)
        {
            TensorPrimitives.ConvertToSingle(
                MemoryMarshal.Cast<byte, Half>(Bytes(section, row * (long)columns * 2, columns * 2)),
                values.AsSpan(row * columns, columns));
        }

        CheckFinite(values, kind);
        return values;
    }

    /// <summary>Throws unless all values of a section are finite.</summary>
    public void CheckFinite(float[] values, SectionKind kind)
    {
        if (TensorPrimitives.IsFiniteAll<float>(values)) return;
        int place = Array.FindIndex(values, value => !float.IsFinite(value));
        IndexSection section = Manifest.Find(kind)!;
        throw new VlcFormatException(
            Files.Path(section.FileId), $"offset {section.Offset + ((long)place * ElementBytes(section.Element))}", "a finite number",
            $"{values[place]}", "The file is damaged; rebuild the index.");
    }

    /// <summary>A section that must be a matrix of this shape.</summary>
    /// <exception cref="VlcFormatException">There is none, or it is of another shape.</exception>
    public IndexSection Require(SectionKind kind, SectionElement element, uint rows, uint columns, int segment = 0)
    {
        IndexSection? section = Manifest.Find(kind, segment);
        long bytes = (long)rows * columns * ElementBytes(element);
        bool inline = kind is SectionKind.AxisScales or SectionKind.CodedAxes;
        if (section is null || (section.File == IndexFile.Manifest) != inline || section.Element != element || section.Rows != rows
            || section.Columns != columns || section.Length != bytes)
        {
            throw new VlcFormatException(
                Files.Path(IndexFile.Manifest), $"section {kind}", $"{rows} x {columns} {element}, {bytes} bytes",
                    section?.ToString() ?? "none",
                Damaged);
        }

        return section;
    }

    /// <summary>A part of a section that lies in a file of its own.</summary>
    public ReadOnlySpan<byte> Bytes(IndexSection section, long offset, int length) =>
        MemoryOf(section).Slice(section.Offset + offset, length);

    public static int ElementBytes(SectionElement element) => element switch
    {
        SectionElement.Float16 => 2,
        SectionElement.Float32 or SectionElement.UInt32 => 4,
        _ => 1,
    };

    private static byte[]? Inline(Manifest manifest, byte[] bytes, SectionKind kind) =>
        manifest.Find(kind) is { File: IndexFile.Manifest } section ? bytes.AsSpan((int)section.Offset, (int)section.Length).ToArray()
            : null;

    private static CodeMemory Map(IndexFiles files, IndexFileId file, bool inMemory)
    {
        string path = files.Path(file);
        if (!File.Exists(path)) throw IndexFiles.Missing(path);
        return inMemory ? NativeBytes.Read(path) : new MappedFile(path);
    }

    /// <summary>Checksums of the blocks of a section; a section of one block has its own. Null where an older version has none.</summary>
    private uint[]? TryBlocksOf(IndexSection section)
    {
        if (Manifest.Version == 1 || section.Length == 0) return null;
        return _blocks.TryGetValue(section, out uint[]? blocks) ? blocks : section.Length <= SectionDigest.BlockBytes ? [section.Checksum]
            : null;
    }

    private void ReadBlockChecksums()
    {
        if (_inline(SectionKind.BlockChecksums) is not { } bytes) return;
        ReadOnlySpan<uint> rest = MemoryMarshal.Cast<byte, uint>(bytes);
        long expected = 0;
        foreach (IndexSection section in Manifest.Sections.Where(SectionDigest.HasBlocks))
            expected += SectionDigest.BlockCount(section.Length);
        if (bytes.Length != expected * sizeof(uint))
        {
            throw new VlcFormatException(
                Files.Path(IndexFile.Manifest), $"section {SectionKind.BlockChecksums}", $"{expected * sizeof(uint)} bytes",
                    $"{bytes.Length}", Damaged);
        }

        foreach (IndexSection section in Manifest.Sections.Where(SectionDigest.HasBlocks))
        {
            int count = (int)SectionDigest.BlockCount(section.Length);
            _blocks[section] = rest[..count].ToArray();
            rest = rest[count..];
        }
    }

    /// <summary>
    /// Checks what an opened index is made of. Of what is read piece by piece the first block is: it shows a file of another index.
    /// </summary>
    private void CheckOpened()
    {
        if (_options.Checksums == ChecksumPolicy.Never || Manifest.Version == 1) return;
        foreach (IndexSection section in Manifest.Sections)
        {
            bool atOpen = _options.Checksums == ChecksumPolicy.AtOpen;
            if (section.File == IndexFile.Manifest || (section.File == IndexFile.Encoder && !atOpen)) continue;
            if (atOpen || !SectionDigest.IsReadByPieces(section.Kind)) Check(section);
            else if (TryBlocksOf(section) is { } blocks) Check(section, 0, Math.Min(SectionDigest.BlockBytes, section.Length), blocks[0]);
        }
    }

    private void Compare(IndexSection section, long offset, long length, uint expected, uint computed)
    {
        if (computed == expected) return;
        long first = section.Offset + offset;
        throw new VlcFormatException(
            Files.Path(section.FileId), $"section {section.Kind}, offset {first} to {first + length - 1}", $"checksum 0x{expected:X8}",
                $"0x{computed:X8}",
            "Bytes have changed since the index was written, or the file is of another index; rebuild it or restore a copy.");
    }
}
