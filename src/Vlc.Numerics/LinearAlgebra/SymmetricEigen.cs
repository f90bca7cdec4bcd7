using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.LinearAlgebra;

/// <summary>Eigenvectors of symmetric matrices, and orthonormal bases.</summary>
/// <remarks>
/// <para>
/// Method. Householder reflections to tridiagonal form, then implicit QL (Golub and Van Loan, 8.3). All loops run along rows. The matrix is
/// stored whole, so that its columns are rows as well. The eigenvectors are built as rows, so a rotation touches two of them. Rotations are
/// collected over some sweeps and applied to one strip of columns after the other; a strip stays in cache.
/// </para>
/// <para>
/// Layout. Rows of the work matrices are padded with zeros to whole vectors of 8 doubles on 64-byte boundaries; no loop has a tail.
/// </para>
/// <para>
/// Instruction sets. Vectors of 512 bits, which the runtime splits on narrower hardware. Products and sums are rounded separately and sums
/// have a fixed order, so all give the same bits.
/// </para>
/// </remarks>
public static unsafe class SymmetricEigen
{
    /// <summary>Columns to which a batch of rotations is applied at a time: 784 rows of them take 400 KB.</summary>
    private const int StripWidth = 64;

    /// <summary>Sweeps whose rotations make a batch.</summary>
    private const int BatchSweeps = 16;

    /// <summary>Squares below this, of a matrix whose largest element is in [1, 2), are rounding errors.</summary>
    private const double NegligibleSquare = 1e-280;

    /// <summary>QL sweeps a row; two suffice on average.</summary>
    private const int MaxSweepsPerRow = 60;

    /// <summary>A projection that shortens a row more than this leaves rounding errors.</summary>
    private const float VanishingRatio = 1e-5f;

    /// <summary>Eigenvalues and unit eigenvectors of a symmetric matrix.</summary>
    /// <param name="matrix">
    /// n x n, row-major. If the matrix is not quite symmetric, the upper triangle counts. On return row k is eigenvector k; its component
    /// of largest magnitude (the first of equals) is positive.
    /// </param>
    /// <param name="n">Rows and columns; at least 1.</param>
    /// <param name="eigenvalues">Receives n eigenvalues, descending.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short.</exception>
    /// <exception cref="ArgumentException">An element is NaN or infinite.</exception>
    public static void Decompose(Span<double> matrix, int n, Span<double> eigenvalues)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(matrix.Length, (long)n * n);
        ArgumentOutOfRangeException.ThrowIfLessThan(eigenvalues.Length, n);
        matrix = matrix[..(n * n)];
        double largest = 0;
        foreach (double element in matrix)
        {
            if (!double.IsFinite(element)) throw new ArgumentException("An element is NaN or infinite.", nameof(matrix));
            largest = Math.Max(largest, Math.Abs(element));
        }

        // A power of two near the largest element: exact, and no square overflows.
        int exponent = largest == 0 ? 0 : Math.ILogB(largest);
        int stride = (n + 7) & ~7;
        using var work = new AlignedBuffer<double>((long)n * stride);
        using var vectors = new AlignedBuffer<double>((long)n * stride);
        using var scratch = new AlignedBuffer<double>(4L * stride);
        double* a = work.Pointer, q = vectors.Pointer;
        double* diagonal = scratch.Pointer, below = diagonal + stride, beta = below + stride;
        for (int i = 0; i < n; i++)
        {
            for (int j = i; j < n; j++) a[((long)i * stride) + j] = a[((long)j * stride) + i] = Math.ScaleB(matrix[(i * n) + j], -exponent);
        }

        Tridiagonalize(a, n, stride, diagonal, below, beta, product: beta + stride);
        FormBasis(a, beta, q, n, stride);
        Diagonalize(diagonal, below, q, n, stride);

