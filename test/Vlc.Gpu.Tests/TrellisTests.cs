using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;

namespace Vlc.Gpu.Tests;

[Collection(OnDevices.Name)]
public sealed class TrellisTests(Lanes lanes)
{
    /// <summary>Axes of the codes: none, one, near the window of backtracking (32), and more.</summary>
    public static TheoryData<string, int, int[]> Shapes() => new()
    {
        { Lanes.Simulated, 1, [1] },
        { Lanes.Simulated, 5, [3, 0, 9] },
        { Lanes.Simulated, 2, [33] },
        { Lanes.OpenCL, 1, [1] },
        { Lanes.OpenCL, 7, [0] },
        { Lanes.OpenCL, 40, [1, 31, 32, 33, 0, 64, 100] },
        { Lanes.OpenCL, 700, [24, 17, 40] },
        // More rows than groups: four batches on two streams, in which a group takes several rows.
        { Lanes.OpenCL, 4200, [2, 0, 5] },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Codes_and_minima_have_the_bits_of_the_reference(string lane, int rows, int[] lengths)
    {
        using GpuBackend backend = lanes.Create(lane);
        AssertReference(backend, Sample.Random(rows, lengths, seed: 14));
        Assert.Equal(0, backend.Memory.Used);
    }

    [Theory]
    [InlineData(Lanes.Simulated, 1, 8)]
    [InlineData(Lanes.OpenCL, 1, 70)]
    [InlineData(Lanes.OpenCL, 30, 70)]
    public void Of_equal_costs_the_lowest_predecessor_and_the_lowest_state_win(string lane, int rows, int axes)
    {
        using GpuBackend backend = lanes.Create(lane);
        Sample random = Sample.Random(rows, [axes], seed: 15);
        // Without a scale all costs are equal in every state. A table of one value gives the same without a zero.
        Sample flat = random with { Axes = new TrellisAxes([.. random.Axes.Starts], new float[axes], [.. random.Axes.Bits]) };
        (byte[] states, _) = Encode(backend, TrellisTables.Designed, flat);
        Assert.All(states, state => Assert.Equal(0, state));
        using var constant = new TrellisTables([.. Enumerable.Repeat((short)3000, TrellisTables.MaxBits * TrellisTables.StateCount)]);
        AssertReference(backend, random, constant);
        // Few values: many ties, but not of all.
        using var coarse = new TrellisTables([.. TrellisTables.Designed.Values.ToArray().Select(value => (short)(value / 4096 * 4096))]);
        AssertReference(backend, random, coarse);
    }

    [Theory]
    [MemberData(nameof(Lanes.All), MemberType = typeof(Lanes))]
    public void No_rows_and_no_codes_are_no_work(string lane)
    {
        using GpuBackend backend = lanes.Create(lane);
        using IResidentTrellis none = backend.LoadTrellis(TrellisTables.Designed, new TrellisAxes([0], [], [])), one = backend.LoadTrellis(
            TrellisTables.Designed, new TrellisAxes([0, 1], [1], [3]));
        none.Encode(default, default, default, default);
        one.Encode(default, default, default, default);
        Assert.Throws<ArgumentOutOfRangeException>(() => none.Encode((int[])[0], default, default, new float[1]));
    }

    [Theory]
    [InlineData(Lanes.Simulated, 13, 7)]
    [InlineData(Lanes.OpenCL, 300, 64)]
    public void A_device_that_runs_out_of_memory_gets_smaller_batches(string lane, int rows, int fits)
    {
        using GpuBackend backend = lanes.Create(lane);
        Sample sample = Sample.Random(rows, [9, 4], seed: 16);
        int refused = 0;
        backend.Memory.Refuses = bytes =>
        {
            // The survivors need by far the most memory; the tables need 8 KB.
            bool refuse = bytes > 8192 && bytes > fits * 9L * 128;
            if (refuse) refused++;
            return refuse;
        };
        using (var resident = (GpuTrellis)backend.LoadTrellis(TrellisTables.Designed, sample.Axes))
        {
            Encode(resident, sample);
            Assert.InRange(resident.BatchRows, 1, fits);
            // The last batch is a smaller one.
            Assert.NotEqual(0, rows % resident.BatchRows);
        }

        Assert.True(refused > 0);
        AssertReference(backend, sample);
        Assert.Equal(0, backend.Memory.Used);
    }

    [Theory]
    [InlineData(Lanes.Simulated, 5)]
    [InlineData(Lanes.OpenCL, 100)]
    public void Batches_keep_to_what_the_options_allow(string lane, int rows)
    {
        // Three rows of 11 axes: 5 bytes an axis and 12 a row.
        using GpuBackend backend = lanes.Create(lane, new GpuOptions { BatchBytes = 3 * ((11 * 5) + 12) });
        Sample sample = Sample.Random(rows, [11], seed: 17);
        using (var resident = (GpuTrellis)backend.LoadTrellis(TrellisTables.Designed, sample.Axes))
        {
            Encode(resident, sample);
            Assert.Equal(3, resident.BatchRows);
        }

        AssertReference(backend, sample);
    }

    [Fact]
    public void A_device_without_room_for_one_row_says_so()
    {
        using GpuBackend backend = lanes.Create(Lanes.Simulated, new GpuOptions { MemoryBudget = 9000 });
        Sample sample = Sample.Random(3, [40], seed: 18);
        using (IResidentTrellis resident = backend.LoadTrellis(TrellisTables.Designed, sample.Axes))
        {
            Exception exception = Assert.ThrowsAny<Exception>(() => Encode(resident, sample));
            Assert.Contains("no room", exception.Message, StringComparison.Ordinal);
        }

        Assert.Equal(0, backend.Memory.Used);
    }

    [Theory]
    [MemberData(nameof(Lanes.All), MemberType = typeof(Lanes))]
    public void Targets_that_are_not_finite_or_overflow_are_refused(string lane)
    {
        using GpuBackend backend = lanes.Create(lane);
        foreach (float bad in (float[])[float.NaN, float.PositiveInfinity, 1e30f])
        {
            Sample sample = Sample.Random(3, [5], seed: 19);
            sample.Targets[7] = bad;
            foreach (IComputeBackend where in (IComputeBackend[])[backend, new CpuBackend(1)])
            {
                using IResidentTrellis resident = where.LoadTrellis(TrellisTables.Designed, sample.Axes);
                Assert.Throws<ArgumentException>(() => Encode(resident, sample));
            }
        }
    }

    [Fact]
    public void Room_for_too_few_is_refused_and_a_cancelled_search_stops()
    {
        using GpuBackend backend = lanes.Create(Lanes.Simulated);
        using var processor = new CpuBackend(1);
        foreach (IComputeBackend where in (IComputeBackend[])[backend, processor])
        {
            using IResidentTrellis resident = where.LoadTrellis(TrellisTables.Designed, new TrellisAxes([0, 2], [1, 1], [3, 3]));
            Assert.Throws<ArgumentOutOfRangeException>(() => resident.Encode((int[])[0], new float[1], new byte[2], new float[1]));
            Assert.Throws<ArgumentOutOfRangeException>(() => resident.Encode((int[])[0], new float[2], new byte[1], new float[1]));
            Assert.Throws<ArgumentOutOfRangeException>(() => resident.Encode((int[])[0], new float[2], new byte[2], default));
            Assert.Throws<ArgumentOutOfRangeException>(() => resident.Encode((int[])[1], new float[2], new byte[2], new float[1]));
            Assert.Throws<OperationCanceledException>(
                () => resident.Encode((int[])[0], new float[2], new byte[2], new float[1], new CancellationToken(canceled: true)));
        }
    }

    [Fact]
    public void Axes_that_make_no_codes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new TrellisAxes([], [], []));
        Assert.Throws<ArgumentException>(() => new TrellisAxes([1], [1], [1]));
        Assert.Throws<ArgumentException>(() => new TrellisAxes([0, 2], [1], [1]));
        Assert.Throws<ArgumentException>(() => new TrellisAxes([0, 1], [], [1]));
        Assert.Throws<ArgumentException>(() => new TrellisAxes([0, 2, 1, 2], [1, 1], [1, 1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrellisAxes([0, 1], [1], [0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrellisAxes([0, 1], [1], [9]));
    }

    /// <summary>Compares with the scalar reference, row by row.</summary>
    private static void AssertReference(GpuBackend backend, Sample sample, TrellisTables? tables = null)
    {
        tables ??= TrellisTables.Designed;
        using var encoder = new TrellisEncoder(tables, sample.Axes.MostAxes);
        int[] rowOffsets = sample.Axes.RowOffsets(sample.Codes);
        var expected = new byte[rowOffsets[^1]];
        var expectedMinima = new float[sample.Codes.Length];
        for (int row = 0; row < sample.Codes.Length; row++)
        {
            Range axes = sample.Axes.Starts[sample.Codes[row]]..sample.Axes.Starts[sample.Codes[row] + 1];
            Range here = rowOffsets[row]..rowOffsets[row + 1];
            expectedMinima[row] = encoder.EncodeReference(
                sample.Targets.AsSpan(here), sample.Axes.Scales[axes], sample.Axes.Bits[axes], expected.AsSpan(here));
        }

        foreach (IComputeBackend where in (IComputeBackend[])[backend, new CpuBackend(2)])
        {
            (byte[] states, float[] minima) = Encode(where, tables, sample);
            Assert.Equal(expected, states);
            Assert.Equal(expectedMinima.Select(BitConverter.SingleToInt32Bits), minima.Select(BitConverter.SingleToInt32Bits));
        }
    }

    private static (byte[] States, float[] Minima) Encode(IComputeBackend backend, TrellisTables tables, Sample sample)
    {
        using IResidentTrellis resident = backend.LoadTrellis(tables, sample.Axes);
        // First the last row alone: state left by a call, buffers for one row included, must not affect the next.
        int last = sample.Axes.RowOffsets(sample.Codes)[^2];
        Encode(resident, sample with { Codes = sample.Codes[^1..], Targets = sample.Targets[last..] });
        return Encode(resident, sample);
    }

    private static (byte[] States, float[] Minima) Encode(IResidentTrellis resident, Sample sample)
    {
        byte[] states = [.. Enumerable.Repeat((byte)255, sample.Targets.Length)];
        var minima = new float[sample.Codes.Length];
        resident.Encode(sample.Codes, sample.Targets, states, minima);
        return (states, minima);
    }

    /// <summary>Rows of codes whose axes have 1 to 8 bits in any order.</summary>
    private sealed record Sample(TrellisAxes Axes, int[] Codes, float[] Targets)
    {
        public static Sample Random(int rows, int[] lengths, ulong seed)
        {
            var random = new SeededRandom(seed, 0);
            var starts = new int[lengths.Length + 1];
            for (int code = 0; code < lengths.Length; code++) starts[code + 1] = starts[code] + lengths[code];
            byte[] bits = [.. Enumerable.Range(0, starts[^1]).Select(_ => (byte)(1 + random.NextInt64(8)))];
            var axes = new TrellisAxes(starts, [.. bits.Select(_ => .1f + (float)random.NextDouble())], bits);
            int[] codes = [.. Enumerable.Range(0, rows).Select(_ => (int)random.NextInt64(lengths.Length))];
            return new Sample(axes, codes, [.. Enumerable.Range(0, axes.RowOffsets(codes)[^1]).Select(_ => random.NextGaussian())]);
        }
    }
}
