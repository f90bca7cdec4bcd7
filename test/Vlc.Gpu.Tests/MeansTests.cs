using Vlc.Compute;
using Vlc.Numerics.Randomness;

namespace Vlc.Gpu.Tests;

[Collection(OnDevices.Name)]
public sealed class MeansTests(Lanes lanes)
{
    [Theory]
    [InlineData(Lanes.Simulated, 40, 5, 1, false, false)]
    [InlineData(Lanes.Simulated, 300, 7, 130, true, false)]
    [InlineData(Lanes.Simulated, 300, 3, 10, true, true)]
    [InlineData(Lanes.OpenCL, 1, 1, 1, false, false)]
    [InlineData(Lanes.OpenCL, 3000, 40, 100, false, false)]
    [InlineData(Lanes.OpenCL, 3000, 41, 259, true, false)]
    [InlineData(Lanes.OpenCL, 3000, 41, 33, true, true)]
    [InlineData(Lanes.OpenCL, 3000, 41, 33, false, true)]
    public void Means_have_the_bits_of_the_processor(string lane, int count, int lists, int dimension, bool weighted, bool streamed)
    {
        int pitch = GpuBackend.PitchOf(dimension);
        // Streamed: memory suffices for the sums, the order, the weights, the ranges and two batches of 128 rows.
        long rest = (lists * (pitch + 1L) * 16) + (count * 12L) + 64;
        using GpuBackend backend = lanes.Create(
            lane,
            streamed
                ? new GpuOptions { MemoryBudget = rest + (256L * ((pitch * sizeof(float)) + 8)), BatchBytes = 1 }
                : new GpuOptions());
        float[] rows = RandomRows.Gaussian(count, dimension, 8);
        (int[] order, int[] starts) = Lists(count, lists, dimension);
        double[] weights = weighted ? [.. order.Select(row => row % 5 == 0 ? 1 : 1.0 / (1 + (row % 7)))] : [];
        float[] expected = Means(new CpuBackend(1), rows, dimension, order, starts, weights, lists);
        Assert.Equal(expected, Means(backend, rows, dimension, order, starts, weights, lists));
        using var resident = (GpuRows)backend.LoadRows(rows, dimension);
        Assert.Equal(streamed, resident.IsStreamed);
    }

    [Theory]
    [MemberData(nameof(Lanes.All), MemberType = typeof(Lanes))]
    public void A_list_without_rows_or_weight_leaves_its_mean_alone(string lane)
    {
        using GpuBackend backend = lanes.Create(lane);
        using IResidentRows rows = backend.LoadRows((float[])[1, 2, 3, 4], 2);
        // The first list is empty, the second has weight zero, the third is row 1.
        float[] means = [7, 7, 8, 8, 9, 9];
        rows.Means((int[])[0, 1], (int[])[0, 0, 1, 2], (double[])[0, 2], means);
        Assert.Equal([7, 7, 8, 8, 3, 4], means);
    }

    /// <summary>Random lists, every fifth of them empty, that leave out every eleventh row.</summary>
    private static (int[] Order, int[] Starts) Lists(int count, int lists, int seed)
    {
        var random = new SeededRandom((ulong)seed, 1);
        int[] list = [.. Enumerable.Range(0, count).Select(_ => (int)random.NextInt64(lists))];
        var order = new List<int>();
        int[] starts = new int[lists + 1];
        for (int i = 0; i < lists; i++)
        {
            if (i % 5 != 4) order.AddRange(Enumerable.Range(0, count).Where(row => list[row] == i && row % 11 != 10));
            starts[i + 1] = order.Count;
        }

        return ([.. order], starts);
    }

    private static float[] Means(
        IComputeBackend backend, float[] rows, int dimension, int[] order, int[] starts, double[] weights, int lists)
    {
        float[] means = [.. Enumerable.Repeat(0.5f, lists * dimension)];
        using IResidentRows resident = backend.LoadRows(rows, dimension);
        resident.Means(order, starts, weights, means);
        return means;
    }
}
