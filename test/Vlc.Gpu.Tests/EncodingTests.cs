using Vlc.Anchors;
using Vlc.Compute;
using Vlc.Indexing;
using Vlc.Numerics.Kernels;
using Vlc.Codecs.Packed;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Gpu.Tests;

/// <summary>Whole indexes of the packed codec, whose codes a device computes: in the search for a level and for all rows.</summary>
[Collection(OnDevices.Name)]
public sealed class EncodingTests(Lanes lanes)
{
    [Theory]
    [InlineData(1, Metric.L2, 1, null, null)]
    [InlineData(2, Metric.Cosine, 5, true, null)]
    [InlineData(3, Metric.L2, 24, false, null)]
    [InlineData(4, Metric.InnerProduct, 33, true, 0.2)]
    public void An_index_does_not_show_where_its_codes_were_searched(
        int threads, Metric metric, int dimension, bool? unbiased, double? ratio)
    {
        const int Count = 700;
        using GpuBackend device = lanes.Create(Lanes.OpenCL);
        // So few that a block takes several batches.
        using GpuBackend inBatches = lanes.Create(Lanes.OpenCL, new GpuOptions { BatchBytes = 300L * ((5 * dimension) + 12) });
        using var folder = new TemporaryFolder();
        float[] rows = RandomRows.Clusters(Count, dimension, 16, 20);
        PackedReport expected = Build("processor", null);
        foreach ((string name, GpuBackend backend) in ((string, GpuBackend)[])[("device", device), ("batches", inBatches)])
        {
            using var counting = new CountingBackend(backend);
            PackedReport report = Build(name, counting);
            // All rows once, and candidates before them; unbiased codes are searched more than once.
            Assert.InRange(counting.RowsEncoded, Count + (unbiased == false ? 1 : Count), long.MaxValue);
            Assert.Equal(
                (expected.Level, expected.BitsToBound, expected.StoredBitsToBound),
                (report.Level, report.BitsToBound, report.StoredBitsToBound));
            Assert.Equal((expected.PredictedRecall, expected.Unbiased), (report.PredictedRecall, report.Unbiased));
            string[] files = [.. Directory.GetFiles(folder.Path, "processor.*").Order(StringComparer.Ordinal)];
            Assert.True(files.Length >= 4);
            foreach (string file in files)
            {
                Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(file.Replace("processor.", $"{name}.", StringComparison.Ordinal)));
            }

            Assert.Equal(0, backend.Memory.Used);
        }

        PackedReport Build(string name, IComputeBackend? backend)
        {
            using var source = new InMemoryVectors(rows, dimension);
            var options = new IndexOptions
            {
                Metric = metric,
                Packed = new PackedOptions { Unbiased = unbiased, MaxRatio = ratio },
                Training = new AnchorTrainingOptions { AnchorCount = 12, MaxIterations = 3, Threads = threads, Backend = backend },
            };
            return IndexBuilder.Build(source, folder.File(name), options).Packed!;
        }
    }

    /// <summary>Wraps another backend and counts its searches for codes.</summary>
    private sealed class CountingBackend(IComputeBackend backend) : IComputeBackend
    {
        public string Name => backend.Name;

        /// <summary>Rows whose codes were searched, with repetitions.</summary>
        public long RowsEncoded { get; private set; }

        public IResidentRows LoadRows(ReadOnlyMemory<float> rows, int dimension) => backend.LoadRows(rows, dimension);

        public IResidentAnchors LoadAnchors(ReadOnlySpan<float> anchors, int dimension) => backend.LoadAnchors(anchors, dimension);

        public IResidentTrellis LoadTrellis(TrellisTables tables, TrellisAxes axes) =>
            new Counting(this, backend.LoadTrellis(tables, axes));

        public void FindMergePartners(
            ReadOnlySpan<float> anchors, int dimension, ReadOnlySpan<int> counts, Span<int> partners, Span<double> costs,
            CancellationToken cancellationToken = default) =>
            backend.FindMergePartners(anchors, dimension, counts, partners, costs, cancellationToken);

        public void Dispose()
        {
            // The wrapped backend belongs to the caller.
        }

        private sealed class Counting(CountingBackend owner, IResidentTrellis trellis) : IResidentTrellis
        {
            public void Encode(
                ReadOnlyMemory<int> codes, ReadOnlyMemory<float> targets, Memory<byte> states, Memory<float> minima,
                CancellationToken cancellationToken = default)
            {
                owner.RowsEncoded += codes.Length;
                trellis.Encode(codes, targets, states, minima, cancellationToken);
            }

            public void Dispose() => trellis.Dispose();
        }
    }
}
