using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;

namespace Vlc.Gpu.Kernels;

/// <summary>
/// The search for trellis codes (Viterbi), with the bits of <see cref="Vlc.Numerics.Kernels.TrellisEncoder"/>: e = fma(-scale, T, target),
/// cost = fma(e, e, cost). Of equal costs the lowest predecessor wins, and at the end the lowest state.
/// </summary>
/// <remarks>
/// <para>
/// A group of 256 threads takes a row, a thread a state, and continues with the row that is as many groups later. The costs of all states
/// before and after an axis are in shared memory. An axis of b bits has 256 >> b classes of states with the same predecessors: those equal
/// to the class modulo the number of classes. Only the best predecessor of each class is stored, a byte a class, at most 128 bytes an axis.
/// </para>
/// <para>
/// One thread backtracks, which is a chain of look-ups. The stored predecessors are copied to shared memory in windows first, because a
/// look-up there takes a small part of the time.
/// </para>
/// </remarks>
[ExcludeFromCodeCoverage]
internal static class TrellisKernel
{
    /// <summary>States, and threads of a group.</summary>
    public const int GroupSize = 256;

    /// <summary>Bytes of the survivors of an axis: the classes of an axis of one bit.</summary>
    public const int SurvivorBytes = GroupSize / 2;

    /// <summary>Bytes of shared memory of a group.</summary>
    public const int SharedBytes = (((2 * GroupSize) + (2 * Folded)) * sizeof(float)) + (Window * SurvivorBytes);

    /// <summary>Axes of a step of backtracking.</summary>
    private const int Window = 32;

    /// <summary>
    /// Most bits of an axis whose classes a thread searches by itself. Axes of more bits are folded to <see cref="Folded"/> states first,
    /// so that a thread never compares more than 16.
    /// </summary>
    private const int DirectBits = 4;

    private const int Folded = 16;

    /// <summary>The kernel; any number of groups.</summary>
    /// <param name="tables">8 x 256 values, those of b bits from (b - 1)·256 on.</param>
    /// <param name="starts">First axis of each code, and the end of the last.</param>
    /// <param name="scales">Scale of each axis.</param>
    /// <param name="bits">Bits of each axis.</param>
    /// <param name="codes">Code of each row.</param>
    /// <param name="rowOffsets">First element of each row in targets and states.</param>
    /// <param name="targets">A target for each axis of each row.</param>
    /// <param name="survivors">For each group <paramref name="mostAxes"/> times <see cref="SurvivorBytes"/>.</param>
    /// <param name="states">Receives the state after each axis.</param>
    /// <param name="minima">Receives the cost of each row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="mostAxes">Axes of the longest code.</param>
    public static void Run(
        ArrayView<float> tables, ArrayView<int> starts, ArrayView<float> scales, ArrayView<byte> bits, ArrayView<int> codes,
        ArrayView<int> rowOffsets,
        ArrayView<float> targets, ArrayView<byte> survivors, ArrayView<byte> states, ArrayView<float> minima, int rows, int mostAxes)
    {
        ArrayView<float> costs = SharedMemory.Allocate<float>(2 * GroupSize), foldedCosts = SharedMemory.Allocate<float>(Folded);
        ArrayView<int> foldedStates = SharedMemory.Allocate<int>(Folded);
        ArrayView<int> window = SharedMemory.Allocate<int>(Window * SurvivorBytes / sizeof(int));
        ArrayView<byte> windowBytes = window.Cast<byte>();
        ArrayView<int> survivorWords = survivors.Cast<int>();
        int state = Group.IdxX;
        long history = (long)Grid.IdxX * mostAxes * SurvivorBytes;
        for (int row = Grid.IdxX; row < rows; row += Grid.DimX)
        {
            int first = starts[codes[row]], axes = starts[codes[row] + 1] - first, offset = rowOffsets[row], before = 0;
            costs[state] = state == 0 ? 0 : float.PositiveInfinity;
            GroupBarrier.Wait();
            float cost = 0;
            int best = 0;
            for (int i = 0; i < axes; i++)
            {
                int b = bits[first + i], ownClass = state >> b;
                Cheapest(costs, foldedCosts, foldedStates, before, b, ownClass, ref cost, ref best);
                if ((state & ((1 << b) - 1)) == 0) survivors[history + (i * SurvivorBytes) + ownClass] = (byte)best;
                float error = Fused.MultiplyAdd(-scales[first + i], tables[((b - 1) * GroupSize) + state], targets[offset + i]);
                // The costs before this axis are still being read, so those after it go to the other half.
                before ^= GroupSize;
                costs[before + state] = Fused.MultiplyAdd(error, error, cost);
                GroupBarrier.Wait();
            }

            // The cheapest of all states, as if an axis of eight bits followed.
            Cheapest(costs, foldedCosts, foldedStates, before, 8, 0, ref cost, ref best);
            if (state == 0) minima[row] = cost;
            for (int end = axes; end > 0; end -= Window)
            {
                int begin = end > Window ? end - Window : 0;
                for (int k = state; k < (end - begin) * (SurvivorBytes / sizeof(int)); k += GroupSize)
                {
                    window[k] = survivorWords[((history + (begin * SurvivorBytes)) / sizeof(int)) + k];
                }

                GroupBarrier.Wait();
                if (state == 0)
                {
                    for (int i = end - 1; i >= begin; i--)
                    {
                        states[offset + i] = (byte)best;
                        best = windowBytes[((i - begin) * SurvivorBytes) + (best >> bits[first + i])];
                    }
                }

                GroupBarrier.Wait();
            }
        }
    }

    /// <summary>The cheapest predecessor of a class of states, the lowest of equal ones. All threads of a group call it together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Cheapest(
        ArrayView<float> costs, ArrayView<float> foldedCosts, ArrayView<int> foldedStates, int offset, int bits, int ownClass,
        ref float cost, ref int best)
    {
        int classes = GroupSize >> bits;
        if (bits <= DirectBits)
        {
            best = ownClass;
            cost = costs[offset + ownClass];
            for (int from = ownClass + classes; from < GroupSize; from += classes)
            {
                float other = costs[offset + from];
                if (other < cost)
                {
                    cost = other;
                    best = from;
                }
            }
        }
        else
        {
            int lane = Group.IdxX;
            if (lane < Folded)
            {
                int least = lane;
                float leastCost = costs[offset + lane];
                for (int from = lane + Folded; from < GroupSize; from += Folded)
                {
                    float other = costs[offset + from];
                    if (other < leastCost)
                    {
                        leastCost = other;
                        least = from;
                    }
                }

                foldedCosts[lane] = leastCost;
                foldedStates[lane] = least;
            }

            GroupBarrier.Wait();
            best = foldedStates[ownClass];
            cost = foldedCosts[ownClass];
            for (int from = ownClass + classes; from < Folded; from += classes)
            {
                float other = foldedCosts[from];
                int candidate = foldedStates[from];
                // Folded costs are not in the order of the states.
                if (other < cost || (other == cost && candidate < best))
                {
                    cost = other;
                    best = candidate;
                }
            }
        }
    }
}
