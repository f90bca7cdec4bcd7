using System.Numerics.Tensors;
using Vlc.Anchors;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.LinearAlgebra;
using Vlc.Numerics.Threading;

namespace Vlc.Codecs.Packed;

/// <summary>
/// The full Jacobian: groups of cells, each with the Karhunen-Loève basis of its residuals (PCA, by descending variance). Groups start as
/// clusters of anchors. Then each cell moves to the basis that codes it in the fewest bits, and bases are learned anew. Covariances are
/// shrunk toward the global one.
/// </summary>
internal sealed class GroupBases
{
    private const int Rounds = 3;
    private const int RowsPerCellForCost = 48;

    /// <summary>Fewest rows for each dimension and group from which a basis is learned.</summary>
    private const int RowsPerDimension = 64;

    /// <summary>Largest dimension whose axes are all found, which takes seconds. Beyond it only the leading ones are found.</summary>
    private const int MostForAllAxes = 2048;

    /// <summary>
    /// Share of the energy of residuals and of anchors that leading axes may leave out. Where they would be more than a quarter of all
    /// axes, all are found.
    /// </summary>
    private const double MostOutside = 0.002;

    private GroupBases(int[] cellGroups, float[][] bases, double[][] variances, double bitsPerVector)
    {
        CellGroups = cellGroups;
        Bases = bases;
        Variances = variances;
        BitsPerVector = bitsPerVector;
    }

    /// <summary>Group of each cell.</summary>
    public int[] CellGroups { get; }

    /// <summary>Orthonormal rows by descending variance, d for each group, or fewer where the others would have almost no energy.</summary>
    public float[][] Bases { get; }

    /// <summary>Variance on each axis, for each group.</summary>
    public double[][] Variances { get; }

    public int Count => Bases.Length;

    /// <summary>Bits a vector by the Gaussian model at a fixed water level; numbers of groups are compared by it.</summary>
    private double BitsPerVector { get; }

    /// <summary>Learns bases for the number of groups that needs the fewest bytes, with the bytes of the bases.</summary>
    /// <param name="residuals">Rows of the sample minus their anchors.</param>
    /// <param name="cells">Rows of each cell.</param>
    /// <param name="anchors">m x d.</param>
    /// <param name="vectorCount">Vectors that the index will hold. They share the cost of a basis.</param>
    /// <param name="groupCount">The number of groups that the user demands, or null.</param>
    /// <param name="inputAxes">Whether to leave the axes as they are.</param>
    /// <param name="threads">Threads to use.</param>
    /// <param name="cancellationToken">Checked between steps.</param>
    public static GroupBases Learn(
        AnchoredRows residuals, InvertedLists cells, float[] anchors, long vectorCount, int? groupCount, bool inputAxes, int threads,
        CancellationToken cancellationToken)
    {
        int dimension = residuals.Dimension;
        double[] global = Covariance(residuals, [.. Enumerable.Range(0, cells.RowCount)], threads, cancellationToken);
        if (inputAxes) return InputAxes(global, dimension, cells.CellCount);
        float[] spread = Spread(anchors, dimension);
        (float[] basis, double[] variances) = Axes([.. global], dimension, spread, threads, cancellationToken);
        double level = WaterLevel(variances, bitsPerAxis: 2);
        var best = new GroupBases(
            new int[cells.CellCount], [basis], [variances],
            Cost(residuals, cells, new int[cells.CellCount], [basis], level, threads, cancellationToken, out _));
        if (groupCount == 1) return best;
        // A coefficient of a stored basis takes about two bits.
        double basisBits = 2.0 * basis.Length / vectorCount;
        for (int groups = groupCount ?? 2; groups <= (groupCount ?? 16) && groups <= cells.CellCount; groups *= 2)
        {
            if (groupCount is null && cells.RowCount < (long)RowsPerDimension * dimension * groups) break;
            GroupBases candidate = LearnGroups(residuals, cells, anchors, spread, global, groups, level, threads, cancellationToken);
            if (groupCount is null
                && candidate.BitsPerVector + (basisBits * groups) >= (best.BitsPerVector + (basisBits * best.Count)) * 0.99)
            {
                continue;
            }

            best = candidate;
        }

        return best;
    }

    /// <summary>One group, its axes those of the input by descending variance.</summary>
    private static GroupBases InputAxes(double[] covariance, int dimension, int cellCount)
    {
        int[] order = [.. Enumerable.Range(0, dimension).OrderByDescending(axis => covariance[(axis * dimension) + axis])];
        var basis = new float[dimension * dimension];
        for (int axis = 0; axis < dimension; axis++) basis[(axis * dimension) + order[axis]] = 1;
        return new GroupBases(new int[cellCount], [basis], [[.. order.Select(axis => covariance[(axis * dimension) + axis])]], 0);
    }

