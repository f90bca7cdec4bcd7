using Vlc.Numerics.Kernels;

namespace Vlc.Numerics.Tests.Kernels;

public sealed class MatrixProductTests
{
    private static readonly int[] RowCounts = [1, 3, 5, 13, 14, 15, 43];
    private static readonly int[] ColumnCounts = [1, 15, 16, 17, 31, 32, 33, 127, 128, 129, 161];
    private static readonly int[] Depths = [1, 2, 31, 32, 33];

    [Fact]
    public void Every_product_is_one_chain_of_fused_multiply_adds()
    {
        foreach (int n in RowCounts)
        {
            foreach (int m in ColumnCounts)
            {
                foreach (int depth in Depths) Check(n, m, depth, threads: 1);
            }
        }
    }

    [Fact]
    public void Many_blocks_on_many_threads_give_the_same_bits()
    {
        // 1,300 rows of 129 components are several blocks of the tile kernel.
        Check(1300, 65, 129, threads: 1);
        Check(1300, 65, 129, threads: 3);
    }

    [Fact]
    public void Spans_may_begin_anywhere_and_be_longer_than_needed()
    {
        float[] rows = KernelInputs.Values(1 + (7 * 5) + 2, 1), columns = KernelInputs.Values(3 + (9 * 5) + 4, 2);
        using var packed = new PackedMatrix(columns.AsSpan(3), 9, 5);
        var products = new float[64];
        products.AsSpan().Fill(-1);
        MatrixProduct.Multiply(rows.AsSpan(1), 7, packed, products, 1);
        KernelInputs.AssertSameBits(Reference(rows.AsSpan(1), 7, columns.AsSpan(3), 9, 5), products.AsSpan(0, 63));
        Assert.Equal(-1, products[63]);
    }

    [Fact]
    public void Counts_and_spans_that_do_not_fit_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new PackedMatrix([], 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PackedMatrix([1], 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PackedMatrix(new float[5], 2, 3));
        using var packed = new PackedMatrix(new float[6], 2, 3);
        Assert.Throws<ArgumentOutOfRangeException>(() => packed.Multiply(new float[2], new float[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => packed.Multiply(new float[3], new float[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => MatrixProduct.Multiply(new float[5], 2, packed, new float[4], 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => MatrixProduct.Multiply(new float[6], 2, packed, new float[3], 1));
    }

    [Fact]
    public void A_cancelled_product_throws()
    {
        using var packed = new PackedMatrix(new float[3], 1, 3);
        Assert.Throws<OperationCanceledException>(
            () => MatrixProduct.Multiply(new float[3], 1, packed, new float[1], 1, new CancellationToken(canceled: true)));
    }

    private static void Check(int n, int m, int depth, int threads)
    {
        float[] rows = KernelInputs.Values(n * depth, 1), columns = KernelInputs.Values(m * depth, 2);
        using var packed = new PackedMatrix(columns, m, depth);
        float[] expected = Reference(rows, n, columns, m, depth);
        var products = new float[n * m];
        MatrixProduct.Multiply(rows, n, packed, products, threads);
        KernelInputs.AssertSameBits(expected, products);
        // One row at a time through the kernel for single vectors; a guard element after the result stays unchanged.
        var single = new float[m + 1];
        single[m] = -1;
        int last = n - 1;
        packed.Multiply(rows.AsSpan(last * depth, depth), single);
        KernelInputs.AssertSameBits(expected.AsSpan(last * m, m), single.AsSpan(0, m));
        Assert.Equal(-1, single[m]);
    }

    private static float[] Reference(ReadOnlySpan<float> rows, int n, ReadOnlySpan<float> columns, int m, int depth)
    {
        var products = new float[n * m];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < m; j++)
            {
                float sum = 0;
                for (int k = 0; k < depth; k++) sum = MathF.FusedMultiplyAdd(rows[(i * depth) + k], columns[(j * depth) + k], sum);
                products[(i * m) + j] = sum;
            }
        }

        return products;
    }
}
