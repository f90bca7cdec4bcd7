using Vlc.Numerics.Memory;

namespace Vlc.Storage;

/// <summary>
/// Where the files of an index are written: a folder, or memory. Nothing of what is staged is the index's before it is committed.
/// </summary>
internal abstract class IndexContainer : IDisposable
{
    /// <summary>Names of the files, for messages, with those that are staged under the names that they have until the commit.</summary>
    public abstract IndexFiles Files { get; }

    /// <summary>Refuses to begin what there is no room for.</summary>
    /// <param name="bytes">Bytes that will be needed at least.</param>
    /// <exception cref="IOException">There are not as many.</exception>
    public virtual void RequireSpace(long bytes)
    {
    }

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
        foreach (IndexFileId file in parsed.Files)
        {
            files[file] = _staged.TryGetValue(file, out Func<byte[]>? staged) ? staged() : _committed[file];
        }

        _committed = files;
        _staged.Clear();
    }

    public override void Discard() => _staged.Clear();

    private int Checked(IndexFileId file, long length) => length <= Array.MaxLength
        ? (int)length
        : throw new IOException(
            $"{Files.Path(file)} would take {length} bytes; a file of an index in memory holds at most {Array.MaxLength}. "
            + "Build the index in a folder.");

    private sealed class PlacedInMemory(byte[] content) : PlacedFile
    {
        public override void Write(ReadOnlySpan<byte> bytes, long offset) => bytes.CopyTo(content.AsSpan((int)offset));

        public override void Read(Span<byte> bytes, long offset) => content.AsSpan((int)offset, bytes.Length).CopyTo(bytes);

        public override void Flush()
        {
        }
    }
}
