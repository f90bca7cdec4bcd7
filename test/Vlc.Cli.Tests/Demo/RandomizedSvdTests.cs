using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Vlc.Cli.Demo;

namespace Vlc.Cli.Tests.Demo;

public sealed class RandomizedSvdTests
{
    private const int Columns = 90;
    private const int Rank = 5;

    [Fact]
    public void A_low_rank_matrix_is_reconstructed()
    {
        SparseMatrix matrix = LowRank();
        TruncatedSvd svd = Compute(matrix, Rank, threads: 2);

        // A V V' = A when V spans the row space.
        for (int r = 0; r < matrix.RowCount; r++)
        {
            float[] row = Dense(matrix.Row(r)), reconstructed = new float[Columns];
            for (int k = 0; k < Rank; k++)
            {
                float[] v = Vector(svd, k);
                TensorPrimitives.MultiplyAdd(v, TensorPrimitives.Dot<float>(row, v), reconstructed, reconstructed);
            }

            for (int c = 0; c < Columns; c++) Assert.Equal(row[c], reconstructed[c], 1e-4);
        }
    }

    [Fact]
    public void Vectors_are_orthonormal_and_values_descend()
    {
        TruncatedSvd svd = Compute(LowRank(), Rank, threads: 2);
        for (int i = 0; i < Rank; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                Assert.Equal(i == j ? 1.0 : 0.0, TensorPrimitives.Dot<float>(Vector(svd, i), Vector(svd, j)), 1e-5);
            }
        }

        Assert.Equal(svd.SingularValues.OrderDescending(), svd.SingularValues);
    }

    [Fact]
    public void A_diagonal_matrix_has_its_entries_as_singular_values()
    {
        // Rows 3·e0, 2·e1, 1·e2; the fourth wanted value is beyond the rank.
        SparseMatrix diagonal = new([0, 1, 2, 3], [0, 1, 2], [3f, 2f, 1f], 3);
        TruncatedSvd svd = Compute(diagonal, 4, threads: 1);
        double[] expected = [3.0, 2.0, 1.0, 0.0];
        for (int k = 0; k < 4; k++) Assert.Equal(expected[k], svd.SingularValues[k], 1e-5);
        for (int c = 0; c < 3; c++) Assert.Equal(1f, Math.Abs(svd.RightVectors[(c * 4) + c]), 1e-5f);
        for (int c = 0; c < 3; c++) Assert.Equal(0f, svd.RightVectors[(c * 4) + 3], 1e-5f);
    }

    [Fact]
    public void One_and_two_threads_give_the_same_bytes()
    {
        SparseMatrix matrix = LowRank();
        TruncatedSvd one = Compute(matrix, 40, threads: 1), two = Compute(matrix, 40, threads: 2);
        Assert.Equal(one.SingularValues, two.SingularValues);
        Assert.True(MemoryMarshal.AsBytes<float>(one.RightVectors).SequenceEqual(MemoryMarshal.AsBytes<float>(two.RightVectors)));
    }

    [Fact]
    public void Cancellation_stops_it()
    {
        ParallelOptions cancelled = new() { CancellationToken = new CancellationToken(canceled: true) };
        Assert.ThrowsAny<OperationCanceledException>(() => RandomizedSvd.Compute(LowRank(), Rank, seed: 7, cancelled));
    }

    private static TruncatedSvd Compute(SparseMatrix matrix, int dimension, int threads) =>
        RandomizedSvd.Compute(matrix, dimension, seed: 7, new ParallelOptions { MaxDegreeOfParallelism = threads });

    private static float[] Vector(TruncatedSvd svd, int k) =>
        [.. Enumerable.Range(0, Columns).Select(c => svd.RightVectors[(c * svd.Dimension) + k])];

    private static float[] Dense(SparseRow row)
    {
        float[] dense = new float[Columns];
        for (int i = 0; i < row.Columns.Length; i++) dense[row.Columns[i]] = row.Values[i];
        return dense;
    }

    // 200 rows, each a combination of two of five sparse patterns.
    private static SparseMatrix LowRank()
    {
        Random random = new(1);
        float[][] patterns = [.. Enumerable.Range(0, Rank).Select(_ =>
            Enumerable.Range(0, Columns).Select(_ => random.NextDouble() < 0.2 ? random.NextSingle() - 0.3f : 0f).ToArray())];
        List<int> starts = [0], columns = [];
        List<float> values = [];
        for (int r = 0; r < 200; r++)
        {
            (float[] p, float[] q, float weight) = (patterns[r % Rank], patterns[random.Next(Rank)], random.NextSingle());
            for (int c = 0; c < Columns; c++)
            {
                float value = p[c] + (weight * q[c]);
                if (value == 0f) continue;
                columns.Add(c);
                values.Add(value);
            }

            starts.Add(columns.Count);
        }

        return new SparseMatrix([.. starts], [.. columns], [.. values], Columns);
    }
}
