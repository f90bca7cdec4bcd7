using Vlc.Storage;

namespace Vlc.Indexing;

/// <summary>
/// Follows an index that others replace, add to, or compact while searches go on. A search takes the current state and keeps it to its end.
/// A reload makes a newer state current, and the old one gives its files back when the last search that took it is done. Safe for any
/// number of threads at once.
/// </summary>
/// <example>
/// <code>
/// using var handle = new IndexHandle("index");
/// using (VlcIndex index = handle.Acquire())
/// {
///     IReadOnlyList&lt;SearchHit&gt; hits = index.Search(query, 10);
/// }
///
/// handle.Reload();
/// </code>
/// </example>
public sealed class IndexHandle : IDisposable
{
    private readonly string _basePath;
    private readonly Lock _reload = new();
    private readonly Lock _swap = new();
    private VlcIndex _current;
    private bool _disposed;

    /// <summary>Opens the index.</summary>
    /// <param name="basePath">BASE, the common part of the files' names.</param>
    /// <exception cref="FileNotFoundException">There is no index under this name.</exception>
    /// <exception cref="VlcFormatException">A file is missing, damaged, or of a later version.</exception>
    public IndexHandle(string basePath)
    {
        _basePath = basePath;
        _current = VlcIndex.Open(basePath);
    }

    /// <summary>
    /// The current state, for the caller to use and to dispose of. Nothing is opened or copied. It stays as it is, whatever is reloaded
    /// meanwhile; row numbers and keys of one search belong to one state.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The handle has been disposed of.</exception>
    public VlcIndex Acquire()
    {
        lock (_swap)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _current.Share();
        }
    }

    /// <summary>Makes the state that is on disk now the current one.</summary>
    /// <returns>False where it is the current one already; nothing is opened then.</returns>
    /// <exception cref="FileNotFoundException">There is no index any more; the current state stays.</exception>
    /// <exception cref="VlcFormatException">A file is missing, damaged, or of a later version; the current state stays.</exception>
    /// <exception cref="ObjectDisposedException">The handle has been disposed of.</exception>
    public bool Reload()
    {
        lock (_reload)
        {
            using (VlcIndex current = Acquire())
            {
                // A manifest has the checksum of every section: the same manifest, the same index.
                if (IndexFiles.Resolve(_basePath).Manifest.AsSpan().SequenceEqual(current.ManifestContent)) return false;
            }

            VlcIndex opened = VlcIndex.Open(_basePath), retired;
            lock (_swap)
            {
                retired = _disposed ? opened : _current;
                if (!_disposed) _current = opened;
            }

            retired.Dispose();
            return true;
        }
    }

    /// <summary>Ends the use of the current state; what was acquired stays usable until it is disposed of.</summary>
    public void Dispose()
    {
        lock (_swap)
        {
            _disposed = true;
            _current.Dispose();
        }
    }
}
