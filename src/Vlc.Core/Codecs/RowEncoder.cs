namespace Vlc.Codecs;

/// <summary>Takes bytes; they are the caller's again afterwards.</summary>
internal delegate void TakeBytes(ReadOnlySpan<byte> bytes);

/// <summary>
/// Codes rows with a model, block by block. Codes do not depend on the backend, the number of threads, or where blocks begin.
/// </summary>
internal abstract class RowEncoder : IDisposable
{
    /// <summary>Codes a block of rows.</summary>
    /// <param name="rows">Row-major, count x d, in scaled units.</param>
    /// <param name="cells">Cell of each row.</param>
    /// <param name="lists">Receives the list of each row.</param>
    /// <param name="codes">Receives the codes, in the order of the rows.</param>
    /// <param name="cancellationToken">Checked between tasks.</param>
    public abstract void Encode(
        ReadOnlyMemory<float> rows, ReadOnlyMemory<int> cells, Memory<int> lists, TakeBytes codes, CancellationToken cancellationToken);

    /// <summary>Sums over the rows so far, for a pass that may be interrupted.</summary>
    public virtual byte[] SaveState() => [];

    /// <summary>Takes up what <see cref="SaveState"/> wrote.</summary>
    public virtual void RestoreState(ReadOnlySpan<byte> state)
    {
    }

    /// <summary>Rows of which a component lay outside what the codes can express, so that it was cut.</summary>
    public virtual long ClampedRows => 0;

    public virtual void Dispose()
    {
    }
}
