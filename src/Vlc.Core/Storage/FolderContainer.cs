using Microsoft.Win32.SafeHandles;
using Vlc.Numerics.Memory;

namespace Vlc.Storage;

/// <summary>A folder. It is held by one writer, from the first to the last write, until this is disposed of.</summary>
internal sealed class FolderContainer : IndexContainer
{
    private const int BufferBytes = 1 << 20;

    private readonly string _basePath;
    private readonly string _folder;
    private readonly FolderActions _actions;
    private readonly IndexLock _lock;

    /// <summary>Files that are staged, and where they lie now.</summary>
    private readonly Dictionary<IndexFileId, string> _staged = [];
    private readonly IndexFiles _writing;

    private FolderContainer(string basePath, FolderActions? actions)
    {
        _basePath = basePath;
        _actions = actions ?? FolderActions.System;
        _writing = IndexFiles.Writing(basePath);
        Files = IndexFiles.Mixed(basePath, _staged.ContainsKey);
        _folder = FolderActions.FolderOf(_writing.Path(IndexFile.Manifest));
        _lock = IndexLock.Acquire(basePath);
        try
        {
            IndexFiles.Recover(basePath, _actions);
        }
        catch
        {
            _lock.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Readies the folder: makes it, takes the hold of the index, finishes a commit that was cut short, and removes leftovers.
    /// </summary>
    /// <param name="basePath">BASE of the index.</param>
    /// <param name="actions">The steps of a commit; the system's unless given.</param>
    /// <exception cref="ArgumentException">No index can lie under this name.</exception>
    /// <exception cref="IOException">Another writer holds the index.</exception>
    public static FolderContainer Create(string basePath, FolderActions? actions = null)
    {
        IndexFiles.CheckBase(basePath);
        Directory.CreateDirectory(FolderActions.FolderOf(basePath));
        return new FolderContainer(basePath, actions);
    }

    /// <summary>Readies the folder of an index that is there.</summary>
    /// <param name="basePath">BASE of the index.</param>
    /// <param name="actions">The steps of a commit; the system's unless given.</param>
    /// <exception cref="FileNotFoundException">There is no index under this name.</exception>
    /// <exception cref="IOException">Another writer holds the index.</exception>
    public static FolderContainer OfExisting(string basePath, FolderActions? actions = null)
    {
        _ = IndexFiles.Resolve(basePath);
        return new FolderContainer(basePath, actions);
    }

    public override IndexFiles Files { get; }

    /// <summary>The kind of the network file system that the folder lies on; null for a local one.</summary>
    public string? NetworkFileSystem => IndexLock.NetworkFileSystem(_folder);

    /// <summary>Refuses to begin what the disk has no room for.</summary>
    /// <param name="bytes">Bytes that will be needed at least.</param>
    /// <exception cref="IOException">There are not as many.</exception>
    public override void RequireSpace(long bytes)
    {
        long free;
        try
        {
            free = new DriveInfo(_folder).AvailableFreeSpace;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // A share that does not say: writing will tell.
            return;
        }

        if (free >= bytes) return;
        throw new IOException(
            $"{_folder} has {free >> 10:N0} KiB free; the build needs {bytes >> 10:N0} KiB at least. Make room, or choose another folder.");
    }

    public override Stream Create(IndexFileId file) => new FlushedFileStream(Stage(file), _actions);

    public override PlacedFile CreatePlaced(IndexFileId file, long length) => new PlacedOnDisk(Stage(file), length, _actions);

    public override PassLog CreateLog() => new(IndexFiles.UpdateLogOf(_basePath), [], clock: null);

    public override SectionReader OpenCommitted() => SectionReader.Open(_basePath);

    public override void Adopt(PassLog log, IndexFileId file) => log.MoveTo(Stage(file), _actions);

    public override CodeMemory Open(IndexFileId file)
    {
        string path = Files.Path(file);
        return File.Exists(path) ? new MappedFile(path) : throw IndexFiles.Missing(path);
    }

    public override void Commit(byte[] manifest, Manifest parsed)
    {
        IndexFiles committed = IndexFiles.Committed(_basePath, parsed);
        foreach (IndexFileId file in _staged.Keys.ToArray())
        {
            _actions.Move(_staged[file], committed.Path(file));
            _staged[file] = committed.Path(file);
        }

        _actions.FlushFolder(_folder);
        string unfinished = Stage(IndexFileId.Manifest);
        using (var stream = new FlushedFileStream(unfinished, _actions))
        {
            stream.Write(manifest);
            stream.Flush();
        }

        // The commit. What is staged is the index's from here on, also where a later step fails.
        _actions.Move(unfinished, committed.Path(IndexFile.Manifest));
        _staged.Clear();
        _actions.FlushFolder(_folder);
        IndexFiles.FinishCommit(_basePath, parsed, _actions);
    }

    public override void Discard()
    {
        foreach (string path in _staged.Values) File.Delete(path);
        _staged.Clear();
    }

    public override void Dispose()
    {
        base.Dispose();
        _lock.Dispose();
    }

    private string Stage(IndexFileId file) => _staged[file] = _writing.Path(file);

    /// <summary>A new file whose flush reaches the disk: a commit must never name bytes that are not there.</summary>
    private sealed class FlushedFileStream(string path, FolderActions actions)
        : FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, BufferBytes)
    {
        public override void Flush()
        {
            Flush(flushToDisk: false);
            actions.Flush(SafeFileHandle, Name);
        }
    }

    private sealed class PlacedOnDisk : PlacedFile
    {
        private readonly string _path;
        private readonly FolderActions _actions;
        private readonly SafeFileHandle _handle;

        public PlacedOnDisk(string path, long length, FolderActions actions)
        {
            (_path, _actions) = (path, actions);
            _handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, FileOptions.None, length);
            try
            {
                RandomAccess.SetLength(_handle, length);
            }
            catch
            {
                _handle.Dispose();
                throw;
            }
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

        public override void Flush() => _actions.Flush(_handle, _path);

        public override void Dispose()
        {
            base.Dispose();
            _handle.Dispose();
        }
    }
}

