using System.Diagnostics;
using System.IO.Compression;
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
/// A compressed index, open for searching. Anchors and the lists of rows are in memory; the codes stay in their files, mapped. Safe for any number of threads at
/// once. <see cref="Dispose"/> lets running searches finish; later ones get an <see cref="ObjectDisposedException"/>.
/// </summary>
public sealed partial class VlcIndex : IDisposable
{
    private readonly OpenedIndex _opened;
    private readonly MemoryContainer? _memory;

    private VlcIndex(OpenedIndex opened, MemoryContainer? memory)
    {
        (_opened, _memory) = (opened, memory);
        Bytes = IndexBytes.Of(opened.Manifest);
    }

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
    /// <exception cref="VlcFormatException">A file is missing, damaged, or of a later version.</exception>
    public static VlcIndex Open(string basePath)
    {
        ArgumentException.ThrowIfNullOrEmpty(basePath);
        return new VlcIndex(OpenedIndex.Open(SectionReader.Open(basePath)), memory: null);
    }

    /// <summary>Reads an index that <see cref="Save(Stream)"/> wrote into memory.</summary>
    /// <param name="stream">A zip archive of the index's files; read from its position, and left open.</param>
    /// <exception cref="VlcFormatException">Not such an archive, or an index that is damaged or of a later version.</exception>
    public static VlcIndex Open(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var memory = new MemoryContainer(IndexArchive.Read(stream));
        return new VlcIndex(OpenedIndex.Open(SectionReader.Open(memory)), memory);
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
        IndexBuilder.BuildInto(source, memory, options ?? new IndexOptions(), progress, cancellationToken);
        return new VlcIndex(OpenedIndex.Open(SectionReader.Open(memory)), memory);
    }

