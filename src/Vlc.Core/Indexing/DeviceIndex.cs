using Vlc.Compute;
using Vlc.Diagnostics;
using Vlc.Search;

namespace Vlc.Indexing;

/// <summary>
/// An index whose codes lie on a device, which scans them for batches of queries; ranking of cells and the rotation of queries stay with
/// the processor. Used by one thread at a time. Results are those of <see cref="VlcIndex.SearchBatch"/>, bit for bit.
/// </summary>
public sealed class DeviceIndex : IDisposable
{
    private readonly OpenedIndex.Lease _lease;
    private readonly ICodeScanner[] _scanners;
    private bool _disposed;

    /// <summary>Loads the codes.</summary>
    /// <param name="lease">Disposed of with this.</param>
    /// <param name="backend">Where to.</param>
    internal DeviceIndex(OpenedIndex.Lease lease, ICodeScanBackend backend)
    {
        _scanners = lease.Index.Searcher.LoadOnto(backend);
        _lease = lease;
    }

    /// <summary>Most neighbours of a query.</summary>
    public int MostNeighbors => _scanners.Min(scanner => scanner.MostNeighbors);

    /// <summary>Bytes of code that a scan of every cell reads.</summary>
    public long CodeBytes => _scanners.Sum(scanner => scanner.CodeBytes);

    /// <summary>True where the codes do not fit the device and are copied anew for every batch.</summary>
    public bool IsStreamed => _scanners.Any(scanner => scanner.IsStreamed);

    /// <summary>Finds the nearest rows of many queries on the device.</summary>
    /// <param name="queries">Row-major, q x d.</param>
    /// <param name="k">Neighbours of each; 1 to <see cref="MostNeighbors"/>.</param>
    /// <param name="ids">Receives q x k row numbers; -1 where fewer were found.</param>
    /// <param name="scores">Receives q x k scores; NaN where fewer were found.</param>
    /// <param name="options">Null takes the defaults; threads are those that prepare queries.</param>
    /// <param name="cancellationToken">Checked between launches.</param>
    /// <exception cref="ArgumentException">As for a search, or k is more than the device has room for.</exception>
    public void SearchBatch(
        ReadOnlyMemory<float> queries, int k, Memory<int> ids, Memory<float> scores, SearchOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        if (k > MostNeighbors)
        {
            throw new ArgumentException(
                $"{k} neighbours: a device finds at most {MostNeighbors} of each query. Search on the processor.", nameof(k));
        }

        ObjectDisposedException.ThrowIf(_disposed, this);
        options ??= SearchOptions.Default;
        options.RefuseRerank("A search on a device");
        SearchObservation? observation = VlcTelemetry.ObserveSearch("device");
        _lease.Index.Searcher.SearchOnDevice(_scanners, queries, k, ids, scores, options, cancellationToken);
        observation?.End(queries.Length / _lease.Index.Manifest.Dimension);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        foreach (ICodeScanner scanner in _scanners) scanner.Dispose();
        _lease.Dispose();
    }
}