    private static GroupBases LearnGroups(
        AnchoredRows residuals, InvertedLists cells, float[] anchors, float[] spread, double[] global, int groupCount, double level,
        int threads,
        CancellationToken cancellationToken)
    {
        int cellCount = cells.CellCount, dimension = residuals.Dimension;
        (float[] centres, _) = AnchorTrainer.Train(
            anchors, dimension, new AnchorTrainingOptions { AnchorCount = groupCount, MaintenanceRounds = 0, Threads = threads },
            cancellationToken: cancellationToken);
        groupCount = centres.Length / dimension;
        var cellGroups = new int[cellCount];
        var halfNorms = new float[groupCount];
        NearestColumn.HalfSquaredNorms(centres, dimension, halfNorms);
        using (var packed = new PackedMatrix(centres, groupCount, dimension))
        {
            NearestColumn.Assign(anchors, packed, halfNorms, cellGroups, new float[cellCount], threads, cancellationToken);
        }

        var bases = new float[groupCount][];
        var variances = new double[groupCount][];
        double bits = 0;
        for (int round = 0; round < Rounds; round++)
        {
            var covariances = new double[groupCount][];
            for (int group = 0; group < groupCount; group++)
            {
                var rows = new List<int>();
                for (int cell = 0; cell < cellCount; cell++)
                {
                    if (cellGroups[cell] == group) rows.AddRange(cells.Rows(cell));
                }

                covariances[group] = Shrink(Covariance(residuals, rows, threads, cancellationToken), rows.Count, global, dimension);
            }

            // Leading axes use all threads themselves.
            BlockScheduler.Run(
                groupCount, dimension <= MostForAllAxes ? threads : 1,
                (group, _) =>
                (bases[group], variances[group]) = Axes(
                    covariances[group], dimension, spread, dimension <= MostForAllAxes ? 1 : threads, cancellationToken),
                cancellationToken);
            bits = Cost(residuals, cells, cellGroups, bases, level, threads, cancellationToken, out int[] cheapest);
            // The bases of the last round belong to the groups that they were learned on.
            if (round < Rounds - 1) cellGroups = cheapest;
        }

        return new GroupBases(cellGroups, bases, variances, bits);
    }

    /// <summary>Anchors less their mean.</summary>
    private static float[] Spread(float[] anchors, int dimension)
    {
        var sums = new double[dimension];
        for (int offset = 0; offset < anchors.Length; offset += dimension) RowSums.Add(sums, anchors.AsSpan(offset, dimension));
        return [.. anchors.Select((value, i) => (float)(value - (sums[i % dimension] / (anchors.Length / dimension))))];
    }

    /// <summary>
    /// Axes of a covariance by descending variance: all, or the leading ones of many dimensions. Destroys the covariance.
    /// </summary>
    private static (float[] Basis, double[] Variances) Axes(
        double[] covariance, int dimension, float[] spread, int threads, CancellationToken cancellationToken)
    {
        double trace = 0;
        for (int k = 0; k < dimension; k++) trace += covariance[(k * dimension) + k];
        for (int count = dimension / 8; dimension > MostForAllAxes && count <= dimension / 4; count *= 2)
        {
            var leading = new float[count * dimension];
            var values = new double[count];
            SubspaceIteration.Leading(covariance, dimension, count, leading, values, threads, cancellationToken);
            if (trace - values.Sum() <= MostOutside * trace && Outside(spread, leading, dimension) <= MostOutside * trace)
            {
                return (leading, [.. values.Select(value => Math.Max(value, 0))]);
            }
        }

        var variances = new double[dimension];
        SymmetricEigen.Decompose(covariance, dimension, variances);
        return ([.. covariance.Select(value => (float)value)], variances);
    }

    /// <summary>Mean energy of rows outside the span of a basis.</summary>
    private static double Outside(float[] rows, float[] basis, int dimension)
    {
        double energy = 0;
        for (int offset = 0; offset < rows.Length; offset += dimension)
        {
            ReadOnlySpan<float> row = rows.AsSpan(offset, dimension);
            energy += Distances.Dot(row, row);
            for (int axis = 0; axis < basis.Length; axis += dimension)
            {
                double coordinate = Distances.Dot(row, basis.AsSpan(axis, dimension));
                energy -= coordinate * coordinate;
            }
        }

        return energy / (rows.Length / dimension);
    }

    /// <summary>Mean of x·xᵀ over some rows; 0 where there are none.</summary>
    private static double[] Covariance(
        AnchoredRows rows, List<int> chosen, int threads, CancellationToken cancellationToken)
    {
        // Rows are transposed some at a time, so that a cache line is written at once.
        const int BlockRows = 2048, Lanes = 16;
        int dimension = rows.Dimension;
        var sum = new double[dimension * dimension];
        var transposed = new float[dimension * BlockRows];
        var product = new float[dimension * dimension];
        for (int first = 0; first < chosen.Count; first += BlockRows)
        {
            int count = Math.Min(BlockRows, chosen.Count - first);
            int start = first;
            BlockScheduler.Run(
                BlockScheduler.BlockCount(count, Lanes), threads,
                (task, _) =>
                {
                    int lane = task * Lanes, lanes = Math.Min(Lanes, count - lane);
                    var gathered = new float[lanes * dimension];
                    for (int i = 0; i < lanes; i++) rows.Residual(chosen[start + lane + i], gathered.AsSpan(i * dimension, dimension));
                    for (int k = 0; k < dimension; k++)
                    {
                        for (int i = 0; i < lanes; i++) transposed[(k * count) + lane + i] = gathered[(i * dimension) + k];
                    }
                },
                cancellationToken);

            // Xᵀ·X is a product of Xᵀ with itself, whose components run over the rows of the block.
            using var packed = new PackedMatrix(transposed, dimension, count);
            MatrixProduct.Multiply(transposed, dimension, packed, product, threads, cancellationToken);
            for (int i = 0; i < sum.Length; i++) sum[i] += product[i];
        }

        for (int i = 0; i < sum.Length; i++) sum[i] /= Math.Max(1, chosen.Count);
        return sum;
    }

