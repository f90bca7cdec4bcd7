using Vlc.Anchors;
using Vlc.Compute;
using Vlc.Indexing;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Gpu.Tests;

[Collection(OnDevices.Name)]
public sealed class TrainingTests(Lanes lanes)
{
    [Theory]
    [InlineData(Lanes.Simulated, 200, 5, 10, MeanKind.Arithmetic, 0)]
    [InlineData(Lanes.OpenCL, 1500, 24, 40, MeanKind.Arithmetic, 0)]
    [InlineData(Lanes.OpenCL, 1500, 24, 40, MeanKind.Trimmed, 0.1)]
    [InlineData(Lanes.OpenCL, 1500, 24, 40, MeanKind.Huber, 1.5)]
    public void A_whole_training_has_the_bits_of_the_processor(
        string lane, int count, int dimension, int anchors, MeanKind mean, double parameter)
    {
        using GpuBackend backend = lanes.Create(lane);
        float[] rows = RandomRows.Clusters(count, dimension, anchors, 11), validation = RandomRows.Clusters(100, dimension, anchors, 12);
        AnchorTrainingOptions Options(IComputeBackend? where) => new()
        {
            AnchorCount = anchors, MaxIterations = 4, Threads = 1, Mean = new RobustMean(mean, parameter), Backend = where,
            Cooling = new CoolingSchedule(CoolingShape.Exponential, 0.3, 0.5), MaintenanceRounds = 2,
        };
        (float[] onDevice, TrainingReport report) = AnchorTrainer.Train(rows, dimension, Options(backend), validation);
        (float[] expected, TrainingReport expectedReport) = AnchorTrainer.Train(rows, dimension, Options(null), validation);
        Assert.Equal(expected, onDevice);
        Assert.Equal(expectedReport.Iterations, report.Iterations);
        Assert.Equal(0, backend.Memory.Used);
    }

    [Fact]
    public void An_index_does_not_show_where_it_was_built()
    {
        using GpuBackend backend = lanes.Create(Lanes.OpenCL);
        using var folder = new TemporaryFolder();
        float[] rows = RandomRows.Clusters(1200, 20, 16, 13);
        foreach ((string name, IComputeBackend? where) in ((string, IComputeBackend?)[])[("processor", null), ("device", backend)])
        {
            using var source = new InMemoryVectors(rows, 20);
            IndexBuilder.Build(
                source, folder.File(name), new IndexOptions
                {
                    Training = new AnchorTrainingOptions { AnchorCount = 12, MaxIterations = 3, Threads = 1, Backend = where },
                });
        }

        string[] files = [.. Directory.GetFiles(folder.Path, "processor.*").Order(StringComparer.Ordinal)];
        Assert.True(files.Length >= 4);
        foreach (string file in files)
        {
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(file.Replace("processor.", "device.", StringComparison.Ordinal)));
        }
    }
}