        double[] values = scratch.Slice(0, n).ToArray();
        int[] order = new int[n];
        for (int i = 0; i < n; i++) order[i] = i;
        Array.Sort(order, (x, y) =>
        {
            int byValue = values[y].CompareTo(values[x]);
            return byValue != 0 ? byValue : x.CompareTo(y);
        });
        for (int k = 0; k < n; k++)
        {
            eigenvalues[k] = Math.ScaleB(values[order[k]], exponent);
            Span<double> row = matrix.Slice(k * n, n);
            new ReadOnlySpan<double>(q + ((long)order[k] * stride), n).CopyTo(row);
            MakeLargestPositive(row);
        }
    }

    /// <summary>Makes rows orthonormal in place: modified Gram-Schmidt, twice, in row order.</summary>
    /// <param name="rows">count x dimension, row-major.</param>
    /// <param name="count">Rows; at most <paramref name="dimension"/>.</param>
    /// <param name="dimension">Length of a row.</param>
    /// <remarks>A row that depends on earlier rows is replaced by the first axis that does not, made orthogonal to them.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">More rows than dimensions, or the span is too short.</exception>
    /// <exception cref="ArgumentException">A component is NaN or infinite.</exception>
    public static void Orthonormalize(Span<float> rows, int count, int dimension) => TryOrthonormalize(rows, count, dimension,
        long.MaxValue);

    /// <summary>The same, given up where it takes more work than the caller has for it.</summary>
    /// <param name="rows">count x dimension, row-major; of no use after a false.</param>
    /// <param name="count">Rows; at most <paramref name="dimension"/>.</param>
    /// <param name="dimension">Length of a row.</param>
    /// <param name="mostWork">
    /// Components that may be combined; count² · dimension are enough for rows that are independent, few for rows of zeros but in a run.
    /// </param>
    /// <returns>False where that is too few.</returns>
    /// <exception cref="ArgumentOutOfRangeException">More rows than dimensions, or the span is too short.</exception>
    /// <exception cref="ArgumentException">A component is NaN or infinite.</exception>
    public static bool TryOrthonormalize(Span<float> rows, int count, int dimension, long mostWork)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, dimension);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows.Length, (long)count * dimension);
        foreach (float component in rows[..(count * dimension)])
        {
            if (!float.IsFinite(component)) throw new ArgumentException("A component is NaN or infinite.", nameof(rows));
        }

        // Rows whose runs of components other than zero do not meet are orthogonal as they are.
        var runs = new (int First, int End)[count];
        long work = 0;
        // An axis that depends on some rows depends on more of them: none is tried twice.
        int axis = 0;
        for (int i = 0; i < count; i++)
        {
            Span<float> row = rows.Slice(i * dimension, dimension);
            while (!TryNormalizeAgainst(rows[..(i * dimension)], runs, row, out runs[i], ref work))
            {
                if (work > mostWork) return false;
                row.Clear();
                row[axis++] = 1;
            }

            if (work > mostWork) return false;
        }

        return true;
    }

    /// <summary>A = Q·T·Qᵀ with T tridiagonal and Q the product of the reflections I - beta[k]·v·vᵀ, k ascending.</summary>
    /// <param name="a">The matrix; on return row k holds v of reflection k, zeros up to component k.</param>
    /// <param name="n">Rows.</param>
    /// <param name="stride">Padded length of a row.</param>
    /// <param name="diagonal">Receives T[k][k].</param>
    /// <param name="below">Receives T[k + 1][k]; the last is 0.</param>
    /// <param name="beta">Receives 2 / |v|², or 0 where row k needs no reflection.</param>
    /// <param name="product">Scratch: one zeroed row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tridiagonalize(double* a, int n, int stride, double* diagonal, double* below, double* beta, double* product)
    {
        for (int k = 0; k < n; k++)
        {
            double* v = a + ((long)k * stride);
            diagonal[k] = v[k];
            if (k == n - 1) break;

            // From here on, v and product are zero up to component k, so that loops may start on a whole vector.
            int start = (k + 1) & ~7;
            for (int j = start; j <= k; j++) v[j] = product[j] = 0;
            double first = v[k + 1];
            v[k + 1] = 0;
            double restSquare = Dot(v, v, start, stride);
            if (restSquare < NegligibleSquare)
            {
                below[k] = first;
                continue;
            }

            // v = x ∓ |x|·e1, the sign that does not cancel.
            double length = Math.Sqrt((first * first) + restSquare);
            double target = first > 0 ? -length : length;
            v[k + 1] = first - target;
            below[k] = target;
            double b = beta[k] = 2 / ((v[k + 1] * v[k + 1]) + restSquare);

            // A - v·wᵀ - w·vᵀ with w = p - (beta/2)(p·v)·v and p = beta·A·v.
            for (int i = k + 1; i < n; i++) product[i] = b * Dot(a + ((long)i * stride), v, start, stride);
            AddScaled(product, -(0.5 * b * Dot(product, v, start, stride)), v, start, stride);
            for (int i = k + 1; i < n; i++)
            {
                double* row = a + ((long)i * stride);
                Vector512<double> vi = Vector512.Create(v[i]), wi = Vector512.Create(product[i]);
                for (int j = start; j < stride; j += 8)
                {
                    Vector512<double> change = (vi * Vector512.Load(product + j)) + (wi * Vector512.Load(v + j));
                    (Vector512.Load(row + j) - change).Store(row + j);
                }
            }
        }
    }

    /// <summary>The rows of Qᵀ, from the reflections that <see cref="Tridiagonalize"/> left in <paramref name="a"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FormBasis(double* a, double* beta, double* q, int n, int stride)
    {
        for (int i = 0; i < n; i++) q[((long)i * stride) + i] = 1;
        for (int k = n - 3; k >= 0; k--)
        {
            if (beta[k] == 0) continue;
            double* v = a + ((long)k * stride);
            int start = (k + 1) & ~7;
            for (int i = k + 1; i < n; i++)
            {
                double* row = q + ((long)i * stride);
                AddScaled(row, -(beta[k] * Dot(row, v, start, stride)), v, start, stride);
            }
        }
    }

    /// <summary>
    /// Implicit QL: on return <paramref name="diagonal"/> holds the eigenvalues and row k of <paramref name="q"/> the eigenvector of value
    /// k.
    /// </summary>
    private static void Diagonalize(double* diagonal, double* below, double* q, int n, int stride)
    {
        double norm = 0;
        for (int i = 0; i < n; i++) norm = Math.Max(norm, Math.Abs(diagonal[i]) + Math.Abs(below[i]));
        double negligible = norm * double.BitIncrement(1) - norm;
        var batch = new List<Rotation>(BatchSweeps * n);
        for (int first = 0; first < n; first++)
        {
            for (int sweep = 0; ; sweep++)
            {
                int last = first;
                while (last < n - 1 && Math.Abs(below[last]) > negligible) last++;
                if (last == first) break;
                if (sweep == MaxSweepsPerRow) throw new InvalidOperationException("The QL iteration did not converge.");
                if (batch.Count + last - first > batch.Capacity) Apply(batch, q, stride);
                Sweep(diagonal, below, first, last, batch);
            }
        }

        Apply(batch, q, stride);
    }

    /// <summary>One implicit QL sweep, with Wilkinson's shift, over rows first to last of an unreduced block.</summary>
    private static void Sweep(double* diagonal, double* below, int first, int last, List<Rotation> batch)
    {
        double ratio = (diagonal[first + 1] - diagonal[first]) / (2 * below[first]);
        double root = Math.Sqrt((ratio * ratio) + 1);
        double g = diagonal[last] - diagonal[first] + (below[first] / (ratio + Math.CopySign(root, ratio)));
        double sine = 1, cosine = 1, shift = 0;
        for (int i = last - 1; i >= first; i--)
        {
            double f = sine * below[i], b = cosine * below[i];
            double r = Math.Sqrt((f * f) + (g * g));
            below[i + 1] = r;
            if (r == 0)
            {
                // The block split in the middle.
                diagonal[i + 1] -= shift;
                below[last] = 0;
                return;
            }

            sine = f / r;
            cosine = g / r;
            g = diagonal[i + 1] - shift;
            r = ((diagonal[i] - g) * sine) + (2 * cosine * b);
            shift = sine * r;
            diagonal[i + 1] = g + shift;
            g = (cosine * r) - b;
            batch.Add(new Rotation(i, cosine, sine));
        }

        diagonal[first] -= shift;
        below[first] = g;
        below[last] = 0;
    }

    /// <summary>Applies the rotations of a batch in order to the rows of <paramref name="q"/>, and clears the batch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Apply(List<Rotation> batch, double* q, int stride)
    {
        for (int strip = 0; strip < stride; strip += StripWidth)
        {
            int width = Math.Min(StripWidth, stride - strip);
            foreach (Rotation rotation in CollectionsMarshal.AsSpan(batch))
            {
                double* x = q + ((long)rotation.Row * stride) + strip, y = x + stride;
                Vector512<double> cosine = Vector512.Create(rotation.Cosine), sine = Vector512.Create(rotation.Sine);
                for (int j = 0; j < width; j += 8)
                {
                    Vector512<double> xj = Vector512.Load(x + j), yj = Vector512.Load(y + j);
                    ((sine * xj) + (cosine * yj)).Store(y + j);
                    ((cosine * xj) - (sine * yj)).Store(x + j);
                }
            }
        }

        batch.Clear();
    }

    /// <summary>
    /// Σ x[j]·y[j] over whole vectors from <paramref name="start"/> to <paramref name="end"/>: two accumulators, then a tree.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Dot(double* x, double* y, int start, int end)
    {
        Vector512<double> s0 = default, s1 = default;
        int j = start;
        for (; j + 16 <= end; j += 16)
        {
            s0 += Vector512.Load(x + j) * Vector512.Load(y + j);
            s1 += Vector512.Load(x + j + 8) * Vector512.Load(y + j + 8);
        }

        if (j < end) s0 += Vector512.Load(x + j) * Vector512.Load(y + j);
        s0 += s1;
        Vector256<double> four = s0.GetLower() + s0.GetUpper();
        Vector128<double> two = four.GetLower() + four.GetUpper();
        return two[0] + two[1];
    }

    /// <summary>y[j] += factor·x[j] over whole vectors from <paramref name="start"/> to <paramref name="end"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddScaled(double* y, double factor, double* x, int start, int end)
    {
        Vector512<double> factors = Vector512.Create(factor);
        for (int j = start; j < end; j += 8) (Vector512.Load(y + j) + (factors * Vector512.Load(x + j))).Store(y + j);
    }

    /// <summary>Fixes the sign of an eigenvector: its component of largest magnitude, the first of equals, is made positive.</summary>
    internal static void MakeLargestPositive<T>(Span<T> row)
        where T : INumber<T>
    {
        int largest = 0;
        for (int j = 1; j < row.Length; j++)
        {
            if (T.Abs(row[j]) > T.Abs(row[largest])) largest = j;
        }

        if (row[largest] > T.Zero) return;
        for (int j = 0; j < row.Length; j++) row[j] = -row[j];
    }

    /// <summary>
    /// Removes from <paramref name="row"/> its components along the orthonormal rows before it and scales it to length 1.
    /// </summary>
    /// <returns>False where only rounding errors are left.</returns>
    private static bool TryNormalizeAgainst(
        ReadOnlySpan<float> basis, ReadOnlySpan<(int First, int End)> runs, Span<float> row, out (int First, int End) run, ref long work)
    {
        run = (Math.Max(row.IndexOfAnyExcept(0f), 0), row.LastIndexOfAnyExcept(0f) + 1);
        float largest = 0;
        foreach (float component in row) largest = Math.Max(largest, Math.Abs(component));
        if (largest == 0) return false;

        // A power of two near the largest component: exact, and no square over- or underflows.
        int exponent = -MathF.ILogB(largest);
        for (int k = 0; k < row.Length; k++) row[k] = MathF.ScaleB(row[k], exponent);
        for (int pass = 0; pass < 2; pass++)
        {
            float before = MathF.Sqrt(Distances.Dot(row, row));
            for (int start = 0; start < basis.Length; start += row.Length)
            {
                (int first, int end) = runs[start / row.Length];
                if (first >= run.End || end <= run.First) continue;
                work += row.Length;
                run = (Math.Min(run.First, first), Math.Max(run.End, end));
                ReadOnlySpan<float> unit = basis.Slice(start, row.Length);
                SubtractScaled(row, Distances.Dot(row, unit), unit);
            }

            float length = MathF.Sqrt(Distances.Dot(row, row));
            if (!(length > before * VanishingRatio)) return false;
            for (int k = 0; k < row.Length; k++) row[k] /= length;
        }

        return true;
    }

    /// <summary>row[k] = fma(-factor, x[k], row[k]).</summary>
    private static void SubtractScaled(Span<float> row, float factor, ReadOnlySpan<float> x)
    {
        Vector512<float> negated = Vector512.Create(-factor);
        ref float target = ref MemoryMarshal.GetReference(row);
        ref float source = ref MemoryMarshal.GetReference(x);
        int k = 0;
        for (; k + 16 <= row.Length; k += 16)
        {
            Vector512.FusedMultiplyAdd(negated, Vector512.LoadUnsafe(ref source, (nuint)k), Vector512.LoadUnsafe(ref target, (nuint)k))
                .StoreUnsafe(ref target, (nuint)k);
        }

        for (; k < row.Length; k++) row[k] = MathF.FusedMultiplyAdd(-factor, x[k], row[k]);
    }

    /// <summary>Rows <paramref name="Row"/> and the next: x' = cosine·x - sine·y, y' = sine·x + cosine·y.</summary>
    private readonly record struct Rotation(int Row, double Cosine, double Sine);
}