    private static double[] Shrink(double[] covariance, int rowCount, double[] global, int dimension)
    {
        double trace = 0, globalTrace = 0;
        for (int k = 0; k < dimension; k++)
        {
            trace += covariance[(k * dimension) + k];
            globalTrace += global[(k * dimension) + k];
        }

        double scale = trace > 0 && globalTrace > 0 ? trace / globalTrace : 1, prior = 0.5 * dimension;
        for (int i = 0; i < covariance.Length; i++)
        {
            covariance[i] = ((covariance[i] * rowCount) + (prior * scale * global[i])) / (rowCount + prior);
        }

        return covariance;
    }

    /// <summary>Bits a vector at the level when each cell stays in its group, and the cheapest group of each cell.</summary>
    private static double Cost(
        AnchoredRows residuals, InvertedLists cells, int[] cellGroups, float[][] bases, double level, int threads,
        CancellationToken cancellationToken, out int[] cheapest)
    {
        int dimension = residuals.Dimension;
        var packed = bases.Select(basis => new PackedMatrix(basis, basis.Length / dimension, dimension)).ToArray();
        var bits = new double[cells.CellCount];
        var best = new int[cells.CellCount];
        BlockScheduler.Run(
            cells.CellCount, threads,
            (cell, _) =>
            {
                ReadOnlySpan<int> rows = cells.Rows(cell);
                int step = Math.Max(1, rows.Length / RowsPerCellForCost), count = (rows.Length + step - 1) / step;
                var gathered = new float[count * dimension];
                for (int i = 0; i < count; i++) residuals.Residual(rows[i * step], gathered.AsSpan(i * dimension, dimension));
                var rotated = new float[gathered.Length];
                double energy = 0;
                foreach (float value in gathered) energy += (double)value * value;
                energy /= Math.Max(1, count);
                double least = double.PositiveInfinity;
                for (int group = 0; group < bases.Length; group++)
                {
                    MatrixProduct.Multiply(gathered, count, packed[group], rotated, threads: 1, cancellationToken);
                    int axes = bases[group].Length / dimension;
                    double cost = 0, outside = energy;
                    for (int k = 0; k < axes; k++)
                    {
                        double variance = 0;
                        for (int i = 0; i < count; i++) variance += (double)rotated[(i * axes) + k] * rotated[(i * axes) + k];
                        variance /= Math.Max(1, count);
                        outside -= variance;
                        cost += variance > level ? (0.5 * Octaves.Log2(variance / level)) + 0.5 : 0.5 * variance / level;
                    }

                    if (axes < dimension) cost += 0.5 * Math.Max(0, outside) / level;
                    if (group == cellGroups[cell]) bits[cell] = cost * rows.Length;
                    if (cost < least) (least, best[cell]) = (cost, group);
                }
            },
            cancellationToken);
        foreach (PackedMatrix matrix in packed) matrix.Dispose();
        cheapest = best;
        return bits.Sum() / cells.RowCount;
    }

    /// <summary>The level at which reverse water-filling spends so many bits an axis on average.</summary>
    private static double WaterLevel(ReadOnlySpan<double> variances, double bitsPerAxis)
    {
        double low = -200, high = 200;
        for (int step = 0; step < 60; step++)
        {
            double middle = 0.5 * (low + high), bits = 0;
            foreach (double variance in variances)
            {
                if (variance > 0) bits += Math.Max(0, 0.5 * (Octaves.Log2(variance) - middle));
            }

            if (bits > bitsPerAxis * variances.Length) low = middle;
            else high = middle;
        }

        return Math.Max(Octaves.Power((int)Math.Round(low * Octaves.Parts)), double.Epsilon * 1e20);
    }
}

/// <summary>Rows with their anchors. Residuals are computed on demand, because they would take as much memory as the rows.</summary>
/// <param name="rows">n x d.</param>
/// <param name="dimension">d.</param>
/// <param name="assignments">Cell of each row.</param>
/// <param name="anchors">m x d.</param>
internal sealed class AnchoredRows(float[] rows, int dimension, int[] assignments, float[] anchors)
{
    public int Dimension => dimension;

    /// <summary>A row minus its anchor.</summary>
    public void Residual(int row, Span<float> residual) => TensorPrimitives.Subtract(
        rows.AsSpan(row * dimension, dimension), anchors.AsSpan(assignments[row] * dimension, dimension), residual);
}
