using System.Diagnostics.CodeAnalysis;
using ILGPU;

namespace Vlc.Gpu.Kernels;

/// <summary>
/// Merge candidates: for each anchor the one that is cheapest to merge with, by Ward's cost, over all pairs. Tiles of 16 x 16 in shared
/// memory suffice: the work is m²·d, a small part of an assignment's n·m·d.
/// </summary>
/// <remarks>
/// The layout is that of <see cref="AssignKernel"/>. The product is a chain of fused multiply-adds in float. The cost is in double and adds
/// no product, so nothing can be fused.
/// </remarks>
[ExcludeFromCodeCoverage]
internal static class MergeKernel
{
    /// <summary>Anchors, and components, of a tile's side.</summary>
    public const int Side = 16;

    /// <summary>Threads of a group.</summary>
    public const int GroupSize = Side * Side;

    /// <summary>The kernel; one group for each 16 anchors.</summary>
    /// <param name="anchors">m x pitch.</param>
    /// <param name="halfNorms">½‖a‖² of each.</param>
    /// <param name="counts">Rows of each cell; a cell of 0 rows is ignored.</param>
    /// <param name="partners">Receives an anchor for each, or -1.</param>
    /// <param name="costs">Receives the cost; infinite where there is no partner.</param>
    /// <param name="pitch">Floats from anchor to anchor, a multiple of 8.</param>
    /// <param name="count">m without padding.</param>
    public static void Run(
        ArrayView<float> anchors, ArrayView<float> halfNorms, ArrayView<int> counts, ArrayView<int> partners, ArrayView<double> costs,
        int pitch, int count)
    {
        ArrayView<float> here = SharedMemory.Allocate<float>(GroupSize), there = SharedMemory.Allocate<float>(GroupSize);
        ArrayView<double> bestCosts = SharedMemory.Allocate<double>(GroupSize);
        ArrayView<int> bestPartners = SharedMemory.Allocate<int>(GroupSize);
        int thread = Group.IdxX, x = thread % Side, y = thread / Side;
        int anchor = (Grid.IdxX * Side) + y, ownCount = anchor < count ? counts[anchor] : 0;
        double ownNorm = anchor < count ? halfNorms[anchor] : 0, best = double.PositiveInfinity;
        int partner = -1;
        for (int tile = 0; tile < count; tile += Side)
        {
            float product = 0;
            for (int first = 0; first < pitch; first += Side)
            {
                // Anchors are padded to tiles of 128, so rows up to the next multiple of 16 exist. Components are not.
                bool within = first + x < pitch;
                here[thread] = within ? anchors[((long)anchor * pitch) + first + x] : 0;
                there[thread] = within ? anchors[((long)(tile + y) * pitch) + first + x] : 0;
                GroupBarrier.Wait();
                for (int k = 0; k < Side; k++) product = Fused.MultiplyAdd(here[(y * Side) + k], there[(x * Side) + k], product);
                GroupBarrier.Wait();
            }

            int other = tile + x;
            if (other < count && other != anchor)
            {
                int otherCount = counts[other];
                if (ownCount > 0 && otherCount > 0)
                {
                    double squared = 2.0 * (ownNorm + halfNorms[other] - product);
                    if (squared < 0) squared = 0;
                    double cost = (double)ownCount * otherCount / (ownCount + otherCount) * squared;
                    if (cost < best)
                    {
                        best = cost;
                        partner = other;
                    }
                }
            }
        }

        bestCosts[thread] = best;
        bestPartners[thread] = partner;
        GroupBarrier.Wait();
        if (x == 0 && anchor < count)
        {
            for (int lane = 1; lane < Side; lane++)
            {
                double cost = bestCosts[thread + lane];
                int candidate = bestPartners[thread + lane];
                if (cost < best || (cost == best && candidate >= 0 && candidate < partner))
                {
                    best = cost;
                    partner = candidate;
                }
            }

            partners[anchor] = partner;
            costs[anchor] = best;
        }
    }
}
