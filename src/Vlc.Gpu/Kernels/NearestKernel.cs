using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;

namespace Vlc.Gpu.Kernels;

/// <summary>
/// The k nearest of each query by (distance, row), without atomics. Candidates are collected in the order of the slots, and sorted whenever
/// enough of them are there. The result does not depend on when they are sorted, since no two rows are equal.
/// </summary>
/// <remarks>
/// A group of 256 threads for each query reads its distances, four a thread at a time. A step without a candidate costs one barrier.
/// </remarks>
[ExcludeFromCodeCoverage]
internal static class NearestKernel
{
    /// <summary>Threads of a group.</summary>
    public const int GroupSize = 256;

    /// <summary>Most neighbours: together with the distances of a step they fill <see cref="Capacity"/>.</summary>
    public const int MostNeighbors = 1024;

    /// <summary>Distances of a step.</summary>
    private const int Step = 4 * GroupSize;

    /// <summary>Entries of the buffer, a power of two for the sort.</summary>
    private const int Capacity = MostNeighbors + Step;

    /// <summary>Entries beyond k that trigger a sort.</summary>
    private const int Eager = 128;

    /// <summary>The kernel; one group for each query.</summary>
    public static void Run(NearestWork work)
    {
        ArrayView<float> keys = SharedMemory.Allocate<float>(Capacity);
        ArrayView<int> rows = SharedMemory.Allocate<int>(Capacity), sums = SharedMemory.Allocate<int>(GroupSize);
        ArrayView<int> any = SharedMemory.Allocate<int>(3);
        int query = Grid.IdxX, thread = Group.IdxX, k = work.K, fill = work.Found[query];
        long best = (long)query * k;
        for (int i = thread; i < fill; i += GroupSize)
        {
            keys[i] = work.BestDistances[best + i];
            rows[i] = work.BestRows[best + i];
        }

        if (thread < 3) any[thread] = 0;
        GroupBarrier.Wait();
        float bound = fill == k ? keys[k - 1] : float.PositiveInfinity;
        int boundRow = fill == k ? rows[k - 1] : int.MaxValue;
        long slot = work.Starts.Length > 1 ? work.Starts[query] : (long)query * work.Tiles;
        long end = (work.Starts.Length > 1 ? work.Starts[query + 1] : slot + work.Tiles) * ScanKernel.Tile;
        int turn = 0;
        for (long first = slot * ScanKernel.Tile; first < end; first += Step)
        {
            // Cleared for the step after the next barrier. It was last read before the previous barrier.
            int now = turn % 3, next = (turn + 1) % 3;
            turn++;
            if (thread == 0) any[next] = 0;
            float d0 = 0, d1 = 0, d2 = 0, d3 = 0;
            int r0 = Pass(work, first + thread, slot, end, bound, boundRow, ref d0);
            int r1 = Pass(work, first + thread + GroupSize, slot, end, bound, boundRow, ref d1);
            int r2 = Pass(work, first + thread + (2 * GroupSize), slot, end, bound, boundRow, ref d2);
            int r3 = Pass(work, first + thread + (3 * GroupSize), slot, end, bound, boundRow, ref d3);
            int passing = (r0 < 0 ? 0 : 1) + (r1 < 0 ? 0 : 1) + (r2 < 0 ? 0 : 1) + (r3 < 0 ? 0 : 1);
            // All threads write the same value.
            if (passing > 0) any[now] = 1;
            sums[thread] = passing;
            GroupBarrier.Wait();
            if (any[now] != 0)
            {
                for (int distance = 1; distance < GroupSize; distance *= 2)
                {
                    int before = thread >= distance ? sums[thread - distance] : 0;
                    GroupBarrier.Wait();
                    sums[thread] += before;
                    GroupBarrier.Wait();
                }

                int position = fill + sums[thread] - passing;
                fill += sums[GroupSize - 1];
                Put(keys, rows, ref position, d0, r0);
                Put(keys, rows, ref position, d1, r1);
                Put(keys, rows, ref position, d2, r2);
                Put(keys, rows, ref position, d3, r3);
                GroupBarrier.Wait();
                if (fill >= k + Eager || fill > MostNeighbors)
                {
                    Sort(keys, rows, fill, thread);
                    if (fill >= k)
                    {
                        fill = k;
                        bound = keys[k - 1];
                        boundRow = rows[k - 1];
                    }

                    GroupBarrier.Wait();
                }
            }
        }

        Sort(keys, rows, fill, thread);
        if (fill > k) fill = k;
        for (int i = thread; i < fill; i += GroupSize)
        {
            work.BestDistances[best + i] = keys[i];
            work.BestRows[best + i] = rows[i];
        }

        if (thread == 0) work.Found[query] = fill;
    }

