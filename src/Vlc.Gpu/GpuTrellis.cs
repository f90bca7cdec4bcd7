using ILGPU;
using ILGPU.Runtime;
using Vlc.Compute;
using Vlc.Gpu.Kernels;
using Vlc.Numerics.Kernels;

namespace Vlc.Gpu;

/// <summary>
/// Trellis codes on a device. Rows come in batches that alternate between two streams, so that one is copied while the other is searched.
/// Where the memory does not suffice for two, batches are halved, down to one row.
/// </summary>
internal sealed class GpuTrellis : IResidentTrellis
{
    /// <summary>
    /// Most groups of a launch; each has survivors of its own. The largest devices run about a thousand at once. Fewer rows are not worth a
    /// second batch.
    /// </summary>
    private const int MostGroups = 1024;

    /// <summary>
    /// Batches of a call with enough rows. It is chosen so that little of the copies is exposed before the first batch and after the last.
    /// </summary>
    private const int Batches = 4;

    private readonly GpuBackend _backend;
    private readonly TrellisAxes _axes;

    private readonly DeviceBuffers _held;
    private readonly DeviceMemory.Buffer<float> _tables;
    private readonly DeviceMemory.Buffer<int> _starts;
    private readonly DeviceMemory.Buffer<float> _scales;
    private readonly DeviceMemory.Buffer<byte> _bits;
    private BatchBuffers[] _bufferSets = [];
    private bool _wereHalved;

