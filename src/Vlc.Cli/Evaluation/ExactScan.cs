using System.Numerics.Tensors;
using Vlc.Numerics.Kernels;
using Vlc.Scanning;
using Vlc.Search;
using Vlc.Vectors;

namespace Vlc.Cli.Evaluation;

/// <summary>
/// What a search of the codes is measured against: a scan of all originals in memory, float32, one query at a time, one thread.
/// </summary>
internal sealed class ExactScan
{
    /// <summary>Most bytes of originals held in memory for the comparison.</summary>
    public const long MostBytes = 1L << 30;

    private const int RowsAtOnce = 4096;

    private readonly float[] _rows;
    private readonly int _dimension;
    private readonly Metric _metric;

    private ExactScan(float[] rows, int dimension, Metric metric) => (_rows, _dimension, _metric) = (rows, dimension, metric);

    /// <summary>Loads the originals; null where they would take more than <see cref="MostBytes"/>.</summary>
    public static ExactScan? TryLoad(VectorSource source, Metric metric, CancellationToken cancellationToken)
    {
        int dimension = source.Dimension;
        if (source.Count * dimension * sizeof(float) > MostBytes) return null;
        var rows = new float[source.Count * dimension];
        for (int row = 0; row < source.Count; row += RowsAtOnce)
        {
            int count = (int)Math.Min(RowsAtOnce, source.Count - row);
            source.Read(row, count, rows.AsSpan(row * dimension, count * dimension), cancellationToken);
        }

        if (metric == Metric.Cosine)
        {
            for (int offset = 0; offset < rows.Length; offset += dimension)
            {
                Span<float> row = rows.AsSpan(offset, dimension);
                TensorPrimitives.Divide(row, TensorPrimitives.Norm<float>(row), row);
            }
        }

        return new ExactScan(rows, dimension, metric);
    }

    /// <summary>Offers every row to <paramref name="nearest"/>.</summary>
    public void Search(ReadOnlySpan<float> query, TopK nearest)
    {
        nearest.Clear();
        for (int row = 0, offset = 0; offset < _rows.Length; row++, offset += _dimension)
        {
            ReadOnlySpan<float> vector = _rows.AsSpan(offset, _dimension);
            // Rows are of unit length for cosine; the query's length changes no order.
            float distance = _metric == Metric.L2 ? Distances.SquaredEuclidean(query, vector) : -Distances.Dot(query, vector);
            if (distance <= nearest.Bound) nearest.Push(distance, row);
        }
    }
}
