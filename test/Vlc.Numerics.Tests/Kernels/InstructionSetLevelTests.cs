using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Vlc.Tests;

namespace Vlc.Numerics.Tests.Kernels;

public sealed class InstructionSetLevelTests
{
    [Fact]
    public void The_level_is_the_one_that_the_lane_asked_for()
    {
        // Outside a lane the kernels must use the best instruction set of the machine.
        string best = Avx512F.IsSupported ? "Vector512"
            : Avx2.IsSupported ? "Vector256"
            : AdvSimd.Arm64.IsSupported || Sse41.IsSupported ? "Vector128"
            : "Scalar";
        Assert.Equal(InstructionSetLane.ExpectedLevel ?? best, InstructionSets.Level.ToString());
    }
}
