using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;

namespace Vlc.Numerics.LinearAlgebra;

/// <summary>
/// The leading eigenvectors of large symmetric positive semidefinite matrices, such as covariances, for which a full decomposition takes
/// too long.
/// </summary>
/// <remarks>
/// Method. Randomised block subspace iteration with a Rayleigh-Ritz step (Halko, Martinsson and Tropp, 2011, 4.5 and 5.3). Random vectors
/// are multiplied by the matrix and made orthonormal, several times. Then the eigenvectors of the matrix within their span are found. The
/// work is products of n² · count. Eigenvalues near the last one found are approximate; those well above it are as good as float32. The
/// bits are the same on any number of threads and any instruction set.
/// </remarks>
public static class SubspaceIteration
{
    /// <summary>Vectors beyond those wanted; they make the last of the wanted ones converge.</summary>
    private const int Oversampling = 16;

    private const int Iterations = 4;

    private const ulong Stream = 0x5B5;

    /// <summary>Leading eigenvalues and unit eigenvectors.</summary>
    /// <param name="matrix">n x n, row-major, symmetric, without negative eigenvalues beyond rounding.</param>
    /// <param name="n">Rows and columns.</param>
    /// <param name="count">Eigenvectors wanted; at most n.</param>
    /// <param name="vectors">
    /// Receives count x n, by descending eigenvalue; the component of largest magnitude (the first of equals) is positive.
    /// </param>
    /// <param name="eigenvalues">Receives count values, descending.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    /// <param name="cancellationToken">Checked between products.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count or a span that does not fit.</exception>
    /// <exception cref="ArgumentException">An element is NaN or infinite.</exception>
    public static void Leading(
        ReadOnlySpan<double> matrix, int n, int count, Span<float> vectors, Span<double> eigenvalues, int threads,
        CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, n);
        ArgumentOutOfRangeException.ThrowIfLessThan(matrix.Length, (long)n * n);
        ArgumentOutOfRangeException.ThrowIfLessThan(vectors.Length, (long)count * n);
        ArgumentOutOfRangeException.ThrowIfLessThan(eigenvalues.Length, count);
        double largest = 0;
        foreach (double element in matrix[..(n * n)])
        {
            if (!double.IsFinite(element)) throw new ArgumentException("An element is NaN or infinite.", nameof(matrix));
            largest = Math.Max(largest, Math.Abs(element));
        }

        // Elements are scaled by a power of two to below 2, so that products of float32 neither overflow nor vanish.
        int exponent = largest == 0 ? 0 : Math.ILogB(largest), block = (int)Math.Min(n, (long)count + Oversampling);
        var scaled = new float[n * n];
        for (int i = 0; i < scaled.Length; i++) scaled[i] = (float)Math.ScaleB(matrix[i], -exponent);
        using var columns = new PackedMatrix(scaled, n, n);
        var basis = new float[block * n];
        var product = new float[block * n];
        var random = new SeededRandom((ulong)n, Stream);
        foreach (ref float component in basis.AsSpan()) component = random.NextGaussian();
        for (int iteration = 0; iteration < Iterations; iteration++)
        {
            MatrixProduct.Multiply(basis, block, columns, product, threads, cancellationToken);
            (basis, product) = (product, basis);
            SymmetricEigen.Orthonormalize(basis, block, n);
        }

        // The matrix within the span, and its eigenvectors there.
        MatrixProduct.Multiply(basis, block, columns, product, threads, cancellationToken);
        var within = new float[block * block];
        using (var span = new PackedMatrix(basis, block, n))
        {
            MatrixProduct.Multiply(product, block, span, within, threads, cancellationToken);
        }

        double[] ritz = [.. within.Select(value => (double)value)], values = new double[block];
        SymmetricEigen.Decompose(ritz, block, values);
        float[] rotation = [.. ritz.Take(count * block).Select(value => (float)value)], transposed = new float[n * block];
        for (int i = 0; i < block; i++)
        {
            for (int k = 0; k < n; k++) transposed[(k * block) + i] = basis[(i * n) + k];
        }

        using (var components = new PackedMatrix(transposed, n, block))
        {
            MatrixProduct.Multiply(rotation, count, components, vectors, threads, cancellationToken);
        }

        for (int row = 0; row < count; row++)
        {
            eigenvalues[row] = Math.ScaleB(values[row], exponent);
            SymmetricEigen.MakeLargestPositive(vectors.Slice(row * n, n));
        }
    }
}
