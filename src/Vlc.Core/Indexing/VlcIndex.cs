using Vlc.Compute;
using Vlc.Diagnostics;
using Vlc.Evaluation;
using Vlc.Probing;
using Vlc.Scanning;
using Vlc.Search;
using Vlc.Segments;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Indexing;

/// <summary>
/// A compressed index, open for searching. Anchors and the lists of rows are in memory; the codes stay in their files, mapped. Safe for any
/// number of threads at once. <see cref="Dispose"/> lets running searches finish; later ones get an <see cref="ObjectDisposedException"/>.
/// </summary>
public sealed partial class VlcIndex : IDisposable
{
    private readonly OpenedIndex _opened;
    private int _disposed;

    private VlcIndex(OpenedIndex opened)
        : this(opened, IndexBytes.Of(opened.Manifest))
    {
    }

    private VlcIndex(OpenedIndex opened, IndexBytes bytes) => (_opened, Bytes) = (opened, bytes);

    /// <summary>The manifest.</summary>
    public Manifest Manifest => _opened.Manifest;

    /// <summary>n, the number of rows, deleted ones included: row numbers are below it.</summary>
    public int Count => Manifest.Count;

    /// <summary>Rows that are not deleted.</summary>
    public int AliveCount => Manifest.Count - Manifest.DeletedCount;

    /// <summary>d, components of a vector.</summary>
    public int Dimension => Manifest.Dimension;

    /// <summary>m, the number of anchors, and so of cells.</summary>
    public int AnchorCount => Manifest.AnchorCount;

    /// <summary>The metric.</summary>
    public Metric Metric => Manifest.Metric;

    /// <summary>Bytes of the files, by what needs them.</summary>
    public IndexBytes Bytes { get; }

    /// <summary>Bytes of everything that a search needs.</summary>
    public long TotalBytes => Bytes.Search;

    /// <summary>Those bytes over those of the vectors as float32: n · d · 4.</summary>
    public double Ratio => TotalBytes / ((double)Count * Dimension * sizeof(float));

    /// <summary>What the rows' keys are.</summary>
    public KeyKind KeyKind => _opened.Keys?.Kind ?? KeyKind.None;

    /// <summary>Opens an index of a folder.</summary>
    /// <param name="basePath">BASE, the common part of the files' names.</param>
    /// <exception cref="FileNotFoundException">There is no index under this name.</exception>
    /// <param name="options">When checksums are compared, and whether files are mapped; null takes the defaults.</param>
    /// <exception cref="VlcFormatException">A file is missing, damaged, or of a later version.</exception>
    public static VlcIndex Open(string basePath, OpenOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(basePath);
        return new VlcIndex(OpenedIndex.Open(SectionReader.Open(basePath, options)));
    }

    /// <summary>Reads an index that <see cref="Save(Stream)"/> wrote into memory.</summary>
    /// <param name="stream">A zip archive of the index's files; it is read from its position to its end, and left open.</param>
    /// <exception cref="VlcFormatException">Not such an archive, or an index that is damaged or of a later version.</exception>
    public static VlcIndex Open(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return new VlcIndex(OpenedIndex.Open(SectionReader.Open(IndexArchive.Read(stream))));
    }