    /// <summary>The row of a distance that may be among the nearest, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Pass(NearestWork work, long position, long firstSlot, long end, float bound, int boundRow, ref float distance)
    {
        if (position >= end) return -1;
        distance = work.Distances[position];
        if (!(distance <= bound)) return -1;
        long slot = position / ScanKernel.Tile;
        int tile = work.Starts.Length > 1 ? work.SlotTiles[slot] : work.FirstTile + (int)(slot - firstSlot);
        int row = work.TileRows[((long)tile * ScanKernel.Tile) + (position % ScanKernel.Tile)];
        if (row < 0 || (distance == bound && row >= boundRow)) return -1;
        if (work.IsFiltered != 0 && (work.Allowed[row / 32] >> (row % 32) & 1) == 0) return -1;
        return row;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(ArrayView<float> keys, ArrayView<int> rows, ref int position, float distance, int row)
    {
        if (row < 0) return;
        keys[position] = distance;
        rows[position] = row;
        position++;
    }

    /// <summary>Bitonic sort, ascending; all threads see the result.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Sort(ArrayView<float> keys, ArrayView<int> rows, int count, int thread)
    {
        int length = 2;
        while (length < count) length *= 2;
        for (int i = count + thread; i < length; i += GroupSize)
        {
            keys[i] = float.PositiveInfinity;
            rows[i] = int.MaxValue;
        }

        GroupBarrier.Wait();
        for (int run = 2; run <= length; run *= 2)
        {
            for (int distance = run / 2; distance > 0; distance /= 2)
            {
                for (int i = thread; i < length / 2; i += GroupSize)
                {
                    int low = (2 * i) - (i & (distance - 1)), high = low + distance;
                    float a = keys[low], b = keys[high];
                    int rowA = rows[low], rowB = rows[high];
                    bool descending = a > b || (a == b && rowA > rowB);
                    if (descending == ((low & run) == 0))
                    {
                        keys[low] = b;
                        keys[high] = a;
                        rows[low] = rowB;
                        rows[high] = rowA;
                    }
                }

                GroupBarrier.Wait();
            }
        }
    }
}

/// <summary>What one launch selects from.</summary>
[ExcludeFromCodeCoverage]
internal struct NearestWork
{
    /// <summary>64 distances for each slot.</summary>
    public ArrayView<float> Distances;

    /// <summary>
    /// First slot of each query, and the end of the last. It is a single unread entry where query q has slots from q·<see cref="Tiles"/>
    /// on.
    /// </summary>
    public ArrayView<int> Starts;

    /// <summary>Tile of each slot; a single unread entry in the same case.</summary>
    public ArrayView<int> SlotTiles;

    /// <summary>Row numbers of the tiles.</summary>
    public ArrayView<int> TileRows;

    /// <summary>A bit for each row.</summary>
    public ArrayView<uint> Allowed;

    /// <summary>q x k, the nearest so far.</summary>
    public ArrayView<float> BestDistances;

    /// <summary>Their row numbers.</summary>
    public ArrayView<int> BestRows;

    /// <summary>How many there are of each query.</summary>
    public ArrayView<int> Found;

    /// <summary>Neighbours of a query.</summary>
    public int K;

    /// <summary>First tile of the launch.</summary>
    public int FirstTile;

    /// <summary>Tiles of the launch.</summary>
    public int Tiles;

    /// <summary>Whether <see cref="Allowed"/> applies.</summary>
    public int IsFiltered;
}
