using Vlc.Anchors;
using Vlc.Compute;
using Vlc.Search;

namespace Vlc.Residuals;

/// <summary>
/// The codes of an open index: scores the rows of a cell against a query and gives vectors back. One subclass a codec holds everything
/// that the codec does, from encoding to scanning. Immutable once open; scratch memory belongs to the query.
/// </summary>
internal abstract class ResidualCodec : IDisposable
{
    /// <summary>
    /// Distance of the query to some rows of one cell, smaller is nearer: squared Euclidean for l2 and cosine, the negative product for
    /// inner product, in scaled units.
    /// </summary>
    /// <param name="query">The prepared query.</param>
    /// <param name="list">The list: a cell, or a class of a cell.</param>
    /// <param name="anchor">The cell's anchor, d floats.</param>
    /// <param name="rows">Row numbers.</param>
    /// <param name="positions">Places of the rows in the list; empty where they are all of it.</param>
    /// <param name="distances">Receives one float a row.</param>
    public abstract void Score(
        QueryScratch query, int list, ReadOnlySpan<float> anchor, ReadOnlySpan<int> rows, ReadOnlySpan<int> positions, Span<float> distances);

    /// <summary>Offers some rows of one cell to the query's nearest; those that cannot be among them may be left out.</summary>
    /// <param name="query">The prepared query.</param>
    /// <param name="list">The list: a cell, or a class of a cell.</param>
    /// <param name="anchor">The cell's anchor, d floats.</param>
    /// <param name="rows">Row numbers.</param>
    /// <param name="positions">Places of the rows in the list; empty where they are all of it.</param>
    public virtual void Offer(QueryScratch query, int list, ReadOnlySpan<float> anchor, ReadOnlySpan<int> rows, ReadOnlySpan<int> positions)
    {
        Span<float> distances = query.RowDistances.AsSpan(0, rows.Length);
        Score(query, list, anchor, rows, positions, distances);
        query.Nearest.Offer(distances, rows);
    }

    /// <summary>Most queries that gain by going through a list together; 1 where none does.</summary>
    public virtual int SharedQueries => 1;

    /// <summary><see cref="Offer"/> for several queries, which may share what is worked out for the rows.</summary>
    /// <param name="queries">The prepared queries.</param>
    /// <param name="list">The list: a cell, or a class of a cell.</param>
    /// <param name="anchor">The cell's anchor, d floats.</param>
    /// <param name="rows">Row numbers.</param>
    /// <param name="positions">Places of the rows in the list; empty where they are all of it.</param>
    public virtual void OfferShared(
        ReadOnlySpan<QueryScratch> queries, int list, ReadOnlySpan<float> anchor, ReadOnlySpan<int> rows, ReadOnlySpan<int> positions)
    {
        foreach (QueryScratch query in queries) Offer(query, list, anchor, rows, positions);
    }

    /// <summary>Adds the decoded residual of a row to <paramref name="vector"/>, which holds its anchor.</summary>
    /// <param name="row">Row number.</param>
    /// <param name="list">The row's list.</param>
    /// <param name="position">Its place in the list.</param>
    /// <param name="vector">d floats, in scaled units.</param>
    public abstract void AddResidual(int row, int list, int position, Span<float> vector);

    /// <summary>Floats by which a device knows a query.</summary>
    public abstract int CoordinateCount { get; }

    /// <summary>Groups of cells of which a device needs an offset for each query.</summary>
    public virtual int GroupCount => 0;

    /// <summary>Brings the codes to a device.</summary>
    /// <param name="backend">Where to.</param>
    /// <param name="lists">Rows of each list.</param>
    /// <param name="metric">The metric of the index.</param>
    /// <param name="anchors">m x d, in scaled units.</param>
    public abstract ICodeScanner HoldOn(ICodeScanBackend backend, CellLists lists, Metric metric, ReadOnlyMemory<float> anchors);

    /// <summary>What a device needs of a query: see <see cref="QueryBatch"/>.</summary>
    /// <param name="query">The prepared query.</param>
    /// <param name="cells">The cells to be scanned; null for all.</param>
    /// <param name="coordinates">Receives <see cref="CoordinateCount"/> floats.</param>
    /// <param name="offsets">Receives <see cref="GroupCount"/> floats.</param>
    /// <param name="squared">Receives ‖q‖².</param>
    public abstract void Describe(QueryScratch query, int[]? cells, Span<float> coordinates, Span<float> offsets, out float squared);

    /// <summary>What the codec keeps for a query while it runs; null where it keeps nothing.</summary>
    public virtual IQueryState? CreateQueryState() => null;

    /// <inheritdoc/>
    public virtual void Dispose()
    {
    }
}

/// <summary>A codec's memory of one query.</summary>
internal interface IQueryState : IDisposable
{
    /// <summary>Forgets the last query.</summary>
    void Reset();
}
