using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.OpenCL;
using ILGPU.Runtime;
using ILGPU.Runtime.OpenCL;
using Vlc.Gpu.Devices;
using Vlc.Gpu.Kernels;

namespace Vlc.Gpu.Tests;

/// <summary>Checks the source for OpenCL devices without a device.</summary>
public sealed class OpenCLSourceTests
{
    /// <summary>Kernels by name.</summary>
    public static TheoryData<string> Kernels() => [.. DeviceKernels.Names];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Barriers_fence_shared_and_global_memory(string kernel)
    {
        using Context context = Context.Create(GpuDevices.Configure);
        var capabilities = new CLCapabilityContext(
            float16: false, float64: true, genericAddressSpace: true, int64_Atomics: false, subGroups: false);
        using var backend = new CLBackend(context, capabilities, CLDeviceVendor.Other, new CLCVersion(2, 0));
        EntryPointDescription entry = EntryPointDescription.FromExplicitlyGroupedKernel(DeviceKernels.Method(kernel));
        string source = ((CLCompiledKernel)backend.Compile(entry, KernelSpecialization.Empty)).Source;
        string[] barriers = [.. Regex.Matches(source, @"\b\w*barrier\s*\(([^)]*)\)").Select(match => match.Groups[1].Value.Trim())];
        // Each thread computes the sums of its own cells.
        Assert.Equal(kernel == nameof(SumKernel), barriers.Length == 0);
        Assert.All(barriers, flags => Assert.Equal("CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE", flags));
        Assert.DoesNotContain("atomic", source, StringComparison.Ordinal);
        Assert.DoesNotContain("half", source, StringComparison.Ordinal);
    }
}
