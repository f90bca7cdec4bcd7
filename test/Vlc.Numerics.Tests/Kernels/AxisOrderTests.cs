using Vlc.Numerics.Kernels;

namespace Vlc.Numerics.Tests.Kernels;

public sealed class AxisOrderTests
{
    [Fact]
    public void Axes_are_gathered_in_order()
    {
        float[] destination = [9, 9, 9];
        AxisOrder.Gather([1, 2, 3], [2, 0], destination);
        Assert.Equal([3, 1, 9], destination);
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => AxisOrder.Gather([1, 2, 3], [3], new float[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => AxisOrder.Gather([1, 2, 3], [-1], new float[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => AxisOrder.Gather([1, 2, 3], [0, 0, 0, 0], new float[3]));
    }
}