    /// <summary>Builds an index in memory, without files.</summary>
    /// <param name="source">The vectors.</param>
    /// <param name="options">How to build; null takes the defaults.</param>
    /// <param name="progress">Hears how far the build has come.</param>
    /// <param name="cancellationToken">Stops the build.</param>
    /// <exception cref="ArgumentException">Options that do not fit the vectors.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static VlcIndex Build(
        VectorSource source, IndexOptions? options = null, IProgress<IndexProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var memory = new MemoryContainer();
        IndexBuilder.BuildInto(source, memory, PartialBuild.None, options ?? new IndexOptions(), progress, cancellationToken);
        return new VlcIndex(OpenedIndex.Open(SectionReader.Open(memory)));
    }

    /// <summary>Writes the whole index as one stream: a zip archive of its files, not compressed again.</summary>
    /// <param name="stream">Receives it.</param>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public void Save(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using OpenedIndex.Lease lease = Acquire();
        IndexArchive.Write(stream, lease.Index.Reader);
    }

    /// <summary>When a search with these options stops.</summary>
    /// <param name="options">Null takes the defaults.</param>
    /// <exception cref="ArgumentException">Less than one cell or row.</exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public ProbingPlan Plan(SearchOptions? options = null)
    {
        using OpenedIndex.Lease lease = Acquire();
        return lease.Index.Searcher.Plan(options ?? SearchOptions.Default);
    }

    /// <summary>Finds the nearest rows of one query.</summary>
    /// <param name="query">d finite floats; any length for cosine but 0.</param>
    /// <param name="ids">Receives row numbers, nearest first; its length is k.</param>
    /// <param name="scores">Receives the squared distance (l2), the cosine, or the product; as long as <paramref name="ids"/>.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <param name="cancellationToken">Checked between cells.</param>
    /// <returns>How many were found: fewer than k when the scanned cells, the filter or the threshold leave no more.</returns>
    /// <exception cref="ArgumentException">
    /// A query of another dimension, not finite, or without a direction; an index of another metric.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public int Search(
        ReadOnlySpan<float> query, Span<int> ids, Span<float> scores, SearchOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        using OpenedIndex.Lease lease = Acquire();
        options ??= SearchOptions.Default;
        SearchObservation? observation = VlcTelemetry.ObserveSearch("single");
        int found = options.Rerank is { } rerank
            ? SearchAndRerank(lease.Index.Searcher, query, ids, scores, options, rerank, observation, cancellationToken)
            : lease.Index.Searcher.Search(query, ids, scores, options, observation, cancellationToken);
        observation?.End(queries: 1);
        return found;
    }

    /// <summary>Finds the nearest rows of one query.</summary>
    /// <param name="query">d finite floats; any length for cosine but 0.</param>
    /// <param name="k">Rows wanted; at least 1.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <param name="cancellationToken">Checked between cells.</param>
    /// <returns>At most k rows, nearest first, with their keys where the index has some.</returns>
    /// <exception cref="ArgumentException">
    /// As for <see cref="Search(ReadOnlySpan{float}, Span{int}, Span{float}, SearchOptions?, CancellationToken)"/>.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public IReadOnlyList<SearchHit> Search(
        ReadOnlySpan<float> query, int k, SearchOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        using OpenedIndex.Lease lease = Acquire();
        k = Math.Min(k, AliveCount);
        var ids = new int[k];
        var scores = new float[k];
        int found = Search(query, ids, scores, options, cancellationToken);
        return Hits(lease.Index, ids.AsSpan(0, found), scores);
    }

    /// <summary>Finds every row whose score is at least as good as a threshold.</summary>
    /// <param name="query">d finite floats; any length for cosine but 0.</param>
    /// <param name="threshold">The largest squared distance (l2), or the least cosine or product.</param>
    /// <param name="options">Null scans every cell; probes, rows or a target recall scan fewer and may miss rows.</param>
    /// <param name="cancellationToken">Checked between cells.</param>
    /// <returns>The rows, nearest first, with their keys where the index has some.</returns>
    /// <exception cref="ArgumentException">
    /// As for a search; a threshold that is not finite; options that rank again by originals, or that have a threshold too.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public IReadOnlyList<SearchHit> SearchRange(
        ReadOnlySpan<float> query, float threshold, SearchOptions? options = null, CancellationToken cancellationToken = default)
    {
        using OpenedIndex.Lease lease = Acquire();
        options ??= SearchOptions.Default;
        options.RefuseRerank("A range search");
        SearchObservation? observation = VlcTelemetry.ObserveSearch("range");
        (int[] ids, float[] scores) = lease.Index.Searcher.SearchRange(query, threshold, options, observation, cancellationToken);
        observation?.End(queries: 1);
        return Hits(lease.Index, ids, scores);
    }

    /// <summary>Finds the nearest rows of many queries, on several threads; each query gets the result of a search of its own.</summary>
    /// <param name="queries">Row-major, q x d.</param>
    /// <param name="k">Neighbours of each; at least 1.</param>
    /// <param name="ids">Receives q x k row numbers; -1 where fewer were found.</param>
    /// <param name="scores">Receives q x k scores; NaN where fewer were found.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <param name="cancellationToken">Checked between blocks of queries.</param>
    /// <exception cref="ArgumentException">As for a search.</exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public void SearchBatch(
        ReadOnlyMemory<float> queries, int k, Memory<int> ids, Memory<float> scores, SearchOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        using OpenedIndex.Lease lease = Acquire();
        options ??= SearchOptions.Default;
        SearchObservation? observation = VlcTelemetry.ObserveSearch("batch");
        if (options.Rerank is { } rerank)
        {
            BatchAndRerank(lease.Index.Searcher, queries, k, ids, scores, options, rerank, observation, cancellationToken);
        }
        else
        {
            lease.Index.Searcher.SearchBatch(queries, k, ids, scores, options, observation, cancellationToken);
        }

        observation?.End(queries.Length / Dimension);
    }

    /// <summary><see cref="SearchBatch"/> on threads of the pool, with results as lists.</summary>
    /// <param name="queries">Row-major, q x d; must stay as it is until the task is done.</param>
    /// <param name="k">Neighbours of each; at least 1.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <param name="cancellationToken">Checked between blocks of queries.</param>
    /// <returns>For each query at most k rows, nearest first.</returns>
    /// <exception cref="ArgumentException">As for a search.</exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public Task<IReadOnlyList<IReadOnlyList<SearchHit>>> SearchAsync(
        ReadOnlyMemory<float> queries, int k, SearchOptions? options = null, CancellationToken cancellationToken = default) => Task.Run(
        () =>
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
            using OpenedIndex.Lease lease = Acquire();
            int count = queries.Length / Dimension;
            k = Math.Min(k, AliveCount);
            var ids = new int[checked(count * k)];
            var scores = new float[ids.Length];
            SearchBatch(queries, k, ids, scores, options, cancellationToken);
            var results = new IReadOnlyList<SearchHit>[count];
            for (int query = 0; query < count; query++)
            {
                Span<int> own = ids.AsSpan(query * k, k);
                int found = own.IndexOf(-1) is var end && end >= 0 ? end : k;
                results[query] = Hits(lease.Index, own[..found], scores.AsSpan(query * k, k));
            }

            return (IReadOnlyList<IReadOnlyList<SearchHit>>)results;
        },
        cancellationToken);

    /// <summary>What a search scans for a query: cells, and the rows in them.</summary>
    /// <param name="query">As for a search.</param>
    /// <param name="k">Neighbours wanted; at least 1.</param>
    /// <param name="options">Null takes the defaults; a filter is left out of account.</param>
    /// <exception cref="ArgumentException">As for a search.</exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public (int Cells, int Rows) Extent(ReadOnlySpan<float> query, int k, SearchOptions? options = null)
    {
        using OpenedIndex.Lease lease = Acquire();
        return lease.Index.Searcher.Extent(query, k, options ?? SearchOptions.Default);
    }

    /// <summary>
    /// Gives a vector back, as well as the codes know it; of unit length, nearly, for cosine. Deleted rows are there until they are
    /// compacted away.
    /// </summary>
    /// <param name="id">Row number.</param>
    /// <param name="vector">Receives d floats.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such row.</exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public void Reconstruct(int id, Span<float> vector)
    {
        using OpenedIndex.Lease lease = Acquire();
        lease.Index.Searcher.Reconstruct(id, vector);
    }

    /// <summary>The cell of a row.</summary>
    /// <param name="id">Row number.</param>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public int Assignment(int id)
    {
        using OpenedIndex.Lease lease = Acquire();
        return lease.Index.Searcher.Assignment(id);
    }

    /// <summary>Rows of a cell that are not deleted.</summary>
    /// <param name="cell">Cell number.</param>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public int CellSize(int cell)
    {
        using OpenedIndex.Lease lease = Acquire();
        return lease.Index.Searcher.CellSize(cell);
    }

    /// <summary>Whether a row is deleted.</summary>
    /// <param name="id">Row number.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such row.</exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public bool IsDeleted(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, Count);
        using OpenedIndex.Lease lease = Acquire();
        return lease.Index.Deleted?.Contains(id) ?? false;
    }

    /// <summary>The key of a row: a string, a <see cref="Guid"/> or a long; null where the index has none.</summary>
    /// <param name="id">Row number.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such row.</exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public object? Key(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, Count);
        using OpenedIndex.Lease lease = Acquire();
        return lease.Index.Keys?[id];
    }

    /// <summary>Rows that have one of some keys and are not deleted; a pass over all keys.</summary>
    /// <param name="keys">Keys of the index's kind.</param>
    /// <exception cref="ArgumentException">A key of another kind, which no row could have.</exception>
    /// <exception cref="InvalidOperationException">The index has no keys.</exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public int[] FindRows(IReadOnlyCollection<object> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        using OpenedIndex.Lease lease = Acquire();
        StoredKeys stored = lease.Index.Keys ?? throw new InvalidOperationException("The index has no keys; name rows by their numbers.");
        if (keys.FirstOrDefault(key => KeyColumn.KindOf(key) != stored.Kind) is { } other)
        {
            throw new ArgumentException($"The index has keys of kind {stored.Kind}; {other} is a {other.GetType().Name}.", nameof(keys));
        }

        HashSet<object> wanted = [.. keys];
        var rows = new List<int>();
        for (int row = 0; row < Count; row++)
        {
            if (wanted.Contains(stored[row]) && !(lease.Index.Deleted?.Contains(row) ?? false)) rows.Add(row);
        }

        return [.. rows];
    }

    /// <summary>
    /// Measures recall@10 again on the queries that the index keeps for it, against neighbours that were exact when rows were added: the
    /// truth follows rows that came and went. Null where the index keeps none (<see cref="IndexOptions.Updatable"/>).
    /// </summary>
    /// <param name="options">How to search; null takes the defaults.</param>
    /// <param name="cancellationToken">Checked between queries.</param>
    /// <exception cref="ArgumentException">Options that filter rows or rank them again: neighbours are exact among all rows.</exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public Recall? MeasureRecall(SearchOptions? options = null, CancellationToken cancellationToken = default)
    {
        using OpenedIndex.Lease lease = Acquire();
        options?.RefuseRerank("A measurement of recall");
        if (options?.Filter is not null) throw new ArgumentException("Recall is measured among all rows; leave the filter out.");
        return Yardstick.Read(lease.Index.Reader) is { } yardstick
            ? YardstickRecall.Measure(lease.Index, yardstick, options ?? SearchOptions.Default, cancellationToken)
            : null;
    }

    /// <summary>Brings the codes to a device, to be disposed of before the backend. The index stays in use until then.</summary>
    /// <param name="backend">Where to search.</param>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public DeviceIndex LoadOnto(ICodeScanBackend backend)
    {
        ArgumentNullException.ThrowIfNull(backend);
        OpenedIndex.Lease lease = Acquire();
        try
        {
            return new DeviceIndex(lease, backend);
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Ends the use of the index: running searches finish, later ones are refused, and the last of them gives the files back.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) _opened.Release();
    }

    /// <summary>The manifest as it is stored: two indexes of one folder with the same bytes are the same.</summary>
    internal ReadOnlySpan<byte> ManifestContent => _opened.Reader.ManifestContent.Span;

    /// <summary>The same index once more, to be disposed of by itself; files and memory are shared.</summary>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    internal VlcIndex Share()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        _opened.AddOwner();
        return new VlcIndex(_opened, Bytes);
    }

    /// <summary>A lease, which keeps everything until it is disposed of.</summary>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    private OpenedIndex.Lease Acquire()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        return _opened.Acquire();
    }

    private static SearchHit[] Hits(OpenedIndex index, ReadOnlySpan<int> ids, ReadOnlySpan<float> scores)
    {
        var hits = new SearchHit[ids.Length];
        for (int i = 0; i < hits.Length; i++) hits[i] = new SearchHit(ids[i], scores[i], index.Keys?[ids[i]]);
        return hits;
    }
}
