using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Vlc.Numerics.Memory;
using Vlc.Numerics.Threading;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// Assignment: finds for each row the column (anchor) at the smallest Euclidean distance. It is a blocked matrix product with the argmin
/// fused into the tile, so the n x m matrix of distances never reaches memory.
/// </summary>
/// <remarks>
/// The score of row x and column a is ½‖a‖² - x·a, which orders columns as ‖x - a‖² does. Ties go to the lowest column. The product is
/// <see cref="DotTile"/>; the rest is one compare and two blends for each 16 scores. Guarded by bench/Vlc.Bench, AssignmentBenchmarks.
/// </remarks>
public static unsafe class NearestColumn
{
    /// <summary>Half the squared norm of each column, the constant part of the score, summed in double.</summary>
    /// <param name="columns">Row-major, <c>halfNorms.Length</c> x <paramref name="depth"/>.</param>
    /// <param name="depth">Components of a column.</param>
    /// <param name="halfNorms">Receives one float a column.</param>
    public static void HalfSquaredNorms(ReadOnlySpan<float> columns, int depth, Span<float> halfNorms)
    {
        for (int j = 0; j < halfNorms.Length; j++)
        {
            double sum = 0;
            foreach (float value in columns.Slice(j * depth, depth)) sum += (double)value * value;
            halfNorms[j] = (float)(sum * 0.5);
        }
    }

    /// <summary>Assigns each row to its nearest column.</summary>
    /// <param name="rows">Row-major, <c>nearest.Length</c> x depth of the matrix.</param>
    /// <param name="columns">The packed columns.</param>
    /// <param name="halfNorms">From <see cref="HalfSquaredNorms"/>, or any other constant to add to the score of a column.</param>
    /// <param name="nearest">Receives the column's number for each row.</param>
    /// <param name="scores">Receives ½‖a‖² - x·a for each row; add ½‖x‖² and double for the squared distance.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    /// <param name="cancellationToken">Checked for each block of rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short.</exception>
    public static void Assign(
        ReadOnlySpan<float> rows, PackedMatrix columns, ReadOnlySpan<float> halfNorms, Span<int> nearest, Span<float> scores,
        int threads, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(columns);
        int rowCount = nearest.Length, depth = columns.Depth;
        ArgumentOutOfRangeException.ThrowIfLessThan(rows.Length, (long)rowCount * depth);
        ArgumentOutOfRangeException.ThrowIfLessThan(halfNorms.Length, columns.ColumnCount);
        ArgumentOutOfRangeException.ThrowIfLessThan(scores.Length, rowCount);
        using var paddedNorms = new AlignedBuffer<float>((long)columns.PanelCount * PackedMatrix.PanelWidth);
        paddedNorms.Span.Fill(float.PositiveInfinity);
        halfNorms[..columns.ColumnCount].CopyTo(paddedNorms.Span);

        fixed (float* rowsPointer = rows, scoresPointer = scores)
        fixed (int* nearestPointer = nearest)
        {
            // The pointers are captured as integers: a lambda cannot capture pointers of fixed locals.
            nint rowsAddress = (nint)rowsPointer, scoresAddress = (nint)scoresPointer, nearestAddress = (nint)nearestPointer;
            nint normsAddress = (nint)paddedNorms.Pointer;
            using var scratch = new ThreadLocal<Scratch>(() => new Scratch(depth), trackAllValues: true);
            int blockRows = RowGroups.CapacityFor(depth);
            BlockScheduler.Run(
                BlockScheduler.BlockCount(rowCount, blockRows), threads,
                (block, _) =>
                {
                    int first = block * blockRows, count = Math.Min(blockRows, rowCount - first);
                    AssignBlock(
                        new ReadOnlySpan<float>((float*)rowsAddress + ((long)first * depth), count * depth), columns, (float*)normsAddress,
                        new Span<int>((int*)nearestAddress + first, count), new Span<float>((float*)scoresAddress + first, count),
                        scratch.Value!);
                },
                cancellationToken);
            foreach (Scratch used in scratch.Values) used.Dispose();
        }
    }

    /// <summary>The scalar reference of <see cref="Assign"/>, one pair at a time.</summary>
    /// <inheritdoc cref="Assign" path="/param"/>
    public static void AssignReference(
        ReadOnlySpan<float> rows, ReadOnlySpan<float> columns, int depth, ReadOnlySpan<float> halfNorms, Span<int> nearest,
        Span<float> scores)
    {
        for (int i = 0; i < nearest.Length; i++)
        {
            float best = float.PositiveInfinity;
            int bestColumn = 0;
            for (int j = 0; j < halfNorms.Length; j++)
            {
                float dot = 0;
                for (int k = 0; k < depth; k++) dot = MathF.FusedMultiplyAdd(rows[(i * depth) + k], columns[(j * depth) + k], dot);
                float score = halfNorms[j] - dot;
                if (score < best)
                {
                    best = score;
                    bestColumn = j;
                }
            }

            nearest[i] = bestColumn;
            scores[i] = best;
        }
    }

