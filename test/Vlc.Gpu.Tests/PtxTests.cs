using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;
using Vlc.Gpu.Devices;
using Vlc.Gpu.Kernels;
using Vlc.Tests;

namespace Vlc.Gpu.Tests;

/// <summary>Checks the code for CUDA devices without a device.</summary>
public sealed partial class PtxTests
{
    private const int StaticSharedLimit = 48 << 10;

    /// <summary>Kernels by name, and both generations of device.</summary>
    public static TheoryData<string, int> Kernels()
    {
        var kernels = new TheoryData<string, int>();
        foreach (string kernel in DeviceKernels.Names)
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
        // A driver compiles code of an earlier target for a later device. ILGPU 1.5.3 names one of the family, not always the device's own.
        int target = int.Parse(Regex.Match(ptx, @"\.target sm_(\d+)").Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.InRange(target, 80, architecture);
        Assert.DoesNotContain(".local", ptx, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"\b(atom|red)\.", ptx);
        // Denormals are kept, as on the processor.
        Assert.DoesNotContain(".ftz", ptx, StringComparison.Ordinal);
        Assert.DoesNotContain(".approx", ptx, StringComparison.Ordinal);
        int shared = SharedAllocation().Matches(ptx).Sum(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
        Assert.InRange(shared, 0, StaticSharedLimit);
        if (kernel == nameof(AssignKernel)) Assert.Equal(AssignKernel.SharedBytes, shared);
        if (kernel == nameof(TrellisKernel)) Assert.Equal(TrellisKernel.SharedBytes, shared);
        if (DeviceKernels.IsTrellisScan(kernel)) Assert.Equal(ScanKernel.SharedBytes, shared);
        if (kernel is nameof(ScalarKernel.ByteDistances) or nameof(ScalarKernel.ByteProducts))
        {
            Assert.Equal(ScalarKernel.ByteSharedBytes, shared);
        }

        if (kernel is nameof(ScalarKernel.HalfDistances) or nameof(ScalarKernel.HalfProducts))
        {
            Assert.Equal(ScalarKernel.HalfSharedBytes, shared);
        }
    }

    [Theory]
    [InlineData(80)]
    [InlineData(90)]
    public void The_assignment_is_64_fused_multiply_adds_a_component_from_vector_loads(int architecture)
    {
        string ptx = Compile(nameof(AssignKernel), architecture);
        // 8 x 8 products of a thread. All other floating-point arithmetic is the subtraction from half norms.
        Assert.Equal(64, Regex.Count(ptx, @"\bfma\.rn\.f32\b"));
        Assert.DoesNotMatch(@"\b(mul|add|mad)(\.rn)?\.f32\b", ptx);
        Assert.Equal(4, Regex.Count(ptx, @"\bld\.shared\.v4\.f32\b"));
        // Rows and columns, first and further steps; half norms of both halves of a tile.
        Assert.Equal(6, Regex.Count(ptx, @"\bld\.global\.v4\.f32\b"));
        Assert.DoesNotMatch(@"\bld\.global\.f32\b", ptx);
    }

    [Fact]
    public void Sums_are_double_and_rounded_once()
    {
        string ptx = Compile(nameof(SumKernel), 90);
        Assert.Matches(@"\bfma\.rn\.f64\b", ptx);
        Assert.DoesNotMatch(@"\b(mul|mad)(\.rn)?\.f64\b", ptx);
        Assert.DoesNotMatch(@"\badd(\.rn)?\.f32\b", ptx);
    }

    [Theory]
    [InlineData(80)]
    [InlineData(90)]
    public void The_cost_of_a_state_is_two_fused_multiply_adds_and_survivors_are_bytes(int architecture)
    {
        string ptx = Compile(nameof(TrellisKernel), architecture);
        // Error and cost of an axis. The only other floating-point arithmetic is the sign of the scale, so comparisons use the processor's
        // bits.
        Assert.Equal(2, Regex.Count(ptx, @"\bfma\.rn\.f32\b"));
        Assert.DoesNotMatch(@"\b(mul|add|sub|mad|min|max)(\.rn)?\.f32\b", ptx);
        Assert.DoesNotContain(".f64", ptx, StringComparison.Ordinal);
        // Survivors and states.
        Assert.Equal(2, Regex.Count(ptx, @"\bst\.global\.[bu]8\b"));
        // Start, axis, fold of an axis and of the end, and two for backtracking.
        Assert.Equal(6, Regex.Count(ptx, @"\bbar\.sync\b"));
    }

    [Theory]
    [InlineData(nameof(ScanKernel.Distances), 80, 128 + 10)]
    [InlineData(nameof(ScanKernel.Distances), 90, 128 + 10)]
    [InlineData(nameof(ScanKernel.Products), 90, 64 + 5)]
    [InlineData(nameof(ScanKernel.Cosines), 90, 64 + 32 + 5)]
    public void Sixteen_axes_of_four_queries_are_fused_multiply_adds_from_vector_loads(string kernel, int architecture, int fused)
    {
        string ptx = Compile(kernel, architecture);
        // 16 axes: two a query and axis for distances, one for products, with two of a norm an axis; and the lanes of the part that query
        // and list share.
        Assert.Equal(fused, Regex.Count(ptx, @"\bfma\.rn\.f32\b"));
        Assert.DoesNotMatch(@"\bmad(\.rn)?\.f32\b", ptx);
        Assert.DoesNotContain(".f64", ptx, StringComparison.Ordinal);
        // The factors of the queries for an axis are read by one load.
        Assert.Equal(16, Regex.Count(ptx, @"\bld\.shared\.v4\.f32\b"));
        Assert.Equal(kernel == nameof(ScanKernel.Cosines) ? 4 : 0, Regex.Count(ptx, @"\bdiv\.rn\.f32\b"));
        Assert.Equal(kernel == nameof(ScanKernel.Cosines) ? 5 : 0, Regex.Count(ptx, @"\bsqrt\.rn\.f32\b"));
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void The_assembler_finds_registers_enough_and_spills_nothing(string kernel, int architecture)
    {
        using (Process? version = Start("ptxas", "--version")) Assert.SkipWhen(version is null, "no CUDA tool chain (ptxas)");
        using var folder = new TemporaryFolder();
        string source = folder.File("kernel.ptx");
        // An instruction set that every assembler of CUDA 12 knows.
        File.WriteAllText(source, Compile(kernel, architecture, CudaInstructionSet.ISA_80));
        using Process ptxas = Start("ptxas", $"-arch=sm_{architecture}", "-v", "-o", folder.File("kernel.cubin"), source)!;
        string said = ptxas.StandardError.ReadToEnd() + ptxas.StandardOutput.ReadToEnd();
        ptxas.WaitForExit();
        Assert.True(ptxas.ExitCode == 0, said);
        TestContext.Current.TestOutputHelper!.WriteLine($"{kernel}, {architecture}: {said}");
        // 65,536 registers of a multiprocessor for 512 threads: the launch bounds of the kernels.
        Assert.All(
            Regex.Matches(said, @"Used (\d+) registers").Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)),
            used => Assert.InRange(used, 1, 128));
        // One register, stored once and loaded twice, is the least that was reached there (CUDA 12.4).
        int most = kernel == nameof(ScanKernel.Distances) && architecture < 90 ? 2 * sizeof(int) : 0;
        Assert.All(
            Regex.Matches(said, @"(\d+) bytes spill").Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)),
            spilled => Assert.InRange(spilled, 0, most));
        Assert.Matches(@"Used \d+ registers", said);
    }

    private static string Compile(string kernel, int architecture) =>
        Compile(kernel, architecture, architecture < 90 ? CudaInstructionSet.ISA_80 : CudaInstructionSet.ISA_88);

    private static string Compile(string kernel, int architecture, CudaInstructionSet instructions)
    {
        using Context context = Context.Create(GpuDevices.Configure);
        using var backend = new PTXBackend(context, new CudaArchitecture(architecture / 10, architecture % 10), instructions, null!);
        EntryPointDescription entry = EntryPointDescription.FromExplicitlyGroupedKernel(DeviceKernels.Method(kernel));
        return ((PTXCompiledKernel)backend.Compile(entry, DeviceKernels.OnCuda(kernel))).PTXAssembly;
    }

    private static Process? Start(string program, params string[] arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true });
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    [GeneratedRegex(@"\.shared [^\[\n]*\[(\d+)\]")]
    private static partial Regex SharedAllocation();
}
