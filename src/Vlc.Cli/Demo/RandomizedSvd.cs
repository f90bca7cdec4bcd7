using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Vlc.Numerics.LinearAlgebra;

namespace Vlc.Cli.Demo;

/// <summary>
/// Truncated SVD of a tall sparse matrix A by the randomised range finder of Halko, Martinsson and Tropp (2011),
/// applied to the row space: a Gaussian test matrix is multiplied by A'A, orthonormalised, multiplied again, and the
/// singular vectors are the Ritz vectors of A'A in the subspace that remains.
/// </summary>
/// <remarks>
/// A'A is never formed, and neither is the tall product A·Q: each row of A contributes a'(a·Q) while its entries are in
/// cache. Work is divided by columns of Q, so that every sum runs over the rows of A in their order and the result
/// is the same bytes on any number of threads.
/// </remarks>
internal static class RandomizedSvd
{
    /// <summary>Columns beyond the wanted ones, which take up the error of the subspace (rounded up to a whole panel).</summary>
    private const int Oversampling = 24;

    /// <summary>Multiplications by A'A before the Ritz vectors are taken; text has a slowly falling spectrum.</summary>
    private const int PowerIterations = 2;

    /// <summary>Columns of Q that one task carries through A: 128 bytes of each row, four vectors of accumulators.</summary>
    internal const int Panel = 32;

    /// <summary>Computes the <paramref name="dimension"/> leading right singular vectors of <paramref name="matrix"/>.</summary>
    public static TruncatedSvd Compute(
        SparseMatrix matrix, int dimension, ulong seed, ParallelOptions parallel, Action<double>? progress = null)
    {
        int width = (dimension + Oversampling + Panel - 1) / Panel * Panel;
        float[] basis = GaussianMatrix(matrix.ColumnCount * width, seed);
        float[] product = new float[basis.Length];
        for (int i = 0; i < PowerIterations; i++)
        {
            MultiplyByGram(matrix, basis, product, width, parallel);
            CholeskyQr.Orthonormalize(product, width, parallel);
            (basis, product) = (product, basis);
            progress?.Invoke((i + 1.0) / (PowerIterations + 1));
        }

        MultiplyByGram(matrix, basis, product, width, parallel);
        double[] eigenvectors = CholeskyQr.InnerProducts(basis, product, width, parallel), eigenvalues = new double[width];
        SymmetricEigen.Decompose(eigenvectors, width, eigenvalues);
        progress?.Invoke(1.0);
        return new TruncatedSvd(
            Rotate(basis, eigenvectors, width, dimension, parallel),
            [.. eigenvalues.Take(dimension).Select(static value => Math.Sqrt(Math.Max(value, 0.0)))]);
    }

    // product = A'(A·basis), a panel of columns at a time.
    private static void MultiplyByGram(SparseMatrix matrix, float[] basis, float[] product, int width, ParallelOptions parallel)
    {
        Array.Clear(product);
        Parallel.For(0, width / Panel, parallel, panel =>
        {
            ref float from = ref MemoryMarshal.GetArrayDataReference(basis);
            ref float to = ref MemoryMarshal.GetArrayDataReference(product);
            nuint offset = (nuint)(panel * Panel);
            for (int r = 0; r < matrix.RowCount; r++)
            {
                if ((r & 0xfff) == 0) parallel.CancellationToken.ThrowIfCancellationRequested();
                AddRowContribution(matrix.Row(r), ref from, ref to, offset, (nuint)width);
            }
        });
    }

    private static void AddRowContribution(SparseRow row, ref float from, ref float to, nuint offset, nuint width)
    {
        Vector256<float> y0 = default, y1 = default, y2 = default, y3 = default;
        for (int i = 0; i < row.Columns.Length; i++)
        {
            nuint at = ((nuint)row.Columns[i] * width) + offset;
            Vector256<float> value = Vector256.Create(row.Values[i]);
            y0 = Vector256.MultiplyAddEstimate(value, Vector256.LoadUnsafe(ref from, at), y0);
            y1 = Vector256.MultiplyAddEstimate(value, Vector256.LoadUnsafe(ref from, at + 8), y1);
            y2 = Vector256.MultiplyAddEstimate(value, Vector256.LoadUnsafe(ref from, at + 16), y2);
            y3 = Vector256.MultiplyAddEstimate(value, Vector256.LoadUnsafe(ref from, at + 24), y3);
        }

        for (int i = 0; i < row.Columns.Length; i++)
        {
            nuint at = ((nuint)row.Columns[i] * width) + offset;
            Vector256<float> value = Vector256.Create(row.Values[i]);
            Vector256.MultiplyAddEstimate(value, y0, Vector256.LoadUnsafe(ref to, at)).StoreUnsafe(ref to, at);
            Vector256.MultiplyAddEstimate(value, y1, Vector256.LoadUnsafe(ref to, at + 8)).StoreUnsafe(ref to, at + 8);
            Vector256.MultiplyAddEstimate(value, y2, Vector256.LoadUnsafe(ref to, at + 16)).StoreUnsafe(ref to, at + 16);
            Vector256.MultiplyAddEstimate(value, y3, Vector256.LoadUnsafe(ref to, at + 24)).StoreUnsafe(ref to, at + 24);
        }
    }

    // basis · (the leading eigenvectors), row by row; eigenvectors are the rows of their matrix.
    private static float[] Rotate(float[] basis, double[] eigenvectors, int width, int dimension, ParallelOptions parallel)
    {
        int rows = basis.Length / width;
        float[] leading = new float[width * dimension];
        for (int k = 0; k < width; k++)
        {
            for (int d = 0; d < dimension; d++) leading[(k * dimension) + d] = (float)eigenvectors[(d * width) + k];
        }

        float[] rotated = new float[rows * dimension];
        Parallel.For(0, rows, parallel, r =>
        {
            Span<float> target = rotated.AsSpan(r * dimension, dimension);
            for (int k = 0; k < width; k++)
            {
                TensorPrimitives.MultiplyAdd(
                    leading.AsSpan(k * dimension, dimension), basis[(r * width) + k], target, target);
            }
        });
        return rotated;
    }

    private static float[] GaussianMatrix(int length, ulong seed)
    {
        float[] values = new float[length];
        for (int i = 0; i < length; i += 2)
        {
            // Box-Muller; 1 - u is in (0, 1], where the logarithm is finite.
            double radius = Math.Sqrt(-2.0 * Math.Log(1.0 - NextUnit(ref seed)));
            (double sin, double cos) = Math.SinCos(2.0 * Math.PI * NextUnit(ref seed));
            values[i] = (float)(radius * cos);
            if (i + 1 < length) values[i + 1] = (float)(radius * sin);
        }

        return values;
    }

    // SplitMix64 (Steele, Lea and Flood, 2014), its upper 53 bits as a double in [0, 1).
    private static double NextUnit(ref ulong state)
    {
        unchecked
        {
            ulong z = state += 0x9e3779b97f4a7c15;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            return ((z ^ (z >> 31)) >> 11) * (1.0 / (1UL << 53));
        }
    }
}