    public GpuTrellis(GpuBackend backend, TrellisTables tables, TrellisAxes axes)
    {
        (_backend, _axes, _held) = (backend, axes, new DeviceBuffers(backend));
        var values = new float[TrellisTables.MaxBits * TrellisTables.StateCount];
        for (int bits = 1; bits <= TrellisTables.MaxBits; bits++)
        {
            tables.Table(bits).CopyTo(values.AsSpan((bits - 1) * TrellisTables.StateCount));
        }

        try
        {
            _tables = _held.Upload<float>(values);
            _starts = _held.Upload(axes.Starts);
            _scales = _held.Upload(axes.Scales);
            _bits = _held.Upload(axes.Bits);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Rows of a batch; 0 before the first.</summary>
    public int BatchRows => _bufferSets.Length == 0 ? 0 : _bufferSets[0].Rows;

    public void Encode(
        ReadOnlyMemory<int> codes, ReadOnlyMemory<float> targets, Memory<byte> states, Memory<float> minima,
        CancellationToken cancellationToken = default)
    {
        int[] rowOffsets = _axes.RowOffsets(codes.Span);
        ArgumentOutOfRangeException.ThrowIfLessThan(targets.Length, rowOffsets[^1]);
        ArgumentOutOfRangeException.ThrowIfLessThan(states.Length, rowOffsets[^1]);
        ArgumentOutOfRangeException.ThrowIfLessThan(minima.Length, codes.Length);
        cancellationToken.ThrowIfCancellationRequested();
        if (codes.IsEmpty) return;
        _backend.Bind();
        Reserve(codes.Length);
        int batchRows = BatchRows, batches = (codes.Length + batchRows - 1) / batchRows;
        try
        {
            // The results of a launch are collected before its buffers are filled again, while the other's launch runs.
            for (int batch = 0; batch < batches + _bufferSets.Length; batch++)
            {
                BatchBuffers buffers = _bufferSets[batch % _bufferSets.Length];
                if (batch >= _bufferSets.Length)
                {
                    (int done, int count) = Extent(batch - _bufferSets.Length);
                    buffers.Download(states.Span[rowOffsets[done]..rowOffsets[done + count]], minima.Span.Slice(done, count));
                }

                if (batch >= batches) continue;
                cancellationToken.ThrowIfCancellationRequested();
                Launch(buffers, Extent(batch), codes.Span, rowOffsets, targets.Span);
            }
        }
        finally
        {
            foreach (BatchBuffers buffers in _bufferSets) buffers.Stream.Synchronize();
        }

        foreach (float minimum in minima.Span[..codes.Length])
        {
            if (!float.IsFinite(minimum)) throw new ArgumentException("Target or scale is not finite, or their squares overflow.");
        }

        (int First, int Count) Extent(int batch) => (batch * batchRows, Math.Min(batchRows, codes.Length - (batch * batchRows)));
    }

    public void Dispose()
    {
        Release();
        _held.Dispose();
    }

    private void Release()
    {
        foreach (BatchBuffers buffers in _bufferSets) buffers.Dispose();
        _bufferSets = [];
    }

    private void Launch(
        BatchBuffers buffers, (int First, int Count) rows, ReadOnlySpan<int> codes, int[] rowOffsets, ReadOnlySpan<float> targets)
    {
        int start = rowOffsets[rows.First], end = rowOffsets[rows.First + rows.Count];
        var batchOffsets = new int[rows.Count];
        for (int row = 0; row < rows.Count; row++) batchOffsets[row] = rowOffsets[rows.First + row] - start;
        buffers.Upload(codes.Slice(rows.First, rows.Count), batchOffsets, targets[start..end]);
        _backend.EncodeRows(
            buffers.Stream, new KernelConfig(Math.Min(rows.Count, buffers.Groups), TrellisKernel.GroupSize), _tables.View, _starts.View,
            _scales.View, _bits.View,
            buffers.Codes.View, buffers.RowOffsets.View, buffers.Targets.View, buffers.Survivors.View, buffers.States.View,
            buffers.Minima.View, rows.Count, _axes.MostAxes);
    }

    /// <summary>Allocates buffers for a call of so many rows: for all of them at once, or for two batches.</summary>
    private void Reserve(int rows)
    {
        int least = Math.Min(rows, MostGroups);
        long most = Math.Clamp(
            _backend.Options.BatchBytes / BatchBuffers.RowBytes(_axes.MostAxes), 1, Math.Max((rows + Batches - 1) / Batches, least));
        if (_bufferSets.Length > 0
            && (_wereHalved || (_bufferSets[0].Rows >= most && (_bufferSets.Length > 1 || _bufferSets[0].Rows >= rows))))
        {
            return;
        }

        Release();
        _wereHalved = false;
        for (int batch = (int)most; ; batch = (batch + 1) / 2, _wereHalved = true)
        {
            int count = batch < rows ? 2 : 1;
            var bufferSets = new List<BatchBuffers>();
            try
            {
                while (bufferSets.Count < count)
                {
                    bufferSets.Add(new BatchBuffers(_backend, batch, Math.Min(batch, MostGroups), _axes.MostAxes));
                }

                _bufferSets = [.. bufferSets];
                return;
            }
            catch (DeviceOutOfMemoryException)
            {
                foreach (BatchBuffers buffers in bufferSets) buffers.Dispose();
                // Not enough memory: the batch is halved.
                if (batch == 1) throw;
            }
        }
    }

    /// <summary>Buffers on the device for a batch.</summary>
    private sealed class BatchBuffers : IDisposable
    {
        private readonly DeviceBuffers _buffers;

        public BatchBuffers(GpuBackend backend, int rows, int groups, int mostAxes)
        {
            (Rows, Groups, _buffers) = (rows, groups, new DeviceBuffers(backend));
            // Codes may have no axes at all; the address must be valid all the same.
            long axes = Math.Max((long)rows * mostAxes, 1), survivors = Math.Max((long)groups * mostAxes, 1) * TrellisKernel.SurvivorBytes;
            try
            {
                Survivors = _buffers.Allocate<byte>(survivors);
                Targets = _buffers.Allocate<float>(axes);
                States = _buffers.Allocate<byte>(axes);
                Codes = _buffers.Allocate<int>(rows);
                RowOffsets = _buffers.Allocate<int>(rows);
                Minima = _buffers.Allocate<float>(rows);
                Stream = backend.CreateStream();
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public int Rows { get; }

        public int Groups { get; }

        public AcceleratorStream Stream { get; }

        public DeviceMemory.Buffer<byte> Survivors { get; }

        public DeviceMemory.Buffer<float> Targets { get; }

        public DeviceMemory.Buffer<byte> States { get; }

        public DeviceMemory.Buffer<int> Codes { get; }

        public DeviceMemory.Buffer<int> RowOffsets { get; }

        public DeviceMemory.Buffer<float> Minima { get; }

        /// <summary>Bytes of a row of as many axes as a code can have, without the survivors.</summary>
        public static long RowBytes(int mostAxes) => (mostAxes * (sizeof(float) + 1L)) + (2 * sizeof(int)) + sizeof(float);

        public void Upload(ReadOnlySpan<int> codes, ReadOnlySpan<int> rowOffsets, ReadOnlySpan<float> targets)
        {
            Codes.View.SubView(0, codes.Length).CopyFromCPU(Stream, codes);
            RowOffsets.View.SubView(0, rowOffsets.Length).CopyFromCPU(Stream, rowOffsets);
            if (!targets.IsEmpty) Targets.View.SubView(0, targets.Length).CopyFromCPU(Stream, targets);
            Stream.Synchronize();
        }

        public void Download(Span<byte> states, Span<float> minima)
        {
            if (!states.IsEmpty) States.View.SubView(0, states.Length).CopyToCPU(Stream, states);
            Minima.View.SubView(0, minima.Length).CopyToCPU(Stream, minima);
            Stream.Synchronize();
        }

        public void Dispose()
        {
            Stream?.Dispose();
            _buffers.Dispose();
        }
    }
}
