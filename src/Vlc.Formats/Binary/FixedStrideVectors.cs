using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Vlc.Vectors;

namespace Vlc.Formats.Binary;

/// <summary>Where the rows of a regular binary file lie.</summary>
/// <param name="DataOffset">Offset of the first row, bytes.</param>
/// <param name="Count">Rows.</param>
/// <param name="Dimension">Components of each row.</param>
/// <param name="ElementType">How a component is stored.</param>
/// <param name="DimensionPrefix">True where each row begins with its dimension as an int32 (fvecs and its kin).</param>
/// <param name="BigEndian">True where components have their most significant byte first.</param>
internal sealed record RowLayout(
    long DataOffset, long Count, int Dimension, ElementType ElementType, bool DimensionPrefix = false, bool BigEndian = false)
{
    /// <summary>Bytes before a row's components.</summary>
    public int Prefix => DimensionPrefix ? sizeof(int) : 0;

    /// <summary>Bytes from one row to the next; at most 512 KiB + 4, by the limit on the dimension.</summary>
    public int Stride => Prefix + (Dimension * ElementConversion.SizeOf(ElementType));
}

/// <summary>
/// The one reader of every binary file whose rows all have the same length: position = offset + row x stride.
/// Reads by position, so a file larger than memory costs one buffer.
/// </summary>
internal sealed class FixedStrideVectors : VectorSource
{
    // Large enough that a system call's cost vanishes, small enough for the second-level cache.
    private const int BufferBytes = 1 << 20;

    private readonly InputFile _file;
    private readonly RowLayout _layout;
    private readonly bool _swap;

    /// <summary>Takes ownership of <paramref name="file"/>, also when the layout is refused.</summary>
    /// <param name="file">The file.</param>
    /// <param name="layout">What its header states.</param>
    /// <param name="where">The place of the header, for messages.</param>
    /// <param name="end">Offset just past the last row, where that is not the end of the file.</param>
    /// <exception cref="VlcFormatException">The shape is absurd, or the file does not have exactly those rows.</exception>
    public FixedStrideVectors(InputFile file, RowLayout layout, string where, long? end = null)
    {
        try
        {
            VectorShape.ThrowIfAbsurd(file.Path, where, layout.Count, layout.Dimension);
            ThrowIfLengthDiffers(file, layout, where, end ?? file.Length);
        }
        catch
        {
            file.Dispose();
            throw;
        }

        _file = file;
        _layout = layout;
        _swap = layout.BigEndian == BitConverter.IsLittleEndian;
    }

    public override string Name => _file.Path;

    public override long Count => _layout.Count;

    public override int Dimension => _layout.Dimension;

    public override ElementType ElementType => _layout.ElementType;

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        CheckRange(start, count, destination.Length);
        int stride = _layout.Stride;
        int block = int.Max(1, BufferBytes / stride);
        bool asStored = _layout is { ElementType: ElementType.Float32, DimensionPrefix: false } && !_swap;
        byte[] buffer = asStored ? [] : ArrayPool<byte>.Shared.Rent(int.Min(block, int.Max(count, 1)) * stride);
        try
        {
            for (int done = 0; done < count; done += block)
            {
                cancellationToken.ThrowIfCancellationRequested();
                long row = start + done;
                int rows = int.Min(block, count - done);
                Span<float> target = destination.Slice(done * Dimension, rows * Dimension);
                Span<byte> stored = asStored ? MemoryMarshal.AsBytes(target) : buffer.AsSpan(0, rows * stride);
                _file.ReadExactly(stored, OffsetOf(row), $"rows {row} to {row + rows - 1}");
                if (!asStored) Convert(stored, row, target);
                FiniteCheck.ThrowIfNotFinite(target, Dimension, row, Name, place: r => $"offset {OffsetOf(r)}");
            }
        }
        finally
        {
            if (!asStored) ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _file.Dispose();
        base.Dispose(disposing);
    }

    private static void ThrowIfLengthDiffers(InputFile file, RowLayout layout, string where, long end)
    {
        // Int128: a header may state 2^63 rows, and the answer to that is a message, not an overflow.
        Int128 expected = layout.DataOffset + ((Int128)layout.Count * layout.Stride);
        if (expected != end)
        {
            string shape = $"{expected} bytes for {layout.Count} x {layout.Dimension} {layout.ElementType}";
            throw new VlcFormatException(
                file.Path, where, shape, $"{end} bytes",
                expected > end
                    ? "The file is truncated, or its header is damaged."
                    : "There are trailing bytes, or the header is damaged.");
        }
    }

    private long OffsetOf(long row) => _layout.DataOffset + (row * _layout.Stride);

    private void Convert(Span<byte> stored, long firstRow, Span<float> target)
    {
        // Without prefixes the rows are one run of components; with them, row by row.
        int run = _layout.DimensionPrefix ? Dimension : target.Length;
        int prefix = _layout.Prefix;
        int runBytes = run * ElementConversion.SizeOf(ElementType);
        for (int i = 0; i * run < target.Length; i++)
        {
            Span<byte> row = stored.Slice(i * (prefix + runBytes), prefix + runBytes);
            if (_layout.DimensionPrefix) CheckPrefix(BinaryPrimitives.ReadInt32LittleEndian(row), firstRow + i);
            Span<byte> components = row[prefix..];
            if (_swap) ElementConversion.ReverseEndianness(components, ElementConversion.SizeOf(ElementType));
            ElementConversion.ToSingle(components, ElementType, target.Slice(i * run, run));
        }
    }

    private void CheckPrefix(int dimension, long row)
    {
        if (dimension != Dimension)
        {
            throw new VlcFormatException(
                Name, $"row {row}, offset {OffsetOf(row)}", $"dimension {Dimension} as in row 0", $"dimension {dimension}",
                "All rows of a file have the same dimension.");
        }
    }
}
