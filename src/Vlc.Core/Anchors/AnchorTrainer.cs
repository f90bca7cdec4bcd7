using System.Numerics;
using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;

namespace Vlc.Anchors;

/// <summary>
/// Learns anchors on rows in memory. It seeds by k-means||, then iterates assignment and update while a temperature cools, with rounds of
/// merge and split in the first iterations. It minimises energy = distortion + lambda · footprint.
/// </summary>
public sealed class AnchorTrainer
{
    /// <summary>Normalised entropy of the assignment below which training counts as collapsed.</summary>
    public const double CollapseThreshold = 0.6;

    /// <summary>Default rounds of maintenance; docs/training.md has the comparison behind it.</summary>
    public const int DefaultMaintenanceRounds = 6;

    private const int MostRepairRounds = 3;

    /// <summary>
    /// The part of the rows, as a negative power of two, that each of the first iterations uses; all later ones use all rows. Far from the
    /// optimum a part gives as good a direction as all rows do. docs/training.md has the comparison behind it.
    /// </summary>
    private static readonly int[] s_partOfIteration = [3, 3, 3, 2, 1, 1];

    /// <summary>
    /// Fewest rows for each anchor in a part, and fewest rows of a part. With fewer, anchors follow single rows, and the time saved is
    /// negligible.
    /// </summary>
    private const int LeastRowsPerAnchor = 8, LeastRows = 2048;

    private const ulong PartStream = 0x9A7;

    /// <summary>Bytes of rows that are gathered at a time, where not all are used.</summary>
    private const int GatheredBytes = 8 << 20;

    private readonly AnchorTrainingOptions _options;
    private readonly int _dimension;
    private readonly ReadOnlyMemory<float> _rows;
    private readonly ReadOnlyMemory<float> _validation;
    private readonly IComputeBackend _backend;
    private readonly IResidentRows _residentRows;
    private readonly IResidentRows _residentValidation;
    private readonly float[] _rowNorms;
    private readonly float[] _scores;
    private readonly double[] _squaredDistances;
    private readonly byte[] _parts;
    private float[] _gathered = [];
    private readonly int[] _assignments;
    private readonly int[] _previous;

    private AnchorTrainer(
        ReadOnlyMemory<float> rows, int dimension, ReadOnlyMemory<float> validation, AnchorTrainingOptions options, IComputeBackend backend,
        IResidentRows residentRows, IResidentRows residentValidation)
    {
        _rows = rows;
        _dimension = dimension;
        _validation = validation;
        _options = options;
        _backend = backend;
        _residentRows = residentRows;
        _residentValidation = residentValidation;
        int rowCount = rows.Length / dimension;
        _rowNorms = new float[rowCount];
        _scores = new float[rowCount];
        _squaredDistances = new double[rowCount];
        _assignments = new int[rowCount];
        _previous = new int[rowCount];
        NearestColumn.HalfSquaredNorms(rows.Span, dimension, _rowNorms);

        // A row is in the parts of all rows, of half of them, ..., up to a depth that its draw decides. So smaller parts lie within larger
        // ones.
        _parts = new byte[rowCount];
        var random = new SeededRandom(options.Seed, PartStream);
        foreach (ref byte part in _parts.AsSpan()) part = (byte)BitOperations.TrailingZeroCount(random.NextUInt64());
    }

    private int RowCount => _assignments.Length;

    /// <summary>
    /// The default number of anchors for <paramref name="rowCount"/> rows: about 4·√n, never more than a quarter of the rows.
    /// </summary>
    /// <param name="rowCount">n.</param>
    public static int DefaultAnchorCount(long rowCount) =>
        (int)Math.Clamp((long)Math.Round(4 * Math.Sqrt(rowCount)), 1, Math.Max(1, rowCount / 4));

