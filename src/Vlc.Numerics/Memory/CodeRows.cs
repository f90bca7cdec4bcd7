namespace Vlc.Numerics.Memory;

/// <summary>A matrix of codes in a mapped file: rows of equal length, one after the other, from byte <see cref="Offset"/> on.</summary>
public sealed unsafe class CodeRows
{
    private readonly MappedFile _file;

    /// <summary>Describes the rows; checks that they lie within the file.</summary>
    /// <param name="file">The mapped file; must outlive this object.</param>
    /// <param name="offset">First byte of row 0.</param>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="rowBytes">Bytes of a row; at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rows do not fit the file.</exception>
    public CodeRows(MappedFile file, long offset, int rowCount, int rowBytes)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        ArgumentOutOfRangeException.ThrowIfLessThan(rowBytes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, file.Length - ((long)rowCount * rowBytes));
        _file = file;
        Offset = offset;
        RowCount = rowCount;
        RowBytes = rowBytes;
    }

    /// <summary>First byte of row 0 in the file.</summary>
    public long Offset { get; }

    /// <summary>Number of rows.</summary>
    public int RowCount { get; }

    /// <summary>Bytes of a row.</summary>
    public int RowBytes { get; }

    /// <summary>The bytes of one row. The file must outlive the span.</summary>
    /// <param name="row">Row number.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such row.</exception>
    public ReadOnlySpan<byte> Row(int row)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, RowCount);
        return _file.Slice(Offset + ((long)row * RowBytes), RowBytes);
    }

    /// <summary>Address of row 0.</summary>
    internal byte* Pointer => _file.Pointer + Offset;

    /// <summary>Rows from whose start <paramref name="bytes"/> bytes can be read without leaving the file.</summary>
    internal int RowsReadable(int bytes)
    {
        // Below 0 not even row 0 has room; the division would round up to it.
        long spare = _file.Length - Offset - bytes;
        return spare < 0 ? 0 : (int)Math.Min((spare / RowBytes) + 1, RowCount);
    }
}
