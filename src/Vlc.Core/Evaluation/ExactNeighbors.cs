using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Threading;
using Vlc.Scanning;
using Vlc.Vectors;

namespace Vlc.Evaluation;

/// <summary>
/// Exact k nearest rows of a set of queries by an exhaustive float32 scan: the ground truth. Rows are streamed; memory is a block of rows
/// and the queries.
/// </summary>
public sealed class ExactNeighbors
{
    private const int RowsAtOnce = 4096;

    private readonly float[] _queries;
    private readonly float[] _halfNorms;
    private readonly TopK[] _nearest;
    private readonly Metric _metric;
    private readonly int _dimension;
    private readonly int _threads;
    private readonly ReadOnlyMemory<int> _ownRows;
    private readonly float[] _centre;
    private float[] _products = [];
    private float[] _centredRows = [];

    /// <summary>Prepares a search.</summary>
    /// <param name="queries">Row-major, q x <paramref name="dimension"/>; of unit length already where the metric is cosine.</param>
    /// <param name="dimension">d.</param>
    /// <param name="k">Neighbours of each query.</param>
    /// <param name="metric">L2 and cosine rank by Euclidean distance, inner product by the product.</param>
    /// <param name="threads">Threads to use.</param>
    /// <param name="ownRows">The row numbers of the queries if they are base rows, so that none is its own neighbour. Else empty.</param>
    internal ExactNeighbors(
        ReadOnlySpan<float> queries, int dimension, int k, Metric metric, int threads, ReadOnlyMemory<int> ownRows = default)
    {
        _queries = queries.ToArray();
        _dimension = dimension;
        _metric = metric;
        _threads = threads;
        _ownRows = ownRows;
        _nearest = new TopK[queries.Length / dimension];
        for (int i = 0; i < _nearest.Length; i++) _nearest[i] = new TopK(k);
        _halfNorms = new float[RowsAtOnce];

        // Distances are computed relative to the queries' mean: far from the origin rounding would hide ½‖x‖² - q·x. A product is computed
        // directly.
        _centre = new float[dimension];
        if (metric == Metric.InnerProduct) return;
        var sums = new double[dimension];
        for (int i = 0; i < _nearest.Length; i++) RowSums.Add(sums, queries.Slice(i * dimension, dimension));
        // The mean is rounded to a 128th of its largest component, so that byte and small integer data stay integers, distances stay exact,
        // and ties stay ties.
        float largest = MathF.Abs(TensorPrimitives.MaxMagnitude<float>(_queries));
        float unit = largest > 0 ? MathF.ScaleB(1, MathF.ILogB(largest) - 7) : 1;
        for (int axis = 0; axis < dimension; axis++) _centre[axis] = MathF.Round((float)(sums[axis] / _nearest.Length) / unit) * unit;
        SubtractCentre(_queries, _queries);
    }

    /// <summary>Finds the exact neighbours of <paramref name="queries"/> among all rows of <paramref name="source"/>.</summary>
    /// <param name="source">The base.</param>
    /// <param name="queries">Row-major, q x d.</param>
    /// <param name="k">Neighbours of each; at most the number of rows.</param>
    /// <param name="metric">The metric.</param>
    /// <param name="threads">Threads; null uses every processor.</param>
    /// <param name="progress">Reports the finished share.</param>
    /// <param name="cancellationToken">Checked for each block of rows.</param>
    /// <returns>q x k row numbers, nearest first, ties by row.</returns>
    /// <exception cref="ArgumentException">Queries of another dimension; more neighbours than rows.</exception>
    public static int[] Find(
        VectorSource source, ReadOnlyMemory<float> queries, int k, Metric metric, int? threads = null, IProgress<double>? progress = null,
        CancellationToken cancellationToken = default) =>
        Find(source, queries, k, metric, filter: null, threads, progress, cancellationToken);