    /// <summary>Learns anchors.</summary>
    /// <param name="rows">Training rows, row-major, n x <paramref name="dimension"/>; centred data train most precisely.</param>
    /// <param name="dimension">Components of a row.</param>
    /// <param name="options">How to train.</param>
    /// <param name="validation">Rows that training does not see, for the validation energy; may be empty.</param>
    /// <param name="progress">Reports each iteration.</param>
    /// <param name="cancellationToken">Stops training. A checkpoint, if there is one, holds the last finished iteration.</param>
    /// <returns>Anchors, row-major, and what happened. There may be fewer anchors than asked for when lambda is above 0.</returns>
    /// <exception cref="ArgumentException">Options that cannot be used, or more anchors than rows.</exception>
    /// <exception cref="VlcFormatException">The checkpoint belongs to another training.</exception>
    public static (float[] Anchors, TrainingReport Report) Train(
        ReadOnlyMemory<float> rows, int dimension, AnchorTrainingOptions options, ReadOnlyMemory<float> validation = default,
        IProgress<TrainingIteration>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        IReadOnlyList<string> problems = options.Validate();
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        int rowCount = rows.Length / dimension;
        int anchorCount = options.AnchorCount ?? DefaultAnchorCount(rowCount);
        if (rowCount < anchorCount)
        {
            throw new ArgumentException($"{anchorCount} anchors need at least as many rows; there are {rowCount}.", nameof(options));
        }

        IComputeBackend backend = options.BackendOrCpu;
        using IResidentRows residentRows = backend.LoadRows(rows, dimension), residentValidation = backend.LoadRows(validation, dimension);
        return new AnchorTrainer(
            rows, dimension, validation, options, backend, residentRows, residentValidation).Run(anchorCount, progress, cancellationToken);
    }

    private (float[] Anchors, TrainingReport Report) Run(
        int anchorCount, IProgress<TrainingIteration>? progress, CancellationToken cancellationToken)
    {
        CoolingSchedule cooling = _options.Cooling ?? CoolingSchedule.None;
        int maintenanceRounds = _options.MaintenanceRounds ?? DefaultMaintenanceRounds;
        var iterations = new List<TrainingIteration>();
        TrainingCheckpoint? checkpoint = _options.CheckpointPath is null
            ? null
            : new TrainingCheckpoint(_options.CheckpointPath, _rows.Span, _dimension, anchorCount, _options);
        float[] anchors;
        int? resumedFrom = null;
        if (checkpoint?.TryLoad(_previous, iterations) is { } saved)
        {
            anchors = saved;
            resumedFrom = iterations.Count;
        }
        else
        {
            int[] first = RowsOf(PartOf(0, anchorCount));
            if (first.Length == RowCount)
            {
                anchors = AnchorSeeding.Draw(
                    _backend, _residentRows, _rows.Span, _dimension, anchorCount, _options.Seed, cancellationToken);
            }
            else
            {
                ReadOnlyMemory<float> seedRows = Gather(first);
                using IResidentRows resident = _backend.LoadRows(seedRows, _dimension);
                anchors = AnchorSeeding.Draw(_backend, resident, seedRows.Span, _dimension, anchorCount, _options.Seed, cancellationToken);
            }

            _previous.AsSpan().Fill(-1);
        }

        for (int iteration = iterations.Count; iteration < _options.MaxIterations && !HasConverged(iterations); iteration++)
        {
            int[] looked = RowsOf(PartOf(iteration, anchors.Length / _dimension));
            double distortion = Assign(anchors, looked, cancellationToken);
            double changed = ChangedShare(looked);
            double energy = Energy(distortion, anchors.Length);
            double temperature = cooling.Temperature(iteration);
            bool maintain = iteration < maintenanceRounds;
            InvertedLists cells = ListsOf(looked, anchors.Length / _dimension);
            CellMeans.Update(
                _residentRows, _dimension, cells, _squaredDistances, _options.Mean, maintain ? 0 : temperature, _options.Seed,
                iteration, anchors, _options.ThreadCount, cancellationToken);
            AnchorMaintenance.Moves moves = default;
            if (maintain || HasEmptyCell(cells)) moves = Maintain(cells, ref anchors, cancellationToken);

            double validationEnergy = _validation.IsEmpty
                ? double.NaN
                : Energy(ValidationDistortion(anchors, cancellationToken), anchors.Length);
            iterations.Add(new TrainingIteration(
                iteration, temperature, distortion, energy, validationEnergy, changed, moves.Merged, moves.Split, looked.Length));
            progress?.Report(iterations[^1]);
            foreach (int row in looked) _previous[row] = _assignments[row];
            checkpoint?.Save(anchors, _previous, iterations);
        }

        (double finalDistortion, double entropy) = Settle(ref anchors, cancellationToken);
        if (!_options.CheckpointStays) checkpoint?.Delete();
        return (anchors, new TrainingReport
        {
            Iterations = iterations,
            Converged = HasConverged(iterations),
            Distortion = finalDistortion,
            Energy = Energy(finalDistortion, anchors.Length),
            NormalizedEntropy = entropy,
            TrainingRows = RowCount,
            ResumedFrom = resumedFrom,
        });
    }

