using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace Vlc.Gpu.Kernels;

/// <summary>
/// The barrier of a group's threads. After it every thread sees what each has written, in shared and in global memory. The OpenCL barrier
/// of ILGPU 1.5.3 fences global memory only and leaves shared memory to the driver.
/// </summary>
[ExcludeFromCodeCoverage]
internal static class GroupBarrier
{
    /// <summary>Waits for all threads of the group; all of them must call it.</summary>
    [IntrinsicImplementation]
    public static void Wait() => Group.Barrier();

    /// <summary>Registers the method above with the code generators of a context.</summary>
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
        // Orders all memory accesses of the group's threads, for shared and global memory.
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("bar.sync");
        command.AppendConstant(0L);
    }
}
