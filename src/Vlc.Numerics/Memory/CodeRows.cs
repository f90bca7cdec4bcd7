namespace Vlc.Numerics.Memory;

/// <summary>
/// A matrix of codes in a mapped file or in native memory: rows of equal length, one after the other, from byte <see cref="Offset"/> on.
/// </summary>
public sealed unsafe class CodeRows
{
    private readonly CodeMemory _memory;

    /// <summary>Describes the rows; checks that they lie within the memory.</summary>
    /// <param name="memory">The bytes; must outlive this object.</param>
    /// <param name="offset">First byte of row 0.</param>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="rowBytes">Bytes of a row; at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rows do not fit the memory.</exception>
    public CodeRows(CodeMemory memory, long offset, int rowCount, int rowBytes)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        _memory = memory;
        Offset = offset;
        Reset(rowCount, rowBytes);
    }

    /// <summary>First byte of row 0 in the memory.</summary>
    public long Offset { get; }

    /// <summary>Number of rows.</summary>
    public int RowCount { get; private set; }

    /// <summary>Bytes of a row.</summary>
    public int RowBytes { get; private set; }

    /// <summary>Describes other rows from the same byte on: for a block of memory that one thread fills again and again.</summary>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="rowBytes">Bytes of a row; at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rows do not fit the memory.</exception>
    public void Reset(int rowCount, int rowBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        ArgumentOutOfRangeException.ThrowIfLessThan(rowBytes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Offset, _memory.Length - ((long)rowCount * rowBytes));
        RowCount = rowCount;
        RowBytes = rowBytes;
    }

    /// <summary>The bytes of one row. The memory must outlive the span.</summary>
    /// <param name="row">Row number.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such row.</exception>
    public ReadOnlySpan<byte> Row(int row)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, RowCount);
        return _memory.Slice(Offset + ((long)row * RowBytes), RowBytes);
    }

    /// <summary>The bytes of rows that follow one another. The memory must outlive the span.</summary>
    /// <param name="first">First row.</param>
    /// <param name="count">Number of rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such rows.</exception>
    /// <exception cref="OverflowException">More than 2^31 - 1 bytes.</exception>
    public ReadOnlySpan<byte> Rows(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, RowCount - count);
        return _memory.Slice(Offset + ((long)first * RowBytes), checked(count * RowBytes));
    }

    /// <summary>Bytes of the memory behind the last row.</summary>
    internal long BytesBehind => _memory.Length - Offset - ((long)RowCount * RowBytes);

    /// <summary>
    /// Asks the processor for the first bytes of the rows: where many short pieces are read, waiting for each would cost more than reading
    /// it.
    /// </summary>
    public void Prefetch()
    {
        const int Line = 64, MostLines = 16;
        if (!System.Runtime.Intrinsics.X86.Sse.IsSupported) return;
        byte* address = Pointer;
        int lines = (int)Math.Min((((long)RowCount * RowBytes) + Line - 1) / Line, MostLines);
        for (int line = 0; line < lines; line++) System.Runtime.Intrinsics.X86.Sse.Prefetch0(address + (line * Line));
    }

    /// <summary>Address of row 0.</summary>
    internal byte* Pointer => _memory.Pointer + Offset;

    /// <summary>Rows from whose start <paramref name="bytes"/> bytes can be read without leaving the memory.</summary>
    internal int RowsReadable(int bytes)
    {
        // Below 0 not even row 0 can be read; the division would round up to it.
        long spare = _memory.Length - Offset - bytes;
        return spare < 0 ? 0 : (int)Math.Min((spare / RowBytes) + 1, RowCount);
    }
}
