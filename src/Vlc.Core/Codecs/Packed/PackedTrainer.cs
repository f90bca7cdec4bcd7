using System.Numerics.Tensors;
using Vlc.Anchors;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Threading;

namespace Vlc.Codecs.Packed;

/// <summary>
/// Builds packed models of any water level from a sample. Bases and their groups are learned once. Ranks, the precision of bases and
/// anchors, scales and classes are derived for each level.
/// </summary>
internal sealed class PackedTrainer
{
    /// <summary>Weight of the group's spectrum, in rows, when it is mixed with a cell's own variances.</summary>
    private const double PriorRows = 15;

    /// <summary>
    /// Error of a stored basis row times its variance, as a share of the noise of a coded axis, where enough vectors share the cost of the
    /// row.
    /// </summary>
    private const double LeastBasisNoiseShare = 0.05;

    /// <summary>Largest share of a stored row's energy that rounding may take.</summary>
    private const double MostBasisError = 0.3;

    /// <summary>Bytes of the rows that a thread rotates at a time.</summary>
    private const int MostScratchBytes = 1 << 20;

    private readonly float[] _rows;
    private readonly int _dimension;
    private readonly InvertedLists _cells;
    private readonly float[] _anchors;
    private readonly int _classCount;
    private readonly PackedDesign _design;
    private readonly bool _unitLength;
    private readonly int _threads;
    private readonly CancellationToken _cancellation;
    private readonly double[] _basisNoiseShares;
    private readonly GroupBases _bases;
    private readonly float[] _mean;
    private readonly float _meanEnergy;
    private readonly PackedCoder _exact;

    /// <summary>
    /// Memory for the rows of each cell in the group's basis. It is as large as the rows themselves, so it is allocated once for all
    /// levels.
    /// </summary>
    private readonly float[][] _coordinates;

    /// <summary>Learns bases and the spectra of cells on a sample.</summary>
    /// <param name="rows">Sample, n x d, in scaled units.</param>
    /// <param name="dimension">d.</param>
    /// <param name="assignments">Cell of each row.</param>
    /// <param name="anchors">m x d, float32 as trained.</param>
    /// <param name="options">Groups and classes.</param>
    /// <param name="vectorCount">Vectors that the index will hold.</param>
    /// <param name="unitLength">True for cosine.</param>
    /// <param name="threads">Threads to use.</param>
    /// <param name="cancellationToken">Checked between steps.</param>
    /// <param name="design">Constants of the recipe; null takes the codec's.</param>
    public PackedTrainer(
        float[] rows, int dimension, int[] assignments, float[] anchors, PackedOptions options, long vectorCount, bool unitLength,
        int threads,
        CancellationToken cancellationToken, PackedDesign? design = null)
    {
        _design = design ?? PackedDesign.Default;
        _rows = rows;
        _dimension = dimension;
        _anchors = anchors;
        _unitLength = unitLength;
        _threads = threads;
        _cancellation = cancellationToken;
        _cells = new InvertedLists(assignments, anchors.Length / dimension);
        _classCount = options.ClassCount ?? 2;

        var sums = new double[dimension];
        for (int offset = 0; offset < rows.Length; offset += dimension) RowSums.Add(sums, rows.AsSpan(offset, dimension));
        _mean = [.. sums.Select(sum => (float)(Half)(sum / assignments.Length))];

        var residuals = new AnchoredRows(rows, dimension, assignments, anchors);
        var residual = new float[dimension];
        double energy = 0;
        for (int row = 0; row < assignments.Length; row++)
        {
            residuals.Residual(row, residual);
            energy += Distances.Dot(residual, residual);
        }

        // If all rows coincide with their anchors there is no energy, and any unit does.
        _meanEnergy = (float)Math.Max(energy / assignments.Length, 1e-20);
        _bases = GroupBases.Learn(
            residuals, _cells, anchors, vectorCount, options.GroupCount, _design.InputAxes, threads, cancellationToken);
        double vectorsOfRow = (double)vectorCount / assignments.Length;
        // Rounding costs bits or error in proportion to the vectors. Its bits fall by half a bit a coefficient for each factor of two. So
        // the best share is proportional to dimensions over vectors.
        _basisNoiseShares = [.. Enumerable.Range(0, _bases.Count).Select(group => _design.BasisNoiseShare
            ?? Math.Max(LeastBasisNoiseShare, _design.BasisNoiseFactor * dimension / Math.Max(1, vectorsOfRow * GroupRows(group))))];
        _coordinates = [.. Enumerable.Range(0, _cells.CellCount).Select(
            cell => new float[_cells.Count(cell) * _bases.Variances[_bases.CellGroups[cell]].Length])];
        _exact = BuildExact();
    }

