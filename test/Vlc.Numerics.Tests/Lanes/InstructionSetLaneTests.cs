using Vlc.Tests;

namespace Vlc.Numerics.Tests.Lanes;

/// <summary>
/// Every kernel test again at each lower instruction set. DOTNET_EnableAVX512F, the older name, has no effect on .NET 10; the child's own
/// test of its level would show it.
/// </summary>
public sealed class InstructionSetLaneTests
{
    private const string KernelTests = "Vlc.Numerics.Tests.Kernels";

    [Theory]
    [InlineData("DOTNET_EnableAVX512", InstructionSetLevel.Vector256)]
    [InlineData("DOTNET_EnableAVX2", InstructionSetLevel.Vector128)]
    [InlineData("DOTNET_EnableHWIntrinsic", InstructionSetLevel.Scalar)]
    public void Kernels_pass_their_tests_at_a_lower_level(string knob, InstructionSetLevel level)
    {
        Assert.SkipUnless(InstructionSets.Level >= InstructionSetLevel.Vector256, "the lanes are those of x64 with AVX2");
        int tests = InstructionSetLane.Run(
            ["-namespace", KernelTests], (knob, "0"), (InstructionSetLane.ExpectedLevelVariable, level.ToString()));
        Assert.True(tests >= 25, $"only {tests} tests of {KernelTests} ran");
    }

    /// <summary>128 bits, AVX2, and AVX-512 of processors without VBMI, which .NET 10 counts to its second version.</summary>
    [Theory]
    [InlineData("DOTNET_EnableAVX2", InstructionSetLevel.Vector128, TrellisFilterTests.RowGroups)]
    [InlineData("DOTNET_EnableAVX512", InstructionSetLevel.Vector256, TrellisFilterTests.Groups)]
    [InlineData("DOTNET_EnableAVX512v2", InstructionSetLevel.Vector512, TrellisFilterTests.Groups)]
    public void The_trellis_filter_keeps_its_promises_without_VBMI(string knob, InstructionSetLevel level, string layout)
    {
        Assert.SkipUnless(
            InstructionSets.Level >= InstructionSetLevel.Vector256 && InstructionSets.Level >= level,
            $"the lane needs x64 with AVX2, and {level}");
        int tests = InstructionSetLane.Run(
            ["-class", typeof(TrellisFilterTests).FullName!, "-class", typeof(Kernels.InstructionSetLevelTests).FullName!], (knob, "0"),
            (InstructionSetLane.ExpectedLevelVariable, level.ToString()), (TrellisFilterTests.ExpectedLayoutVariable, layout));
        Assert.True(tests >= 35, $"only {tests} tests of the filter ran");
    }

    [Fact]
    public void A_lane_whose_level_is_not_lowered_fails()
    {
        // The variable without effect: the lane must notice that nothing was switched off.
        Assert.SkipUnless(InstructionSets.Level == InstructionSetLevel.Vector512, "needs AVX-512");
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => InstructionSetLane.Run(
            ["-class", typeof(Kernels.InstructionSetLevelTests).FullName!], ("DOTNET_EnableAVX512F", "0"),
            (InstructionSetLane.ExpectedLevelVariable, nameof(InstructionSetLevel.Vector256))));
    }
}
