using Vlc.Compute;

namespace Vlc.Gpu.Tests;

[Collection(OnDevices.Name)]
public sealed class AssignTests(Lanes lanes)
{
    /// <summary>Sizes near every multiple of a tile (128 rows and columns, 8 components), and the smallest possible ones.</summary>
    public static TheoryData<string, int, int, int> Shapes()
    {
        var shapes = new TheoryData<string, int, int, int>();
        foreach ((int n, int m, int d) in ((int, int, int)[])[(1, 1, 1), (3, 130, 1), (129, 2, 7), (128, 128, 8), (131, 129, 9)])
        {
            shapes.Add(Lanes.Simulated, n, m, d);
        }

        (int, int, int)[] large = [(1, 1, 1), (1000, 1, 5), (127, 129, 8), (128, 256, 16), (513, 300, 33), (700, 515, 100)];
        foreach ((int n, int m, int d) in large)
        {
            shapes.Add(Lanes.OpenCL, n, m, d);
        }

        return shapes;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Assignment_and_scores_have_the_bits_of_the_processor(string lane, int count, int anchorCount, int dimension)
    {
        using GpuBackend backend = lanes.Create(lane);
        AssertSame(backend, RandomRows.Gaussian(count, dimension, 1), RandomRows.Gaussian(anchorCount, dimension, 2), dimension);
        Assert.Equal(0, backend.Memory.Used);
    }

    [Theory]
    [MemberData(nameof(Lanes.All), MemberType = typeof(Lanes))]
    public void Of_equal_anchors_the_lowest_wins(string lane)
    {
        using GpuBackend backend = lanes.Create(lane);
        // 140 anchors, each repeated four times, in different tiles and lanes: the first 35 must win.
        const int Dimension = 3, Distinct = 35;
        float[] distinct = RandomRows.Gaussian(Distinct, Dimension, 3), anchors = [.. distinct, .. distinct, .. distinct, .. distinct];
        using IResidentRows rows = backend.LoadRows(distinct, Dimension);
        using IResidentAnchors resident = backend.LoadAnchors(anchors, Dimension);
        var nearest = new int[Distinct];
        rows.Assign(resident, nearest, new float[Distinct]);
        Assert.Equal(Enumerable.Range(0, Distinct), nearest);
    }

    [Theory]
    [InlineData(Lanes.Simulated, 300, 40, 9)]
    [InlineData(Lanes.OpenCL, 5000, 200, 40)]
    public void Rows_beyond_the_budget_are_streamed_with_the_same_bits(string lane, int count, int anchorCount, int dimension)
    {
        // Memory for the anchors and two batches of 128 rows, not for all rows.
        int pitch = GpuBackend.PitchOf(dimension);
        long batch = 128L * ((pitch * sizeof(float)) + 8), anchors = GpuBackend.Padded(anchorCount) * (pitch + 1L) * sizeof(float);
        using GpuBackend backend = lanes.Create(lane, new GpuOptions { MemoryBudget = anchors + (2 * batch), BatchBytes = 1 });
        float[] rows = RandomRows.Gaussian(count, dimension, 4), columns = RandomRows.Gaussian(anchorCount, dimension, 5);
        using (var resident = (GpuRows)backend.LoadRows(rows, dimension))
        {
            Assert.True(resident.IsStreamed);
            Assert.Equal(128, resident.BatchRows);
        }

        AssertSame(backend, rows, columns, dimension);
        Assert.InRange(backend.Memory.Peak, 2 * batch, backend.Memory.Budget);
        Assert.Equal(0, backend.Memory.Used);
    }

    [Theory]
    [InlineData(Lanes.Simulated, 520)]
    [InlineData(Lanes.OpenCL, 4000)]
    public void A_device_that_runs_out_of_memory_gets_smaller_batches(string lane, int count)
    {
        const int Dimension = 16;
        using GpuBackend backend = lanes.Create(lane);
        float[] rows = RandomRows.Gaussian(count, Dimension, 6);
        int refused = 0;
        backend.Memory.Refuses = bytes =>
        {
            bool refuse = bytes > 256 * Dimension * sizeof(float);
            if (refuse) refused++;
            return refuse;
        };
        using (var resident = (GpuRows)backend.LoadRows(rows, Dimension))
        {
            Assert.True(resident.IsStreamed);
            Assert.InRange(resident.BatchRows, 128, 256);
        }

        Assert.True(refused > 1);
        AssertSame(backend, rows, RandomRows.Gaussian(50, Dimension, 7), Dimension);
    }

    [Fact]
    public void A_device_without_room_for_one_tile_says_so()
    {
        using GpuBackend backend = lanes.Create(Lanes.Simulated, new GpuOptions { MemoryBudget = 1000 });
        Exception exception = Assert.ThrowsAny<Exception>(() => backend.LoadRows(new float[3000], 3));
        Assert.Contains("no room", exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, backend.Memory.Used);
    }

    [Fact]
    public void Anchors_of_another_backend_or_dimension_are_refused()
    {
        using GpuBackend backend = lanes.Create(Lanes.Simulated);
        using IResidentRows rows = backend.LoadRows(new float[8], 2);
        using IResidentAnchors foreign = new CpuBackend(1).LoadAnchors(new float[2], 2), wide = backend.LoadAnchors(new float[4], 4);
        Assert.Throws<ArgumentException>(() => rows.Assign(foreign, new int[4], new float[4]));
        Assert.Throws<ArgumentException>(() => rows.Assign(wide, new int[4], new float[4]));
    }

    [Fact]
    public void A_cancelled_pass_stops()
    {
        using GpuBackend backend = lanes.Create(Lanes.Simulated);
        using IResidentRows rows = backend.LoadRows(new float[8], 2);
        using IResidentAnchors anchors = backend.LoadAnchors(new float[2], 2);
        Assert.Throws<OperationCanceledException>(
            () => rows.Assign(anchors, new int[4], new float[4], new CancellationToken(canceled: true)));
    }

    private static void AssertSame(GpuBackend backend, float[] rows, float[] anchors, int dimension)
    {
        (int[] nearest, float[] scores) = Assign(backend, rows, anchors, dimension);
        (int[] expected, float[] expectedScores) = Assign(new CpuBackend(2), rows, anchors, dimension);
        Assert.Equal(expected, nearest);
        Assert.Equal(expectedScores.Select(BitConverter.SingleToInt32Bits), scores.Select(BitConverter.SingleToInt32Bits));
    }

    private static (int[] Nearest, float[] Scores) Assign(IComputeBackend backend, float[] rows, float[] anchors, int dimension)
    {
        int count = rows.Length / dimension;
        var nearest = new int[count];
        var scores = new float[count];
        using IResidentRows resident = backend.LoadRows(rows, dimension);
        using IResidentAnchors residentAnchors = backend.LoadAnchors(anchors, dimension);
        // Twice: state left by a pass must not affect the next.
        resident.Assign(residentAnchors, nearest, scores);
        nearest.AsSpan().Fill(-1);
        resident.Assign(residentAnchors, nearest, scores);
        return (nearest, scores);
    }
}
