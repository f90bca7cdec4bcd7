using System.Runtime.InteropServices;

namespace Vlc.Storage;

/// <summary>
/// Writes the sections of a new state of an index and commits them at once; disposed without a commit, it leaves no trace.
/// </summary>
internal sealed class SectionWriter(IndexContainer container) : IDisposable
{
    private readonly List<IndexSection> _sections = [];
    private readonly List<byte[]> _inline = [];

    /// <summary>Checksums of blocks of the sections that have some.</summary>
    private readonly Dictionary<IndexSection, uint[]> _blocks = [];
    private bool _committed;

    /// <summary>What was just written is read without being checked.</summary>
    private static readonly OpenOptions Unchecked = new() { Checksums = ChecksumPolicy.Never };

    public IReadOnlyList<IndexSection> Sections => _sections;

    /// <summary>Takes a section of the old state over, in the file where it is.</summary>
    /// <param name="section">The section.</param>
    /// <param name="old">The old state.</param>
    public void Keep(IndexSection section, SectionReader old)
    {
        // Blocks are named anew: there may be others.
        if (section.Kind == SectionKind.BlockChecksums) return;
        _sections.Add(section);
        if (section.File == IndexFile.Manifest) _inline.Add(old.Inline(section.Kind)!);
        else if (SectionDigest.HasBlocks(section)) _blocks[section] = old.BlockChecksumsOf(section);
    }

    /// <summary>Writes a section as a file of its own.</summary>
    public void WriteSection<T>(SectionKind kind, IndexFileId file, SectionElement element, ReadOnlySpan<T> values, uint rows, uint columns)
        where T : unmanaged
    {
        using SectionStream stream = OpenSection(kind, file, element, rows, columns);
        stream.Write(MemoryMarshal.AsBytes(values));
        stream.Complete();
    }

    /// <summary>Writes sections that follow one another in one file, each bytes with a layout of their own.</summary>
    public void WriteFile(IndexFileId file, params ReadOnlySpan<(SectionKind Kind, byte[] Content)> contents)
    {
        using Stream stream = container.Create(file);
        long offset = 0;
        foreach ((SectionKind kind, byte[] content) in contents)
        {
            stream.Write(content);
            var digest = new SectionDigest();
            digest.Append(content);
            Add(digest, new IndexSection(kind, file.File, SectionElement.Bytes, digest.Checksum, offset, content.Length, 0, 0,
                file.Segment));
            offset += content.Length;
        }

        stream.Flush();
    }

    /// <summary>Adds a section that lies in the manifest.</summary>
    public void AddInline<T>(SectionKind kind, SectionElement element, ReadOnlySpan<T> values, uint rows, uint columns)
        where T : unmanaged
    {
        _sections.Add(new IndexSection(kind, IndexFile.Manifest, element, 0, 0, values.Length * (long)Marshal.SizeOf<T>(), rows, columns));
        _inline.Add(MemoryMarshal.AsBytes(values).ToArray());
    }

    /// <summary>Starts a section that fills a file of its own, written piece by piece.</summary>
    public SectionStream OpenSection(SectionKind kind, IndexFileId file, SectionElement element, uint rows, uint columns) =>
        new(this, container.Create(file), kind, file, element, rows, columns);

    /// <summary>Starts a section that fills a file of its own, of known length, written in pieces that may come in any order.</summary>
    public PlacedSection OpenPlaced(SectionKind kind, IndexFileId file, long length) => new(this, kind, file, length);

    /// <summary>Takes the whole output of a pass over as a section.</summary>
    public void AdoptSection(PassLog content, SectionKind kind, IndexFileId file, SectionElement element, uint rows, uint columns)
    {
        container.Adopt(content, file);
        Add(content.Digest, new IndexSection(kind, file.File, element, content.Digest.Checksum, 0, content.Length, rows, columns,
            file.Segment));
    }

    /// <summary>A reader of what has been written so far.</summary>
    /// <param name="manifest">Describes it.</param>
    public SectionReader Read(Manifest manifest) => new(container.Files, manifest, default, FindInline, container.Open, Unchecked);

    /// <summary>Writes the manifest, which commits the new state.</summary>
    /// <param name="manifest">Describes it, but for the checksums of blocks.</param>
    public Manifest Commit(Manifest manifest)
    {
        uint[] blocks = [.. _sections.Where(_blocks.ContainsKey).SelectMany(section => _blocks[section])];
        if (blocks.Length > 0)
        {
            AddInline<uint>(SectionKind.BlockChecksums, SectionElement.UInt32, blocks, (uint)blocks.Length, 1);
            manifest = manifest.With(_sections);
        }

        byte[] bytes = manifest.Serialize(_inline, out _);
        Manifest written = Manifest.Parse(bytes, container.Files);
        container.Commit(bytes, written);
        _committed = true;
        return written;
    }

    public void Dispose()
    {
        if (!_committed) container.Discard();
    }

    private void Add(SectionDigest digest, IndexSection section)
    {
        _sections.Add(section);
        if (SectionDigest.HasBlocks(section)) _blocks[section] = digest.Blocks;
    }

    private byte[]? FindInline(SectionKind kind)
    {
        int next = 0;
        foreach (IndexSection section in _sections)
        {
            if (section.File != IndexFile.Manifest) continue;
            if (section.Kind == kind) return _inline[next];
            next++;
        }

        return null;
    }

    /// <summary>One section being written; its checksum grows with it.</summary>
    internal sealed class SectionStream(
        SectionWriter writer, Stream stream, SectionKind kind, IndexFileId file, SectionElement element, uint rows, uint columns)
            : IDisposable
    {
        private readonly SectionDigest _digest = new();

        /// <summary>Bytes so far.</summary>
        public long Length => _digest.Length;

        public void Write(ReadOnlySpan<byte> bytes)
        {
            _digest.Append(bytes);
            stream.Write(bytes);
        }

        /// <summary>Flushes to disk and enters the section into the writer's table.</summary>
        public void Complete()
        {
            stream.Flush();
            writer.Add(_digest, new IndexSection(kind, file.File, element, _digest.Checksum, 0, Length, rows, columns, file.Segment));
        }

        public void Dispose() => stream.Dispose();
    }

    /// <summary>One section being written in any order, by any threads; its checksum is taken at the end.</summary>
    internal sealed class PlacedSection(SectionWriter writer, SectionKind kind, IndexFileId file, long length) : IDisposable
    {
        private const int BufferBytes = 1 << 20;

        private readonly PlacedFile _file = writer.CreatePlaced(file, length);

        public void Write(ReadOnlySpan<byte> bytes, long offset) => _file.Write(bytes, offset);

        /// <summary>Flushes to disk and enters the section into the writer's table.</summary>
        public void Complete()
        {
            var digest = new SectionDigest();
            var buffer = new byte[(int)Math.Min(BufferBytes, length)];
            for (long offset = 0; offset < length; offset += buffer.Length)
            {
                Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - offset));
                _file.Read(piece, offset);
                digest.Append(piece);
            }

            _file.Flush();
            writer.Add(digest, new IndexSection(kind, file.File, SectionElement.Bytes, digest.Checksum, 0, length, 0, 0, file.Segment));
        }

        public void Dispose() => _file.Dispose();
    }

    private PlacedFile CreatePlaced(IndexFileId file, long length) => container.CreatePlaced(file, length);
}
