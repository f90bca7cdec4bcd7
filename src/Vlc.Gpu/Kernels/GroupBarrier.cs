using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace Vlc.Gpu.Kernels;

/// <summary>
/// The barrier of a group's threads, behind which all of them see what each has written, in shared and in global memory. ILGPU 1.5.3 has the OpenCL barrier fence global memory only, which leaves
/// shared memory to the driver.
/// </summary>
[ExcludeFromCodeCoverage]
internal static class GroupBarrier
{
    /// <summary>Waits for all threads of the group; all of them must come to it.</summary>
    [IntrinsicImplementation]
    public static void Wait() => Group.Barrier();

    /// <summary>Tells the code generators of a context what the method above is.</summary>
    public static void Register(Context.Builder builder)
    {
        IntrinsicImplementationManager manager = builder.GetIntrinsicManager();
        MethodInfo target = typeof(GroupBarrier).GetMethod(nameof(Wait))!;
        manager.RegisterMethod(target, new CLIntrinsic(typeof(GroupBarrier), nameof(EmitOpenCL), IntrinsicImplementationMode.GenerateCode));
        manager.RegisterMethod(target, new PTXIntrinsic(typeof(GroupBarrier), nameof(EmitPtx), IntrinsicImplementationMode.GenerateCode));
    }

    // The code generators find these by name, and pass all three.
    private static void EmitOpenCL(CLBackend _, CLCodeGenerator generator, Value _1)
    {
        using CLCodeGenerator.StatementEmitter statement = generator.BeginStatement("barrier");
        statement.BeginArguments();
        statement.AppendCommand("CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE");
        statement.EndArguments();
    }

    private static void EmitPtx(PTXBackend _, PTXCodeGenerator generator, Value _1)
    {
        // Orders all memory accesses of the group's threads, whatever the memory.
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("bar.sync");
        command.AppendConstant(0L);
    }
}
