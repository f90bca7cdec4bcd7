using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using Vlc.Gpu.Devices;
using Vlc.Gpu.Kernels;

namespace Vlc.Gpu.Tests;

/// <summary>The kernels of a search as CUDA devices would be given them.</summary>
public sealed partial class ScanPtxTests
{
    /// <summary>Kernels by name, and both generations of device.</summary>
    public static TheoryData<string, int> Kernels()
    {
        var kernels = new TheoryData<string, int>();
        foreach (string kernel in (string[])[nameof(ScanKernel.Distances), nameof(ScanKernel.Products), nameof(ScanKernel.Cosines), nameof(NearestKernel)])
        {
            kernels.Add(kernel, 80);
            kernels.Add(kernel, 90);
        }

        return kernels;
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Kernels_compile_for_the_device_without_local_memory_or_atomics(string kernel, int architecture)
    {
        string ptx = Compile(kernel, architecture);
        int target = int.Parse(Regex.Match(ptx, @"\.target sm_(\d+)").Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.InRange(target, 80, architecture);
        Assert.DoesNotContain(".local", ptx, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"\b(atom|red)\.", ptx);
        // Denormals count, as on the processor.
        Assert.DoesNotContain(".ftz", ptx, StringComparison.Ordinal);
        Assert.DoesNotContain(".approx", ptx, StringComparison.Ordinal);
        int shared = SharedAllocation().Matches(ptx).Sum(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
        if (kernel != nameof(NearestKernel)) Assert.Equal(ScanKernel.SharedBytes, shared);
        Assert.InRange(shared, 1, 48 << 10);
    }

    [Theory]
    [InlineData(nameof(ScanKernel.Distances), 80, 128 + 10)]
    [InlineData(nameof(ScanKernel.Distances), 90, 128 + 10)]
    [InlineData(nameof(ScanKernel.Products), 90, 64 + 5)]
    [InlineData(nameof(ScanKernel.Cosines), 90, 64 + 32 + 5)]
    public void Sixteen_axes_of_four_queries_are_fused_multiply_adds_from_vector_loads(string kernel, int architecture, int fused)
    {
        string ptx = Compile(kernel, architecture);
        // 16 axes: two a query and axis for distances, one for products, with two of a norm an axis; and the lanes of what query and list share.
        Assert.Equal(fused, Regex.Count(ptx, @"\bfma\.rn\.f32\b"));
        Assert.DoesNotMatch(@"\bmad(\.rn)?\.f32\b", ptx);
        Assert.DoesNotContain(".f64", ptx, StringComparison.Ordinal);
        // What the queries bring to an axis comes in one load.
        Assert.Equal(16, Regex.Count(ptx, @"\bld\.shared\.v4\.f32\b"));
        Assert.Equal(kernel == nameof(ScanKernel.Cosines) ? 4 : 0, Regex.Count(ptx, @"\bdiv\.rn\.f32\b"));
        Assert.Equal(kernel == nameof(ScanKernel.Cosines) ? 5 : 0, Regex.Count(ptx, @"\bsqrt\.rn\.f32\b"));
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void The_assembler_finds_registers_enough_and_spills_nothing(string kernel, int architecture)
    {
        (int code, string said) = PtxTests.Assemble(Compile(kernel, architecture), architecture);
        Assert.True(code == 0, said);
        // 65,536 registers of a multiprocessor for eight groups of 64 threads, or two of 256.
        Assert.All(Regex.Matches(said, @"Used (\d+) registers").Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)), used => Assert.InRange(used, 1, 128));
        Assert.All(Regex.Matches(said, @"(\d+) bytes spill").Select(match => match.Groups[1].Value), spilled => Assert.Equal("0", spilled));
        Assert.Matches(@"Used \d+ registers", said);
    }

    private static string Compile(string kernel, int architecture)
    {
        bool nearest = kernel == nameof(NearestKernel);
        MethodInfo method = (nearest ? typeof(NearestKernel) : typeof(ScanKernel)).GetMethod(nearest ? nameof(NearestKernel.Run) : kernel, BindingFlags.Public | BindingFlags.Static)!;
        using Context context = Context.Create(GpuDevices.Configure);
        using var backend = new PTXBackend(context, new CudaArchitecture(architecture / 10, architecture % 10), architecture < 90 ? CudaInstructionSet.ISA_80 : CudaInstructionSet.ISA_88, null!);
        KernelSpecialization specialization = nearest ? KernelSpecialization.Empty : new KernelSpecialization(ScanKernel.Tile, 8);
        return ((PTXCompiledKernel)backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(method), specialization)).PTXAssembly;
    }

    [GeneratedRegex(@"\.shared [^\[\n]*\[(\d+)\]")]
    private static partial Regex SharedAllocation();
}