    /// <summary>The level at which an axis of a residual's mean variance gets its first bit.</summary>
    public int MiddleLevel => (int)Math.Round(64 * Octaves.Log2(_meanEnergy / _dimension));

    /// <summary>The number of groups.</summary>
    public int GroupCount => _bases.Count;

    /// <summary>Builds the model of a level and the thresholds of its classes, which only a writer needs.</summary>
    /// <param name="level">64 · log2 of the water level.</param>
    /// <param name="equalBytes">Whether all lists get the bytes that the level gives on average.</param>
    public PackedCoder Build(int level, bool equalBytes = false)
    {
        var model = new PackedModel(_exact.Model.Parameters.WithLevel(level));
        int equalStride = 0;
        if (equalBytes)
        {
            equalStride = PackedCoder.EqualStride(model, _exact.Members);
            model = new PackedModel(_exact.Model.Parameters.WithLevel(level, equalStride));
        }

        (double noise, int[] ranks) = Noise(model);
        var groups = new (float[] Basis, QuantizedBasis Stored)[_bases.Count];
        BlockScheduler.Run(
            groups.Length, _threads,
            (group, _) =>
            {
                QuantizedBasis stored = Quantize(group, ranks[group], noise);
                groups[group] = (stored.Restore(_dimension), stored);
            },
            _cancellation);

        float step = (float)Octaves.Power(
            (int)Math.Round(Octaves.Parts * (0.5 * Octaves.Log2(noise) + Octaves.Log2(_design.AnchorStepShare))));
        Rotate([.. groups.Select(group => group.Basis)], ranks);
        float[][] anchors = [.. _bases.CellGroups.Select((group, cell) => RotateAnchor(cell, groups[group].Basis, ranks[group]))];
        // If all rows coincide with their anchors there is no noise to compare with: 20 bits are used, of float32's 24.
        float largest = anchors.Max(anchor => MathF.Abs(TensorPrimitives.MaxMagnitude<float>(anchor)));
        if (largest > 0) step = MathF.Max(step, MathF.ScaleB(1, MathF.ILogB(largest) - 20));
        foreach (float[] anchor in anchors)
        {
            foreach (ref float value in anchor.AsSpan()) value = MathF.Round(value / step) * step;
        }

        return Describe(anchors, groups, ranks, level, step, noise, equalStride);
    }

    private double GroupRows(int group) =>
        Enumerable.Range(0, _cells.CellCount).Where(cell => _bases.CellGroups[cell] == group).Sum(cell => (double)_cells.Count(cell));

    private PackedCoder BuildExact()
    {
        int[] ranks = [.. _bases.Variances.Select(variances => variances.Length)];
        Rotate(_bases.Bases, ranks);
        var anchors = new float[_cells.CellCount][];
        for (int cell = 0; cell < anchors.Length; cell++)
        {
            anchors[cell] = RotateAnchor(cell, _bases.Bases[_bases.CellGroups[cell]], ranks[_bases.CellGroups[cell]]);
        }

        var none = new QuantizedBasis { StepQuarters = [], Coefficients = [] };
        return Describe(anchors, [.. _bases.Bases.Select(basis => (basis, none))], ranks, int.MaxValue / 2, 0, noise: 0);
    }

    /// <summary>Mean distortion of a coded axis, and the axes of each group that have bits in at least a fiftieth of its rows.</summary>
    private (double Noise, int[] Ranks) Noise(PackedModel model)
    {
        double sum = 0, axes = 0, energy = 0;
        var used = Enumerable.Range(0, _bases.Count).Select(_ => new double[_dimension]).ToArray();
        var rows = new double[_bases.Count];
        for (int list = 0; list < model.ListCount; list++)
        {
            PackedModel.List coded = model[list];
            double count = _exact.Members[list];
            rows[coded.Group] += count;
            energy += count * model.Energy(list);
            for (int i = 0; i < coded.Axes.Length; i++)
            {
                double variance = (double)coded.Scales[i] * coded.Scales[i];
                sum += count * variance * TrellisTables.MeanSquaredError[coded.Bits[i]];
                energy -= count * variance;
                axes += count;
                used[coded.Group][coded.Axes[i]] += count;
            }
        }

        // Leaving an axis out also loses the anchors' coordinates: together no more than the codes lose.
        double lost = (sum + Math.Max(energy, 0)) / rows.Sum();
        double noise = axes > 0 && sum > 0 ? sum / axes : _meanEnergy;
        int[] ranks = [.. used.Select((shares, group) => Math.Max(
            Math.Max(1, 1 + Array.FindLastIndex(shares, share => share > 0.02 * rows[group])), AnchorRank(group, rows[group], lost)))];
        return (noise, ranks);
    }

