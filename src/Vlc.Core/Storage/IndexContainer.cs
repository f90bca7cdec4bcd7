using Microsoft.Win32.SafeHandles;
using Vlc.Numerics.Memory;

namespace Vlc.Storage;

/// <summary>Where the files of an index are written: a folder, or memory. Nothing of what is staged is the index's before it is committed.</summary>
internal abstract class IndexContainer : IDisposable
{
    /// <summary>Names of the files, for messages, with those that are staged under the names that they have until the commit.</summary>
    public abstract IndexFiles Files { get; }

    /// <summary>Starts a file that is written from beginning to end.</summary>
    public abstract Stream Create(IndexFileId file);

    /// <summary>Starts a file of known length that is written in pieces, in any order and by any threads.</summary>
    public abstract PlacedFile CreatePlaced(IndexFileId file, long length);

    /// <summary>Starts the output of a pass that nobody goes on from.</summary>
    public abstract PassLog CreateLog();

    /// <summary>Opens the committed state.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="VlcFormatException">A file is missing, damaged, or of a later version.</exception>
    public abstract SectionReader OpenCommitted();

    /// <summary>Takes the output of a pass over as a file.</summary>
    public abstract void Adopt(PassLog log, IndexFileId file);

    /// <summary>Opens a file as the state being written has it: the staged one, or the old one where the new state keeps it.</summary>
    public abstract CodeMemory Open(IndexFileId file);

    /// <summary>Makes the manifest, with all files that it names, the state of the index.</summary>
    public abstract void Commit(byte[] manifest, Manifest parsed);

    /// <summary>Forgets everything that is staged.</summary>
    public abstract void Discard();

    /// <summary>Lets other writers in.</summary>
    public virtual void Dispose()
    {
    }
}

/// <summary>A file of known length that is written in pieces.</summary>
internal abstract class PlacedFile : IDisposable
{
    /// <summary>Writes a piece; pieces of different threads do not overlap.</summary>
    public abstract void Write(ReadOnlySpan<byte> bytes, long offset);

    /// <summary>Reads back what was written.</summary>
    public abstract void Read(Span<byte> bytes, long offset);

    /// <summary>Brings everything to where it stays.</summary>
    public abstract void Flush();

    public virtual void Dispose()
    {
    }
}

/// <summary>A folder.</summary>
internal sealed class FolderContainer : IndexContainer
{
    private const int BufferBytes = 1 << 20;

    private readonly string _basePath;
    private readonly HashSet<IndexFileId> _staged = [];
    private readonly IndexFiles _stagedFiles;
    private readonly FileStream _lock;

    /// <summary>Readies the folder: keeps other writers out, finishes a commit that was cut short, and removes leftovers.</summary>
    /// <param name="basePath">BASE; its folder exists.</param>
    /// <exception cref="IOException">Another writer is at work.</exception>
    public FolderContainer(string basePath)
    {
        _basePath = basePath;
        _lock = IndexFiles.Lock(basePath);
        try
        {
            IndexFiles.Recover(basePath);
        }
        catch
        {
            _lock.Dispose();
            throw;
        }

        _stagedFiles = IndexFiles.Staged(basePath);
        Files = IndexFiles.Mixed(basePath, _staged.Contains);
    }

