using System.Reflection;
using ILGPU.Runtime;
using Vlc.Gpu.Kernels;

namespace Vlc.Gpu.Tests;

/// <summary>The kernels by name, for tests of their generated code.</summary>
internal static class DeviceKernels
{
    private static readonly string[] s_trellisScans =
        [nameof(ScanKernel.Distances), nameof(ScanKernel.Products), nameof(ScanKernel.Cosines)];

    private static readonly string[] s_scalarScans =
    [
        nameof(ScalarKernel.ByteDistances), nameof(ScalarKernel.ByteProducts), nameof(ScalarKernel.HalfDistances),
        nameof(ScalarKernel.HalfProducts), nameof(ScalarKernel.AnchorDistances), nameof(ScalarKernel.AnchorProducts),
    ];

    /// <summary>A scan has a method for each measure, the others one.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        nameof(AssignKernel), nameof(SumKernel), nameof(MergeKernel), nameof(TrellisKernel), nameof(NearestKernel),
        .. s_trellisScans, .. s_scalarScans,
    ];

    public static bool IsTrellisScan(string kernel) => s_trellisScans.Contains(kernel);

    public static MethodInfo Method(string kernel)
    {
        (string type, string name) = IsTrellisScan(kernel) ? (nameof(ScanKernel), kernel)
            : s_scalarScans.Contains(kernel) ? (nameof(ScalarKernel), kernel)
            : (kernel, "Run");
        return typeof(AssignKernel).Assembly.GetType($"{typeof(AssignKernel).Namespace}.{type}")!.GetMethod(
            name, BindingFlags.Public | BindingFlags.Static)!;
    }

    /// <summary>The launch bounds for which the backend compiles a kernel.</summary>
    public static KernelSpecialization OnCuda(string kernel)
    {
        int threads = kernel == nameof(AssignKernel) ? AssignKernel.GroupSize
            : IsTrellisScan(kernel) ? ScanKernel.Tile
            : kernel.StartsWith("Byte", StringComparison.Ordinal) ? ScalarKernel.ByteParts * ScanKernel.Tile
            : kernel.StartsWith("Half", StringComparison.Ordinal) ? ScalarKernel.HalfParts * ScanKernel.Tile
            : kernel.StartsWith("Anchor", StringComparison.Ordinal) ? ScalarKernel.AnchorParts * ScanKernel.Tile
            : 0;
        return threads == 0 ? KernelSpecialization.Empty : new KernelSpecialization(threads, 512 / threads);
    }
}
