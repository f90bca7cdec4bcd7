using System.Numerics.Tensors;
using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Threading;

namespace Vlc.Codecs.Packed;

/// <summary>
/// Codes many rows with one model. On the processor one thread takes a row from start to end. For a device rows are prepared in batches and
/// their paths searched there; the search for unbiased codes continues here. Codes and errors have the same bits either way.
/// </summary>
internal sealed class PackedPass : IDisposable
{
    /// <summary>Rows of a task, which one thread takes in their order.</summary>
    public const int RowsPerTask = 256;

    /// <summary>Bytes of the rows that go to a device together: those of a block of <see cref="Vectors.PreparedRows"/>.</summary>
    private const int BatchBytes = 16 << 20;

    private readonly PackedCoder _coder;
    private readonly TrellisTables _tables;
    private readonly bool _unbiased;
    private readonly int _threads;
    private readonly PackedRotation _rotation;

    /// <summary>Scratch memory of each worker, made when it codes its first row.</summary>
    private readonly PackedCoder.Session?[] _sessions;
    private readonly PackedRotation.Block?[] _blocks;
    private readonly float[]?[] _decoded;

    /// <summary>The lists' axes with the encoder's weights; null on the processor, as are the fields below.</summary>
    private readonly TrellisAxes? _axes;
    private readonly IResidentTrellis? _trellis;

    /// <summary>Prepares for rows.</summary>
    /// <param name="coder">The model.</param>
    /// <param name="tables">The trellis code's tables.</param>
    /// <param name="unbiased">Whether to make unbiased codes.</param>
    /// <param name="backend">The backend that searches codes.</param>
    /// <param name="threads">Threads to use.</param>
    public PackedPass(PackedCoder coder, TrellisTables tables, bool unbiased, IComputeBackend backend, int threads)
    {
        (_coder, _tables, _unbiased, _threads) = (coder, tables, unbiased, threads);
        _sessions = new PackedCoder.Session?[threads];
        _blocks = new PackedRotation.Block?[threads];
        _decoded = new float[]?[threads];
        if (backend is not CpuBackend)
        {
            _axes = WeightedAxes(coder.Model);
            _trellis = backend.LoadTrellis(tables, _axes);
        }

        _rotation = new PackedRotation(coder.Model.Parameters);
        BatchTasks = Math.Max(1, BatchBytes / (coder.Model.Parameters.Dimension * sizeof(float)) / RowsPerTask);
    }

    /// <summary>Tasks whose rows go to a device together.</summary>
    public int BatchTasks { get; init; }

    /// <summary>Codes rows.</summary>
    /// <param name="count">Number of rows.</param>
    /// <param name="row">Returns a row, d floats in scaled units.</param>
    /// <param name="cells">Cell of each.</param>
    /// <param name="take">
    /// Gets each row once it is coded. The rows of a task come in their order from one thread; different tasks run in parallel.
    /// </param>
    /// <param name="cancellationToken">Checked between tasks.</param>
    public void Code(
        int count, Func<int, ReadOnlySpan<float>> row, ReadOnlyMemory<int> cells, Action<CodedRow> take,
        CancellationToken cancellationToken)
    {
        if (_trellis is null)
        {
            CodeOnThreads(count, row, cells, take, cancellationToken);
            return;
        }

        int batchRows = BatchTasks * RowsPerTask;
        for (int first = 0; first < count; first += batchRows)
        {
            new Batch(this, first, Math.Min(batchRows, count - first), cancellationToken).Code(row, cells, take);
        }
    }

    public void Dispose()
    {
        foreach (PackedCoder.Session? session in _sessions) session?.Dispose();
        _trellis?.Dispose();
        _rotation.Dispose();
    }

    private void CodeOnThreads(
        int count, Func<int, ReadOnlySpan<float>> row, ReadOnlyMemory<int> cells, Action<CodedRow> take,
        CancellationToken cancellationToken) =>
        ForEachRotated(
            0, count, row, cells,
            (i, worker, residual, energy) =>
            {
                PackedCoder.Session session = _sessions[worker] ??= new PackedCoder.Session(_coder, _tables);
                int list = _coder.ListOf(cells.Span[i], residual);
                Span<float> decoded = (_decoded[worker] ??= new float[_coder.Model.Parameters.Dimension]).AsSpan(0, residual.Length);
                ReadOnlySpan<byte> states = session.Code(list, residual, energy, _unbiased, decoded);
                take(new CodedRow(i, list, residual, states, decoded, session.NearestError));
            },
            cancellationToken);

