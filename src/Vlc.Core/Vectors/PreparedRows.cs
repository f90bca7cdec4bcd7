using System.Numerics.Tensors;

namespace Vlc.Vectors;

/// <summary>
/// Rows of a source in the form that an index needs: unit length for cosine, times 2^e. A second thread reads the next block while the
/// caller works on the present one.
/// </summary>
internal sealed class PreparedRows(VectorSource source, Metric metric, int scaleExponent)
{
    private const int BlockBytes = 16 << 20;

    private readonly float _scale = MathF.ScaleB(1, scaleExponent);

    public int Dimension => source.Dimension;

    public long Count => source.Count;

    /// <summary>Rows of a block.</summary>
    public int BlockRows { get; } = (int)Math.Clamp(BlockBytes / (source.Dimension * (long)sizeof(float)), 1, 1 << 16);

    /// <summary>
    /// Calls <paramref name="body"/> for each block of rows in order, with the block, the number of its first row, and its count.
    /// </summary>
    /// <param name="body">The work on a block.</param>
    /// <param name="cancellationToken">Checked before each block.</param>
    /// <param name="start">First row, which must be the first of a block.</param>
    public void ForEachBlock(Action<Memory<float>, long, int> body, CancellationToken cancellationToken, long start = 0)
    {
        if (start >= Count) return;
        var current = new float[(int)Math.Min(BlockRows, Count) * Dimension];
        float[] ahead = Count > BlockRows ? new float[current.Length] : [];
        Task<int> reading = ReadAsync(start, current);
        try
        {
            for (long first = start; first < Count; first += BlockRows)
            {
                int count = reading.GetAwaiter().GetResult();
                if (first + count < Count) reading = ReadAsync(first + count, ahead);
                cancellationToken.ThrowIfCancellationRequested();
                body(current, first, count);
                (current, ahead) = (ahead, current);
            }
        }
        finally
        {
            // The caller may use the source again only when nothing reads from it any more.
            ((IAsyncResult)reading).AsyncWaitHandle.WaitOne();
        }

        Task<int> ReadAsync(long first, float[] destination) => Task.Run(
            () =>
            {
                int count = (int)Math.Min(BlockRows, Count - first);
                Read(first, count, destination, cancellationToken);
                return count;
            },
            CancellationToken.None);
    }

    /// <summary>Reads and prepares rows [<paramref name="first"/>, <paramref name="first"/> + <paramref name="count"/>).</summary>
    public void Read(long first, int count, Span<float> destination, CancellationToken cancellationToken)
    {
        source.Read(first, count, destination, cancellationToken);
        Span<float> rows = destination[..(count * Dimension)];
        if (metric == Metric.Cosine) Normalize(rows, Dimension, source.Name, first);
        if (scaleExponent != 0) TensorPrimitives.Multiply(rows, _scale, rows);
    }

    /// <summary>Normalises rows to unit length.</summary>
    /// <exception cref="VlcFormatException">A row is zero.</exception>
    public static void Normalize(Span<float> rows, int dimension, string name, long firstRow)
    {
        for (int i = 0; i < rows.Length / dimension; i++)
        {
            if (!UnitLength.TryNormalize(rows.Slice(i * dimension, dimension)))
            {
                throw new VlcFormatException(
                    name, $"row {firstRow + i}", "a direction", "a row of zeros",
                    "The cosine of a zero vector is undefined: remove the row, or use metric l2.");
            }
        }
    }
}
