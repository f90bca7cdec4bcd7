using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;

namespace Vlc.Gpu.Kernels;

/// <summary>
/// Assignment: the nearest column of each row, with the bits of <see cref="Vlc.Numerics.Kernels.NearestColumn"/>. A score is ½‖a‖² minus
/// one chain of fused multiply-adds over ascending components. Of equal scores the lowest column wins.
/// </summary>
/// <remarks>
/// <para>
/// A group of 256 threads compares 128 rows with 128 columns at a time; a thread keeps 8 x 8 products in registers. Shared memory has 8
/// components of both, component by component, while the next 8 are loaded from global memory. The argmin stays in registers over all tiles
/// of columns, so that the n x m matrix of scores exists nowhere.
/// </para>
/// <para>
/// Layout. Rows and columns are row-major. The pitch is a multiple of 8 floats; components after the last are zero. The numbers of rows and
/// columns are multiples of 128; columns after the last have an infinite half norm. The kernel checks no bounds.
/// </para>
/// </remarks>
[ExcludeFromCodeCoverage]
internal static class AssignKernel
{
    /// <summary>Rows, and columns, of a tile.</summary>
    public const int Tile = 128;

    /// <summary>Components of a step; the pitch is a multiple of it.</summary>
    public const int Step = 8;

    /// <summary>Threads of a group.</summary>
    public const int GroupSize = 256;

    /// <summary>Bytes of shared memory of a group.</summary>
    public const int SharedBytes = ((4 * Step * Tile) + (LanesOfRow * Tile)) * sizeof(float);

    /// <summary>Threads that share a row's columns.</summary>
    private const int LanesOfRow = 16;

    /// <summary>Floats of one of the two buffers of a tile's side.</summary>
    private const int Buffer = Step * Tile;