    /// <summary>Finds the exact neighbours of <paramref name="queries"/> among some rows of <paramref name="source"/>.</summary>
    /// <param name="source">The base.</param>
    /// <param name="queries">Row-major, q x d.</param>
    /// <param name="k">Neighbours of each; at most the number of rows.</param>
    /// <param name="metric">The metric.</param>
    /// <param name="filter">The rows that count, such as those of an index that are not deleted; null for all.</param>
    /// <param name="threads">Threads; null uses every processor.</param>
    /// <param name="progress">Reports the finished share.</param>
    /// <param name="cancellationToken">Checked for each block of rows.</param>
    /// <returns>q x k row numbers, nearest first, ties by row; -1 where fewer rows count.</returns>
    /// <exception cref="ArgumentException">Queries of another dimension; more neighbours than rows.</exception>
    public static int[] Find(
        VectorSource source, ReadOnlyMemory<float> queries, int k, Metric metric, RowFilter? filter, int? threads = null,
        IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        if (k > source.Count)
        {
            throw new ArgumentException($"{k} neighbours are asked for; {source.Name} has {source.Count} rows.", nameof(k));
        }

        if (queries.IsEmpty) return [];
        if (queries.Length % source.Dimension != 0)
        {
            throw new ArgumentException(
                $"{queries.Length} floats are not a whole number of queries of {source.Dimension} dimensions.", nameof(queries));
        }

        float[] prepared = queries.ToArray();
        if (metric == Metric.Cosine) PreparedRows.Normalize(prepared, source.Dimension, "queries", 0);
        // Scaled to about 1, so that no square overflows or vanishes. Cosine has unit length already.
        float largest = metric == Metric.Cosine ? 1 : MathF.Abs(TensorPrimitives.MaxMagnitude<float>(prepared));
        int exponent = largest > 0 ? Math.Clamp(-MathF.ILogB(largest), -100, 100) : 0;
        TensorPrimitives.Multiply(prepared, MathF.ScaleB(1, exponent), prepared);
        var exact = new ExactNeighbors(prepared, source.Dimension, k, metric, threads ?? Environment.ProcessorCount) { Filter = filter };
        var rows = new PreparedRows(source, metric, exponent);
        rows.ForEachBlock(
            (block, first, count) =>
            {
                exact.Add(block.Span[..(count * source.Dimension)], count, (int)first, cancellationToken);
                progress?.Report((first + count) / (double)source.Count);
            },
            cancellationToken);
        return exact.Ids();
    }

    /// <summary>Rows that count; null for all.</summary>
    private RowFilter? Filter { get; init; }

    /// <summary>Compares a block of rows with every query.</summary>
    internal void Add(ReadOnlySpan<float> rows, int rowCount, int firstRow, CancellationToken cancellationToken)
    {
        for (int done = 0; done < rowCount; done += RowsAtOnce)
        {
            int count = Math.Min(RowsAtOnce, rowCount - done);
            AddBlock(rows.Slice(done * _dimension, count * _dimension), count, firstRow + done, cancellationToken);
        }
    }

    /// <summary>q x k row numbers, nearest first; -1 where there are fewer rows.</summary>
    internal int[] Ids()
    {
        int k = _nearest[0].K;
        var ids = new int[_nearest.Length * k];
        ids.AsSpan().Fill(-1);
        for (int i = 0; i < _nearest.Length; i++) _nearest[i].CopyTo(ids.AsSpan(i * k, k));
        return ids;
    }

    /// <summary>The neighbours of a query so far, nearest first, with their squared distances (l2, cosine) or negative products.</summary>
    /// <param name="query">Number of the query.</param>
    internal (int[] Rows, float[] Distances) Of(int query)
    {
        TopK nearest = _nearest[query];
        var rows = new int[nearest.Count];
        var distances = new float[rows.Length];
        nearest.Drain(rows, distances);
        nearest.Push(distances, rows);
        if (_metric == Metric.InnerProduct) return (rows, distances);
        ReadOnlySpan<float> vector = _queries.AsSpan(query * _dimension, _dimension);
        double squared = Distances.Dot(vector, vector);
        for (int i = 0; i < distances.Length; i++) distances[i] = (float)Math.Max(0, squared + (2.0 * distances[i]));
        return (rows, distances);
    }