    private static void AssignBlock(
        ReadOnlySpan<float> rows, PackedMatrix columns, float* halfNorms, Span<int> nearest, Span<float> scores, Scratch scratch)
    {
        int rowCount = nearest.Length;
        int groups = scratch.Rows.Pack(rows, rowCount);
        scratch.ResetBest();
        for (int panel = 0; panel < columns.PanelCount; panel++)
        {
            float* panelPointer = columns.Panel(panel);
            float* norms = halfNorms + (panel * PackedMatrix.PanelWidth);
            for (int group = 0; group < groups; group++)
            {
                DotTile.Compute(scratch.Rows.Group(group), panelPointer, columns.Depth, scratch.Tile);
                UpdateBest(scratch, group * DotTile.RowCount, norms, panel * PackedMatrix.PanelWidth);
            }
        }

        for (int i = 0; i < rowCount; i++)
        {
            // Lane l holds columns whose number is l modulo 16. Of equal scores the lowest column wins.
            float* laneScores = scratch.BestScores + (i * 16);
            int* laneColumns = scratch.BestColumns + (i * 16);
            int lane = 0;
            for (int other = 1; other < 16; other++)
            {
                if (laneScores[other] < laneScores[lane]
                    || (laneScores[other] == laneScores[lane] && laneColumns[other] < laneColumns[lane]))
                {
                    lane = other;
                }
            }

            nearest[i] = laneColumns[lane];
            scores[i] = laneScores[lane];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void UpdateBest(Scratch scratch, int firstRow, float* norms, int firstColumn)
    {
        Vector512<float> normLow = Vector512.Load(norms), normHigh = Vector512.Load(norms + 16);
        Vector512<int> columnLow = Vector512.Create(firstColumn) + Vector512<int>.Indices;
        Vector512<int> columnHigh = columnLow + Vector512.Create(16);
        float* tile = scratch.Tile;
        float* bestScores = scratch.BestScores + (firstRow * 16);
        int* bestColumns = scratch.BestColumns + (firstRow * 16);
        for (int i = 0; i < DotTile.RowCount; i++, tile += PackedMatrix.PanelWidth, bestScores += 16, bestColumns += 16)
        {
            Vector512<float> low = normLow - Vector512.Load(tile), high = normHigh - Vector512.Load(tile + 16);
            // Strictly less: of equal scores the lower column stays, because it comes first.
            Vector512<float> highWins = Vector512.LessThan(high, low);
            Vector512<float> score = Vector512.ConditionalSelect(highWins, high, low);
            Vector512<int> column = Vector512.ConditionalSelect(highWins.AsInt32(), columnHigh, columnLow);
            Vector512<float> old = Vector512.Load(bestScores);
            Vector512<float> wins = Vector512.LessThan(score, old);
            Vector512.ConditionalSelect(wins, score, old).Store(bestScores);
            Vector512.ConditionalSelect(wins.AsInt32(), column, Vector512.Load(bestColumns)).Store(bestColumns);
        }
    }

    /// <summary>Scratch memory of one thread: packed rows, a tile, and the best column so far of each row in 16 lanes.</summary>
    private sealed class Scratch : IDisposable
    {
        private readonly AlignedBuffer<float> _tile = new(DotTile.MaxRowCount * PackedMatrix.PanelWidth);
        private readonly AlignedBuffer<float> _bestScores;
        private readonly AlignedBuffer<int> _bestColumns;

        public Scratch(int depth)
        {
            Rows = new RowGroups(depth);
            _bestScores = new AlignedBuffer<float>(Rows.Capacity * 16L);
            _bestColumns = new AlignedBuffer<int>(Rows.Capacity * 16L);
        }

        public RowGroups Rows { get; }

        public float* Tile => _tile.Pointer;

        public float* BestScores => _bestScores.Pointer;

        public int* BestColumns => _bestColumns.Pointer;

        public void ResetBest()
        {
            _bestScores.Span.Fill(float.PositiveInfinity);
            _bestColumns.Span.Clear();
        }

        public void Dispose()
        {
            Rows.Dispose();
            _tile.Dispose();
            _bestScores.Dispose();
            _bestColumns.Dispose();
        }
    }
}
