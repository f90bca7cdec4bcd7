using ILGPU;
using ILGPU.Runtime;
using Vlc.Compute;
using Vlc.Gpu.Kernels;

namespace Vlc.Gpu;

/// <summary>
/// Rows for passes on a device. They stay on the device if they fit three quarters of the memory budget. Otherwise every pass streams them,
/// in batches that alternate between two streams, so that one is copied while the other is computed.
/// </summary>
internal sealed class GpuRows : IResidentRows
{
    /// <summary>Floating-point operations of a launch, after which cancellation is checked: milliseconds of a GPU.</summary>
    private const double OperationsOfLaunch = 1.4e11;

    private readonly GpuBackend _backend;
    private readonly ReadOnlyMemory<float> _rows;
    private readonly int _dimension;
    private readonly int _pitch;
    private readonly int _count;
    private readonly Lane[] _lanes;

    public GpuRows(GpuBackend backend, ReadOnlyMemory<float> rows, int dimension)
    {
        _backend = backend;
        _rows = rows;
        _dimension = dimension;
        _pitch = GpuBackend.PitchOf(dimension);
        _count = rows.Length / dimension;
        _lanes = _count == 0 ? [] : CreateLanes();
        if (!IsStreamed && _count > 0) UploadAll();
    }

    /// <summary>Rows of a batch; all rows where they stay on the device.</summary>
    public int BatchRows { get; private set; }

    /// <summary>Whether every pass copies the rows anew.</summary>
    public bool IsStreamed => _lanes.Length > 1;

    public void Assign(IResidentAnchors anchors, Span<int> nearest, Span<float> scores, CancellationToken cancellationToken = default)
    {
        if (anchors is not GpuAnchors resident || resident.Backend != _backend || resident.Dimension != _dimension)
        {
            throw new ArgumentException("The anchors are of another backend or dimension than the rows.", nameof(anchors));
        }

        _backend.Bind();
        ArgumentOutOfRangeException.ThrowIfLessThan(nearest.Length, _count);
        ArgumentOutOfRangeException.ThrowIfLessThan(scores.Length, _count);
        int launchRows = LaunchRows(resident.Count);
        for (int batch = 0; batch * (long)BatchRows < _count; batch++)
        {
            Lane lane = _lanes[batch % _lanes.Length];
            lane.Collect(nearest, scores);
            int first = batch * BatchRows, count = Math.Min(BatchRows, _count - first);
            if (IsStreamed) lane.Upload(_rows.Span.Slice(first * _dimension, count * _dimension), _dimension, _pitch);
            for (int start = 0; start < count; start += launchRows)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int launched = GpuBackend.Padded(Math.Min(launchRows, count - start));
                _backend.AssignRows(
                    lane.Stream, new KernelConfig(launched / AssignKernel.Tile, AssignKernel.GroupSize),
                    lane.Rows.View.AsContiguous().SubView((long)start * _pitch, (long)launched * _pitch).AsAligned16().Cast<Quad>(),
                    resident.Columns.AsAligned16().Cast<Quad>(), resident.HalfNorms.AsAligned16().Cast<Quad>(),
                    lane.Nearest.View.AsContiguous().SubView(start, launched), lane.Scores.View.AsContiguous().SubView(start, launched),
                    _pitch / Quad.Width, resident.Tiles);
                if (start + launchRows < count) lane.Stream.Synchronize();
            }

            lane.Download(first, count);
        }

