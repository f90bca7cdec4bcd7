using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>A list of parity trellis codes in a mapped file, laid out as <see cref="ParityLayout.PackList"/> writes it.</summary>
public sealed unsafe class ParityRows
{
    private readonly MappedFile _file;

    /// <summary>Describes the list; checks that it lies within the file.</summary>
    /// <param name="file">The mapped file; must outlive this object.</param>
    /// <param name="offset">First byte of the list.</param>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="layout">How they lie; of at least one byte a row.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The list, with <see cref="ParityLayout.Padding"/> bytes behind it, does not fit the file.
    /// </exception>
    public ParityRows(MappedFile file, long offset, int rowCount, ParityLayout layout)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        ArgumentOutOfRangeException.ThrowIfLessThan(layout.RowBytes, 1, nameof(layout));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, file.Length - ParityLayout.Padding - ((long)rowCount * layout.RowBytes));
        _file = file;
        Offset = offset;
        RowCount = rowCount;
        Layout = layout;
    }

    /// <summary>First byte of the list in the file.</summary>
    public long Offset { get; }

    /// <summary>Number of rows.</summary>
    public int RowCount { get; }

    /// <summary>How the rows lie.</summary>
    public ParityLayout Layout { get; }

    /// <summary>The blocks of coarse bytes.</summary>
    internal byte* Blocks => _file.Pointer + Offset;

    /// <summary>The record of row 0.</summary>
    internal byte* Records => _file.Pointer + Offset + ((long)RowCount * Layout.CoarseBytes);

    /// <summary>Takes a row out of the list.</summary>
    /// <param name="index">The row's place in the list.</param>
    /// <param name="row">Receives <see cref="ParityLayout.RowBytes"/> bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such row, or too short a span.</exception>
    public void Unpack(int index, Span<byte> row)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)RowCount, nameof(index));
        ArgumentOutOfRangeException.ThrowIfLessThan(row.Length, Layout.RowBytes);
        int place = index & (ParityLayout.BlockRows - 1), first = index - place,
            stride = Math.Min(RowCount - first, ParityLayout.BlockRows);
        byte* block = Blocks + ((long)first * Layout.CoarseBytes) + place;
        for (int i = 0; i < Layout.CoarseBytes; i++) row[i] = block[(long)i * stride];
        new ReadOnlySpan<byte>(Records + ((long)index * Layout.RecordBytes), Layout.RecordBytes).CopyTo(row[Layout.CoarseBytes..]);
    }
}
