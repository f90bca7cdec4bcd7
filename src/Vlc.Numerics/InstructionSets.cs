using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Vlc.Numerics;

/// <summary>
/// The widest instruction set that the kernels use in this process. All levels give the same bits; they differ in speed alone.
/// </summary>
public enum InstructionSetLevel
{
    /// <summary>No vectors that the kernels use: the scalar reference. Slow.</summary>
    Scalar = 0,

    /// <summary>
    /// 128-bit vectors: Arm64 AdvSimd and SSE4.1. SSE4.1 has no fused multiply-add; the C library computes it there, slowly.
    /// </summary>
    Vector128 = 1,

    /// <summary>256-bit vectors with fused multiply-add (AVX2 and FMA).</summary>
    Vector256 = 2,

    /// <summary>512-bit vectors (AVX-512 F, BW, DQ, VL).</summary>
    Vector512 = 3,
}

/// <summary>The level in use, for reports and for tests that compare the kernels of one level with the reference.</summary>
public static class InstructionSets
{
    /// <summary>
    /// The level of this process. <c>DOTNET_EnableAVX512=0</c>, <c>DOTNET_EnableAVX2=0</c> and <c>DOTNET_EnableHWIntrinsic=0</c> lower it.
    /// The older <c>DOTNET_EnableAVX512F=0</c> has no effect on .NET 10.
    /// </summary>
    public static InstructionSetLevel Level { get; } =
        Avx512F.IsSupported && Vector512.IsHardwareAccelerated ? InstructionSetLevel.Vector512
        : Fma.IsSupported && Avx2.IsSupported ? InstructionSetLevel.Vector256
        : AdvSimd.Arm64.IsSupported || Sse41.IsSupported ? InstructionSetLevel.Vector128
        : InstructionSetLevel.Scalar;
}
