using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using Vlc.Gpu.Kernels;

namespace Vlc.Gpu.Devices;

/// <summary>The devices of this machine, and backends on them.</summary>
public sealed class GpuDevices : IDisposable
{
    // PoCL 3.1 initialises itself at the first call. If two threads call at once, it reports no device or ends the process.
    private static readonly Lock s_looking = new();

    private readonly Context _context;
    private readonly List<Device> _devices = [];
    private readonly Dictionary<int, (Accelerator Accelerator, LoadedKernels Kernels)> _accelerators = [];
    private readonly List<GpuDevice> _described = [];
    private readonly List<string> _absent = [];

    private GpuDevices(bool simulated)
    {
        NativeRuntimes.ResolveFor(typeof(Context).Assembly);
        if (!NativeRuntimes.HasCuda) _absent.Add($"cuda: no driver ({NativeRuntimes.CudaLibrary} is not installed)");
        if (!NativeRuntimes.HasOpenCL) _absent.Add($"opencl: no runtime ({NativeRuntimes.OpenCLLibrary} is not installed)");
        _context = Context.Create(builder =>
        {
            Configure(builder);
            // A device that cannot be used is listed as well, with the reason.
            if (NativeRuntimes.HasCuda) builder.Cuda(_ => true);
            if (NativeRuntimes.HasOpenCL) builder.OpenCL(_ => true);
            // Groups of 256 threads in warps of 32.
            if (simulated) builder.CPU(new CPUDevice(32, AssignKernel.GroupSize / 32, 1));
        });
        foreach (Device device in _context.Devices)
        {
            switch (device)
            {
                case CudaDevice cuda:
                    Add(device, GpuKind.Cuda, isGpu: true, $"compute {cuda.Architecture}", cuda.ClockRate / 1000, problem: null);
                    break;
                case CLDevice opencl:
                    bool gpu = (opencl.DeviceType & CLDeviceType.CL_DEVICE_TYPE_GPU) != 0;
                    Add(device, GpuKind.OpenCL, gpu, $"{opencl.DeviceVersion}", opencl.ClockRate, ProblemOf(opencl));
                    break;
                // ILGPU adds a device of its own where it finds no other: that is none of the machine's.
                case CPUDevice when simulated:
                    Add(device, GpuKind.Simulated, isGpu: false, "ILGPU", clock: 0, problem: null);
                    break;
            }
        }

        // The interface's library exists, but it has no devices.
        if (NativeRuntimes.HasCuda && _described.TrueForAll(device => device.Kind != GpuKind.Cuda))
        {
            _absent.Add("cuda: the driver finds no device");
        }

        if (NativeRuntimes.HasOpenCL && _described.TrueForAll(device => device.Kind != GpuKind.OpenCL))
        {
            _absent.Add("opencl: no platform offers a device");
        }
    }

    /// <summary>Every device, usable or not.</summary>
    public IReadOnlyList<GpuDevice> All => _described;

    /// <summary>Interfaces without a device, each with the reason.</summary>
    public IReadOnlyList<string> Absent => _absent;

    /// <summary>Looks for devices.</summary>
    public static GpuDevices Open() => Open(simulated: false);

    /// <summary>
    /// The same, followed by ILGPU's simulation on the processor: right and slow, for checking kernels where there is no device.
    /// </summary>
    public static GpuDevices OpenWithSimulation() => Open(simulated: true);

    /// <summary>Sets how kernels are compiled on every device. PoCL accepts code of this level only.</summary>
    internal static void Configure(Context.Builder builder)
    {
        builder.Optimize(OptimizationLevel.O2);
        Fused.Register(builder);
        Rounded.Register(builder);
        GroupBarrier.Register(builder);
    }

    /// <summary>The fastest usable GPU, CUDA before OpenCL; null where there is none.</summary>
    public GpuDevice? FirstGpu() =>
        _described.Where(device => device is { IsUsable: true, IsGpu: true }).OrderBy(device => device.Kind).FirstOrDefault();

