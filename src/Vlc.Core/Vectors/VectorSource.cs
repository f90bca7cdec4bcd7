namespace Vlc.Vectors;

/// <summary>
/// The contract by which VLC reads vectors: <see cref="Count"/> rows of <see cref="Dimension"/> components, read by range into the caller's
/// buffer as float32. A source never loads its whole file.
/// </summary>
/// <remarks>
/// A source is used by one thread at a time. Callers read ascending ranges where they can; any range may be read, and reading it twice
/// gives the same values. Every value is finite: a NaN or an infinity in the data is a <see cref="VlcFormatException"/> that names file,
/// row and column.
/// </remarks>
public abstract class VectorSource : IDisposable
{
    /// <summary>The origin of the rows, for messages: a path, or a description such as "in memory".</summary>
    public abstract string Name { get; }

    /// <summary>Number of rows; at least 1.</summary>
    public abstract long Count { get; }

    /// <summary>Components of each row; at least 1.</summary>
    public abstract int Dimension { get; }

    /// <summary>The stored type of a component.</summary>
    public abstract ElementType ElementType { get; }

    /// <summary>True where each row has a key of the user (a jsonl id, a word of a word-vector file).</summary>
    public virtual bool HasKeys => false;

    /// <summary>Reads rows [<paramref name="start"/>, <paramref name="start"/> + <paramref name="count"/>).</summary>
    /// <param name="start">First row, 0-based.</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="destination">
    /// Row-major, at least <paramref name="count"/> x <see cref="Dimension"/> floats; the rest is unchanged.
    /// </param>
    /// <param name="cancellationToken">Stops a long read.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the source, or the buffer is too short.</exception>
    /// <exception cref="VlcFormatException">The file contradicts its header.</exception>
    public abstract void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default);

    /// <summary>Reads the keys of rows [<paramref name="start"/>, <paramref name="start"/> + <c>destination.Length</c>).</summary>
    /// <param name="start">First row, 0-based.</param>
    /// <param name="destination">One string for each row.</param>
    /// <exception cref="NotSupportedException"><see cref="HasKeys"/> is false.</exception>
    public virtual void ReadKeys(long start, Span<string> destination) =>
        throw new NotSupportedException($"{Name} has no keys.");

    /// <summary>True where each row has text or metadata beside its key: a document, or columns beside the vector.</summary>
    public virtual bool HasPayload => false;

    /// <summary>
    /// The reader's decisions where a file can be read in more than one way, and the columns that it used and left out, one sentence each.
    /// Empty where there was nothing to decide.
    /// </summary>
    public virtual IReadOnlyList<string> Notes => [];

    /// <summary>Reads the payload of rows [<paramref name="start"/>, <paramref name="start"/> + <c>destination.Length</c>).</summary>
    /// <param name="start">First row, 0-based.</param>
    /// <param name="destination">One JSON object for each row, as text; "{}" where a row has none.</param>
    /// <exception cref="NotSupportedException"><see cref="HasPayload"/> is false.</exception>
    public virtual void ReadPayload(long start, Span<string> destination) =>
        throw new NotSupportedException($"{Name} has no payload.");

    /// <summary>Throws unless the range lies within the source and fits the buffer; every <see cref="Read"/> starts with it.</summary>
    /// <param name="start">First row, 0-based.</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="destinationLength">Length of the caller's buffer, in floats.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the source, or the buffer is too short.</exception>
    protected void CheckRange(long start, int count, int destinationLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Count - count);
        ArgumentOutOfRangeException.ThrowIfLessThan(destinationLength, (long)count * Dimension);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases the file of the source.</summary>
    /// <param name="disposing">True when called from <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
    }
}
