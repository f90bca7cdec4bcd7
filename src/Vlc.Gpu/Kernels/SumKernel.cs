using System.Diagnostics.CodeAnalysis;
using ILGPU;

namespace Vlc.Gpu.Kernels;

/// <summary>
/// Sums of lists of rows in double, without atomics. One thread adds one component of one list, in the order of the list, to the sum that
/// is there already. So the result depends neither on the device nor on the number of batches.
/// </summary>
[ExcludeFromCodeCoverage]
internal static class SumKernel
{
    /// <summary>Threads of a group: consecutive components, so that a row is read in one transaction.</summary>
    public const int GroupSize = 128;

    /// <summary>The kernel; one group for each list and 128 components.</summary>
    /// <param name="rows">Row-major, row <paramref name="firstRow"/> first.</param>
    /// <param name="order">Row numbers.</param>
    /// <param name="weights">
    /// A weight for each entry of <paramref name="order"/>; a single unread one where <paramref name="weighted"/> is 0.
    /// </param>
    /// <param name="begins">First entry of <paramref name="order"/> of each list among these rows.</param>
    /// <param name="ends">The entry after the last.</param>
    /// <param name="sums">Lists x pitch.</param>
    /// <param name="pitch">Floats from row to row.</param>
    /// <param name="firstRow">Number of the first row.</param>
    /// <param name="weighted">1 where there are weights.</param>
    public static void Run(
        ArrayView<float> rows, ArrayView<int> order, ArrayView<double> weights, ArrayView<int> begins, ArrayView<int> ends,
        ArrayView<double> sums,
        int pitch, int firstRow, int weighted)
    {
        int parts = (pitch + GroupSize - 1) / GroupSize;
        int list = Grid.IdxX / parts, component = ((Grid.IdxX % parts) * GroupSize) + Group.IdxX;
        if (component >= pitch) return;
        long index = ((long)list * pitch) + component;
        double sum = sums[index];
        int end = ends[list];
        for (int i = begins[list]; i < end; i++)
        {
            double value = rows[((long)(order[i] - firstRow) * pitch) + component];
            sum = weighted != 0 ? Fused.MultiplyAddDouble(weights[i], value, sum) : sum + value;
        }

        sums[index] = sum;
    }
}