        foreach (Lane lane in _lanes) lane.Collect(nearest, scores);
    }

    public void Means(
        ReadOnlyMemory<int> order, ReadOnlyMemory<int> starts, ReadOnlyMemory<double> weights, Memory<float> means,
        CancellationToken cancellationToken = default)
    {
        int lists = starts.Length - 1;
        if (_count == 0 || lists == 0) return;
        _backend.Bind();
        using DeviceMemory.Buffer<double> sums = _backend.Memory.Allocate<double>((long)lists * _pitch);
        using DeviceMemory.Buffer<double> deviceWeights = _backend.Upload(weights.Span);
        using DeviceMemory.Buffer<int> deviceOrder = _backend.Upload(order.Span);
        int[] begins = starts.Span[..lists].ToArray(), ends = new int[lists];
        int groups = checked(lists * ((_pitch + SumKernel.GroupSize - 1) / SumKernel.GroupSize));
        foreach (Lane lane in _lanes) lane.ReserveRanges(_backend, lists);
        Lane? before = null;
        for (int batch = 0; batch * (long)BatchRows < _count; batch++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Lane lane = _lanes[batch % _lanes.Length];
            int first = batch * BatchRows, count = Math.Min(BatchRows, _count - first);
            if (IsStreamed) lane.Upload(_rows.Span.Slice(first * _dimension, count * _dimension), _dimension, _pitch);
            // The rows of a list ascend, so those of this batch follow those of the previous batch.
            EndsWithin(order.Span, starts.Span, begins, ends, first + count);
            lane.UploadRanges(begins, ends);
            // The sums continue from batch to batch. The copies above did not wait for them.
            before?.Stream.Synchronize();
            before = lane;
            _backend.AddRows(
                lane.Stream, new KernelConfig(groups, SumKernel.GroupSize), lane.Rows.View, deviceOrder.View, deviceWeights.View,
                lane.Begins!.View,
                lane.Ends!.View, sums.View, _pitch, first, weights.IsEmpty ? 0 : 1);
            ends.CopyTo(begins, 0);
        }

        before!.Stream.Synchronize();
        var totals = new double[lists * _pitch];
        sums.View.CopyToCPU(before.Stream, totals);
        before.Stream.Synchronize();
        Divide(totals, starts.Span, weights.Span, means.Span);
    }

    public void Dispose()
    {
        foreach (Lane lane in _lanes) lane.Dispose();
    }

    private void Divide(ReadOnlySpan<double> totals, ReadOnlySpan<int> starts, ReadOnlySpan<double> weights, Span<float> means)
    {
        for (int list = 0; list + 1 < starts.Length; list++)
        {
            double weightSum = starts[list + 1] - starts[list];
            if (!weights.IsEmpty)
            {
                weightSum = 0;
                foreach (double weight in weights[starts[list]..starts[list + 1]]) weightSum += weight;
            }

            if (!(weightSum > 0)) continue;
            for (int k = 0; k < _dimension; k++) means[(list * _dimension) + k] = (float)(totals[(list * _pitch) + k] / weightSum);
        }
    }

    private static void EndsWithin(
        ReadOnlySpan<int> order, ReadOnlySpan<int> starts, ReadOnlySpan<int> begins, Span<int> ends, int end)
    {
        for (int list = 0; list < begins.Length; list++)
        {
            int length = order[begins[list]..starts[list + 1]].BinarySearch(end);
            ends[list] = begins[list] + (length < 0 ? ~length : length);
        }
    }

    private int LaunchRows(int anchorCount)
    {
        double rows = Math.Clamp(OperationsOfLaunch / (2.0 * anchorCount * _pitch), AssignKernel.Tile, 1 << 30);
        return (int)rows / AssignKernel.Tile * AssignKernel.Tile;
    }

    /// <summary>One lane with all rows, or two with as many as fit.</summary>
    private Lane[] CreateLanes()
    {
        long rowBytes = (long)_pitch * sizeof(float);
        long all = GpuBackend.Padded(_count) * (rowBytes + Lane.ResultBytes);
        if (all <= _backend.Memory.Budget / 4 * 3 && TryCreate(1, GpuBackend.Padded(_count)) is { } resident) return resident;
        int batchRows = (int)Math.Clamp(
            _backend.Options.BatchBytes / rowBytes / AssignKernel.Tile * AssignKernel.Tile, AssignKernel.Tile, GpuBackend.Padded(_count));
        while (true)
        {
            if (TryCreate(2, batchRows) is { } streamed) return streamed;
            if (batchRows == AssignKernel.Tile)
            {
                throw new DeviceOutOfMemoryException(2 * batchRows * rowBytes, _backend.Memory.Budget - _backend.Memory.Used, inner: null);
            }

            batchRows = GpuBackend.Padded(batchRows / 2);
        }
    }

    private Lane[]? TryCreate(int count, int batchRows)
    {
        var lanes = new List<Lane>();
        try
        {
            for (int i = 0; i < count; i++) lanes.Add(new Lane(_backend, batchRows, _pitch, staged: count > 1));
        }
        catch (DeviceOutOfMemoryException)
        {
            foreach (Lane lane in lanes) lane.Dispose();
            return null;
        }

        BatchRows = batchRows;
        return [.. lanes];
    }

    /// <summary>Copies all rows to the device through page-locked memory. One half of it is filled while the other is copied.</summary>
    private void UploadAll()
    {
        ArrayView<float> target = _lanes[0].Rows.View.AsContiguous();
        int rowsAtOnce = (int)Math.Clamp(_backend.Options.BatchBytes / 4 / ((long)_pitch * sizeof(float)), 1, _count);
        using PageLockedArray1D<float> even = _backend.AllocatePageLocked<float>((long)rowsAtOnce * _pitch);
        using PageLockedArray1D<float> odd = _backend.AllocatePageLocked<float>((long)rowsAtOnce * _pitch);
        using AcceleratorStream evenStream = _backend.CreateStream(), oddStream = _backend.CreateStream();
        for (int first = 0, turn = 0; first < _count; first += rowsAtOnce, turn++)
        {
            (PageLockedArray1D<float> staging, AcceleratorStream stream) = (turn & 1) == 0 ? (even, evenStream) : (odd, oddStream);
            stream.Synchronize();
            int count = Math.Min(rowsAtOnce, _count - first);
            Lane.Pad(_rows.Span.Slice(first * _dimension, count * _dimension), _dimension, staging.Span, _pitch);
            ArrayView<float> part = target.SubView((long)first * _pitch, (long)count * _pitch);
            if (count == rowsAtOnce) part.CopyFromPageLockedAsync(stream, staging);
            else part.CopyFromCPU(stream, (ReadOnlySpan<float>)staging.Span[..(count * _pitch)]);
        }

        evenStream.Synchronize();
        oddStream.Synchronize();
    }

    /// <summary>Buffers on the device for a batch of rows and its results, with a stream.</summary>
    private sealed class Lane : IDisposable
    {
        /// <summary>Bytes of the results of a row.</summary>
        public const int ResultBytes = sizeof(int) + sizeof(float);

        private readonly PageLockedArray1D<float>? _staging;
        private readonly PageLockedArray1D<int> _nearest;
        private readonly PageLockedArray1D<float> _scores;
        private int _first;
        private int _pending;

        public Lane(GpuBackend backend, int rows, int pitch, bool staged)
        {
            // Device memory is allocated first, because it runs out first.
            Rows = backend.Memory.Allocate<float>((long)rows * pitch);
            try
            {
                Nearest = backend.Memory.Allocate<int>(rows);
                Scores = backend.Memory.Allocate<float>(rows);
            }
            catch
            {
                Nearest?.Dispose();
                Rows.Dispose();
                throw;
            }

            Stream = backend.CreateStream();
            _staging = staged ? backend.AllocatePageLocked<float>((long)rows * pitch) : null;
            _nearest = backend.AllocatePageLocked<int>(rows);
            _scores = backend.AllocatePageLocked<float>(rows);
        }

        public AcceleratorStream Stream { get; }

        public DeviceMemory.Buffer<float> Rows { get; }

        public DeviceMemory.Buffer<int> Nearest { get; }

        public DeviceMemory.Buffer<float> Scores { get; }

        /// <summary>First entries of the lists among the rows of the batch.</summary>
        public DeviceMemory.Buffer<int>? Begins { get; private set; }

        /// <summary>The entry after the last of each list.</summary>
        public DeviceMemory.Buffer<int>? Ends { get; private set; }

        /// <summary>Copies rows to a pitch; the padding stays zero.</summary>
        public static void Pad(ReadOnlySpan<float> rows, int dimension, Span<float> padded, int pitch)
        {
            if (pitch == dimension)
            {
                rows.CopyTo(padded);
                return;
            }

            for (int row = 0; row < rows.Length / dimension; row++) rows.Slice(row * dimension, dimension).CopyTo(padded[(row * pitch)..]);
        }

        /// <summary>Starts copying a batch to the device; nothing of this lane may still be running.</summary>
        public void Upload(ReadOnlySpan<float> rows, int dimension, int pitch)
        {
            Stream.Synchronize();
            Pad(rows, dimension, _staging!.Span, pitch);
            Rows.View.CopyFromPageLockedAsync(Stream, _staging);
        }

        /// <summary>Allocates the ranges of so many lists.</summary>
        public void ReserveRanges(GpuBackend backend, int lists)
        {
            if (Begins?.Length >= lists) return;
            Begins?.Dispose();
            Ends?.Dispose();
            Begins = backend.Memory.Allocate<int>(lists);
            Ends = backend.Memory.Allocate<int>(lists);
        }

        /// <summary>Copies the ranges of a batch.</summary>
        public void UploadRanges(ReadOnlySpan<int> begins, ReadOnlySpan<int> ends)
        {
            Begins!.View.SubView(0, begins.Length).CopyFromCPU(Stream, begins);
            Ends!.View.SubView(0, ends.Length).CopyFromCPU(Stream, ends);
        }

        /// <summary>Starts copying results back.</summary>
        public void Download(int first, int count)
        {
            (_first, _pending) = (first, count);
            Nearest.View.CopyToPageLockedAsync(Stream, _nearest);
            Scores.View.CopyToPageLockedAsync(Stream, _scores);
        }

        /// <summary>Waits for the last copy, and returns its results.</summary>
        public void Collect(Span<int> nearest, Span<float> scores)
        {
            Stream.Synchronize();
            _nearest.Span[.._pending].CopyTo(nearest[_first..]);
            _scores.Span[.._pending].CopyTo(scores[_first..]);
            _pending = 0;
        }

        public void Dispose()
        {
            Stream.Synchronize();
            Stream.Dispose();
            Rows.Dispose();
            Nearest.Dispose();
            Scores.Dispose();
            Begins?.Dispose();
            Ends?.Dispose();
            _staging?.Dispose();
            _nearest.Dispose();
            _scores.Dispose();
        }
    }
}