    /// <summary>
    /// Whether training has converged. It is decided from the history alone, so that a training resumed after its last iteration makes no
    /// further one.
    /// </summary>
    private bool HasConverged(List<TrainingIteration> iterations)
    {
        if (iterations.Count == 0) return false;
        TrainingIteration last = iterations[^1];
        double previousEnergy = iterations.Count > 1 ? iterations[^2].Energy : double.PositiveInfinity;
        return last.Rows == RowCount && last.Temperature == 0 && last.Merged == 0 && last.Split == 0 && last.Changed <= _options.Tolerance
            && previousEnergy - last.Energy <= _options.Tolerance * last.Energy;
    }

    /// <summary>
    /// Removes empty cells and repairs a collapsed assignment by further rounds of maintenance. Anchors that stay empty (fewer distinct
    /// rows than anchors) are dropped.
    /// </summary>
    private (double Distortion, double Entropy) Settle(ref float[] anchors, CancellationToken cancellationToken)
    {
        for (int round = 0; ; round++)
        {
            int[] all = RowsOf(part: 0);
            double distortion = Assign(anchors, all, cancellationToken);
            InvertedLists cells = ListsOf(all, anchors.Length / _dimension);
            double entropy = cells.NormalizedEntropy();
            bool empty = HasEmptyCell(cells);
            if (!empty && (entropy >= CollapseThreshold || round >= MostRepairRounds))
            {
                return (ToMeans(anchors, cells, distortion, cancellationToken), entropy);
            }

            if (round < MostRepairRounds)
            {
                CellMeans.Update(
                    _residentRows, _dimension, cells, _squaredDistances, _options.Mean, temperature: 0, _options.Seed, iteration: 0,
                    anchors,
                    _options.ThreadCount, cancellationToken);
                AnchorMaintenance.Moves moves = Maintain(cells, ref anchors, cancellationToken);
                if (moves != default) continue;
                if (!empty) return (distortion, entropy);
            }

            anchors = DropEmpty(anchors, cells);
        }
    }

    /// <summary>
    /// Moves each anchor to the arithmetic mean of its rows, which costs nothing since their assignment is known. Returns the remaining
    /// distortion: on average over a cell, a row comes nearer to its anchor by the square of the move.
    /// </summary>
    private double ToMeans(float[] anchors, InvertedLists cells, double distortion, CancellationToken cancellationToken)
    {
        if (_options.Mean.Kind != MeanKind.Arithmetic) return distortion;
        float[] before = [.. anchors];
        CellMeans.Update(
            _residentRows, _dimension, cells, _squaredDistances, _options.Mean, temperature: 0, _options.Seed, iteration: 0, anchors,
            _options.ThreadCount, cancellationToken);
        for (int cell = 0; cell < cells.CellCount; cell++)
        {
            double moved = Distances.SquaredEuclidean(
                before.AsSpan(cell * _dimension, _dimension), anchors.AsSpan(cell * _dimension, _dimension));
            distortion -= cells.Count(cell) * moved / RowCount;
        }

        return Math.Max(distortion, 0);
    }

    private AnchorMaintenance.Moves Maintain(InvertedLists cells, ref float[] anchors, CancellationToken cancellationToken) =>
        AnchorMaintenance.Run(
            _backend, _rows, _dimension, cells, ref anchors, _options.Lambda * AnchorBytes * cells.RowCount / RowCount,
            _options.ThreadCount, cancellationToken);

    /// <summary>The part of the rows that an iteration uses. The last one uses all, and the one before at least half of them.</summary>
    private int PartOf(int iteration, int anchorCount)
    {
        if (!_options.PartsFirst || iteration >= s_partOfIteration.Length) return 0;
        int part = s_partOfIteration[iteration];
        part = Math.Min(part, _options.MaxIterations - 1 - iteration);
        while (part > 0 && RowCount >> part < Math.Max(LeastRows, (long)LeastRowsPerAnchor * anchorCount)) part--;
        return Math.Max(part, 0);
    }

    private int[] RowsOf(int part)
    {
        int count = 0;
        foreach (byte drawn in _parts) count += drawn >= part ? 1 : 0;
        var rows = new int[count];
        int next = 0;
        for (int row = 0; row < _parts.Length; row++)
        {
            if (_parts[row] >= part) rows[next++] = row;
        }

        return rows;
    }