    /// <summary>Fewest axes of a group such that anchors have at most this mean energy outside them.</summary>
    private int AnchorRank(int group, double rows, double mostEnergy)
    {
        float[][] anchors = _exact.Model.Parameters.CellAnchors;
        double outside = 0;
        for (int axis = _bases.Variances[group].Length - 1; axis > 0; axis--)
        {
            for (int cell = 0; cell < anchors.Length; cell++)
            {
                if (_bases.CellGroups[cell] == group)
                {
                    outside += _cells.Count(cell) * (double)anchors[cell][axis] * anchors[cell][axis] / Math.Max(rows, 1);
                }
            }

            if (outside > mostEnergy) return axis + 1;
        }

        return 1;
    }

    /// <summary>The share of a row's energy that its rounding may take.</summary>
    private double RowError(int group, int row, double noise)
    {
        double variance = _bases.Variances[group][row];
        return variance > 0 ? Math.Min(MostBasisError, _basisNoiseShares[group] * noise / variance) : MostBasisError;
    }

    private QuantizedBasis Quantize(int group, int rank, double noise)
    {
        float[] basis = _bases.Bases[group];
        var steps = new sbyte[rank];
        var coefficients = new short[rank * _dimension];
        for (int row = 0; row < rank; row++)
        {
            // With a step finer than 2^-14 a coefficient of 1 would not fit 15 bits.
            int quarters = Math.Max(-56, (int)Math.Round(4 * 0.5 * Octaves.Log2(12 * RowError(group, row, noise) / _dimension)));
            float step = (float)Octaves.Power(quarters * (Octaves.Parts / 4));
            steps[row] = (sbyte)quarters;
            for (int k = 0; k < _dimension; k++)
            {
                coefficients[(row * _dimension) + k] = (short)MathF.Round(basis[(row * _dimension) + k] / step);
            }
        }

        return new QuantizedBasis { StepQuarters = steps, Coefficients = coefficients };
    }

    /// <summary>Computes the coordinates of every sample row minus the mean in the basis of its cell's group.</summary>
    private void Rotate(float[][] bases, int[] ranks)
    {
        var packed = bases.Select((basis, group) => new PackedMatrix(basis, ranks[group], _dimension)).ToArray();
        // A part of a cell at a time: scratch memory does not grow with the largest cell.
        int most = Math.Max(1, MostScratchBytes / (_dimension * sizeof(float)));
        var scratch = new float[_threads][];
        BlockScheduler.Run(
            _cells.CellCount, _threads,
            (cell, worker) =>
            {
                ReadOnlySpan<int> rows = _cells.Rows(cell);
                int group = _bases.CellGroups[cell];
                float[] centred = scratch[worker] ??= new float[most * _dimension];
                for (int first = 0; first < rows.Length; first += most)
                {
                    int count = Math.Min(most, rows.Length - first);
                    for (int i = 0; i < count; i++)
                    {
                        TensorPrimitives.Subtract(
                            _rows.AsSpan(rows[first + i] * _dimension, _dimension), _mean, centred.AsSpan(i * _dimension, _dimension));
                    }

                    MatrixProduct.Multiply(
                        centred, count, packed[group], _coordinates[cell].AsSpan(first * ranks[group]), threads: 1, _cancellation);
                }
            },
            _cancellation);
        foreach (PackedMatrix matrix in packed) matrix.Dispose();
    }

    /// <summary>Coordinates of a cell's rows, rank floats each.</summary>
    private Span<float> Coordinates(int cell, int rank) => _coordinates[cell].AsSpan(0, _cells.Count(cell) * rank);

