using System.Runtime.Intrinsics.X86;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// A list of parity trellis codes in a mapped file or in native memory, laid out as <see cref="ParityLayout.PackList"/> writes it.
/// </summary>
public readonly unsafe struct ParityRows
{
    /// <summary>Bytes of a cache line, and bytes beyond which the processor's own reading ahead has long begun.</summary>
    private const int CacheLine = 64, MostPrefetched = 16384;

    private readonly CodeRows _bytes;

    /// <summary>Describes the list; checks that it lies within the memory.</summary>
    /// <param name="memory">The bytes; must outlive this object.</param>
    /// <param name="offset">First byte of the list.</param>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="layout">How they lie; of at least one byte a row.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The list, with <see cref="ParityLayout.Padding"/> bytes behind it, does not fit the memory.
    /// </exception>
    public ParityRows(CodeMemory memory, long offset, int rowCount, ParityLayout layout)
        : this(new CodeRows(memory, offset, rowCount, layout?.RowBytes ?? 1), layout!)
    {
    }

    /// <summary>Describes the list that takes the bytes of <paramref name="bytes"/>; checks that kernels may read beyond it.</summary>
    /// <param name="bytes">As many rows of <see cref="ParityLayout.RowBytes"/> bytes, of which none lies by itself.</param>
    /// <param name="layout">How they lie; of at least one byte a row.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// Rows of another length, or less than <see cref="ParityLayout.Padding"/> bytes behind them.
    /// </exception>
    public ParityRows(CodeRows bytes, ParityLayout layout)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.RowBytes, layout.RowBytes, nameof(layout));
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes.BytesBehind, ParityLayout.Padding, nameof(bytes));
        (_bytes, Layout) = (bytes, layout);
    }

    /// <summary>First byte of the list in the memory.</summary>
    public long Offset => _bytes.Offset;

    /// <summary>Number of rows.</summary>
    public int RowCount => _bytes.RowCount;

    /// <summary>How the rows lie.</summary>
    public ParityLayout Layout { get; }

    /// <summary>The blocks of coarse bytes.</summary>
    internal byte* Blocks => _bytes.Pointer;

    /// <summary>The record of row 0.</summary>
    internal byte* Records => _bytes.Pointer + ((long)RowCount * Layout.CoarseBytes);

    /// <summary>
    /// Asks for what the first stage reads, so that it comes while something else is done: a list that no query has read lately lies in
    /// main memory.
    /// </summary>
    public void Prefetch()
    {
        if (!Sse.IsSupported) return;
        long bytes = (long)RowCount * Layout.CoarseBytes;
        for (long i = 0; i < Math.Min(bytes, MostPrefetched); i += CacheLine) Sse.Prefetch0(Blocks + i);
    }

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