    /// <summary>
    /// Gathers rows. The copy is valid until the next call; a new one each time would be most of the memory of a training.
    /// </summary>
    private ReadOnlyMemory<float> Gather(ReadOnlySpan<int> numbers)
    {
        if (_gathered.Length < numbers.Length * _dimension) _gathered = new float[numbers.Length * _dimension];
        for (int i = 0; i < numbers.Length; i++)
        {
            _rows.Span.Slice(numbers[i] * _dimension, _dimension).CopyTo(_gathered.AsSpan(i * _dimension));
        }

        return _gathered.AsMemory(0, numbers.Length * _dimension);
    }

    private InvertedLists ListsOf(ReadOnlySpan<int> looked, int cellCount)
    {
        if (looked.Length == RowCount) return new InvertedLists(_assignments, cellCount);
        var cells = new int[looked.Length];
        for (int i = 0; i < looked.Length; i++) cells[i] = _assignments[looked[i]];
        return new InvertedLists(cells, cellCount, looked);
    }

    /// <summary>Assigns some rows; returns their distortion and stores their distances.</summary>
    private double Assign(float[] anchors, int[] looked, CancellationToken cancellationToken)
    {
        if (looked.Length == RowCount)
        {
            AssignRows(_residentRows, anchors, _assignments, _scores, cancellationToken);
        }
        else
        {
            int rowsAtOnce = Math.Max(1, GatheredBytes / (sizeof(float) * _dimension));
            var nearest = new int[Math.Min(rowsAtOnce, looked.Length)];
            var scores = new float[nearest.Length];
            for (int first = 0; first < looked.Length; first += rowsAtOnce)
            {
                ReadOnlySpan<int> numbers = looked.AsSpan(first, Math.Min(rowsAtOnce, looked.Length - first));
                using IResidentRows gathered = _backend.LoadRows(Gather(numbers), _dimension);
                AssignRows(gathered, anchors, nearest.AsSpan(0, numbers.Length), scores.AsSpan(0, numbers.Length), cancellationToken);
                for (int i = 0; i < numbers.Length; i++) (_assignments[numbers[i]], _scores[numbers[i]]) = (nearest[i], scores[i]);
            }
        }

        double sum = 0;
        foreach (int row in looked)
        {
            double distance = Math.Max(0, 2.0 * ((double)_scores[row] + _rowNorms[row]));
            _squaredDistances[row] = distance;
            sum += distance;
        }

        return sum / looked.Length;
    }

    private double ValidationDistortion(float[] anchors, CancellationToken cancellationToken)
    {
        int rowCount = _validation.Length / _dimension;
        var nearest = new int[rowCount];
        var scores = new float[rowCount];
        AssignRows(_residentValidation, anchors, nearest, scores, cancellationToken);
        double sum = 0;
        for (int row = 0; row < rowCount; row++)
        {
            sum += Distances.SquaredEuclidean(
                _validation.Span.Slice(row * _dimension, _dimension), anchors.AsSpan(nearest[row] * _dimension, _dimension));
        }

        return sum / rowCount;
    }

    private void AssignRows(IResidentRows rows, float[] anchors, Span<int> nearest, Span<float> scores, CancellationToken cancellationToken)
    {
        using IResidentAnchors resident = _backend.LoadAnchors(anchors, _dimension);
        rows.Assign(resident, nearest, scores, cancellationToken);
    }

    private double ChangedShare(int[] looked)
    {
        int changed = 0;
        foreach (int row in looked)
        {
            if (_assignments[row] != _previous[row]) changed++;
        }

        return (double)changed / looked.Length;
    }

    /// <summary>Bytes of an anchor on disk: d float16.</summary>
    private int AnchorBytes => 2 * _dimension;

    private double Energy(double distortion, int anchorFloats) =>
        distortion + (_options.Lambda * AnchorBytes * (anchorFloats / _dimension) / RowCount);

    private static bool HasEmptyCell(InvertedLists cells)
    {
        for (int cell = 0; cell < cells.CellCount; cell++)
        {
            if (cells.Count(cell) == 0) return true;
        }

        return false;
    }

    private float[] DropEmpty(float[] anchors, InvertedLists cells)
    {
        var kept = new List<float>(anchors.Length);
        for (int cell = 0; cell < cells.CellCount; cell++)
        {
            if (cells.Count(cell) > 0) kept.AddRange(anchors.AsSpan(cell * _dimension, _dimension));
        }

        return [.. kept];
    }
}
