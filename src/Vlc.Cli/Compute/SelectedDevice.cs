using System.Globalization;
using System.Runtime.CompilerServices;
using Vlc.Compute;
using Vlc.Gpu;
using Vlc.Gpu.Devices;
using Vlc.Indexing;
using Vlc.Search;

namespace Vlc.Cli.Compute;

/// <summary>
/// The device that a command computes on. Nothing of Vlc.Gpu is touched unless a device is asked for or a driver is installed, so that the
/// program starts as fast as without, and runs where Vlc.Gpu.dll is absent.
/// </summary>
internal sealed class SelectedDevice : IDisposable
{
    /// <summary>What is said where Vlc.Gpu.dll is absent.</summary>
    public const string Absent = "This installation has no GPU support: Vlc.Gpu.dll or ILGPU.dll is absent. Use --device cpu.";

    private readonly IDisposable? _owner;

    private SelectedDevice(IComputeBackend? backend, string name, IDisposable? owner) => (Backend, Name, _owner) = (backend, name, owner);

    /// <summary>Null is the processor.</summary>
    public IComputeBackend? Backend { get; }

    /// <summary>What is printed: "cpu", "cuda, NVIDIA H200".</summary>
    public string Name { get; }

    /// <summary>Opens what a command line asks for; never another device than the one named.</summary>
    /// <param name="word">As <see cref="DeviceOption"/> lets it through; null is auto.</param>
    /// <exception cref="ArgumentException">There is no such device, or it cannot be used.</exception>
    public static SelectedDevice Open(string? word)
    {
        if (word == DeviceOption.Cpu) return Processor();
        try
        {
            return word is null or DeviceOption.Auto ? OpenGpuOrProcessor() : OpenNamed(word);
        }
        catch (FileNotFoundException exception) when (word is null or DeviceOption.Auto && IsAbsence(exception))
        {
            return Processor();
        }
    }

    /// <summary>The device of a word, never the processor: a real GPU first, then any that can be used.</summary>
    /// <exception cref="ArgumentException">There is no such device, or it cannot be used.</exception>
    public static GpuDevice Choose(GpuDevices devices, string? word)
    {
        switch (word)
        {
            case null or DeviceOption.Auto:
                return devices.FirstGpu() ?? devices.First(GpuKind.Cuda) ?? devices.First(GpuKind.OpenCL)
                    ?? throw new ArgumentException(
                        $"There is no device that can be used: cuda: {devices.WhyNone(GpuKind.Cuda)}; opencl: "
                        + $"{devices.WhyNone(GpuKind.OpenCL)}. "
                        + DeviceOption.HowToGetOne);
            case DeviceOption.Simulated:
                return devices.First(GpuKind.Simulated) ?? throw new ArgumentException(
                    $"--device {word}: {devices.WhyNone(GpuKind.Simulated)}.");
            case DeviceOption.Cuda or DeviceOption.OpenCL:
                GpuKind kind = word == DeviceOption.Cuda ? GpuKind.Cuda : GpuKind.OpenCL;
                return devices.First(kind) ?? throw new ArgumentException(
                    $"--device {word}: there is no such device: {devices.WhyNone(kind)}.");
            default:
                int index = int.Parse(word, CultureInfo.InvariantCulture);
                if (index >= devices.All.Count)
                {
                    throw new ArgumentException($"--device {word}: vlc devices lists {devices.All.Count}, counted from 0.");
                }
                return devices.All[index];
        }
    }

    /// <summary>Brings an index to the device for searches of <paramref name="k"/> neighbours; null where the processor searches.</summary>
    /// <exception cref="ArgumentException">The device cannot search this index, or finds fewer neighbours at once.</exception>
    public DeviceIndex? Load(VlcIndex index, int k)
    {
        if (Backend is null) return null;
        if (Backend is not ICodeScanBackend searching) throw new ArgumentException($"{Name} does not search. Use --device cpu.");
        DeviceIndex onDevice = index.LoadOnto(searching);
        if (k <= onDevice.MostNeighbors) return onDevice;
        int most = onDevice.MostNeighbors;
        onDevice.Dispose();
        throw new ArgumentException($"-k {k} is more than the {most} neighbours that a device finds of a query. Use --device cpu.");
    }

    public void Dispose()
    {
        Backend?.Dispose();
        _owner?.Dispose();
    }

    private static SelectedDevice Processor() => new(backend: null, "cpu", owner: null);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static SelectedDevice OpenGpuOrProcessor()
    {
        // Without a driver there is no need to load the compiler of kernels.
        if (!NativeRuntimes.HasCuda && !NativeRuntimes.HasOpenCL) return Processor();
        GpuDevices devices = GpuDevices.Open();
        if (devices.FirstGpu() is { } gpu) return On(devices, gpu);
        devices.Dispose();
        return Processor();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static SelectedDevice OpenNamed(string word)
    {
        GpuDevices devices = GpuDevices.Open();
        try
        {
            return On(devices, Choose(devices, word));
        }
        catch
        {
            devices.Dispose();
            throw;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static SelectedDevice On(GpuDevices devices, GpuDevice device)
    {
        GpuBackend backend = devices.CreateBackend(device);
        return new SelectedDevice(backend, backend.Name, devices);
    }

    /// <summary>The assembly itself is not there, which the runtime finds out when it compiles the first method that names it.</summary>
    public static bool IsAbsence(FileNotFoundException exception) =>
        exception.FileName is { } name
            && (name.StartsWith("Vlc.Gpu", StringComparison.Ordinal) || name.StartsWith("ILGPU", StringComparison.Ordinal));
}
