using Vlc.Search;

namespace Vlc.Residuals;

/// <summary>
/// The codes of an open index: scores the rows of a cell against a query and gives vectors back. One subclass a codec holds everything
/// that the codec does, from encoding to scanning. Immutable once open; scratch memory belongs to the query.
/// </summary>
internal abstract class ResidualCodec
{
    /// <summary>
    /// Distance of the query to some rows of one cell, smaller is nearer: squared Euclidean for l2 and cosine, the negative product for
    /// inner product, in scaled units.
    /// </summary>
    /// <param name="query">The prepared query.</param>
    /// <param name="cell">The cell.</param>
    /// <param name="anchor">Its anchor, d floats.</param>
    /// <param name="rows">Row numbers.</param>
    /// <param name="distances">Receives one float a row.</param>
    public abstract void Score(QueryScratch query, int cell, ReadOnlySpan<float> anchor, ReadOnlySpan<int> rows, Span<float> distances);

    /// <summary>Adds the decoded residual of a row to <paramref name="vector"/>, which holds its anchor.</summary>
    /// <param name="row">Row number.</param>
    /// <param name="cell">The row's cell.</param>
    /// <param name="vector">d floats, in scaled units.</param>
    public abstract void AddResidual(int row, int cell, Span<float> vector);
}
