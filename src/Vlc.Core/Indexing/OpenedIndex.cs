using Vlc.Codecs;
using Vlc.Search;
using Vlc.Segments;
using Vlc.Storage;

namespace Vlc.Indexing;

/// <summary>
/// The parts of an open index: files, model, segments, keys, search. They are given back when every owner and every lease are done, so that
/// no search ever reads memory that is gone. Whoever opened it is an owner.
/// </summary>
internal sealed class OpenedIndex
{
    /// <summary>One for each owner, and one for each lease; 0 once everything is given back.</summary>
    private int _references = 1;

    private OpenedIndex(SectionReader reader)
    {
        Reader = reader;
        CodecModel codec = CodecRegistry.Open(reader);
        try
        {
            Model = new IndexModel(reader.Manifest, codec);
            Deleted = DeletedRows.Read(reader);
            Segments = [.. reader.Manifest.Segments.Select((_, number) => Segment.Open(reader, number, codec, Deleted))];
            Keys = StoredKeys.Open(reader);
            Searcher = new IndexSearcher(Model, Segments);
        }
        catch
        {
            (Model as IDisposable ?? codec).Dispose();
            throw;
        }
    }

    public SectionReader Reader { get; }

    public Manifest Manifest => Reader.Manifest;

    public IndexModel Model { get; }

    public DeletedRows? Deleted { get; }

    public Segment[] Segments { get; }

    /// <summary>Null where rows have numbers alone.</summary>
    public StoredKeys? Keys { get; }

    public IndexSearcher Searcher { get; }

    /// <summary>Opens an index over its files; they are given back on a failure too.</summary>
    /// <exception cref="VlcFormatException">Sections that do not fit the manifest or one another.</exception>
    public static OpenedIndex Open(SectionReader reader)
    {
        try
        {
            return new OpenedIndex(reader);
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>Keeps everything until the lease is disposed of.</summary>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public Lease Acquire()
    {
        AddOwner();
        return new Lease(this);
    }

    /// <summary>Adds an owner, who releases the index once.</summary>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public void AddOwner()
    {
        int references = Volatile.Read(ref _references);
        while (true)
        {
            ObjectDisposedException.ThrowIf(references == 0, typeof(VlcIndex));
            int seen = Interlocked.CompareExchange(ref _references, references + 1, references);
            if (seen == references) return;
            references = seen;
        }
    }

    /// <summary>Ends an owner's use, once; the last one gives everything back.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _references) > 0) return;
        Searcher.Dispose();
        Model.Dispose();
        Reader.Dispose();
    }

    /// <summary>The right to use an index until this is disposed of, once.</summary>
    internal readonly struct Lease(OpenedIndex index) : IDisposable
    {
        public OpenedIndex Index => index;

        public void Dispose() => index.Release();
    }
}
