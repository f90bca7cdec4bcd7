using ILGPU;
using ILGPU.Runtime;
using Vlc.Compute;
using Vlc.Gpu.Devices;
using Vlc.Gpu.Kernels;
using Vlc.Numerics.Kernels;

namespace Vlc.Gpu;

/// <summary>
/// Training, assignment, the search for codes and searches on a device, with the bits of <see cref="CpuBackend"/>: every sum is the same
/// chain of the same operations. The processor chooses which rows of a cell count, divides by their number, and does the splits of
/// maintenance.
/// </summary>
public sealed partial class GpuBackend : IComputeBackend
{
    private readonly Accelerator _accelerator;
    private readonly LoadedKernels _kernels;

    internal GpuBackend(Accelerator accelerator, LoadedKernels kernels, GpuDevice device, GpuOptions options)
    {
        _accelerator = accelerator;
        _kernels = kernels;
        Device = device;
        Options = options;
        Memory = new DeviceMemory(accelerator, options.MemoryBudget ?? device.MemoryBytes / 5 * 4);
    }

    /// <inheritdoc/>
    public string Name => $"{Device.Kind.ToString().ToLowerInvariant()}, {Device.Name}";

    /// <summary>The device.</summary>
    public GpuDevice Device { get; }

    internal GpuOptions Options { get; }

    internal DeviceMemory Memory { get; }

    // Kernels are compiled on first use. A search needs none of these, and a driver takes seconds.
    internal Action<
        AcceleratorStream, KernelConfig,
        ArrayView<Quad>, ArrayView<Quad>, ArrayView<Quad>, ArrayView<int>, ArrayView<float>, int, int> AssignRows =>
        field ??= _kernels.Get(AssignKernel.Run, () => _accelerator.LoadKernel<
            ArrayView<Quad>, ArrayView<Quad>, ArrayView<Quad>, ArrayView<int>, ArrayView<float>, int, int>(
                AssignKernel.Run, ForThreads(AssignKernel.GroupSize), out _));

    internal Action<
        AcceleratorStream, KernelConfig,
        ArrayView<float>, ArrayView<int>, ArrayView<double>, ArrayView<int>, ArrayView<int>, ArrayView<double>, int, int, int> AddRows =>
        field ??= _kernels.Get(SumKernel.Run, () => _accelerator.LoadKernel<
            ArrayView<float>, ArrayView<int>, ArrayView<double>, ArrayView<int>, ArrayView<int>, ArrayView<double>, int, int, int>(
                SumKernel.Run));

    private Action<
        AcceleratorStream, KernelConfig,
        ArrayView<float>, ArrayView<float>, ArrayView<int>, ArrayView<int>, ArrayView<double>, int, int> FindPartners =>
        field ??= _kernels.Get(MergeKernel.Run, () => _accelerator.LoadKernel<
            ArrayView<float>, ArrayView<float>, ArrayView<int>, ArrayView<int>, ArrayView<double>, int, int>(MergeKernel.Run));

    /// <inheritdoc/>
    public IResidentRows LoadRows(ReadOnlyMemory<float> rows, int dimension)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        _accelerator.Bind();
        return new GpuRows(this, rows, dimension);
    }

    /// <inheritdoc/>
    public IResidentAnchors LoadAnchors(ReadOnlySpan<float> anchors, int dimension)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        _accelerator.Bind();
        return new GpuAnchors(this, anchors, dimension);
    }

    /// <inheritdoc/>
    public void FindMergePartners(
        ReadOnlySpan<float> anchors, int dimension, ReadOnlySpan<int> counts, Span<int> partners, Span<double> costs,
        CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (counts.IsEmpty) return;
        _accelerator.Bind();
        AcceleratorStream stream = _accelerator.DefaultStream;
        using var resident = new GpuAnchors(this, anchors, dimension);
        using DeviceMemory.Buffer<int> deviceCounts = Upload(counts), devicePartners = Memory.Allocate<int>(counts.Length);
        using DeviceMemory.Buffer<double> deviceCosts = Memory.Allocate<double>(counts.Length);
        int groups = (counts.Length + MergeKernel.Side - 1) / MergeKernel.Side;
        FindPartners(
            stream, new KernelConfig(groups, MergeKernel.GroupSize), resident.Columns, resident.HalfNorms, deviceCounts.View,
            devicePartners.View, deviceCosts.View,
            resident.Pitch, counts.Length);
        devicePartners.View.CopyToCPU(stream, partners[..counts.Length]);
        deviceCosts.View.CopyToCPU(stream, costs[..counts.Length]);
        stream.Synchronize();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The accelerator belongs to the devices object. Buffers belong to the objects that allocated them.
    }

    /// <summary>Floats from row to row on the device, a multiple of the assignment kernel's step.</summary>
    internal static int PitchOf(int dimension) => (dimension + AssignKernel.Step - 1) / AssignKernel.Step * AssignKernel.Step;

    /// <summary>Number of rows rounded up to whole tiles.</summary>
    internal static int Padded(int rows) => checked((rows + AssignKernel.Tile - 1) / AssignKernel.Tile * AssignKernel.Tile);

    internal AcceleratorStream CreateStream() => _accelerator.CreateStream();

    internal PageLockedArray1D<T> AllocatePageLocked<T>(long length)
        where T : unmanaged => _accelerator.AllocatePageLocked1D<T>(length);

    /// <summary>Binds the driver's context to the calling thread, which may differ from call to call.</summary>
    internal void Bind() => _accelerator.Bind();

    /// <summary>A copy on the device with at least one element, so that its address is valid.</summary>
    internal DeviceMemory.Buffer<T> Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        DeviceMemory.Buffer<T> buffer = Memory.Allocate<T>(Math.Max(values.Length, 1));
        if (!values.IsEmpty)
        {
            buffer.View.SubView(0, values.Length).CopyFromCPU(_accelerator.DefaultStream, values);
            _accelerator.DefaultStream.Synchronize();
        }

        return buffer;
    }

    /// <summary>For kernels that keep 64 sums a thread: 512 threads on a multiprocessor leave each 128 registers.</summary>
    private KernelSpecialization ForThreads(int threads) =>
        Device.Kind == GpuKind.Cuda ? new KernelSpecialization(threads, 512 / threads) : KernelSpecialization.Empty;
}