    /// <summary>Writes the whole index as one stream: a zip archive of its files, not compressed again.</summary>
    /// <param name="stream">Receives it.</param>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public void Save(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using OpenedIndex.Lease lease = _opened.Acquire();
        IndexArchive.Write(stream, lease.Index.Reader, _memory);
    }

    /// <summary>When a search with these options stops.</summary>
    /// <param name="options">Null takes the defaults.</param>
    /// <exception cref="ArgumentException">Less than one cell or row.</exception>
    public ProbingPlan Plan(SearchOptions? options = null) => _opened.Searcher.Plan(options ?? SearchOptions.Default);

    /// <summary>Finds the nearest rows of one query.</summary>
    /// <param name="query">d finite floats; any length for cosine but 0.</param>
    /// <param name="ids">Receives row numbers, nearest first; its length is k.</param>
    /// <param name="scores">Receives the squared distance (l2), the cosine, or the product; as long as <paramref name="ids"/>.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <param name="cancellationToken">Checked between cells.</param>
    /// <returns>How many were found: fewer than k when the scanned cells, the filter or the threshold leave no more.</returns>
    /// <exception cref="ArgumentException">A query of another dimension, not finite, or without a direction; an index of another metric.</exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public int Search(
        ReadOnlySpan<float> query, Span<int> ids, Span<float> scores, SearchOptions? options = null, CancellationToken cancellationToken = default)
    {
        using OpenedIndex.Lease lease = _opened.Acquire();
        options ??= SearchOptions.Default;
        return options.Rerank is { } rerank
            ? SearchAndRerank(lease.Index.Searcher, query, ids, scores, options, rerank, cancellationToken)
            : lease.Index.Searcher.Search(query, ids, scores, options, cancellationToken);
    }

    /// <summary>Finds the nearest rows of one query.</summary>
    /// <param name="query">d finite floats; any length for cosine but 0.</param>
    /// <param name="k">Rows wanted; at least 1.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <param name="cancellationToken">Checked between cells.</param>
    /// <returns>At most k rows, nearest first, with their keys where the index has some.</returns>
    /// <exception cref="ArgumentException">As for <see cref="Search(ReadOnlySpan{float}, Span{int}, Span{float}, SearchOptions?, CancellationToken)"/>.</exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public IReadOnlyList<SearchHit> Search(
        ReadOnlySpan<float> query, int k, SearchOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        using OpenedIndex.Lease lease = _opened.Acquire();
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
    /// <exception cref="ArgumentException">As for a search; a threshold that is not finite.</exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public IReadOnlyList<SearchHit> SearchRange(
        ReadOnlySpan<float> query, float threshold, SearchOptions? options = null, CancellationToken cancellationToken = default)
    {
        using OpenedIndex.Lease lease = _opened.Acquire();
        (int[] ids, float[] scores) = lease.Index.Searcher.SearchRange(query, threshold, options ?? SearchOptions.Default, cancellationToken);
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
        using OpenedIndex.Lease lease = _opened.Acquire();
        options ??= SearchOptions.Default;
        if (options.Rerank is { } rerank)
        {
            BatchAndRerank(lease.Index.Searcher, queries, k, ids, scores, options, rerank, cancellationToken);
            return;
        }

        lease.Index.Searcher.SearchBatch(queries, k, ids, scores, options, cancellationToken);
    }

    /// <summary><see cref="SearchBatch"/> on threads of the pool, with results as lists.</summary>
    /// <param name="queries">Row-major, q x d; must stay as it is until the task is done.</param>
    /// <param name="k">Neighbours of each; at least 1.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <param name="cancellationToken">Checked between blocks of queries.</param>
    /// <returns>For each query at most k rows, nearest first.</returns>
    public Task<IReadOnlyList<IReadOnlyList<SearchHit>>> SearchAsync(
        ReadOnlyMemory<float> queries, int k, SearchOptions? options = null, CancellationToken cancellationToken = default) => Task.Run(
        () =>
        {
            using OpenedIndex.Lease lease = _opened.Acquire();
            int count = queries.Length / Dimension;
            var ids = new int[count * k];
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
        using OpenedIndex.Lease lease = _opened.Acquire();
        return lease.Index.Searcher.Extent(query, k, options ?? SearchOptions.Default);
    }

    /// <summary>Gives a vector back, as well as the codes know it; of unit length, nearly, for cosine. Deleted rows are there until they are compacted away.</summary>
    /// <param name="id">Row number.</param>
    /// <param name="vector">Receives d floats.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such row.</exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public void Reconstruct(int id, Span<float> vector)
    {
        using OpenedIndex.Lease lease = _opened.Acquire();
        lease.Index.Searcher.Reconstruct(id, vector);
    }

    /// <summary>The cell of a row.</summary>
    /// <param name="id">Row number.</param>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public int Assignment(int id)
    {
        using OpenedIndex.Lease lease = _opened.Acquire();
        return lease.Index.Searcher.Assignment(id);
    }

    /// <summary>Rows of a cell that are not deleted.</summary>
    /// <param name="cell">Cell number.</param>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public int CellSize(int cell)
    {
        using OpenedIndex.Lease lease = _opened.Acquire();
        return lease.Index.Searcher.CellSize(cell);
    }

    /// <summary>Whether a row is deleted.</summary>
    /// <param name="id">Row number.</param>
    public bool IsDeleted(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, Count);
        return _opened.Deleted?.Contains(id) ?? false;
    }

    /// <summary>The key of a row: a string, a <see cref="Guid"/> or a long; null where the index has none.</summary>
    /// <param name="id">Row number.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such row.</exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public object? Key(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, Count);
        using OpenedIndex.Lease lease = _opened.Acquire();
        return lease.Index.Keys?[id];
    }

    /// <summary>Rows that have one of some keys and are not deleted; a pass over all keys.</summary>
    /// <param name="keys">Keys of the index's kind.</param>
    /// <exception cref="InvalidOperationException">The index has no keys.</exception>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public int[] FindRows(IReadOnlyCollection<object> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        using OpenedIndex.Lease lease = _opened.Acquire();
        StoredKeys stored = lease.Index.Keys ?? throw new InvalidOperationException("The index has no keys; name rows by their numbers.");
        HashSet<object> wanted = [.. keys];
        var rows = new List<int>();
        for (int row = 0; row < Count; row++)
        {
            if (wanted.Contains(stored[row]) && !IsDeleted(row)) rows.Add(row);
        }

        return [.. rows];
    }

    /// <summary>
    /// Measures recall@10 again on the queries that the index keeps for it, against neighbours that were exact when rows were added: the truth follows rows that came
    /// and went. Null where the index keeps none (<see cref="IndexOptions.Updatable"/>).
    /// </summary>
    /// <param name="options">How to search; null takes the defaults.</param>
    /// <param name="cancellationToken">Checked between queries.</param>
    /// <exception cref="ObjectDisposedException">The index has been disposed of.</exception>
    public Recall? MeasureRecall(SearchOptions? options = null, CancellationToken cancellationToken = default)
    {
        using OpenedIndex.Lease lease = _opened.Acquire();
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
        OpenedIndex.Lease lease = _opened.Acquire();
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

    /// <summary>Ends the use of the index: running searches finish, later ones are refused, and the last of them gives the files back.</summary>
    public void Dispose() => _opened.Dispose();

    private static SearchHit[] Hits(OpenedIndex index, ReadOnlySpan<int> ids, ReadOnlySpan<float> scores)
    {
        var hits = new SearchHit[ids.Length];
        for (int i = 0; i < hits.Length; i++) hits[i] = new SearchHit(ids[i], scores[i], index.Keys?[ids[i]]);
        return hits;
    }
}
