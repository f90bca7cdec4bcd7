using Vlc.Anchors;
using Vlc.Tests;

namespace Vlc.Core.Tests.Anchors;

public sealed class CheckpointTests
{
    private const int Dimension = 5;
    private static readonly float[] s_rows = Datasets.Clusters(400, Dimension, 6, 1);

    [Fact]
    public void A_training_interrupted_after_any_iteration_and_resumed_gives_the_bytes_of_one_that_was_not()
    {
        var (expected, report) = Train(null);
        Assert.True(report.Converged, "the interruption after the last iteration is only told apart where training converges");
        for (int stop = 0; stop < report.Iterations.Count; stop++)
        {
            using TemporaryFolder folder = new();
            string path = folder.File("checkpoint");
            Interrupt(path, stop);
            Assert.True(File.Exists(path));
            var (resumed, resumedReport) = Train(path);
            Assert.Equal(expected, resumed);
            Assert.Equal(report.Iterations, resumedReport.Iterations);
            Assert.Equal(stop + 1, resumedReport.ResumedFrom);
            Assert.Equal((report.Converged, report.Energy), (resumedReport.Converged, resumedReport.Energy));
            Assert.Empty(Directory.GetFiles(folder.Path));
        }
    }

    [Fact]
    public void A_checkpoint_of_other_rows_or_options_is_refused()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("checkpoint");
        Interrupt(path, 1);
        float[] otherRows = [.. s_rows];
        otherRows[7] += 1;
        AssertRefused("key", path, rows: otherRows);
        AssertRefused("key", path, seed: 2);
        AssertRefused("key", path, anchors: 21);
        AssertRefused("key", path, mean: new RobustMean(MeanKind.Trimmed, 0.1));
        Assert.Equal(2, Train(path).Report.ResumedFrom);
    }

    [Fact]
    public void A_damaged_checkpoint_is_refused()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("checkpoint");
        Interrupt(path, 1);
        byte[] whole = File.ReadAllBytes(path);
        for (int place = 0; place < whole.Length; place += 97)
        {
            byte[] damaged = [.. whole];
            damaged[place] ^= 0x10;
            File.WriteAllBytes(path, damaged);
            AssertRefused(place < 8 ? "header" : "checksum", path);
        }

        foreach (int length in (int[])[0, 5, 31, whole.Length - 1])
        {
            File.WriteAllBytes(path, whole[..length]);
            AssertRefused(length < 32 ? "header" : "checksum", path);
        }
    }

    private static void AssertRefused(
        string where, string path, float[]? rows = null, ulong seed = 1, int anchors = 20, RobustMean? mean = null)
    {
        VlcFormatException refusal = Assert.Throws<VlcFormatException>(() => Train(path, rows, seed, anchors, mean));
        Assert.Equal((path, where), (refusal.Path, refusal.Where));
    }

    private static void Interrupt(string path, int afterIteration)
    {
        using var source = new CancellationTokenSource();
        var stop = new Immediate(iteration => { if (iteration.Iteration == afterIteration) source.Cancel(); });
        Assert.ThrowsAny<OperationCanceledException>(() => Train(path, progress: stop, cancellation: source.Token));
    }

    private static (float[] Anchors, TrainingReport Report) Train(
        string? path, float[]? rows = null, ulong seed = 1, int anchors = 20, RobustMean? mean = null,
        IProgress<TrainingIteration>? progress = null, CancellationToken cancellation = default) => AnchorTrainer.Train(
            rows ?? s_rows, Dimension,
            new AnchorTrainingOptions
            {
                AnchorCount = anchors,
                Seed = seed,
                Mean = mean ?? RobustMean.Arithmetic,
                MaintenanceRounds = 2,
                MaxIterations = 60,
                Tolerance = 1e-2,
                CheckpointPath = path,
                Threads = 1,
            },
            default, progress, cancellation);

    private sealed class Immediate(Action<TrainingIteration> hear) : IProgress<TrainingIteration>
    {
        public void Report(TrainingIteration value) => hear(value);
    }
}