    /// <summary>A container whose folder is made if there is none.</summary>
    /// <exception cref="IOException">Another writer is at work.</exception>
    public static FolderContainer Create(string basePath)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(basePath))!);
        return new FolderContainer(basePath);
    }

    /// <summary>The container of an index that is there.</summary>
    /// <exception cref="FileNotFoundException">There is no index under this name.</exception>
    /// <exception cref="IOException">Another writer is at work.</exception>
    public static FolderContainer OfExisting(string basePath)
    {
        _ = IndexFiles.Resolve(basePath);
        return new FolderContainer(basePath);
    }

    public override IndexFiles Files { get; }

    public override Stream Create(IndexFileId file)
    {
        _staged.Add(file);
        return new FlushedFileStream(_stagedFiles.Path(file));
    }

    public override PlacedFile CreatePlaced(IndexFileId file, long length)
    {
        _staged.Add(file);
        return new PlacedOnDisk(_stagedFiles.Path(file), length);
    }

    public override PassLog CreateLog() => new(IndexFiles.Beside(_basePath, IndexFiles.UpdateLog), [], interval: null);

    public override SectionReader OpenCommitted() => SectionReader.Open(_basePath);

    public override void Adopt(PassLog log, IndexFileId file)
    {
        _staged.Add(file);
        log.MoveTo(_stagedFiles.Path(file));
    }

    public override CodeMemory Open(IndexFileId file)
    {
        string path = Files.Path(file);
        return File.Exists(path) ? new MappedFile(path) : throw IndexFiles.Missing(path);
    }

    public override void Commit(byte[] manifest, Manifest parsed)
    {
        using (var stream = new FileStream(
            _stagedFiles.Path(IndexFile.Manifest), FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0))
        {
            stream.Write(manifest);
            stream.Flush(flushToDisk: true);
        }

        _staged.Clear();
        IndexFiles.FinishCommit(_basePath, parsed);
    }

    public override void Discard()
    {
        foreach (IndexFileId file in _staged) File.Delete(_stagedFiles.Path(file));
        _staged.Clear();
    }

    public override void Dispose()
    {
        base.Dispose();
        _lock.Dispose();
    }

    /// <summary>A new file whose flush reaches the disk: a commit must never name bytes that are not there.</summary>
    private sealed class FlushedFileStream(string path) : FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, BufferBytes)
    {
        public override void Flush() => Flush(flushToDisk: true);
    }

    private sealed class PlacedOnDisk : PlacedFile
    {
        private readonly string _path;
        private readonly SafeFileHandle _handle;

        public PlacedOnDisk(string path, long length)
        {
            _path = path;
            _handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, FileOptions.None, length);
            RandomAccess.SetLength(_handle, length);
        }

        public override void Write(ReadOnlySpan<byte> bytes, long offset) => RandomAccess.Write(_handle, bytes, offset);

        public override void Read(Span<byte> bytes, long offset)
        {
            while (!bytes.IsEmpty)
            {
                int read = RandomAccess.Read(_handle, bytes, offset);
                if (read == 0) throw new IOException($"{_path}: the file was shortened while it was written.");
                bytes = bytes[read..];
                offset += read;
            }
        }

        public override void Flush() => RandomAccess.FlushToDisk(_handle);

        public override void Dispose()
        {
            base.Dispose();
            _handle.Dispose();
        }
    }
}

/// <summary>Memory: the files of an index that is built, or read from a stream, without a folder.</summary>
internal sealed class MemoryContainer : IndexContainer
{
    private readonly Dictionary<IndexFileId, Func<byte[]>> _staged = [];
    private Dictionary<IndexFileId, byte[]> _committed = [];

    public MemoryContainer() =>
        Files = IndexFiles.InMemory(file => _committed.TryGetValue(file, out byte[]? content) ? content.Length : null);

    /// <summary>A container of files that are there.</summary>
    public MemoryContainer(IReadOnlyDictionary<IndexFileId, byte[]> files)
        : this() => _committed = new(files);

    public override IndexFiles Files { get; }

    /// <summary>The files of the committed state.</summary>
    public IReadOnlyDictionary<IndexFileId, byte[]> Committed => _committed;

    public override Stream Create(IndexFileId file)
    {
        var stream = new MemoryStream();
        _staged[file] = stream.ToArray;
        return stream;
    }

    public override PlacedFile CreatePlaced(IndexFileId file, long length)
    {
        byte[] bytes = new byte[Checked(file, length)];
        _staged[file] = () => bytes;
        return new PlacedInMemory(bytes);
    }

    public override PassLog CreateLog() => new();

    public override SectionReader OpenCommitted() => SectionReader.Open(this);

    public override void Adopt(PassLog log, IndexFileId file)
    {
        byte[] bytes = new byte[Checked(file, log.Length)];
        log.Read(0, bytes);
        _staged[file] = () => bytes;
    }

    public override CodeMemory Open(IndexFileId file)
    {
        byte[]? bytes = _staged.TryGetValue(file, out Func<byte[]>? staged) ? staged() : _committed.GetValueOrDefault(file);
        if (bytes is null) throw IndexFiles.Missing(Files.Path(file));
        var memory = new NativeBytes(bytes.Length);
        bytes.CopyTo(memory.Writable(0, bytes.Length));
        return memory;
    }

    public override void Commit(byte[] manifest, Manifest parsed)
    {
        var files = new Dictionary<IndexFileId, byte[]> { [IndexFileId.Manifest] = manifest };
        foreach (IndexFileId file in parsed.Files) files[file] = _staged.TryGetValue(file, out Func<byte[]>? staged) ? staged() : _committed[file];
        _committed = files;
        _staged.Clear();
    }

    public override void Discard() => _staged.Clear();

    private int Checked(IndexFileId file, long length) => length <= Array.MaxLength
        ? (int)length
        : throw new IOException(
            $"{Files.Path(file)} would take {length} bytes; a file of an index in memory holds at most {Array.MaxLength}. Build the index in a folder.");

    private sealed class PlacedInMemory(byte[] content) : PlacedFile
    {
        public override void Write(ReadOnlySpan<byte> bytes, long offset) => bytes.CopyTo(content.AsSpan((int)offset));

        public override void Read(Span<byte> bytes, long offset) => content.AsSpan((int)offset, bytes.Length).CopyTo(bytes);

        public override void Flush()
        {
        }
    }
}