    /// <summary>Starts a query with known neighbours, as <see cref="Of"/> returns them.</summary>
    /// <param name="query">Number of the query.</param>
    /// <param name="rows">Row numbers.</param>
    /// <param name="distances">Their squared distances or negative products, ascending.</param>
    /// <param name="complete">False where there may be nearer rows than a farther one that is still to come: no such one is taken.</param>
    internal void Seed(int query, ReadOnlySpan<int> rows, ReadOnlySpan<float> distances, bool complete)
    {
        ReadOnlySpan<float> vector = _queries.AsSpan(query * _dimension, _dimension);
        double squared = _metric == Metric.InnerProduct ? 0 : Numerics.Kernels.Distances.Dot(vector, vector);
        if (!complete) _nearest[query].Clear(rows.IsEmpty ? float.NegativeInfinity : Internal(distances[^1]));
        for (int i = 0; i < rows.Length; i++) _nearest[query].Push(Internal(distances[i]), rows[i]);

        float Internal(float distance) => _metric == Metric.InnerProduct ? distance : (float)((distance - squared) / 2);
    }

    /// <summary>Writes the neighbours found so far, so that a later run can continue from them.</summary>
    internal void Save(BinaryWriter writer)
    {
        int k = _nearest[0].K;
        var ids = new int[k];
        var distances = new float[k];
        foreach (TopK nearest in _nearest)
        {
            int count = nearest.Drain(ids, distances);
            writer.Write(count);
            writer.Write(MemoryMarshal.AsBytes(ids.AsSpan(0, count)));
            writer.Write(MemoryMarshal.AsBytes(distances.AsSpan(0, count)));
            nearest.Push(distances.AsSpan(0, count), ids.AsSpan(0, count));
        }
    }

    /// <summary>Restores the neighbours that <see cref="Save"/> wrote.</summary>
    internal void Restore(BinaryReader reader)
    {
        foreach (TopK nearest in _nearest)
        {
            int count = reader.ReadInt32();
            var ids = new int[count];
            var distances = new float[count];
            reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(ids.AsSpan()));
            reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(distances.AsSpan()));
            nearest.Push(distances, ids);
        }
    }

    private void AddBlock(ReadOnlySpan<float> rows, int rowCount, int firstRow, CancellationToken cancellationToken)
    {
        if (_metric != Metric.InnerProduct)
        {
            if (_centredRows.Length < rows.Length) _centredRows = new float[rows.Length];
            SubtractCentre(rows, _centredRows);
            rows = _centredRows.AsSpan(0, rows.Length);
        }

        // The block's rows are the packed columns, so that a query's products are consecutive.
        using var columns = new PackedMatrix(rows, rowCount, _dimension);
        if (_metric != Metric.InnerProduct) NearestColumn.HalfSquaredNorms(rows, _dimension, _halfNorms.AsSpan(0, rowCount));
        int queryCount = _nearest.Length;
        if (_products.Length < queryCount * rowCount) _products = new float[queryCount * rowCount];
        MatrixProduct.Multiply(_queries, queryCount, columns, _products, _threads, cancellationToken);
        BlockScheduler.Run(
            queryCount, _threads,
            (query, _) =>
            {
                ReadOnlySpan<float> products = _products.AsSpan(query * rowCount, rowCount);
                TopK nearest = _nearest[query];
                int own = _ownRows.IsEmpty ? -1 : _ownRows.Span[query];
                for (int i = 0; i < rowCount; i++)
                {
                    float distance = _halfNorms[i] - products[i];
                    if (distance > nearest.Bound || firstRow + i == own || !(Filter?.Passes(firstRow + i) ?? true)) continue;
                    nearest.Push(distance, firstRow + i);
                }
            },
            cancellationToken);
    }

    private void SubtractCentre(ReadOnlySpan<float> rows, Span<float> centred)
    {
        for (int offset = 0; offset < rows.Length; offset += _dimension)
        {
            TensorPrimitives.Subtract(rows.Slice(offset, _dimension), _centre, centred.Slice(offset, _dimension));
        }
    }
}
