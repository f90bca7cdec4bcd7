using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Vlc.Storage;

/// <summary>Writes an index's files under temporary names and commits them at once; disposed without a commit, it leaves no trace.</summary>
internal sealed class IndexWriter : IDisposable
{
    private const int BufferBytes = 1 << 20;

    private readonly string _basePath;
    private readonly List<IndexSection> _sections = [];
    private readonly List<byte[]> _inline = [];
    private bool _committed;

    /// <summary>Readies the folder: finishes a commit that was cut short and removes leftovers.</summary>
    public IndexWriter(string basePath)
    {
        _basePath = basePath;
        string folder = Path.GetDirectoryName(Path.GetFullPath(basePath))!;
        Directory.CreateDirectory(folder);
        IndexFiles.Recover(basePath);
        Staged = IndexFiles.Staged(basePath);
    }

    public IndexFiles Staged { get; }

    public IReadOnlyList<IndexSection> Sections => _sections;

    /// <summary>Writes a section as a file of its own.</summary>
    public void WriteSection<T>(SectionKind kind, IndexFile file, SectionElement element, ReadOnlySpan<T> values, uint rows, uint columns)
        where T : unmanaged
    {
        using SectionStream stream = OpenSection(kind, file, element, rows, columns);
        stream.Write(MemoryMarshal.AsBytes(values));
        stream.Complete();
    }

    /// <summary>Writes sections that follow one another in one file, each bytes with a layout of their own.</summary>
    public void WriteFile(IndexFile file, params ReadOnlySpan<(SectionKind Kind, byte[] Content)> contents)
    {
        using var stream = new FileStream(Staged.Path(file), FileMode.CreateNew, FileAccess.Write, FileShare.Read, BufferBytes);
        long offset = 0;
        foreach ((SectionKind kind, byte[] content) in contents)
        {
            stream.Write(content);
            _sections.Add(new IndexSection(kind, file, SectionElement.Bytes, Crc32C.Compute(content), offset, content.Length, 0, 0));
            offset += content.Length;
        }

        stream.Flush(flushToDisk: true);
    }

    /// <summary>Adds a section that lies in the manifest.</summary>
    public void AddInline<T>(SectionKind kind, SectionElement element, ReadOnlySpan<T> values, uint rows, uint columns)
        where T : unmanaged
    {
        _sections.Add(new IndexSection(kind, IndexFile.Manifest, element, 0, 0, values.Length * (long)Marshal.SizeOf<T>(), rows, columns));
        _inline.Add(MemoryMarshal.AsBytes(values).ToArray());
    }

    /// <summary>Content of an inline section, for a reader of the staged index.</summary>
    public byte[]? FindInline(SectionKind kind)
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

    /// <summary>Starts a section that fills a file of its own, written piece by piece.</summary>
    public SectionStream OpenSection(SectionKind kind, IndexFile file, SectionElement element, uint rows, uint columns)
    {
        var stream = new FileStream(Staged.Path(file), FileMode.CreateNew, FileAccess.Write, FileShare.Read, BufferBytes);
        return new SectionStream(this, stream, kind, file, element, rows, columns);
    }

    /// <summary>Starts a section that fills a file of its own, of known length, written in pieces that may come in any order.</summary>
    public PlacedSection OpenPlaced(SectionKind kind, IndexFile file, long length) => new(this, kind, file, length);

    /// <summary>Takes a whole file over as a section.</summary>
    public void AdoptSection(PassLog content, SectionKind kind, IndexFile file, SectionElement element, uint rows, uint columns)
    {
        content.MoveTo(Staged.Path(file));
        _sections.Add(new IndexSection(kind, file, element, content.Checksum, 0, content.Length, rows, columns));
    }

    /// <summary>Writes the manifest, which commits the index, and renames the files.</summary>
    public Manifest Commit(Manifest manifest)
    {
        byte[] bytes = manifest.Serialize(_inline, out _);
        using (var stream = new FileStream(Staged.Path(IndexFile.Manifest), FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0))
        {
            stream.Write(bytes);
            stream.Flush(flushToDisk: true);
        }

        _committed = true;
        Manifest written = Manifest.Parse(bytes, Staged);
        IndexFiles.FinishCommit(_basePath, written);
        return written;
    }

    public void Dispose()
    {
        if (_committed) return;
        foreach (IndexFile file in IndexFiles.All) File.Delete(Staged.Path(file));
    }

    /// <summary>One section being written; its checksum grows with it.</summary>
    internal sealed class SectionStream(
        IndexWriter writer, FileStream stream, SectionKind kind, IndexFile file, SectionElement element, uint rows, uint columns) : IDisposable
    {
        private uint _checksum = Crc32C.Start;
        private long _length;

        public void Write(ReadOnlySpan<byte> bytes)
        {
            _checksum = Crc32C.Append(_checksum, bytes);
            _length += bytes.Length;
            stream.Write(bytes);
        }

        /// <summary>Flushes to disk and enters the section into the writer's table.</summary>
        public void Complete()
        {
            stream.Flush(flushToDisk: true);
            writer._sections.Add(new IndexSection(kind, file, element, Crc32C.Finish(_checksum), 0, _length, rows, columns));
        }

        public void Dispose() => stream.Dispose();
    }

    /// <summary>One section being written in any order, by any threads; its checksum is taken at the end.</summary>
    internal sealed class PlacedSection : IDisposable
    {
        private readonly IndexWriter _writer;
        private readonly SectionKind _kind;
        private readonly IndexFile _file;
        private readonly long _length;
        private readonly SafeFileHandle _handle;

        public PlacedSection(IndexWriter writer, SectionKind kind, IndexFile file, long length)
        {
            (_writer, _kind, _file, _length) = (writer, kind, file, length);
            _handle = File.OpenHandle(writer.Staged.Path(file), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, FileOptions.None, length);
            RandomAccess.SetLength(_handle, length);
        }

        public void Write(ReadOnlySpan<byte> bytes, long offset) => RandomAccess.Write(_handle, bytes, offset);

        /// <summary>Flushes to disk and enters the section into the writer's table.</summary>
        public void Complete()
        {
            uint checksum = Crc32C.Start;
            var buffer = new byte[BufferBytes];
            for (long offset = 0; offset < _length;)
            {
                int read = RandomAccess.Read(_handle, buffer.AsSpan(0, (int)Math.Min(buffer.Length, _length - offset)), offset);
                if (read == 0) throw new IOException($"{_writer.Staged.Path(_file)}: the file was shortened while it was written.");
                checksum = Crc32C.Append(checksum, buffer.AsSpan(0, read));
                offset += read;
            }

            RandomAccess.FlushToDisk(_handle);
            _writer._sections.Add(new IndexSection(_kind, _file, SectionElement.Bytes, Crc32C.Finish(checksum), 0, _length, 0, 0));
        }

        public void Dispose() => _handle.Dispose();
    }
}