    /// <summary>The first usable device of a kind, GPUs before processors; null where there is none.</summary>
    /// <param name="kind">The interface.</param>
    public GpuDevice? First(GpuKind kind) =>
        _described.Where(device => device.IsUsable && device.Kind == kind).OrderByDescending(device => device.IsGpu).FirstOrDefault();

    /// <summary>Why there is no usable device of a kind.</summary>
    /// <param name="kind">The interface.</param>
    public string WhyNone(GpuKind kind)
    {
        if (kind == GpuKind.Simulated) return "the simulation was not asked for";
        string prefix = kind == GpuKind.Cuda ? "cuda: " : "opencl: ";
        IEnumerable<string> absent = _absent.Where(reason => reason.StartsWith(prefix, StringComparison.Ordinal))
            .Select(reason => reason[prefix.Length..]);
        IEnumerable<string> unusable = _described.Where(device => device.Kind == kind && !device.IsUsable)
            .Select(device => $"{device.Name}: {device.Problem}");
        return string.Join("; ", absent.Concat(unusable));
    }

    /// <summary>Opens a backend. The backends of one device share its compiled kernels.</summary>
    /// <param name="device">One of <see cref="All"/>.</param>
    /// <param name="options">Memory; null chooses.</param>
    /// <exception cref="ArgumentException">The device cannot be used.</exception>
    public GpuBackend CreateBackend(GpuDevice device, GpuOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (device.Problem is { } problem)
        {
            throw new ArgumentException($"Device {device.Index}, {device.Name}, cannot be used: {problem}.", nameof(device));
        }

        if (!_accelerators.TryGetValue(device.Index, out (Accelerator Accelerator, LoadedKernels Kernels) opened))
        {
            _accelerators[device.Index] = opened = (_devices[device.Index].CreateAccelerator(_context), new LoadedKernels());
        }

        return new GpuBackend(opened.Accelerator, opened.Kernels, device, options ?? new GpuOptions());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((Accelerator accelerator, _) in _accelerators.Values) accelerator.Dispose();
        _context.Dispose();
    }

    private static GpuDevices Open(bool simulated)
    {
        lock (s_looking) return new GpuDevices(simulated);
    }

    private void Add(Device device, GpuKind kind, bool isGpu, string version, int clock, string? problem)
    {
        if (problem is null && device.MaxNumThreadsPerGroup < AssignKernel.GroupSize)
        {
            problem = $"groups of {device.MaxNumThreadsPerGroup} threads; {AssignKernel.GroupSize} are needed";
        }

        if (problem is null && device.MaxSharedMemoryPerGroup < AssignKernel.SharedBytes)
        {
            problem = $"{device.MaxSharedMemoryPerGroup} bytes of shared memory a group; {AssignKernel.SharedBytes} are needed";
        }

        _described.Add(new GpuDevice(
            _devices.Count, kind, device.Name, isGpu, version, device.MemorySize, device.MaxSharedMemoryPerGroup,
            device.MaxNumThreadsPerGroup,
            device.NumMultiprocessors, clock, problem));
        _devices.Add(device);
    }

    private static string? ProblemOf(CLDevice device)
    {
        if (!device.Capabilities.Float64) return "no double precision";
        if (device.CVersion.Major < 2 && !device.PlatformName.Contains("Portable Computing Language", StringComparison.Ordinal))
        {
            return $"OpenCL C {device.CVersion}; 2.0 or later is needed";
        }

        // PoCL 3 compiles pointers without an address space but does not report it.
        if (!device.Capabilities.GenericAddressSpace)
        {
            if (!device.PlatformName.Contains("Portable Computing Language", StringComparison.Ordinal)) return "no generic address space";
            SetGenericAddressSpace(device.Capabilities, value: true);
        }

        return null;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_GenericAddressSpace")]
    private static extern void SetGenericAddressSpace(CLCapabilityContext capabilities, bool value);
}
