using ILGPU;
using ILGPU.Runtime;
using Vlc.Compute;
using Vlc.Gpu.Kernels;
using Vlc.Numerics.Kernels;

namespace Vlc.Gpu;

/// <summary>
/// Trellis codes on a device. Rows come in batches that alternate between two streams, so that one is copied while the other is searched; where there is no room for two, in batches of half as
/// many, down to one row.
/// </summary>
internal sealed class GpuTrellis : IResidentTrellis
{
    /// <summary>Groups that are launched at most, each with survivors of its own: enough for the largest devices, which run about a thousand at once. Fewer rows are not worth a second batch.</summary>
    private const int MostGroups = 1024;

    /// <summary>Batches of a call that has rows enough, so that little of its copies is left over before the first and behind the last.</summary>
    private const int Batches = 4;

    private readonly GpuBackend _backend;
    private readonly TrellisAxes _axes;

    private readonly DeviceBuffers _held;
    private readonly DeviceMemory.Buffer<float> _tables;
    private readonly DeviceMemory.Buffer<int> _starts;
    private readonly DeviceMemory.Buffer<float> _scales;
    private readonly DeviceMemory.Buffer<byte> _bits;
    private Room[] _rooms = [];
    private bool _wereHalved;

    public GpuTrellis(GpuBackend backend, TrellisTables tables, TrellisAxes axes)
    {
        (_backend, _axes, _held) = (backend, axes, new DeviceBuffers(backend));
        var values = new float[TrellisTables.MaxBits * TrellisTables.StateCount];
        for (int bits = 1; bits <= TrellisTables.MaxBits; bits++) tables.Table(bits).CopyTo(values.AsSpan((bits - 1) * TrellisTables.StateCount));
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
    public int BatchRows => _rooms.Length == 0 ? 0 : _rooms[0].Rows;

    public void Encode(
        ReadOnlyMemory<int> codes, ReadOnlyMemory<float> targets, Memory<byte> states, Memory<float> minima, CancellationToken cancellationToken = default)
    {
        int[] places = _axes.Places(codes.Span);
        ArgumentOutOfRangeException.ThrowIfLessThan(targets.Length, places[^1]);
        ArgumentOutOfRangeException.ThrowIfLessThan(states.Length, places[^1]);
        ArgumentOutOfRangeException.ThrowIfLessThan(minima.Length, codes.Length);
        cancellationToken.ThrowIfCancellationRequested();
        if (codes.IsEmpty) return;
        _backend.Bind();
        Reserve(codes.Length);
        int batchRows = BatchRows, batches = (codes.Length + batchRows - 1) / batchRows;
        try
        {
            // What a room was launched with is collected before it is filled again, while the other's launch runs.
            for (int batch = 0; batch < batches + _rooms.Length; batch++)
            {
                Room room = _rooms[batch % _rooms.Length];
                if (batch >= _rooms.Length)
                {
                    (int done, int count) = Extent(batch - _rooms.Length);
                    room.Download(states.Span[places[done]..places[done + count]], minima.Span.Slice(done, count));
                }

                if (batch >= batches) continue;
                cancellationToken.ThrowIfCancellationRequested();
                Launch(room, Extent(batch), codes.Span, places, targets.Span);
            }
        }
        finally
        {
            foreach (Room room in _rooms) room.Stream.Synchronize();
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
        foreach (Room room in _rooms) room.Dispose();
        _rooms = [];
    }

    private void Launch(Room room, (int First, int Count) rows, ReadOnlySpan<int> codes, int[] places, ReadOnlySpan<float> targets)
    {
        int start = places[rows.First], end = places[rows.First + rows.Count];
        var batchPlaces = new int[rows.Count];
        for (int row = 0; row < rows.Count; row++) batchPlaces[row] = places[rows.First + row] - start;
        room.Upload(codes.Slice(rows.First, rows.Count), batchPlaces, targets[start..end]);
        _backend.EncodeRows(
            room.Stream, new KernelConfig(Math.Min(rows.Count, room.Groups), TrellisKernel.GroupSize), _tables.View, _starts.View, _scales.View, _bits.View,
            room.Codes.View, room.Places.View, room.Targets.View, room.Survivors.View, room.States.View, room.Minima.View, rows.Count, _axes.MostAxes);
    }

    /// <summary>Room for a call of so many rows: for all of them at once, or for two batches.</summary>
    private void Reserve(int rows)
    {
        int least = Math.Min(rows, MostGroups);
        long most = Math.Clamp(_backend.Options.BatchBytes / Room.RowBytes(_axes.MostAxes), 1, Math.Max((rows + Batches - 1) / Batches, least));
        if (_rooms.Length > 0 && (_wereHalved || (_rooms[0].Rows >= most && (_rooms.Length > 1 || _rooms[0].Rows >= rows)))) return;
        Release();
        _wereHalved = false;
        for (int batch = (int)most; ; batch = (batch + 1) / 2, _wereHalved = true)
        {
            int count = batch < rows ? 2 : 1;
            var rooms = new List<Room>();
            try
            {
                while (rooms.Count < count) rooms.Add(new Room(_backend, batch, Math.Min(batch, MostGroups), _axes.MostAxes));
                _rooms = [.. rooms];
                return;
            }
            catch (DeviceOutOfMemoryException)
            {
                foreach (Room room in rooms) room.Dispose();
                // Half as many, then.
                if (batch == 1) throw;
            }
        }
    }

    /// <summary>Room on the device for a batch.</summary>
    private sealed class Room : IDisposable
    {
        private readonly DeviceBuffers _buffers;

        public Room(GpuBackend backend, int rows, int groups, int mostAxes)
        {
            (Rows, Groups, _buffers) = (rows, groups, new DeviceBuffers(backend));
            // No code may have an axis: there must be something to point to all the same.
            long axes = Math.Max((long)rows * mostAxes, 1), survivors = Math.Max((long)groups * mostAxes, 1) * TrellisKernel.SurvivorBytes;
            try
            {
                Survivors = _buffers.Allocate<byte>(survivors);
                Targets = _buffers.Allocate<float>(axes);
                States = _buffers.Allocate<byte>(axes);
                Codes = _buffers.Allocate<int>(rows);
                Places = _buffers.Allocate<int>(rows);
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

        public DeviceMemory.Buffer<int> Places { get; }

        public DeviceMemory.Buffer<float> Minima { get; }

        /// <summary>Bytes of a row of as many axes as a code can have, besides the survivors.</summary>
        public static long RowBytes(int mostAxes) => (mostAxes * (sizeof(float) + 1L)) + (2 * sizeof(int)) + sizeof(float);

        public void Upload(ReadOnlySpan<int> codes, ReadOnlySpan<int> places, ReadOnlySpan<float> targets)
        {
            Codes.View.SubView(0, codes.Length).CopyFromCPU(Stream, codes);
            Places.View.SubView(0, places.Length).CopyFromCPU(Stream, places);
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
