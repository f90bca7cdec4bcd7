namespace Vlc.Vectors;

/// <summary>Rows that are already in memory, as a <see cref="VectorSource"/>.</summary>
public sealed class InMemoryVectors : VectorSource
{
    private readonly ReadOnlyMemory<float> _rows;

    /// <summary>Wraps <paramref name="rows"/> without copying.</summary>
    /// <param name="rows">Row-major, a whole number of rows of <paramref name="dimension"/> floats, at least one.</param>
    /// <param name="dimension">Components of each row; at least 1.</param>
    /// <param name="name">The name of the rows in messages.</param>
    /// <exception cref="ArgumentException">No row, or not a whole number of rows.</exception>
    public InMemoryVectors(ReadOnlyMemory<float> rows, int dimension, string name = "in memory")
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        if (rows.Length == 0 || rows.Length % dimension != 0)
        {
            throw new ArgumentException(
                $"{rows.Length} floats are not a whole number of rows of {dimension}, at least one.", nameof(rows));
        }

        _rows = rows;
        Dimension = dimension;
        Name = name;
        Count = rows.Length / dimension;
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override long Count { get; }

    /// <inheritdoc/>
    public override int Dimension { get; }

    /// <inheritdoc/>
    public override ElementType ElementType => ElementType.Float32;

    /// <inheritdoc/>
    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        CheckRange(start, count, destination.Length);
        ReadOnlySpan<float> source = _rows.Span.Slice((int)start * Dimension, count * Dimension);
        FiniteCheck.ThrowIfNotFinite(source, Dimension, start, Name);
        source.CopyTo(destination);
    }
}
