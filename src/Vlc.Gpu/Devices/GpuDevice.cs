namespace Vlc.Gpu.Devices;

/// <summary>The interface to a device.</summary>
public enum GpuKind
{
    /// <summary>NVIDIA's driver.</summary>
    Cuda = 0,

    /// <summary>An OpenCL runtime; its device may be a GPU or the processor.</summary>
    OpenCL = 1,

    /// <summary>ILGPU's simulation on the processor, for tests of kernels. It is far too slow for anything else.</summary>
    Simulated = 2,
}

/// <summary>A device and its limits.</summary>
/// <param name="Index">Its number in <see cref="GpuDevices.All"/>.</param>
/// <param name="Kind">The interface to the device.</param>
/// <param name="Name">The name that the driver reports.</param>
/// <param name="IsGpu">False for an OpenCL runtime on the processor.</param>
/// <param name="Version">Compute capability, or version of OpenCL.</param>
/// <param name="MemoryBytes">Bytes of global memory.</param>
/// <param name="SharedBytes">Bytes of shared memory of a group.</param>
/// <param name="GroupThreads">Most threads of a group.</param>
/// <param name="Multiprocessors">Multiprocessors, or compute units.</param>
/// <param name="ClockMegahertz">Highest clock; 0 where the driver does not say.</param>
/// <param name="Problem">Why the device cannot be used; null where it can.</param>
public sealed record GpuDevice(
    int Index, GpuKind Kind, string Name, bool IsGpu, string Version, long MemoryBytes, long SharedBytes, int GroupThreads,
    int Multiprocessors,
    int ClockMegahertz, string? Problem)
{
    /// <summary>Whether a backend can be opened on it.</summary>
    public bool IsUsable => Problem is null;
}