    private float[] RotateAnchor(int cell, float[] basis, int rank)
    {
        var centred = new float[_dimension];
        TensorPrimitives.Subtract(_anchors.AsSpan(cell * _dimension, _dimension), _mean, centred);
        var rotated = new float[rank];
        for (int axis = 0; axis < rank; axis++) rotated[axis] = Distances.Dot(centred, basis.AsSpan(axis * _dimension, _dimension));
        return rotated;
    }

    /// <summary>Measures spectra, scales and classes on rotated rows.</summary>
    /// <param name="anchors">The anchor of each cell, in the group's basis.</param>
    /// <param name="groups">Bases.</param>
    /// <param name="ranks">Axes candidates of each.</param>
    /// <param name="level">Water level.</param>
    /// <param name="anchorStep">Step of the anchors.</param>
    /// <param name="noise">Mean distortion of a coded axis; 0 while it is unknown.</param>
    /// <param name="equalStride">Bytes of every code; 0 where the level decides.</param>
    private PackedCoder Describe(
        float[][] anchors, (float[] Basis, QuantizedBasis Stored)[] groups, int[] ranks, int level, float anchorStep, double noise,
        int equalStride = 0)
    {
        int cellCount = _cells.CellCount;
        var squares = new double[cellCount][];
        BlockScheduler.Run(
            cellCount, _threads,
            (cell, _) =>
            {
                int rank = ranks[_bases.CellGroups[cell]];
                var sums = new double[rank];
                Span<float> rows = Coordinates(cell, rank);
                for (int offset = 0; offset < rows.Length; offset += rank)
                {
                    // Coordinates become residuals in place: they are not needed again.
                    Span<float> residual = rows.Slice(offset, rank);
                    TensorPrimitives.Subtract(residual, anchors[cell], residual);
                    for (int axis = 0; axis < rank; axis++) sums[axis] += (double)residual[axis] * residual[axis];
                }

                squares[cell] = sums;
            },
            _cancellation);

        var spectra = new int[groups.Length][];
        var variances = new double[cellCount][];
        for (int group = 0; group < groups.Length; group++) spectra[group] = MeasureSpectrum(group, ranks[group], squares, variances);

        var levels = new int[cellCount];
        var scales = new sbyte[cellCount][];
        var gains = new int[cellCount * _classCount];
        var thresholds = new double[cellCount][];
        var members = new int[gains.Length];
        BlockScheduler.Run(
            cellCount, _threads,
            (cell, _) =>
            {
                int[] spectrum = spectra[_bases.CellGroups[cell]];
                (levels[cell], scales[cell]) = _design.CellScales
                    ? MeasureScales(variances[cell], spectrum, noise)
                    : (0, new sbyte[spectrum.Length]);
                thresholds[cell] = MeasureClasses(
                    Coordinates(cell, spectrum.Length), spectrum, levels[cell], scales[cell], noise,
                    gains.AsSpan(cell * _classCount, _classCount),
                    members.AsSpan(cell * _classCount, _classCount));
            },
            _cancellation);

        var parameters = new PackedParameters
        {
            Dimension = _dimension,
            CellCount = cellCount,
            ClassCount = _classCount,
            Level = level,
            MeanEnergy = _meanEnergy,
            UnitLength = _unitLength,
            Mean = _mean,
            Groups = [.. groups.Select((group, i) => new PackedGroup
            {
                Basis = group.Basis, Rank = ranks[i], Spectrum = spectra[i], Stored = group.Stored,
            })],
            CellGroups = _bases.CellGroups,
            CellAnchors = anchors,
            AnchorStep = anchorStep,
            CellLevels = levels,
            CellScales = scales,
            ClassGains = gains,
            Design = _design,
            EqualStride = equalStride,
        };
        return new PackedCoder(new PackedModel(parameters), thresholds, members, noise);
    }

