using System.Numerics.Tensors;

namespace Vlc.Cli.Demo;

/// <summary>
/// Eigenvalues and vectors of a small symmetric positive semidefinite matrix by one-sided Jacobi rotations
/// (Hestenes): rows are rotated in pairs until all are orthogonal; their lengths are the eigenvalues.
/// </summary>
internal static class JacobiEigenvalues
{
    private const int MaxSweeps = 40;

    /// <summary>Cosine at which two rows count as orthogonal.</summary>
    private const double Orthogonal = 1e-11;

    /// <summary>Rows this short relative to the longest are the null space, where directions are rounding noise.</summary>
    private const double Negligible = 1e-13;

    /// <param name="matrix">Symmetric but for rounding, row-major, <paramref name="order"/> x <paramref name="order"/>; left as it is.</param>
    /// <param name="order">Rows and columns.</param>
    /// <returns>Eigenvalues, descending, and their vectors as rows in the same order.</returns>
    public static (double[] Values, double[] Vectors) Compute(ReadOnlySpan<double> matrix, int order)
    {
        double[] rows = new double[order * order], rotation = new double[order * order];
        for (int i = 0; i < order; i++)
        {
            for (int j = 0; j < order; j++) rows[(i * order) + j] = 0.5 * (matrix[(i * order) + j] + matrix[(j * order) + i]);
            rotation[(i * order) + i] = 1.0;
        }

        double[] lengths = new double[order];
        bool rotated = true;
        for (int sweep = 0; rotated && sweep < MaxSweeps; sweep++)
        {
            // Lengths are kept up by each rotation and computed afresh each sweep, before their errors add up.
            for (int i = 0; i < order; i++) lengths[i] = TensorPrimitives.SumOfSquares<double>(rows.AsSpan(i * order, order));
            rotated = Sweep(rows, rotation, lengths, order);
        }

        int[] descending = [.. Enumerable.Range(0, order).OrderByDescending(i => lengths[i])];
        double[] vectors = new double[order * order];
        for (int k = 0; k < order; k++) rotation.AsSpan(descending[k] * order, order).CopyTo(vectors.AsSpan(k * order));
        return ([.. descending.Select(i => Math.Sqrt(lengths[i]))], vectors);
    }

    private static bool Sweep(double[] rows, double[] rotation, double[] lengths, int order)
    {
        double negligible = lengths.Max() * Negligible * Negligible;
        double[] scratch = new double[order];
        bool rotated = false;
        for (int p = 0; p < order - 1; p++)
        {
            for (int q = p + 1; q < order; q++)
            {
                if (lengths[p] <= negligible || lengths[q] <= negligible) continue;
                double dot = TensorPrimitives.Dot<double>(rows.AsSpan(p * order, order), rows.AsSpan(q * order, order));
                if (Math.Abs(dot) <= Orthogonal * Math.Sqrt(lengths[p] * lengths[q])) continue;

                double zeta = (lengths[q] - lengths[p]) / (2.0 * dot);
                double tangent = (zeta < 0.0 ? -1.0 : 1.0) / (Math.Abs(zeta) + Math.Sqrt(1.0 + (zeta * zeta)));
                double cosine = 1.0 / Math.Sqrt(1.0 + (tangent * tangent));
                Rotate(rows, p, q, cosine, cosine * tangent, scratch);
                Rotate(rotation, p, q, cosine, cosine * tangent, scratch);
                lengths[p] = Math.Max(lengths[p] - (tangent * dot), 0.0);
                lengths[q] += tangent * dot;
                rotated = true;
            }
        }

        return rotated;
    }

    // (row p, row q) becomes (c·p - s·q, s·p + c·q).
    private static void Rotate(double[] matrix, int p, int q, double cosine, double sine, double[] scratch)
    {
        Span<double> rowP = matrix.AsSpan(p * scratch.Length, scratch.Length);
        Span<double> rowQ = matrix.AsSpan(q * scratch.Length, scratch.Length);
        TensorPrimitives.Multiply(rowP, sine, scratch);
        TensorPrimitives.Multiply(rowP, cosine, rowP);
        TensorPrimitives.MultiplyAdd(rowQ, -sine, rowP, rowP);
        TensorPrimitives.MultiplyAdd(rowQ, cosine, scratch, rowQ);
    }
}
