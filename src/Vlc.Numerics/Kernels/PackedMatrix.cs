using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// A fixed matrix of <see cref="ColumnCount"/> columns (anchors, queries, basis vectors) of <see cref="Depth"/> components, packed for the
/// dot-product tiles. It is stored in panels of 32 columns, component by component, on 64-byte boundaries. Missing columns of the last
/// panel are zero.
/// </summary>
public sealed unsafe class PackedMatrix : IDisposable
{
    /// <summary>Columns of a panel: two AVX-512 registers.</summary>
    public const int PanelWidth = 32;

    private readonly AlignedBuffer<float> _panels;

    /// <summary>Packs <paramref name="columns"/>.</summary>
    /// <param name="columns">
    /// Row-major, <paramref name="columnCount"/> x <paramref name="depth"/>: each column of the packed matrix is contiguous.
    /// </param>
    /// <param name="columnCount">Number of columns; at least 1.</param>
    /// <param name="depth">Components of a column; at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count is below 1, or the span is shorter than the counts say.</exception>
    public PackedMatrix(ReadOnlySpan<float> columns, int columnCount, int depth)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columnCount, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(depth, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns.Length, (long)columnCount * depth);
        ColumnCount = columnCount;
        Depth = depth;
        PanelCount = (columnCount + PanelWidth - 1) / PanelWidth;
        _panels = new AlignedBuffer<float>((long)PanelCount * PanelWidth * depth);
        for (int j = 0; j < columnCount; j++)
        {
            float* destination = _panels.Pointer + ((long)(j / PanelWidth) * PanelWidth * depth) + (j % PanelWidth);
            ReadOnlySpan<float> column = columns.Slice(j * depth, depth);
            for (int k = 0; k < depth; k++) destination[(long)k * PanelWidth] = column[k];
        }
    }

    /// <summary>Number of columns.</summary>
    public int ColumnCount { get; }

    /// <summary>Components of a column.</summary>
    public int Depth { get; }

    /// <summary>Number of panels, the last of which may be partly padding.</summary>
    internal int PanelCount { get; }

    /// <summary>First float of a panel; Depth x 32 floats.</summary>
    internal float* Panel(int panel) => _panels.Pointer + ((long)panel * PanelWidth * Depth);

    /// <summary>
    /// Dot products of one vector with every column. Each is one chain of fused multiply-adds over ascending components, with the bits of
    /// the tile kernel.
    /// </summary>
    /// <param name="vector">At least <see cref="Depth"/> floats.</param>
    /// <param name="products">At least <see cref="ColumnCount"/> floats.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Multiply(ReadOnlySpan<float> vector, Span<float> products)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vector.Length, Depth);
        ArgumentOutOfRangeException.ThrowIfLessThan(products.Length, ColumnCount);
        int panelFloats = PanelWidth * Depth;
        fixed (float* x = vector, destination = products)
        {
            int panel = 0;
            // Four panels at once: eight independent chains hide the latency of a multiply-add.
            for (; panel + 4 <= PanelCount; panel += 4)
            {
                float* p = Panel(panel);
                Vector512<float> c0 = default, c1 = default, c2 = default, c3 = default;
                Vector512<float> c4 = default, c5 = default, c6 = default, c7 = default;
                for (int k = 0; k < Depth; k++, p += PanelWidth)
                {
                    Vector512<float> a = Vector512.Create(x[k]);
                    c0 = Vector512.FusedMultiplyAdd(a, Vector512.Load(p), c0);
                    c1 = Vector512.FusedMultiplyAdd(a, Vector512.Load(p + 16), c1);
                    c2 = Vector512.FusedMultiplyAdd(a, Vector512.Load(p + panelFloats), c2);
                    c3 = Vector512.FusedMultiplyAdd(a, Vector512.Load(p + panelFloats + 16), c3);
                    c4 = Vector512.FusedMultiplyAdd(a, Vector512.Load(p + (2L * panelFloats)), c4);
                    c5 = Vector512.FusedMultiplyAdd(a, Vector512.Load(p + (2L * panelFloats) + 16), c5);
                    c6 = Vector512.FusedMultiplyAdd(a, Vector512.Load(p + (3L * panelFloats)), c6);
                    c7 = Vector512.FusedMultiplyAdd(a, Vector512.Load(p + (3L * panelFloats) + 16), c7);
                }

                StoreColumns(c0, c1, destination, panel);
                StoreColumns(c2, c3, destination, panel + 1);
                StoreColumns(c4, c5, destination, panel + 2);
                StoreColumns(c6, c7, destination, panel + 3);
            }

            for (; panel < PanelCount; panel++)
            {
                float* p = Panel(panel);
                Vector512<float> c0 = default, c1 = default;
                for (int k = 0; k < Depth; k++, p += PanelWidth)
                {
                    Vector512<float> a = Vector512.Create(x[k]);
                    c0 = Vector512.FusedMultiplyAdd(a, Vector512.Load(p), c0);
                    c1 = Vector512.FusedMultiplyAdd(a, Vector512.Load(p + 16), c1);
                }

                StoreColumns(c0, c1, destination, panel);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _panels.Dispose();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void StoreColumns(Vector512<float> low, Vector512<float> high, float* destination, int panel)
    {
        int first = panel * PanelWidth;
        if (first + PanelWidth <= ColumnCount)
        {
            low.Store(destination + first);
            high.Store(destination + first + 16);
            return;
        }

        float* last = stackalloc float[PanelWidth];
        low.Store(last);
        high.Store(last + 16);
        for (int j = first; j < ColumnCount; j++) destination[j] = last[j - first];
    }
}