    private delegate void TakeResidual(int row, int worker, ReadOnlySpan<float> residual, double energy);

    /// <summary>Computes the residual of each row of a task and passes it to the task's worker, in the order of the rows.</summary>
    private void ForEachRotated(
        int first, int count, Func<int, ReadOnlySpan<float>> row, ReadOnlyMemory<int> cells, TakeResidual take,
        CancellationToken cancellationToken) =>
        BlockScheduler.Run(
            BlockScheduler.BlockCount(count, RowsPerTask), _threads,
            (task, worker) =>
            {
                PackedRotation.Block block = _blocks[worker] ??= new PackedRotation.Block(_rotation);
                int end = first + Math.Min((task + 1) * RowsPerTask, count);
                for (int start = first + (task * RowsPerTask), rows; start < end; start += rows)
                {
                    rows = Math.Min(block.Capacity, end - start);
                    block.Rotate(start, rows, row, cells.Span.Slice(start, rows));
                    for (int i = 0; i < rows; i++) take(start + i, worker, block.Residual(i), block.Energy(i));
                }
            },
            cancellationToken);

    /// <summary>Scales of all lists' axes times their weights in the search, as a session computes them row by row.</summary>
    private static TrellisAxes WeightedAxes(PackedModel model)
    {
        var starts = new int[model.ListCount + 1];
        for (int list = 0; list < model.ListCount; list++) starts[list + 1] = checked(starts[list] + model[list].Axes.Length);
        var scales = new float[starts[^1]];
        var bits = new byte[starts[^1]];
        for (int list = 0; list < model.ListCount; list++)
        {
            PackedModel.List coded = model[list];
            ReadOnlySpan<float> weights = model.AxisWeights(coded.Group);
            coded.Bits.CopyTo(bits.AsSpan(starts[list]));
            for (int i = 0; i < coded.Axes.Length; i++) scales[starts[list] + i] = coded.Scales[i] * weights[coded.Axes[i]];
        }

        return new TrellisAxes(starts, scales, bits);
    }

    /// <summary>A row with its code; its spans are valid only during the call.</summary>
    internal readonly ref struct CodedRow(
        int row, int list, ReadOnlySpan<float> residual, ReadOnlySpan<byte> states, Span<float> decoded, double nearestError)
    {
        /// <summary>Its number.</summary>
        public readonly int Row = row;

        public readonly int List = list;

        /// <summary>In the group's basis, rank floats.</summary>
        public readonly ReadOnlySpan<float> Residual = residual;

        /// <summary>State after each coded axis.</summary>
        public readonly ReadOnlySpan<byte> States = states;

        /// <summary>The residual from the code, rank floats; scratch memory, which the receiver may overwrite.</summary>
        public readonly Span<float> Decoded = decoded;

        /// <summary>As <see cref="PackedCoder.Session.NearestError"/>.</summary>
        public readonly double NearestError = nearestError;
    }

    /// <summary>Rows that a device codes. Coded axes are stored row after row.</summary>
    private sealed class Batch(PackedPass pass, int first, int count, CancellationToken cancellationToken)
    {
        private readonly float[][] _residuals = new float[count][];
        private readonly double[] _energies = new double[count];
        private readonly int[] _lists = new int[count];
        private readonly double[] _nearestErrors = new double[count];
        private readonly UnbiasedSearch[] _searches = new UnbiasedSearch[count];
        private readonly bool[] _isDone = new bool[count];

