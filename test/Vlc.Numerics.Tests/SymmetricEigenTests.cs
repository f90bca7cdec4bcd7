using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.LinearAlgebra;
using Vlc.Numerics.Randomness;

namespace Vlc.Numerics.Tests;

public sealed class SymmetricEigenTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(17)]
    [InlineData(64)]
    [InlineData(131)]
    public void Random_matrices_are_decomposed(int n) => AssertDecomposes(RandomSymmetric(n, seed: (ulong)n), n);

    [Theory]
    [InlineData(1e-300)]
    [InlineData(1e300)]
    public void Magnitude_does_not_matter(double magnitude)
    {
        double[] matrix = RandomSymmetric(20, seed: 5);
        for (int i = 0; i < matrix.Length; i++) matrix[i] *= magnitude;
        AssertDecomposes(matrix, 20);
    }

    [Fact]
    public void Repeated_eigenvalues_have_orthonormal_eigenvectors()
    {
        const int n = 40;
        double[] basis = RandomSymmetric(n, seed: 3), ignored = new double[n], matrix = new double[n * n];
        SymmetricEigen.Decompose(basis, n, ignored);
        for (int k = 0; k < n; k++)
        {
            // Eigenvalues 3, 2, 1 and 0, ten times each: the matrix has rank 30.
            for (int i = 0; i < n * n; i++) matrix[i] += (3 - (k / 10)) * basis[(k * n) + (i / n)] * basis[(k * n) + (i % n)];
        }

        double[] eigenvalues = AssertDecomposes(matrix, n);
        for (int k = 0; k < n; k++) Assert.Equal(3 - (k / 10), eigenvalues[k], 1e-12);
    }

    [Fact]
    public void A_diagonal_matrix_has_axes_as_eigenvectors()
    {
        double[] matrix = [2, 0, 0, 0, -1, 0, 0, 0, 5], eigenvalues = new double[3];
        SymmetricEigen.Decompose(matrix, 3, eigenvalues);
        Assert.Equal([5, 2, -1], eigenvalues);
        Assert.Equal([0, 0, 1, 1, 0, 0, 0, 1, 0], matrix);
    }

    [Fact]
    public void Zero_and_identity_are_decomposed()
    {
        AssertDecomposes(new double[25], 5);
        double[] identity = new double[36];
        for (int i = 0; i < 6; i++) identity[i * 7] = 1;
        Assert.All(AssertDecomposes(identity, 6), value => Assert.Equal(1, value));
    }

    [Fact]
    public void Two_by_two_is_exact()
    {
        double[] matrix = [2, 1, 1, 2], eigenvalues = new double[2];
        SymmetricEigen.Decompose(matrix, 2, eigenvalues);
        Assert.Equal(3, eigenvalues[0], 1e-15);
        Assert.Equal(1, eigenvalues[1], 1e-15);
        Assert.All(matrix, component => Assert.Equal(Math.Sqrt(.5), Math.Abs(component), 1e-15));
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Elements_must_be_finite(double element) =>
        Assert.Throws<ArgumentException>(() => SymmetricEigen.Decompose(new[] { 1, element, element, 1 }, 2, new double[2]));

    [Fact]
    public void Spans_must_be_long_enough()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => SymmetricEigen.Decompose(new double[3], 2, new double[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => SymmetricEigen.Decompose(new double[4], 2, new double[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => SymmetricEigen.Decompose([], 0, []));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 5)]
    [InlineData(17, 17)]
    [InlineData(40, 100)]
    public void Random_rows_become_orthonormal(int count, int dimension)
    {
        var random = new SeededRandom(7);
        float[] rows = new float[count * dimension];
        for (int i = 0; i < rows.Length; i++) rows[i] = random.NextGaussian();
        float[] before = [.. rows];
        SymmetricEigen.Orthonormalize(rows, count, dimension);
        AssertOrthonormal(rows, count, dimension);

        // Row i has no component along later rows: the spans of the first rows agree.
        for (int i = 0; i < count; i++)
        {
            for (int j = i + 1; j < count; j++)
            {
                Assert.Equal(0, Distances.Dot(before.AsSpan(i * dimension, dimension), rows.AsSpan(j * dimension, dimension)), 2e-5f);
            }
        }
    }

    [Fact]
    public void An_orthonormal_basis_stays()
    {
        float[] rows = [0, 1, 0, 1, 0, 0];
        SymmetricEigen.Orthonormalize(rows, 2, 3);
        Assert.Equal([0, 1, 0, 1, 0, 0], rows);
    }

    [Fact]
    public void A_dependent_row_becomes_the_first_axis_that_is_not()
    {
        float[] rows = [2, 0, 0, -1, 0, 0, 0, 0, 0];
        SymmetricEigen.Orthonormalize(rows, 3, 3);
        Assert.Equal([1, 0, 0, 0, 1, 0, 0, 0, 1], rows);
    }

    [Theory]
    [InlineData(1e-30f)]
    [InlineData(1e30f)]
    public void Length_of_rows_does_not_matter(float magnitude)
    {
        float[] rows = [3 * magnitude, 4 * magnitude, magnitude, 0];
        SymmetricEigen.Orthonormalize(rows, 2, 2);
        AssertOrthonormal(rows, 2, 2);
        Assert.Equal(.6f, rows[0], 1e-6f);
    }

    [Fact]
    public void Orthonormalize_refuses_what_cannot_be()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => SymmetricEigen.Orthonormalize(new float[6], 3, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => SymmetricEigen.Orthonormalize(new float[3], 2, 2));
        Assert.Throws<ArgumentException>(() => SymmetricEigen.Orthonormalize(new[] { 1, float.NaN }, 1, 2));
    }

    /// <summary>The bits of one result on every instruction set: there is no scalar reference to compare with.</summary>
    [Fact]
    public void Bits_are_those_of_every_machine()
    {
        const int n = 77;
        double[] matrix = RandomSymmetric(n, seed: 1), eigenvalues = new double[n];
        SymmetricEigen.Decompose(matrix, n, eigenvalues);
        float[] rows = [.. matrix.Select((component, i) => (float)component + (i % 3))];
        SymmetricEigen.Orthonormalize(rows, n, n);
        Assert.Equal("03622bea37ebda4a", Digest<double>(matrix));
        Assert.Equal("55863e608c82eca2", Digest<double>(eigenvalues));
        Assert.Equal("68cead14defcbb45", Digest<float>(rows));

        static string Digest<T>(ReadOnlySpan<T> values)
            where T : unmanaged =>
            Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(values)))[..16];
    }

    private static double[] RandomSymmetric(int n, ulong seed)
    {
        var random = new SeededRandom(seed);
        double[] matrix = new double[n * n];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j <= i; j++) matrix[(i * n) + j] = matrix[(j * n) + i] = random.NextGaussian();
        }

        return matrix;
    }

    private static double[] AssertDecomposes(double[] matrix, int n)
    {
        double[] vectors = [.. matrix], eigenvalues = new double[n];
        SymmetricEigen.Decompose(vectors, n, eigenvalues);
        double largest = matrix.Max(Math.Abs), tolerance = 1e-14 * n * largest;
        for (int k = 0; k < n; k++)
        {
            double[] v = vectors[(k * n)..((k + 1) * n)];
            if (k > 0) Assert.True(eigenvalues[k] <= eigenvalues[k - 1]);
            for (int i = 0; i < n; i++)
            {
                double product = 0;
                for (int j = 0; j < n; j++) product += matrix[(i * n) + j] * v[j];
                Assert.Equal(eigenvalues[k] * v[i], product, tolerance);
            }

            for (int other = 0; other <= k; other++)
            {
                double dot = 0;
                for (int j = 0; j < n; j++) dot += v[j] * vectors[(other * n) + j];
                Assert.Equal(other == k ? 1 : 0, dot, 1e-13);
            }

            double top = v.Max(Math.Abs);
            Assert.True(v.First(component => Math.Abs(component) == top) > 0);
        }

        return eigenvalues;
    }

    private static void AssertOrthonormal(float[] rows, int count, int dimension)
    {
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                float dot = Distances.Dot(rows.AsSpan(i * dimension, dimension), rows.AsSpan(j * dimension, dimension));
                Assert.Equal(i == j ? 1 : 0, dot, 2e-6f);
            }
        }
    }
}
