using Vlc.Numerics.Kernels;

namespace Vlc.Numerics.LinearAlgebra;

/// <summary>Eigenvectors of symmetric matrices, and orthonormal bases.</summary>
public static unsafe class SymmetricEigen
{
    /// <summary>Eigenvalues and unit eigenvectors of a symmetric matrix.</summary>
    /// <param name="matrix">n x n, row-major and symmetric; on return row k is eigenvector k, its component of largest magnitude positive.</param>
    /// <param name="n">Rows and columns; at least 1.</param>
    /// <param name="eigenvalues">Receives n eigenvalues, descending.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short.</exception>
    /// <exception cref="ArgumentException">An element is NaN or infinite.</exception>
    public static void Decompose(Span<double> matrix, int n, Span<double> eigenvalues)
    {
        throw new NotImplementedException();
    }

    /// <summary>Makes rows orthonormal in place: modified Gram-Schmidt, twice, in row order.</summary>
    /// <param name="rows">count x dimension, row-major.</param>
    /// <param name="count">Rows; at most <paramref name="dimension"/>.</param>
    /// <param name="dimension">Length of a row.</param>
    /// <remarks>A row that depends on those before it is replaced by the first axis, made orthogonal, that does not.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">More rows than dimensions, or the span is too short.</exception>
    /// <exception cref="ArgumentException">A component is NaN or infinite.</exception>
    public static void Orthonormalize(Span<float> rows, int count, int dimension)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, dimension);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows.Length, (long)count * dimension);
        for (int i = 0; i < count; i++)
        {
            Span<float> row = rows.Slice(i * dimension, dimension);
            int axis = 0;
            while (!TryNormalizeAgainst(rows[..(i * dimension)], row))
            {
                row.Clear();
                row[axis++] = 1;
            }
        }
    }

    /// <summary>Removes from <paramref name="row"/> its components along the orthonormal rows before it and scales it to length 1.</summary>
    /// <returns>False where rounding errors are all that is left.</returns>
    private static bool TryNormalizeAgainst(ReadOnlySpan<float> basis, Span<float> row)
    {
        float largest = 0;
        foreach (float component in row)
        {
            if (!float.IsFinite(component)) throw new ArgumentException("A component is NaN or infinite.", nameof(row));
            largest = Math.Max(largest, Math.Abs(component));
        }

        if (largest == 0) return false;

        // A power of two near the largest component: exact, and no square over- or underflows.
        int exponent = -Math.ILogB(largest);
        for (int k = 0; k < row.Length; k++) row[k] = MathF.ScaleB(row[k], exponent);
        for (int pass = 0; pass < 2; pass++)
        {
            float before = MathF.Sqrt(Distances.Dot(row, row));
            for (int start = 0; start < basis.Length; start += row.Length)
            {
                ReadOnlySpan<float> unit = basis.Slice(start, row.Length);
                float projection = Distances.Dot(row, unit);
                for (int k = 0; k < row.Length; k++) row[k] = MathF.FusedMultiplyAdd(-projection, unit[k], row[k]);
            }

            float length = MathF.Sqrt(Distances.Dot(row, row));
            if (!(length > before * VanishingRatio)) return false;
            for (int k = 0; k < row.Length; k++) row[k] /= length;
        }

        return true;
    }

    /// <summary>A projection that shortens a row more than this leaves rounding errors.</summary>
    private const float VanishingRatio = 1e-5f;
}
