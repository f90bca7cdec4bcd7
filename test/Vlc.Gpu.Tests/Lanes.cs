using Vlc.Gpu;
using Vlc.Gpu.Devices;

namespace Vlc.Gpu.Tests;

/// <summary>
/// The devices of tests where there is no GPU. ILGPU's simulation checks a kernel's logic at tiny sizes. OpenCL (PoCL on the processor)
/// checks the generated code at usable ones. There is one accelerator each for the whole run, and tests of one collection do not run in
/// parallel.
/// </summary>
public sealed class Lanes : IDisposable
{
    /// <summary>ILGPU's simulation, which always exists.</summary>
    public const string Simulated = "simulated";

    /// <summary>Any OpenCL device; .ci/run installs PoCL.</summary>
    public const string OpenCL = "opencl";

    /// <summary>Both, for theories.</summary>
    public static TheoryData<string> All => [Simulated, OpenCL];

    internal GpuDevices Devices { get; } = GpuDevices.OpenWithSimulation();

    /// <summary>A backend on the lane's device, which the test disposes of. It skips the test where there is no such device.</summary>
    internal GpuBackend Create(string lane, GpuOptions? options = null)
    {
        GpuKind kind = lane == Simulated ? GpuKind.Simulated : GpuKind.OpenCL;
        GpuDevice? device = Devices.First(kind);
        Assert.SkipWhen(device is null, $"no OpenCL device: {Devices.WhyNone(kind)}");
        return Devices.CreateBackend(device!, options);
    }

    /// <inheritdoc/>
    public void Dispose() => Devices.Dispose();
}

/// <summary>Tests that share the devices.</summary>
[CollectionDefinition(Name)]
public sealed class OnDevices : ICollectionFixture<Lanes>
{
    /// <summary>Name of the collection.</summary>
    public const string Name = "devices";
}
