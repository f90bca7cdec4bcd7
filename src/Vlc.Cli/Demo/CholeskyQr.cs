using System.Numerics.Tensors;

namespace Vlc.Cli.Demo;

/// <summary>
/// Orthonormal columns for a tall dense matrix (row-major float32, its width a multiple of
/// <see cref="RandomizedSvd.Panel"/>) by Cholesky QR, with sums in double.
/// </summary>
internal static class CholeskyQr
{
    /// <summary>
    /// A column whose part independent of the columns before it is below the square root of this, relative to its
    /// length, is made of float32 rounding and becomes zero.
    /// </summary>
    private const double DependenceTolerance = 1e-10;

    /// <summary>Rows in a task; large enough to hide the cost of one, small against the rows there are.</summary>
    private const int RowsPerTask = 512;

    /// <summary>Replaces the columns by an orthonormal basis of their span; dependent columns become zero.</summary>
    public static void Orthonormalize(float[] matrix, int width, ParallelOptions parallel)
    {
        // One pass loses orthogonality with the square of the condition number; the second starts near one.
        for (int pass = 0; pass < 2; pass++)
        {
            double[] factor = InnerProducts(matrix, matrix, width, parallel);
            Factorize(factor, width);
            SolveRows(matrix, factor, width, parallel);
        }
    }

    /// <summary>left' · right: every inner product of their columns, row-major, each summed in row order.</summary>
    public static double[] InnerProducts(float[] left, float[] right, int width, ParallelOptions parallel)
    {
        const int Panel = RandomizedSvd.Panel;
        int panels = width / Panel, rows = left.Length / width;
        double[] products = new double[width * width];
        Parallel.For(0, panels * panels, parallel, tile =>
        {
            int i0 = tile / panels * Panel, j0 = tile % panels * Panel;
            Span<double> sums = stackalloc double[Panel * Panel];
            Span<double> a = stackalloc double[Panel], b = stackalloc double[Panel];
            sums.Clear();
            for (int r = 0; r < rows; r++)
            {
                TensorPrimitives.ConvertTruncating<float, double>(left.AsSpan((r * width) + i0, Panel), a);
                TensorPrimitives.ConvertTruncating<float, double>(right.AsSpan((r * width) + j0, Panel), b);
                for (int i = 0; i < Panel; i++)
                {
                    Span<double> sum = sums.Slice(i * Panel, Panel);
                    TensorPrimitives.MultiplyAdd(b, a[i], sum, sum);
                }
            }

            for (int i = 0; i < Panel; i++) sums.Slice(i * Panel, Panel).CopyTo(products.AsSpan(((i0 + i) * width) + j0));
        });
        return products;
    }

    // G = R'R in place: R is the upper triangle, row by row. The row of a dependent column is zero.
    private static void Factorize(double[] gram, int width)
    {
        Span<double> lengths = new double[width];
        for (int j = 0; j < width; j++) lengths[j] = gram[(j * width) + j];

        for (int j = 0; j < width; j++)
        {
            Span<double> row = gram.AsSpan((j * width) + j, width - j);
            if (row[0] <= DependenceTolerance * lengths[j])
            {
                row.Clear();
                continue;
            }

            TensorPrimitives.Divide(row, Math.Sqrt(row[0]), row);
            for (int i = j + 1; i < width; i++)
            {
                Span<double> below = gram.AsSpan((i * width) + i, width - i);
                TensorPrimitives.MultiplyAdd(row[(i - j)..], -row[i - j], below, below);
            }
        }
    }

    // Each row x becomes the solution of y·R = x.
    private static void SolveRows(float[] matrix, double[] factor, int width, ParallelOptions parallel)
    {
        int rows = matrix.Length / width;
        Parallel.For(0, (rows + RowsPerTask - 1) / RowsPerTask, parallel, task =>
        {
            double[] x = new double[width];
            for (int r = task * RowsPerTask; r < Math.Min(rows, (task + 1) * RowsPerTask); r++)
            {
                Span<float> row = matrix.AsSpan(r * width, width);
                TensorPrimitives.ConvertTruncating<float, double>(row, x);
                for (int j = 0; j < width; j++)
                {
                    double pivot = factor[(j * width) + j];
                    x[j] = pivot > 0.0 ? x[j] / pivot : 0.0;
                    Span<double> rest = x.AsSpan(j + 1);
                    TensorPrimitives.MultiplyAdd(factor.AsSpan((j * width) + j + 1, rest.Length), -x[j], rest, rest);
                }

                TensorPrimitives.ConvertTruncating<double, float>(x, row);
            }
        });
    }
}