    private int[] MeasureSpectrum(int group, int rank, double[][] squares, double[][] variances)
    {
        var mean = new double[rank];
        double rows = 0;
        for (int cell = 0; cell < squares.Length; cell++)
        {
            if (_bases.CellGroups[cell] != group) continue;
            for (int axis = 0; axis < rank; axis++) mean[axis] += squares[cell][axis];
            rows += _cells.Count(cell);
        }

        double total = 0;
        for (int axis = 0; axis < rank; axis++)
        {
            mean[axis] = (mean[axis] / Math.Max(rows, 1)) + 1e-20;
            total += mean[axis];
        }

        var logarithms = new double[rank];
        for (int cell = 0; cell < squares.Length; cell++)
        {
            if (_bases.CellGroups[cell] != group) continue;
            double count = _cells.Count(cell), gain = 0;
            for (int axis = 0; axis < rank; axis++)
            {
                gain += mean[axis] * Octaves.Log2(((squares[cell][axis] + (1e-3 * mean[axis])) / (count + 1e-3) / mean[axis]) + 1e-4);
            }

            // The size is the cell's own. Its shape is mixed with the group's in proportion to its rows.
            double size = count == 0 ? 1 : Octaves.Power((int)Math.Round(Octaves.Parts * gain / total));
            variances[cell] = new double[rank];
            for (int axis = 0; axis < rank; axis++)
            {
                variances[cell][axis] = (squares[cell][axis] + (PriorRows * size * mean[axis])) / (count + PriorRows);
                logarithms[axis] += count * 0.5 * Octaves.Log2(variances[cell][axis]);
            }
        }

        return [.. logarithms.Select(sum => Math.Clamp((int)Math.Round(8 * sum / Math.Max(rows, 1)), short.MinValue, short.MaxValue))];
    }

    private static (int Level, sbyte[] Scales) MeasureScales(double[] variances, int[] spectrum, double noise)
    {
        double level = 0, weights = 0;
        for (int axis = 0; axis < variances.Length; axis++)
        {
            // Axes below the noise get no bits, so their scales hardly matter.
            double weight = variances[axis] > 0.3 * noise ? 1 : 0.02;
            level += weight * ((4 * Octaves.Log2(variances[axis])) - spectrum[axis]);
            weights += weight;
        }

        int eighths = Math.Clamp((int)Math.Round(level / weights), sbyte.MinValue, sbyte.MaxValue);
        var scales = new sbyte[variances.Length];
        const int Half = 1 << (PackedModel.ScaleBits - 1);
        for (int axis = 0; axis < scales.Length; axis++)
        {
            double own = (4 * Octaves.Log2(Math.Max(variances[axis], 0.15 * noise))) - spectrum[axis] - eighths;
            scales[axis] = (sbyte)Math.Clamp((int)Math.Round(own / PackedModel.ScaleStep), -Half, Half - 1);
        }

        return (eighths, scales);
    }

    /// <summary>
    /// Splits a cell's rows by the size of their whitened residuals; returns the boundaries and computes gains and numbers of rows.
    /// </summary>
    private static double[] MeasureClasses(
        ReadOnlySpan<float> residuals, int[] spectrum, int level, sbyte[] scales, double noise, Span<int> gains, Span<int> members)
    {
        int rank = spectrum.Length, rows = residuals.Length / rank;
        float[] weights = PackedCoder.WhiteningWeights(spectrum, level, scales, noise);
        var ratios = new double[rows];
        var logarithms = new double[rows];
        for (int row = 0; row < rows; row++)
        {
            ratios[row] = PackedCoder.WhitenedEnergy(residuals.Slice(row * rank, rank), weights);
            logarithms[row] = 0.5 * Octaves.Log2(ratios[row] + 1e-9);
        }

        int classes = gains.Length;
        var thresholds = new double[classes - 1];
        gains.Clear();
        if (rows == 0) return thresholds;
        double[] sorted = [.. logarithms.Order()];
        double[] centres = [.. Enumerable.Range(0, classes).Select(c => sorted[(int)((c + 0.5) / classes * rows)])];
        for (int iteration = 0; iteration < 20; iteration++)
        {
            for (int c = 0; c < thresholds.Length; c++) thresholds[c] = 0.5 * (centres[c] + centres[c + 1]);
            var sums = new double[classes];
            var counts = new int[classes];
            foreach (double value in sorted)
            {
                int c = PackedCoder.ClassOf(value, thresholds);
                sums[c] += value;
                counts[c]++;
            }

            for (int c = 0; c < classes; c++)
            {
                if (counts[c] > 0) centres[c] = sums[c] / counts[c];
            }
        }

        const int Half = 1 << (PackedModel.GainBits - 1);
        var energies = new double[classes];
        for (int row = 0; row < rows; row++)
        {
            int c = PackedCoder.ClassOf(logarithms[row], thresholds);
            energies[c] += ratios[row] + 1e-9;
            members[c]++;
        }

        for (int c = 0; c < classes; c++)
        {
            if (members[c] > 0) gains[c] = Math.Clamp((int)Math.Round(4 * Octaves.Log2(energies[c] / members[c])), -Half, Half - 1);
        }

        return thresholds;
    }
}