        public void Code(Func<int, ReadOnlySpan<float>> row, ReadOnlyMemory<int> cells, Action<CodedRow> take)
        {
            PackedModel model = pass._coder.Model;
            pass.ForEachRotated(
                first, count, row, cells,
                (number, _, residual, energy) =>
                {
                    int i = number - first;
                    (_residuals[i], _energies[i]) = (residual.ToArray(), energy);
                    _lists[i] = pass._coder.ListOf(cells.Span[number], residual);
                    _searches[i] = new UnbiasedSearch();
                },
                cancellationToken);
            int[] rowOffsets = pass._axes!.RowOffsets(_lists);
            byte[] best = Search(rowOffsets);
            BlockScheduler.Run(
                BlockScheduler.BlockCount(count, RowsPerTask), pass._threads,
                (task, _) =>
                {
                    var scratch = new float[model.Parameters.Dimension];
                    int end = Math.Min((task + 1) * RowsPerTask, count);
                    for (int i = task * RowsPerTask; i < end; i++)
                    {
                        Span<float> decoded = scratch.AsSpan(0, _residuals[i].Length);
                        Span<byte> states = best.AsSpan(rowOffsets[i]..rowOffsets[i + 1]);
                        PackedCoder.Decode(model[_lists[i]], pass._tables, states, decoded);
                        double nearestError = _nearestErrors[i] * model.ErrorWeight(_lists[i]);
                        take(new CodedRow(first + i, _lists[i], _residuals[i], states, decoded, nearestError));
                    }
                },
                cancellationToken);
        }

        /// <summary>Codes all rows, then again those whose search asks for another scale, until none does.</summary>
        /// <param name="rowOffsets">The offset of each row's axes in the result.</param>
        /// <returns>The states of every row.</returns>
        private byte[] Search(int[] rowOffsets)
        {
            var best = new byte[rowOffsets[^1]];
            var targets = new float[rowOffsets[^1]];
            var states = new byte[rowOffsets[^1]];
            var minima = new float[count];
            int[] active = [.. Enumerable.Range(0, count)];
            while (active.Length > 0)
            {
                int[] lists = Array.ConvertAll(active, i => _lists[i]), activeOffsets = pass._axes!.RowOffsets(lists);
                ForEach(active.Length, a => Scale(active[a], targets.AsSpan(activeOffsets[a]..activeOffsets[a + 1])));
                pass._trellis!.Encode(lists, targets, states, minima, cancellationToken);
                ForEach(active.Length, a =>
                {
                    ReadOnlySpan<byte> found = states.AsSpan(activeOffsets[a]..activeOffsets[a + 1]);
                    if (Update(active[a], found, minima[a])) found.CopyTo(best.AsSpan(rowOffsets[active[a]]));
                });
                active = Array.FindAll(active, i => !_isDone[i]);
            }

            return best;
        }

        /// <summary>The target of a row at the scale that its search asks for.</summary>
        private void Scale(int i, Span<float> target)
        {
            PackedModel model = pass._coder.Model;
            PackedModel.List coded = model[_lists[i]];
            ReadOnlySpan<float> weights = model.AxisWeights(coded.Group);
            for (int k = 0; k < target.Length; k++) target[k] = _residuals[i][coded.Axes[k]] * weights[coded.Axes[k]];
            TensorPrimitives.Multiply(target, (float)_searches[i].Scale, target);
        }

        /// <summary>Passes the path of a row to its search, and returns whether to keep it.</summary>
        private bool Update(int i, ReadOnlySpan<byte> states, float minimum)
        {
            ref UnbiasedSearch search = ref _searches[i];
            // The first target is the residual itself.
            if (search.Pass == 0) _nearestErrors[i] = minimum;
            if (!pass._unbiased || !(_energies[i] > 0)) return _isDone[i] = true;
            double projection = PackedCoder.Projection(pass._coder.Model[_lists[i]], pass._tables, _residuals[i], states);
            bool keep = search.Update((projection / _energies[i]) - 1);
            _isDone[i] = search.IsDone;
            return keep;
        }

        private void ForEach(int rows, Action<int> body) => BlockScheduler.Run(
            BlockScheduler.BlockCount(rows, RowsPerTask), pass._threads,
            (task, _) =>
            {
                int end = Math.Min((task + 1) * RowsPerTask, rows);
                for (int i = task * RowsPerTask; i < end; i++) body(i);
            },
            cancellationToken);
    }
}
