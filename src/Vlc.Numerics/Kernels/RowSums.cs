using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Vlc.Numerics.Kernels;

/// <summary>Adds float rows into double sums. Means of cells use it, where a sum may have a hundred thousand rows.</summary>
public static class RowSums
{
    /// <summary>sums[k] += row[k], each component a chain of its own.</summary>
    /// <param name="sums">At least as long as <paramref name="row"/>.</param>
    /// <param name="row">One row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(Span<double> sums, ReadOnlySpan<float> row)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sums.Length, row.Length);
        ref float source = ref MemoryMarshal.GetReference(row);
        ref double target = ref MemoryMarshal.GetReference(sums);
        int k = 0;
        for (; k + 16 <= row.Length; k += 16)
        {
            (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Vector512.LoadUnsafe(ref source, (nuint)k));
            (Vector512.LoadUnsafe(ref target, (nuint)k) + low).StoreUnsafe(ref target, (nuint)k);
            (Vector512.LoadUnsafe(ref target, (nuint)k + 8) + high).StoreUnsafe(ref target, (nuint)k + 8);
        }

        for (; k < row.Length; k++) sums[k] += row[k];
    }

    /// <summary>sums[k] += weight · row[k], the product rounded to double before the sum.</summary>
    /// <param name="sums">At least as long as <paramref name="row"/>.</param>
    /// <param name="row">One row.</param>
    /// <param name="weight">The row's weight.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddWeighted(Span<double> sums, ReadOnlySpan<float> row, double weight)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sums.Length, row.Length);
        ref float source = ref MemoryMarshal.GetReference(row);
        ref double target = ref MemoryMarshal.GetReference(sums);
        Vector512<double> weights = Vector512.Create(weight);
        int k = 0;
        for (; k + 16 <= row.Length; k += 16)
        {
            (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Vector512.LoadUnsafe(ref source, (nuint)k));
            Vector512.FusedMultiplyAdd(weights, low, Vector512.LoadUnsafe(ref target, (nuint)k)).StoreUnsafe(ref target, (nuint)k);
            Vector512.FusedMultiplyAdd(weights, high, Vector512.LoadUnsafe(ref target, (nuint)k + 8)).StoreUnsafe(ref target, (nuint)k + 8);
        }

        for (; k < row.Length; k++) sums[k] = Math.FusedMultiplyAdd(weight, row[k], sums[k]);
    }
}
