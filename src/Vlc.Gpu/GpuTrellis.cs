using ILGPU;
using ILGPU.Runtime;
using Vlc.Compute;
using Vlc.Gpu.Kernels;
using Vlc.Numerics.Kernels;

namespace Vlc.Gpu;

/// <summary>Trellis codes on a device. Rows come in batches; where there is no room for one, in batches of half as many, down to one row.</summary>
internal sealed class GpuTrellis : IHeldTrellis
{
    /// <summary>Groups that are launched at most, each with survivors of its own: enough for the largest devices, which run about a thousand at once.</summary>
    private const int MostGroups = 2048;

    private readonly GpuBackend _backend;
    private readonly TrellisAxes _axes;

    private readonly DeviceBuffers _held;
    private readonly DeviceMemory.Buffer<float> _tables;
    private readonly DeviceMemory.Buffer<int> _starts;
    private readonly DeviceMemory.Buffer<float> _scales;
    private readonly DeviceMemory.Buffer<byte> _bits;
    private Room? _room;

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
    public int BatchRows => _room?.Rows ?? 0;

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
        Room room = Reserve(codes.Length);
        for (int first = 0; first < codes.Length; first += room.Rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int count = Math.Min(room.Rows, codes.Length - first), start = places[first], end = places[first + count];
            var batchPlaces = new int[count];
            for (int row = 0; row < count; row++) batchPlaces[row] = places[first + row] - start;
            room.Upload(codes.Span.Slice(first, count), batchPlaces, targets.Span[start..end]);
            _backend.EncodeRows(
                room.Stream, new KernelConfig(Math.Min(count, room.Groups), TrellisKernel.GroupSize), _tables.View, _starts.View, _scales.View, _bits.View,
                room.Codes.View, room.Places.View, room.Targets.View, room.Survivors.View, room.States.View, room.Minima.View, count, _axes.MostAxes);
            room.Download(states.Span[start..end], minima.Span.Slice(first, count));
        }

        foreach (float minimum in minima.Span[..codes.Length])
        {
            if (!float.IsFinite(minimum)) throw new ArgumentException("Target or scale is not finite, or their squares overflow.");
        }
    }

    public void Dispose()
    {
        _room?.Dispose();
        _held.Dispose();
    }

    /// <summary>Room for so many rows, or for as many as there is room for.</summary>
    private Room Reserve(int rows)
    {
        long most = Math.Clamp(_backend.Options.BatchBytes / Room.RowBytes(_axes.MostAxes), 1, rows);
        if (_room is not null && (_room.Rows >= most || _room.WasHalved)) return _room;
        _room?.Dispose();
        _room = null;
        bool halved = false;
        for (int batch = (int)most; ; batch = (batch + 1) / 2, halved = true)
        {
            try
            {
                return _room = new Room(_backend, batch, Math.Min(batch, MostGroups), _axes.MostAxes, halved);
            }
            catch (DeviceOutOfMemoryException) when (batch > 1)
            {
                // Half as many, then.
            }
        }
    }

    /// <summary>Room on the device for a batch.</summary>
    private sealed class Room : IDisposable
    {
        private readonly DeviceBuffers _buffers;

        public Room(GpuBackend backend, int rows, int groups, int mostAxes, bool wasHalved)
        {
            (Rows, Groups, WasHalved, _buffers) = (rows, groups, wasHalved, new DeviceBuffers(backend));
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

        /// <summary>Whether the device had no room for more.</summary>
        public bool WasHalved { get; }

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
