using Vlc.Numerics.Kernels;
using Vlc.Numerics.Threading;

namespace Vlc.Compute;

/// <summary>The processor: the reference of every other backend. Results do not depend on the number of threads.</summary>
/// <param name="threads">Threads to use; at least 1.</param>
public sealed class CpuBackend(int threads) : IComputeBackend
{
    private const int CellsPerBlock = 16;

    /// <inheritdoc/>
    public string Name => threads == 1 ? "cpu, 1 thread" : $"cpu, {threads} threads";

    /// <inheritdoc/>
    public IResidentRows LoadRows(ReadOnlyMemory<float> rows, int dimension) => new ResidentRows(rows, dimension, threads);

    /// <inheritdoc/>
    public IResidentAnchors LoadAnchors(ReadOnlySpan<float> anchors, int dimension) => new ResidentAnchors(anchors, dimension);

    /// <inheritdoc/>
    public IResidentTrellis LoadTrellis(TrellisTables tables, TrellisAxes axes)
    {
        ArgumentNullException.ThrowIfNull(axes);
        return new CpuTrellis(tables, axes, threads);
    }

    /// <inheritdoc/>
    public void FindMergePartners(
        ReadOnlySpan<float> anchors, int dimension, ReadOnlySpan<int> counts, Span<int> partners, Span<double> costs,
        CancellationToken cancellationToken = default)
    {
        int cellCount = counts.Length;
        const int BlockRows = 256;
        var halfNorms = new float[cellCount];
        NearestColumn.HalfSquaredNorms(anchors, dimension, halfNorms);
        using var packed = new PackedMatrix(anchors, cellCount, dimension);
        var products = new float[Math.Min(BlockRows, cellCount) * cellCount];
        for (int first = 0; first < cellCount; first += BlockRows)
        {
            int count = Math.Min(BlockRows, cellCount - first);
            MatrixProduct.Multiply(
                anchors.Slice(first * dimension, count * dimension), count, packed, products, threads, cancellationToken);
            for (int i = 0; i < count; i++)
            {
                int cell = first + i, rowsHere = counts[cell];
                double best = double.PositiveInfinity;
                int partner = -1;
                for (int other = 0; other < cellCount && rowsHere > 0; other++)
                {
                    int rowsThere = counts[other];
                    if (other == cell || rowsThere == 0) continue;
                    double squared = Math.Max(0, 2.0 * ((double)halfNorms[cell] + halfNorms[other] - products[(i * cellCount) + other]));
                    double cost = (double)rowsHere * rowsThere / (rowsHere + rowsThere) * squared;
                    if (cost < best) (best, partner) = (cost, other);
                }

                partners[cell] = partner;
                costs[cell] = best;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Owns nothing.
    }

    private sealed class ResidentAnchors : IResidentAnchors
    {
        public ResidentAnchors(ReadOnlySpan<float> anchors, int dimension)
        {
            Count = anchors.Length / dimension;
            HalfNorms = new float[Count];
            NearestColumn.HalfSquaredNorms(anchors, dimension, HalfNorms);
            Packed = new PackedMatrix(anchors, Count, dimension);
        }

        public int Count { get; }

        public PackedMatrix Packed { get; }

        public float[] HalfNorms { get; }

        public void Dispose() => Packed.Dispose();
    }

    private sealed class ResidentRows(ReadOnlyMemory<float> rows, int dimension, int threads) : IResidentRows
    {
        public void Assign(IResidentAnchors anchors, Span<int> nearest, Span<float> scores, CancellationToken cancellationToken = default)
        {
            if (anchors is not ResidentAnchors resident || resident.Packed.Depth != dimension)
            {
                throw new ArgumentException("The anchors are of another backend or dimension than the rows.", nameof(anchors));
            }

            NearestColumn.Assign(rows.Span, resident.Packed, resident.HalfNorms, nearest, scores, threads, cancellationToken);
        }

        public void Means(
            ReadOnlyMemory<int> order, ReadOnlyMemory<int> starts, ReadOnlyMemory<double> weights, Memory<float> means,
            CancellationToken cancellationToken = default)
        {
            int cellCount = starts.Length - 1;
            BlockScheduler.Run(
                BlockScheduler.BlockCount(cellCount, CellsPerBlock), threads,
                (block, _) =>
                {
                    var sums = new double[dimension];
                    int end = Math.Min((block + 1) * CellsPerBlock, cellCount);
                    for (int cell = block * CellsPerBlock; cell < end; cell++)
                    {
                        int first = starts.Span[cell], count = starts.Span[cell + 1] - first;
                        double weightSum = Sum(
                            order.Span.Slice(first, count), weights.IsEmpty ? [] : weights.Span.Slice(first, count), sums);
                        if (!(weightSum > 0)) continue;
                        Span<float> mean = means.Span.Slice(cell * dimension, dimension);
                        for (int k = 0; k < dimension; k++) mean[k] = (float)(sums[k] / weightSum);
                    }
                },
                cancellationToken);
        }

        public void Dispose()
        {
            // The rows belong to the caller.
        }

        private double Sum(ReadOnlySpan<int> members, ReadOnlySpan<double> memberWeights, Span<double> sums)
        {
            sums.Clear();
            if (memberWeights.IsEmpty)
            {
                foreach (int row in members) RowSums.Add(sums, rows.Span.Slice(row * dimension, dimension));
                return members.Length;
            }

            double weightSum = 0;
            for (int i = 0; i < members.Length; i++)
            {
                RowSums.AddWeighted(sums, rows.Span.Slice(members[i] * dimension, dimension), memberWeights[i]);
                weightSum += memberWeights[i];
            }

            return weightSum;
        }
    }
}
