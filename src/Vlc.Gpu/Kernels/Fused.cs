using System.Diagnostics.CodeAnalysis;
using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace Vlc.Gpu.Kernels;

/// <summary>
/// Fused multiply-add, rounded once on every device: fma.rn in PTX, fma in OpenCL C. ILGPU has no such operation. Whether a separate
/// product and sum are fused depends on the driver's compiler, so the bits of the processor's kernels need an explicit operation.
/// </summary>
[ExcludeFromCodeCoverage]
internal static class Fused
{
    /// <summary>a·b + c.</summary>
    [IntrinsicImplementation]
    public static float MultiplyAdd(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    /// <inheritdoc cref="MultiplyAdd(float, float, float)"/>
    [IntrinsicImplementation]
    public static double MultiplyAddDouble(double a, double b, double c) => Math.FusedMultiplyAdd(a, b, c);

    /// <summary>Registers the methods above with the code generators of a context.</summary>
    public static void Register(Context.Builder builder)
    {
        IntrinsicImplementationManager manager = builder.GetIntrinsicManager();
        Register(manager, nameof(MultiplyAdd), nameof(EmitPtxSingle));
        Register(manager, nameof(MultiplyAddDouble), nameof(EmitPtxDouble));
    }

    private static void Register(IntrinsicImplementationManager manager, string method, string ptx)
    {
        System.Reflection.MethodInfo target = typeof(Fused).GetMethod(method)!;
        manager.RegisterMethod(target, new CLIntrinsic(typeof(Fused), nameof(EmitOpenCL), IntrinsicImplementationMode.GenerateCode));
        manager.RegisterMethod(target, new PTXIntrinsic(typeof(Fused), ptx, IntrinsicImplementationMode.GenerateCode));
    }

    // The code generators find these by name, and pass all three.
    private static void EmitOpenCL(CLBackend _, CLCodeGenerator generator, Value value)
    {
        ILGPU.Backends.VariableAllocator.Variable a = generator.Load(value[0]), b = generator.Load(value[1]), c = generator.Load(value[2]);
        using CLCodeGenerator.StatementEmitter statement = generator.BeginStatement(generator.Allocate(value));
        statement.AppendCommand("fma");
        statement.BeginArguments();
        statement.AppendArgument(a);
        statement.AppendArgument(b);
        statement.AppendArgument(c);
        statement.EndArguments();
    }

    private static void EmitPtxSingle(PTXBackend _, PTXCodeGenerator generator, Value value) => EmitPtx(generator, value, "fma.rn.f32");

    private static void EmitPtxDouble(PTXBackend _, PTXCodeGenerator generator, Value value) => EmitPtx(generator, value, "fma.rn.f64");

    private static void EmitPtx(PTXCodeGenerator generator, Value value, string instruction)
    {
        PTXCodeGenerator.PrimitiveRegister a = generator.LoadPrimitive(value[0]), b = generator.LoadPrimitive(value[1]);
        PTXCodeGenerator.PrimitiveRegister c = generator.LoadPrimitive(value[2]);
        PTXCodeGenerator.HardwareRegister result = generator.AllocateHardware(value);
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand(instruction);
        command.AppendArgument(result);
        command.AppendArgument(a);
        command.AppendArgument(b);
        command.AppendArgument(c);
    }
}
