using Vlc.Numerics.Kernels;

namespace Vlc.Numerics.Tests.Kernels;

public sealed class NearestColumnTests
{
    [Fact]
    public void Assignment_has_the_bits_of_its_reference_at_ragged_sizes()
    {
        foreach (int n in (int[])[1, 5, 14, 29, 57])
        {
            foreach (int m in (int[])[1, 2, 15, 16, 17, 31, 32, 33, 64, 65, 127, 128, 129])
            {
                foreach (int depth in (int[])[1, 3, 31, 32, 33]) Check(n, m, depth, threads: 1);
            }
        }
    }

    [Fact]
    public void Many_blocks_on_many_threads_give_the_same_bits()
    {
        Check(1301, 67, 127, threads: 1);
        Check(1301, 67, 127, threads: 2);
        Check(1301, 67, 127, threads: 5);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(70)]
    public void Among_equal_columns_the_lowest_wins(int distance)
    {
        // Columns c and c + distance are equal: in one lane, in the two halves of a panel, in different panels.
        const int Depth = 6, M = 150;
        float[] columns = KernelInputs.Values(M * Depth, 1);
        for (int j = 0; j + distance < M; j += 2 * distance)
        {
            for (int c = j; c < Math.Min(j + distance, M - distance); c++)
            {
                columns.AsSpan(c * Depth, Depth).CopyTo(columns.AsSpan((c + distance) * Depth));
            }
        }

        var (nearest, _) = Assign(columns, M, columns, M, Depth, 1);
        for (int row = 0; row < M; row++)
        {
            ReadOnlySpan<float> own = columns.AsSpan(row * Depth, Depth);
            int first = row;
            for (int j = M - 1; j >= 0; j--)
            {
                if (columns.AsSpan(j * Depth, Depth).SequenceEqual(own)) first = j;
            }

            Assert.Equal(first, nearest[row]);
        }
    }

    [Fact]
    public void All_columns_equal_gives_the_first()
    {
        float[] columns = new float[100 * 4];
        columns.AsSpan().Fill(2.5f);
        var (nearest, scores) = Assign(KernelInputs.Values(15 * 4, 3), 15, columns, 100, 4, 1);
        Assert.All(nearest, column => Assert.Equal(0, column));
        Assert.All(scores, score => Assert.True(float.IsFinite(score)));
    }

    [Fact]
    public void Padding_columns_never_win()
    {
        // Every score is far above 0, the score that a padding column of zeros would have.
        float[] columns = new float[33 * 2];
        columns.AsSpan().Fill(-1000);
        columns[64] = columns[65] = -999;
        var (nearest, scores) = Assign([1, 1], 1, columns, 33, 2, 1);
        Assert.Equal(32, nearest[0]);
        Assert.Equal(998_001f + 1998, scores[0]);
    }

    [Fact]
    public void Half_norms_are_rounded_once()
    {
        float[] columns = KernelInputs.Values(3 * 33, 4);
        var norms = new float[3];
        NearestColumn.HalfSquaredNorms(columns, 33, norms);
        for (int j = 0; j < 3; j++)
        {
            double sum = 0;
            for (int k = 0; k < 33; k++) sum += (double)columns[(j * 33) + k] * columns[(j * 33) + k];
            Assert.Equal((float)(sum / 2), norms[j]);
        }
    }

    [Fact]
    public void Spans_that_are_too_short_are_refused_and_cancellation_is_heard()
    {
        using var packed = new PackedMatrix(new float[4], 2, 2);
        Assert.Throws<ArgumentOutOfRangeException>(
            () => NearestColumn.Assign(new float[3], packed, new float[2], new int[2], new float[2], 1));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => NearestColumn.Assign(new float[4], packed, new float[1], new int[2], new float[2], 1));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => NearestColumn.Assign(new float[4], packed, new float[2], new int[2], new float[1], 1));
        Assert.Throws<OperationCanceledException>(() => NearestColumn.Assign(
            new float[4], packed, new float[2], new int[2], new float[2], 1, new CancellationToken(canceled: true)));
    }

    private static void Check(int n, int m, int depth, int threads)
    {
        float[] rows = KernelInputs.Values(n * depth, 1), columns = KernelInputs.Values(m * depth, 2);
        var norms = new float[m];
        NearestColumn.HalfSquaredNorms(columns, depth, norms);
        var nearest = new int[n];
        var scores = new float[n];
        NearestColumn.AssignReference(rows, columns, depth, norms, nearest, scores);
        var (fast, fastScores) = Assign(rows, n, columns, m, depth, threads);
        Assert.Equal(nearest, fast);
        KernelInputs.AssertSameBits(scores, fastScores);
    }

    private static (int[] Nearest, float[] Scores) Assign(float[] rows, int n, float[] columns, int m, int depth, int threads)
    {
        // One element later, so that no span begins where its array does.
        float[] shiftedRows = [0, .. rows], shiftedScores = new float[n + 1];
        int[] shiftedNearest = new int[n + 1];
        var norms = new float[m];
        NearestColumn.HalfSquaredNorms(columns, depth, norms);
        using var packed = new PackedMatrix(columns, m, depth);
        NearestColumn.Assign(shiftedRows.AsSpan(1), packed, norms, shiftedNearest.AsSpan(1), shiftedScores.AsSpan(1), threads);
        return (shiftedNearest[1..], shiftedScores[1..]);
    }
}
