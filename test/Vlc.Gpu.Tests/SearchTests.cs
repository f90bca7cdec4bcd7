using Vlc.Anchors;
using Vlc.Codecs;
using Vlc.Compute;
using Vlc.Indexing;
using Vlc.Scanning;
using Vlc.Search;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Gpu.Tests;

[Collection(OnDevices.Name)]
public sealed class SearchTests(Lanes lanes)
{
    /// <summary>
    /// Rows, dimension, anchors, queries, k: near multiples of a tile (64 rows), of four queries, of 64 coordinates, and more than 256 of
    /// them.
    /// </summary>
    public static TheoryData<string, Metric, int, int, int, int, int> Shapes()
    {
        var shapes = new TheoryData<string, Metric, int, int, int, int, int>();
        foreach (Metric metric in Enum.GetValues<Metric>())
        {
            shapes.Add(Lanes.Simulated, metric, 90, 9, 3, 5, 4);
            shapes.Add(Lanes.OpenCL, metric, 1, 4, 1, 1, 1);
            shapes.Add(Lanes.OpenCL, metric, 130, 1, 2, 3, 5);
            shapes.Add(Lanes.OpenCL, metric, 40, 17, 7, 2, 60);
            shapes.Add(Lanes.OpenCL, metric, 1500, 70, 11, 9, 10);
            shapes.Add(Lanes.OpenCL, metric, 500, 300, 3, 4, 1);
        }

        return shapes;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_search_has_the_bits_of_the_processor(
        string lane, Metric metric, int count, int dimension, int anchors, int queryCount, int k)
    {
        using GpuBackend backend = lanes.Create(lane);
        using var index = new SampleIndex(metric, count, dimension, anchors, queryCount);
        using (DeviceIndex resident = index.Open.LoadOnto(backend))
        {
            Assert.False(resident.IsStreamed);
            index.AssertSame(resident, k, SearchOptions.Exhaustive);
            index.AssertSame(resident, k, new SearchOptions { Probes = Math.Max(anchors / 3, 1) });
            index.AssertSame(resident, k, new SearchOptions { ScannedRows = Math.Max(count / 5, 1) });
            // Once more: state left by a batch must not affect the next.
            index.AssertSame(resident, k, SearchOptions.Exhaustive);
        }

        Assert.Equal(0, backend.Memory.Used);
    }

    /// <summary>
    /// Codecs of a number an axis: rows, dimension, axes with a code, scales for each cell or for all. Sizes are near multiples of a round
    /// (16 axes), of all threads' rounds (32 and 64), of the axes in shared memory together (256), and of 64 axes without a code.
    /// </summary>
    public static TheoryData<string, CodecKind, Metric, int, int, int?, bool> ScalarShapes()
    {
        var shapes = new TheoryData<string, CodecKind, Metric, int, int, int?, bool>();
        foreach (CodecKind codec in (CodecKind[])[CodecKind.Int8, CodecKind.Float16])
        {
            foreach (Metric metric in (Metric[])[Metric.L2, Metric.InnerProduct])
            {
                shapes.Add(Lanes.OpenCL, codec, metric, 1, 4, null, false);
                shapes.Add(Lanes.OpenCL, codec, metric, 130, 1, null, true);
                shapes.Add(Lanes.OpenCL, codec, metric, 300, 33, 32, false);
                shapes.Add(Lanes.OpenCL, codec, metric, 500, 300, null, false);
            }

            foreach (Metric metric in Enum.GetValues<Metric>()) shapes.Add(Lanes.OpenCL, codec, metric, 900, 150, 83, true);
        }

        foreach (Metric metric in Enum.GetValues<Metric>()) shapes.Add(Lanes.OpenCL, CodecKind.None, metric, 700, 150, null, false);
        // The simulation takes seconds for each of them.
        shapes.Add(Lanes.Simulated, CodecKind.Int8, Metric.L2, 70, 19, 17, true);
        shapes.Add(Lanes.Simulated, CodecKind.Float16, Metric.InnerProduct, 70, 19, 17, true);
        return shapes;
    }

    [Theory]
    [MemberData(nameof(ScalarShapes))]
    public void A_search_of_scalar_codes_has_the_bits_of_the_processor(
        string lane, CodecKind codec, Metric metric, int count, int dimension, int? coded, bool jacobians)
    {
        using GpuBackend backend = lanes.Create(lane);
        var options = new IndexOptions
        {
            Metric = metric, Codec = codec, CodedDimension = coded, Jacobians = codec == CodecKind.None ? null : jacobians,
        };
        using var index = new SampleIndex(
            options, RandomRows.Clusters(count, dimension, 5, 31), dimension, Math.Min(5, count), RandomRows.Clusters(6, dimension, 5, 32));
        using (DeviceIndex resident = index.Open.LoadOnto(backend))
        {
            Assert.False(resident.IsStreamed);
            Assert.Equal(
                codec == CodecKind.None ? 0 : (long)count * (coded ?? dimension) * (codec == CodecKind.Int8 ? 1 : 2), resident.CodeBytes);
            index.AssertSame(resident, 7, SearchOptions.Exhaustive);
            index.AssertSame(resident, 7, new SearchOptions { Probes = 2 });
            index.AssertSame(
                resident, 7, new SearchOptions { Filter = RowFilter.Deny(count, [0, count / 2]), ScannedRows = Math.Max(count / 3, 1) });
        }

        Assert.Equal(0, backend.Memory.Used);
    }

    [Fact]
    public void Float16_codes_of_every_magnitude_are_decoded_as_the_processor_decodes_them()
    {
        using GpuBackend backend = lanes.Create(Lanes.OpenCL);
        // Residuals from below the smallest float16 to near the largest, of both signs. The codes are the residuals themselves.
        const int Dimension = 16;
        float[] rows = RandomRows.Gaussian(400, Dimension, 51);
        for (int i = 0; i < rows.Length; i++) rows[i] = MathF.ScaleB(rows[i], (i % 42) - 27);
        using var index = new SampleIndex(
            new IndexOptions { Metric = Metric.L2, Codec = CodecKind.Float16, Jacobians = false }, rows, Dimension, 2,
            [.. rows[..(5 * Dimension)].Select(value => value * 1.01f)]);
        using DeviceIndex resident = index.Open.LoadOnto(backend);
        index.AssertSame(resident, 100, SearchOptions.Exhaustive);
    }

    [Theory]
    [InlineData(Metric.L2)]
    [InlineData(Metric.Cosine)]
    [InlineData(Metric.InnerProduct)]
    public void More_neighbours_than_a_step_of_the_selection_gathers_are_found(Metric metric)
    {
        using GpuBackend backend = lanes.Create(Lanes.OpenCL);
        using var index = new SampleIndex(metric, 1500, 12, 8, 3);
        using DeviceIndex resident = index.Open.LoadOnto(backend);
        foreach (int k in (int[])[100, 897, resident.MostNeighbors]) index.AssertSame(resident, k, SearchOptions.Exhaustive);
        index.AssertSame(resident, resident.MostNeighbors, new SearchOptions { Probes = 3 });
    }

    [Theory]
    [MemberData(nameof(Lanes.All), MemberType = typeof(Lanes))]
    public void Only_rows_that_a_filter_lets_through_are_found(string lane)
    {
        using GpuBackend backend = lanes.Create(lane);
        using var index = new SampleIndex(Metric.L2, 300, 8, 6, 5);
        using DeviceIndex resident = index.Open.LoadOnto(backend);
        RowFilter[] filters =
            [RowFilter.Allow(300, [3, 64, 65, 299]), RowFilter.Deny(300, [.. Enumerable.Range(10, 200)]), RowFilter.Allow(300, [])];
        foreach (RowFilter filter in filters)
        {
            index.AssertSame(resident, 7, new SearchOptions { Filter = filter, Probes = int.MaxValue });
            index.AssertSame(resident, 7, new SearchOptions { Filter = filter, ScannedRows = 20 });
            index.AssertSame(resident, 7, new SearchOptions { Filter = filter, Probes = 2 });
        }
    }

    [Theory]
    [MemberData(nameof(Lanes.All), MemberType = typeof(Lanes))]
    public void Of_equal_distances_the_lowest_rows_are_found(string lane)
    {
        using GpuBackend backend = lanes.Create(lane);
        // Every row is repeated many times, and so is its code.
        const int Dimension = 4, Distinct = 20;
        float[] distinct = RandomRows.Gaussian(Distinct, Dimension, 21);
        float[] rows = [.. Enumerable.Range(0, 15).SelectMany(_ => distinct)];
        using var index = new SampleIndex(new IndexOptions(), rows, Dimension, 4, distinct[..(3 * Dimension)]);
        using DeviceIndex resident = index.Open.LoadOnto(backend);
        (int[] ids, float[] scores) = index.AssertSame(resident, 12, SearchOptions.Exhaustive);
        Assert.Equal(scores[0], scores[11]);
        Assert.Equal(Enumerable.Range(0, 12).Select(turn => ids[0] + (turn * Distinct)), ids[..12]);
    }

    [Theory]
    [InlineData(Lanes.Simulated, CodecKind.Packed, 200, 6)]
    [InlineData(Lanes.OpenCL, CodecKind.Packed, 1500, 24)]
    [InlineData(Lanes.OpenCL, CodecKind.Int8, 1500, 24)]
    [InlineData(Lanes.OpenCL, CodecKind.Float16, 1500, 24)]
    public void Codes_beyond_the_budget_are_streamed_with_the_same_bits(string lane, CodecKind codec, int count, int dimension)
    {
        using var index = new SampleIndex(Metric.L2, count, dimension, 6, 7, codec);
        long words, description;
        using (GpuBackend roomy = lanes.Create(lane))
        {
            var listener = new Listener(roomy);
            using DeviceIndex index2 = index.Open.LoadOnto(listener);
            GpuCodes resident = listener.Loaded!;
            Assert.False(resident.IsStreamed);
            words = resident.WordBytes;
            description = roomy.Memory.Used - words;
        }

        // The simulation's index is too small for a batch to fit within a budget, so the driver refuses there.
        using GpuBackend backend = lanes.Create(
            lane, new GpuOptions { MemoryBudget = lane == Lanes.OpenCL ? description + words : null, BatchBytes = 1 });
        if (lane == Lanes.Simulated) backend.Memory.Refuses = bytes => bytes == words && backend.Memory.Used >= description;
        using (DeviceIndex resident = index.Open.LoadOnto(backend))
        {
            Assert.True(resident.IsStreamed);
            index.AssertSame(resident, 3, SearchOptions.Exhaustive);
            index.AssertSame(resident, 3, new SearchOptions { Probes = 2 });
        }

        Assert.InRange(backend.Memory.Peak, description, backend.Memory.Budget);
        Assert.Equal(0, backend.Memory.Used);
    }

    [Theory]
    [InlineData(Lanes.Simulated, 130)]
    [InlineData(Lanes.OpenCL, 1500)]
    public void A_device_that_runs_out_of_memory_gets_smaller_batches(string lane, int count)
    {
        using GpuBackend backend = lanes.Create(lane);
        using var index = new SampleIndex(Metric.Cosine, count, 16, 8, 6);
        using DeviceIndex resident = index.Open.LoadOnto(backend);
        int refused = 0;
        backend.Memory.Refuses = bytes =>
        {
            // Eight slots of 64 distances, of which six make a tile for every query.
            bool refuse = bytes > 8 * 64 * sizeof(float);
            if (refuse) refused++;
            return refuse;
        };
        index.AssertSame(resident, 5, SearchOptions.Exhaustive);
        index.AssertSame(resident, 5, new SearchOptions { Probes = 3 });
        Assert.True(refused > 2);
    }

    [Fact]
    public void A_device_without_room_says_so_and_keeps_nothing()
    {
        using GpuBackend backend = lanes.Create(Lanes.Simulated, new GpuOptions { MemoryBudget = 1000 });
        using var index = new SampleIndex(Metric.L2, 200, 8, 4, 1);
        Exception exception = Assert.ThrowsAny<Exception>(() => index.Open.LoadOnto(backend));
        Assert.Contains("no room", exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, backend.Memory.Used);
    }

    [Fact]
    public void What_a_device_cannot_do_is_refused()
    {
        using GpuBackend backend = lanes.Create(Lanes.Simulated);
        using var index = new SampleIndex(Metric.L2, 50, 3, 2, 2);
        using (DeviceIndex resident = index.Open.LoadOnto(backend))
        {
            int most = resident.MostNeighbors;
            int[] ids = new int[2 * (most + 1)];
            float[] scores = new float[ids.Length];
            Assert.Throws<ArgumentException>(() => resident.SearchBatch(index.Queries, most + 1, ids, scores));
            Assert.Throws<ArgumentOutOfRangeException>(() => resident.SearchBatch(index.Queries, 0, ids, scores));
            Assert.Throws<ArgumentException>(() => resident.SearchBatch(new float[4], 1, ids, scores));
            Assert.Throws<ArgumentException>(
                () => resident.SearchBatch(index.Queries, 1, ids, scores, new SearchOptions { Metric = Metric.Cosine }));
            Assert.Throws<OperationCanceledException>(
                () => resident.SearchBatch(index.Queries, 1, ids, scores, cancellationToken: new CancellationToken(canceled: true)));
            resident.SearchBatch(Array.Empty<float>(), 1, ids, scores);
        }

        var codes = new ScalarCodes
        {
            Codec = CodecKind.Packed, Metric = Metric.L2, Dimension = 1, Axes = default, Scales = default, Anchors = new float[1],
            ListStarts = (int[])[0, 0], Rows = default, Codes = null,
        };
        Assert.Throws<ArgumentException>(() => backend.LoadCodes(codes));

        // Enough shared memory for everything but codec f16.
        using GpuBackend small = lanes.Devices.CreateBackend(backend.Device with { SharedBytes = 32 << 10 });
        using SampleIndex halves = new(Metric.L2, 50, 3, 2, 1, CodecKind.Float16), bytes = new(Metric.L2, 50, 3, 2, 1, CodecKind.Int8);
        Assert.Contains(
            "32768 bytes of shared memory", Assert.Throws<ArgumentException>(() => halves.Open.LoadOnto(small)).Message,
            StringComparison.Ordinal);
        bytes.Open.LoadOnto(small).Dispose();
    }

    /// <summary>A small index in a folder of its own, with queries.</summary>
    private sealed class SampleIndex : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public SampleIndex(Metric metric, int count, int dimension, int anchors, int queryCount, CodecKind codec = CodecKind.Packed)
            : this(
                new IndexOptions { Metric = metric, Codec = codec }, RandomRows.Clusters(count, dimension, anchors, 31), dimension, anchors,
                RandomRows.Clusters(queryCount, dimension, anchors, 32))
        {
        }

        public SampleIndex(IndexOptions options, float[] rows, int dimension, int anchors, float[] queries)
        {
            Queries = queries;
            using var source = new InMemoryVectors(rows, dimension);
            var training = new AnchorTrainingOptions { AnchorCount = anchors, MaxIterations = 2, Threads = 1 };
            IndexBuilder.Build(
                source, _folder.File("index"),
                new IndexOptions
                {
                    Metric = options.Metric, Codec = options.Codec, CodedDimension = options.CodedDimension, Jacobians = options.Jacobians,
                    Training = training,
                });
            Open = VlcIndex.Open(_folder.File("index"));
        }

        public VlcIndex Open { get; }

        public float[] Queries { get; }

        /// <summary>Searches on both, and returns their common result.</summary>
        public (int[] Ids, float[] Scores) AssertSame(DeviceIndex resident, int k, SearchOptions options)
        {
            int count = Queries.Length / Open.Dimension;
            int[] ids = new int[count * k], expected = new int[count * k];
            float[] scores = new float[ids.Length], expectedScores = new float[ids.Length];
            resident.SearchBatch(Queries, k, ids, scores, options);
            Open.SearchBatch(Queries, k, expected, expectedScores, options);
            Assert.Equal(expected, ids);
            Assert.Equal(expectedScores.Select(BitConverter.SingleToInt32Bits), scores.Select(BitConverter.SingleToInt32Bits));
            return (ids, scores);
        }

        public void Dispose()
        {
            Open.Dispose();
            _folder.Dispose();
        }
    }

    /// <summary>Records the codes that a backend loaded.</summary>
    private sealed class Listener(GpuBackend backend) : ICodeScanBackend
    {
        public GpuCodes? Loaded { get; private set; }

        public string Name => backend.Name;

        public ICodeScanner LoadCodes(TrellisCodes codes) => Loaded = (GpuCodes)backend.LoadCodes(codes);

        public ICodeScanner LoadCodes(ScalarCodes codes) => Loaded = (GpuCodes)backend.LoadCodes(codes);
    }
}