    /// <summary>The kernel; one group for each 128 rows.</summary>
    /// <param name="rows">n x pitch.</param>
    /// <param name="columns">m x pitch.</param>
    /// <param name="halfNorms">½‖a‖² of each column.</param>
    /// <param name="nearest">Receives a column for each row.</param>
    /// <param name="scores">Receives its score.</param>
    /// <param name="quads">Pitch in quads.</param>
    /// <param name="columnTiles">m / 128.</param>
    public static void Run(
        ArrayView<Quad> rows, ArrayView<Quad> columns, ArrayView<Quad> halfNorms, ArrayView<int> nearest, ArrayView<float> scores,
        int quads, int columnTiles)
    {
        ArrayView<float> rowSide = SharedMemory.Allocate<float>(2 * Buffer), columnSide = SharedMemory.Allocate<float>(2 * Buffer);
        ArrayView<int> candidates = SharedMemory.Allocate<int>(LanesOfRow * Tile);
        ArrayView<Quad> rowQuads = rowSide.AsAligned16().Cast<Quad>(), columnQuads = columnSide.AsAligned16().Cast<Quad>();
        int thread = Group.IdxX, lane = thread % LanesOfRow, band = thread / LanesOfRow;

        // Each thread loads one quad of either side a step, and stores it component by component.
        int line = thread / 2, half = thread % 2, index = (half * Quad.Width * Tile) + line;
        long rowStart = (((long)Grid.IdxX * Tile) + line) * quads;
        float s0 = float.PositiveInfinity, s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
        int j0 = 0, j1 = 0, j2 = 0, j3 = 0, j4 = 0, j5 = 0, j6 = 0, j7 = 0;
        for (int tile = 0; tile < columnTiles; tile++)
        {
            long columnStart = (((long)tile * Tile) + line) * quads;
            Quad zero = default;
            Quad c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero, c30 = zero, c31 = zero;
            Quad c40 = zero, c41 = zero, c50 = zero, c51 = zero, c60 = zero, c61 = zero, c70 = zero, c71 = zero;
            Quad rowQuad = rows[rowStart + half], columnQuad = columns[columnStart + half];
            Transpose(rowSide, index, rowQuad);
            Transpose(columnSide, index, columnQuad);
            GroupBarrier.Wait();
            int buffer = 0;
            for (int quad = 2; quad <= quads; quad += 2)
            {
                bool more = quad < quads;
                if (more)
                {
                    rowQuad = rows[rowStart + quad + half];
                    columnQuad = columns[columnStart + quad + half];
                }

                for (int k = 0; k < Step; k++)
                {
                    int at = ((buffer * Step) + k) * (Tile / Quad.Width);
                    Quad low = rowQuads[at + band], high = rowQuads[at + 16 + band], left = columnQuads[at + lane];
                    Quad right = columnQuads[at + 16 + lane];
                    c00 = Quad.MultiplyAdd(low.X, left, c00);
                    c01 = Quad.MultiplyAdd(low.X, right, c01);
                    c10 = Quad.MultiplyAdd(low.Y, left, c10);
                    c11 = Quad.MultiplyAdd(low.Y, right, c11);
                    c20 = Quad.MultiplyAdd(low.Z, left, c20);
                    c21 = Quad.MultiplyAdd(low.Z, right, c21);
                    c30 = Quad.MultiplyAdd(low.W, left, c30);
                    c31 = Quad.MultiplyAdd(low.W, right, c31);
                    c40 = Quad.MultiplyAdd(high.X, left, c40);
                    c41 = Quad.MultiplyAdd(high.X, right, c41);
                    c50 = Quad.MultiplyAdd(high.Y, left, c50);
                    c51 = Quad.MultiplyAdd(high.Y, right, c51);
                    c60 = Quad.MultiplyAdd(high.Z, left, c60);
                    c61 = Quad.MultiplyAdd(high.Z, right, c61);
                    c70 = Quad.MultiplyAdd(high.W, left, c70);
                    c71 = Quad.MultiplyAdd(high.W, right, c71);
                }

                // The other buffer was last read before the barrier at the start of this step.
                buffer ^= 1;
                if (more)
                {
                    Transpose(rowSide, (buffer * Buffer) + index, rowQuad);
                    Transpose(columnSide, (buffer * Buffer) + index, columnQuad);
                }

                GroupBarrier.Wait();
            }

            int firstLow = (tile * Tile) + (lane * Quad.Width), firstHigh = firstLow + (Tile / 2);
            Quad normsLow = halfNorms[firstLow / Quad.Width], normsHigh = halfNorms[firstHigh / Quad.Width];
            Keep(ref s0, ref j0, c00, normsLow, firstLow);
            Keep(ref s0, ref j0, c01, normsHigh, firstHigh);
            Keep(ref s1, ref j1, c10, normsLow, firstLow);
            Keep(ref s1, ref j1, c11, normsHigh, firstHigh);
            Keep(ref s2, ref j2, c20, normsLow, firstLow);
            Keep(ref s2, ref j2, c21, normsHigh, firstHigh);
            Keep(ref s3, ref j3, c30, normsLow, firstLow);
            Keep(ref s3, ref j3, c31, normsHigh, firstHigh);
            Keep(ref s4, ref j4, c40, normsLow, firstLow);
            Keep(ref s4, ref j4, c41, normsHigh, firstHigh);
            Keep(ref s5, ref j5, c50, normsLow, firstLow);
            Keep(ref s5, ref j5, c51, normsHigh, firstHigh);
            Keep(ref s6, ref j6, c60, normsLow, firstLow);
            Keep(ref s6, ref j6, c61, normsHigh, firstHigh);
            Keep(ref s7, ref j7, c70, normsLow, firstLow);
            Keep(ref s7, ref j7, c71, normsHigh, firstHigh);
        }

        // The rows of a thread are four of the lower half of the tile and four of the upper. The sides of the tile now hold 16 scores a
        // row.
        int first = (lane * Tile) + (band * Quad.Width), second = first + (Tile / 2);
        Record(rowSide, candidates, first, s0, j0);
        Record(rowSide, candidates, first + 1, s1, j1);
        Record(rowSide, candidates, first + 2, s2, j2);
        Record(rowSide, candidates, first + 3, s3, j3);
        Record(rowSide, candidates, second, s4, j4);
        Record(rowSide, candidates, second + 1, s5, j5);
        Record(rowSide, candidates, second + 2, s6, j6);
        Record(rowSide, candidates, second + 3, s7, j7);
        GroupBarrier.Wait();
        if (thread < Tile)
        {
            float best = rowSide[thread];
            int column = candidates[thread];
            for (int other = 1; other < LanesOfRow; other++)
            {
                float score = rowSide[(other * Tile) + thread];
                int candidate = candidates[(other * Tile) + thread];
                if (score < best || (score == best && candidate < column))
                {
                    best = score;
                    column = candidate;
                }
            }

            long row = ((long)Grid.IdxX * Tile) + thread;
            nearest[row] = column;
            scores[row] = best;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(ArrayView<float> side, int index, Quad quad)
    {
        side[index] = quad.X;
        side[index + Tile] = quad.Y;
        side[index + (2 * Tile)] = quad.Z;
        side[index + (3 * Tile)] = quad.W;
    }

    /// <summary>Columns come in ascending order: a strict comparison keeps the lowest of equals.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep(ref float best, ref int column, Quad products, Quad norms, int first)
    {
        float score = norms.X - products.X;
        if (score < best)
        {
            best = score;
            column = first;
        }

        score = norms.Y - products.Y;
        if (score < best)
        {
            best = score;
            column = first + 1;
        }

        score = norms.Z - products.Z;
        if (score < best)
        {
            best = score;
            column = first + 2;
        }

        score = norms.W - products.W;
        if (score < best)
        {
            best = score;
            column = first + 3;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Record(ArrayView<float> scores, ArrayView<int> candidates, int index, float score, int column)
    {
        scores[index] = score;
        candidates[index] = column;
    }
}
