using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace Vlc.Gpu.Kernels;

/// <summary>
/// Division and square root of floats, rounded to the nearest on every device. PTX has .rn. OpenCL C allows errors of 2.5 and 3 units for
/// floats, so doubles are used there: they have more than twice the bits of a float, so rounding their result to float gives that of the
/// exact one.
/// </summary>
[ExcludeFromCodeCoverage]
internal static class Rounded
{
    /// <summary>a / b.</summary>
    [IntrinsicImplementation]
    public static float Divide(float a, float b) => a / b;

    /// <summary>√a.</summary>
    [IntrinsicImplementation]
    public static float SquareRoot(float a) => MathF.Sqrt(a);

    /// <summary>Registers the methods above with the code generators of a context.</summary>
    public static void Register(Context.Builder builder)
    {
        IntrinsicImplementationManager manager = builder.GetIntrinsicManager();
        Register(manager, nameof(Divide), nameof(EmitOpenCLDivide), nameof(EmitPtxDivide));
        Register(manager, nameof(SquareRoot), nameof(EmitOpenCLSquareRoot), nameof(EmitPtxSquareRoot));
    }

    private static void Register(IntrinsicImplementationManager manager, string method, string opencl, string ptx)
    {
        MethodInfo target = typeof(Rounded).GetMethod(method)!;
        manager.RegisterMethod(target, new CLIntrinsic(typeof(Rounded), opencl, IntrinsicImplementationMode.GenerateCode));
        manager.RegisterMethod(target, new PTXIntrinsic(typeof(Rounded), ptx, IntrinsicImplementationMode.GenerateCode));
    }

    // The code generators find these by name, and pass all three.
    private static void EmitOpenCLDivide(CLBackend _, CLCodeGenerator generator, Value value)
    {
        VariableAllocator.Variable a = generator.Load(value[0]), b = generator.Load(value[1]);
        using CLCodeGenerator.StatementEmitter statement = generator.BeginStatement(generator.Allocate(value));
        statement.AppendCommand("convert_float(convert_double(");
        statement.Append(a);
        statement.AppendCommand(") / convert_double(");
        statement.Append(b);
        statement.AppendCommand("))");
    }

    private static void EmitOpenCLSquareRoot(CLBackend _, CLCodeGenerator generator, Value value)
    {
        VariableAllocator.Variable a = generator.Load(value[0]);
        using CLCodeGenerator.StatementEmitter statement = generator.BeginStatement(generator.Allocate(value));
        statement.AppendCommand("convert_float(sqrt(convert_double(");
        statement.Append(a);
        statement.AppendCommand(")))");
    }

    private static void EmitPtxDivide(PTXBackend _, PTXCodeGenerator generator, Value value)
    {
        PTXCodeGenerator.PrimitiveRegister a = generator.LoadPrimitive(value[0]), b = generator.LoadPrimitive(value[1]);
        PTXCodeGenerator.HardwareRegister result = generator.AllocateHardware(value);
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("div.rn.f32");
        command.AppendArgument(result);
        command.AppendArgument(a);
        command.AppendArgument(b);
    }

    private static void EmitPtxSquareRoot(PTXBackend _, PTXCodeGenerator generator, Value value)
    {
        PTXCodeGenerator.PrimitiveRegister a = generator.LoadPrimitive(value[0]);
        PTXCodeGenerator.HardwareRegister result = generator.AllocateHardware(value);
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("sqrt.rn.f32");
        command.AppendArgument(result);
        command.AppendArgument(a);
    }
}
