using Vlc.Compute;

namespace Vlc.Gpu.Tests;

[Collection(OnDevices.Name)]
public sealed class MergePartnerTests(Lanes lanes)
{
    [Theory]
    [InlineData(Lanes.Simulated, 1, 1)]
    [InlineData(Lanes.Simulated, 19, 3)]
    [InlineData(Lanes.Simulated, 33, 17)]
    [InlineData(Lanes.OpenCL, 1, 4)]
    [InlineData(Lanes.OpenCL, 2, 1)]
    [InlineData(Lanes.OpenCL, 130, 100)]
    [InlineData(Lanes.OpenCL, 300, 31)]
    public void Partners_and_costs_have_the_bits_of_the_processor(string lane, int cells, int dimension)
    {
        using GpuBackend backend = lanes.Create(lane);
        float[] anchors = RandomRows.Gaussian(cells, dimension, 9);
        // Every seventh cell is empty; two pairs of equal anchors make equal costs.
        int[] counts = [.. Enumerable.Range(0, cells).Select(cell => cell % 7 == 6 ? 0 : 1 + (cell * 37 % 11))];
        if (cells > 12)
        {
            anchors.AsSpan(3 * dimension, dimension).CopyTo(anchors.AsSpan(8 * dimension));
            anchors.AsSpan(3 * dimension, dimension).CopyTo(anchors.AsSpan(10 * dimension));
            counts[3] = counts[8] = counts[10] = 4;
        }

        (int[] partners, double[] costs) = Find(backend, anchors, dimension, counts);
        (int[] expected, double[] expectedCosts) = Find(new CpuBackend(1), anchors, dimension, counts);
        Assert.Equal(expected, partners);
        Assert.Equal(expectedCosts, costs);
        for (int cell = 0; cell < cells; cell++)
        {
            Assert.Equal(counts[cell] == 0 || counts.Count(count => count > 0) < 2, partners[cell] < 0);
        }

        if (cells > 12) Assert.Equal((8, 3, 3), (partners[3], partners[8], partners[10]));
    }

    private static (int[] Partners, double[] Costs) Find(IComputeBackend backend, float[] anchors, int dimension, int[] counts)
    {
        int[] partners = new int[counts.Length];
        double[] costs = new double[counts.Length];
        backend.FindMergePartners(anchors, dimension, counts, partners, costs);
        return (partners, costs);
    }
}
