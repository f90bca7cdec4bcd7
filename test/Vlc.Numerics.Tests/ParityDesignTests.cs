using Vlc.Numerics.Kernels;

namespace Vlc.Numerics.Tests;

/// <summary>Outside the kernels' namespace: seconds with vectors, minutes without.</summary>
public sealed class ParityDesignTests
{
    /// <summary>To make new ones: print what Design gives into ParityTables.Designed.cs.</summary>
    [Fact]
    public void The_designed_tables_are_those_that_the_design_gives()
    {
        (short[] values, ushort[] shares) = ParityDesign.Design();
        Assert.Equal(values, ParityTables.Designed.Values.ToArray());
        Assert.Equal(shares, ParityTables.Designed.Shares.ToArray());
    }
}
