using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Vlc.Numerics.LinearAlgebra;
using Vlc.Numerics.Randomness;

namespace Vlc.Numerics.Tests.Kernels;

public sealed class SubspaceIterationTests
{
    [Theory]
    [InlineData(60, 8, 0.8)]
    [InlineData(200, 30, 0.93)]
    [InlineData(131, 131, 0.95)]
    public void Leading_axes_are_those_of_the_full_solver(int n, int count, double decay)
    {
        double[] matrix = Covariance(n, decay, seed: 1), full = [.. matrix], expected = new double[n];
        SymmetricEigen.Decompose(full, n, expected);
        (float[] vectors, double[] eigenvalues) = Leading(matrix, n, count, threads: 2);
        for (int k = 0; k < count; k++)
        {
            Assert.Equal(expected[k], eigenvalues[k], 1e-5 * expected[0]);
            for (int other = 0; other <= k; other++) Assert.Equal(k == other ? 1 : 0, Dot(vectors, k, vectors, other, n), 2e-5);
            // Well above the last, and separated from its neighbours: the vector itself, with its sign.
            if (expected[k] > 4 * expected[Math.Min(count, n - 1)] && expected[k] > 1e-3 * expected[0])
            {
                Assert.Equal(1, Enumerable.Range(0, n).Sum(i => vectors[(k * n) + i] * full[(k * n) + i]), 1e-3);
            }
        }
    }

    [Fact]
    public void A_flat_spectrum_loses_little_energy()
    {
        const int n = 120, count = 40;
        double[] matrix = Covariance(n, 0.995, seed: 3), full = [.. matrix], expected = new double[n];
        SymmetricEigen.Decompose(full, n, expected);
        (_, double[] eigenvalues) = Leading(matrix, n, count, threads: 1);
        Assert.InRange(eigenvalues.Sum() / expected.Take(count).Sum(), 0.95, 1.00001);
    }

    [Theory]
    [InlineData(1e-200)]
    [InlineData(1e200)]
    public void Magnitude_does_not_matter(double magnitude)
    {
        double[] matrix = Covariance(50, 0.8, seed: 2);
        (float[] vectors, double[] values) = Leading(matrix, 50, 5, threads: 1);
        (float[] scaledVectors, double[] scaledValues) = Leading([.. matrix.Select(x => x * magnitude)], 50, 5, threads: 1);
        for (int k = 0; k < 5; k++)
        {
            Assert.Equal(values[k], scaledValues[k] / magnitude, 1e-5 * values[0]);
            Assert.Equal(1, Dot(vectors, k, scaledVectors, k, 50), 1e-4);
        }
    }

    [Fact]
    public void Zero_has_orthonormal_vectors_and_rank_one_its_own()
    {
        (float[] vectors, double[] values) = Leading(new double[400], 20, 3, threads: 1);
        Assert.All(values, value => Assert.Equal(0, value));
        for (int k = 0; k < 3; k++) Assert.Equal(1, Dot(vectors, k, vectors, k, 20), 1e-5);
        double[] one = new double[400];
        for (int i = 0; i < 400; i++) one[i] = (1 + (i / 20)) * (1 + (i % 20));
        (vectors, values) = Leading(one, 20, 2, threads: 1);
        Assert.Equal(2870, values[0], 1e-2);
        Assert.Equal(20 / Math.Sqrt(2870), vectors[19], 1e-5);
        Assert.Equal(0, values[1], 1e-2);
    }

    /// <summary>The digest of one machine: any number of threads and any instruction set must give it.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Bits_are_the_same_everywhere(int threads)
    {
        (float[] vectors, double[] values) = Leading(Covariance(150, 0.9, seed: 4), 150, 20, threads);
        byte[] bytes = [.. MemoryMarshal.AsBytes<float>(vectors), .. MemoryMarshal.AsBytes<double>(values)];
        Assert.Equal("3CC553AC76BC6151", Convert.ToHexString(SHA256.HashData(bytes))[..16]);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => SubspaceIteration.Leading(new double[4], 2, 3, new float[6], new double[3], 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => SubspaceIteration.Leading(new double[4], 2, 1, new float[1], new double[1], 1));
        Assert.Throws<ArgumentException>(
            () => SubspaceIteration.Leading([1, double.NaN, double.NaN, 1], 2, 1, new float[2], new double[1], 1));
    }

    private static (float[] Vectors, double[] Values) Leading(double[] matrix, int n, int count, int threads)
    {
        var vectors = new float[count * n];
        var values = new double[count];
        SubspaceIteration.Leading(matrix, n, count, vectors, values, threads, TestContext.Current.CancellationToken);
        return (vectors, values);
    }

    /// <summary>A matrix with eigenvalues decay^k and random eigenvectors.</summary>
    private static double[] Covariance(int n, double decay, ulong seed)
    {
        var random = new SeededRandom(seed);
        var rows = new float[n * n];
        foreach (ref float value in rows.AsSpan()) value = random.NextGaussian();
        SymmetricEigen.Orthonormalize(rows, n, n);
        var matrix = new double[n * n];
        double eigenvalue = 1;
        for (int k = 0; k < n; k++)
        {
            for (int i = 0; i < n; i++)
            {
                double factor = eigenvalue * rows[(k * n) + i];
                for (int j = 0; j < n; j++) matrix[(i * n) + j] += factor * rows[(k * n) + j];
            }

            eigenvalue *= decay;
        }

        return matrix;
    }

    private static double Dot(float[] x, int i, float[] y, int j, int n) =>
        Enumerable.Range(0, n).Sum(k => (double)x[(i * n) + k] * y[(j * n) + k]);
}
