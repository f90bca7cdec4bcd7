using Vlc.Numerics.Memory;
using Vlc.Numerics.Threading;

namespace Vlc.Numerics.Kernels;

/// <summary>Rows times packed columns, with the whole result in memory: rotations, and exact distances of a block.</summary>
public static unsafe class MatrixProduct
{
    /// <summary>products[i, j] = rows[i] · column[j], each one chain of fused multiply-adds over ascending components.</summary>
    /// <param name="rows">Row-major, <paramref name="rowCount"/> x depth of the matrix.</param>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="columns">The packed columns.</param>
    /// <param name="products">Row-major, <paramref name="rowCount"/> x number of columns.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    /// <param name="cancellationToken">Checked for each block of rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short.</exception>
    public static void Multiply(
        ReadOnlySpan<float> rows, int rowCount, PackedMatrix columns, Span<float> products, int threads,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(columns);
        int depth = columns.Depth, width = columns.ColumnCount;
        ArgumentOutOfRangeException.ThrowIfLessThan(rows.Length, (long)rowCount * depth);
        ArgumentOutOfRangeException.ThrowIfLessThan(products.Length, (long)rowCount * width);
        fixed (float* rowsPointer = rows, productsPointer = products)
        {
            nint rowsAddress = (nint)rowsPointer, productsAddress = (nint)productsPointer;
            using var scratch = new ThreadLocal<(RowGroups Rows, AlignedBuffer<float> Tile)>(
                () => (new RowGroups(depth), new AlignedBuffer<float>(DotTile.MaxRowCount * PackedMatrix.PanelWidth)),
                trackAllValues: true);
            int blockRows = RowGroups.CapacityFor(depth);
            BlockScheduler.Run(
                BlockScheduler.BlockCount(rowCount, blockRows), threads,
                (block, _) =>
                {
                    int first = block * blockRows, count = Math.Min(blockRows, rowCount - first);
                    (RowGroups groups, AlignedBuffer<float> tile) = scratch.Value;
                    MultiplyBlock(
                        new ReadOnlySpan<float>((float*)rowsAddress + ((long)first * depth), count * depth), count, columns,
                        (float*)productsAddress + ((long)first * width), groups, tile.Pointer);
                },
                cancellationToken);
            foreach ((RowGroups groups, AlignedBuffer<float> tile) in scratch.Values)
            {
                groups.Dispose();
                tile.Dispose();
            }
        }
    }

    private static void MultiplyBlock(
        ReadOnlySpan<float> rows, int rowCount, PackedMatrix columns, float* products, RowGroups groups, float* tile)
    {
        int groupCount = groups.Pack(rows, rowCount), width = columns.ColumnCount;
        for (int panel = 0; panel < columns.PanelCount; panel++)
        {
            int firstColumn = panel * PackedMatrix.PanelWidth;
            int columnCount = Math.Min(PackedMatrix.PanelWidth, width - firstColumn);
            for (int group = 0; group < groupCount; group++)
            {
                DotTile.Compute(groups.Group(group), columns.Panel(panel), columns.Depth, tile);
                int firstRow = group * DotTile.RowCount, groupRows = Math.Min(DotTile.RowCount, rowCount - firstRow);
                for (int i = 0; i < groupRows; i++)
                {
                    new ReadOnlySpan<float>(tile + (i * PackedMatrix.PanelWidth), columnCount)
                        .CopyTo(new Span<float>(products + ((long)(firstRow + i) * width) + firstColumn, columnCount));
                }
            }
        }
    }
}
