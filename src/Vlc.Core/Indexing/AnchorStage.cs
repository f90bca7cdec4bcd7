using System.Numerics.Tensors;
using Vlc.Anchors;

namespace Vlc.Indexing;

/// <summary>Anchors as rows will be assigned to them.</summary>
/// <param name="Values">m x d, in scaled units.</param>
/// <param name="Training">How training went.</param>
internal sealed record LearnedAnchors(float[] Values, TrainingReport Training);

/// <summary>Stage 2: learns the anchors on the training sample, around its centre.</summary>
internal static class AnchorStage
{
    /// <summary>Trains; the sample's rows are centred afterwards.</summary>
    public static LearnedAnchors Run(BuildContext context, TrainingSample sample)
    {
        int d = context.Dimension;
        Shift(sample.Rows, sample.Centre, TensorPrimitives.Subtract);
        float[] validation = [.. sample.HeldOutRows];
        Shift(validation, sample.Centre, TensorPrimitives.Subtract);
        AnchorTrainingOptions given = context.Options.Training;
        float scale = MathF.ScaleB(1, sample.ScaleExponent);
        PartialBuild partial = context.Partial;
        var resolved = new AnchorTrainingOptions
        {
            CheckpointInterval = partial.CheckpointInterval,
            CheckpointStays = true,
            AnchorCount = context.AnchorCount,
            Seed = given.Seed,
            MaxIterations = given.MaxIterations,
            PartsFirst = given.PartsFirst,
            Cooling = given.Cooling,
            Mean = given.Mean,
            MaintenanceRounds = given.MaintenanceRounds,
            Lambda = given.Lambda * scale * scale,
            Tolerance = given.Tolerance,
            CheckpointPath = partial.CheckpointPath,
            Threads = context.Threads,
            Backend = context.Backend,
        };
        var relay = new TrainingRelay(context.Progress, given.MaxIterations);
        (float[] anchors, TrainingReport report) = Train();
        Shift(anchors, sample.Centre, TensorPrimitives.Add);
        // Rows are assigned to, and residuals taken from, the anchors that a reader will have.
        context.Learner.RoundAnchors(anchors);
        return new LearnedAnchors(anchors, report);

        (float[], TrainingReport) Train()
        {
            try
            {
                return AnchorTrainer.Train(sample.Rows, d, resolved, validation, relay, context.Cancellation);
            }
            catch (VlcFormatException refusal) when (partial.OwnsCheckpoint && refusal.Path == partial.CheckpointPath)
            {
                // Left by a build of other rows or options: nothing to go on from.
                File.Delete(refusal.Path);
                return AnchorTrainer.Train(sample.Rows, d, resolved, validation, relay, context.Cancellation);
            }
        }
    }

    private delegate void Combine(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> destination);

    private static void Shift(float[] rows, float[] by, Combine combine)
    {
        for (int offset = 0; offset < rows.Length; offset += by.Length)
        {
            Span<float> row = rows.AsSpan(offset, by.Length);
            combine(row, by, row);
        }
    }

    private sealed class TrainingRelay(IProgress<IndexProgress>? progress, int mostIterations) : IProgress<TrainingIteration>
    {
        public void Report(TrainingIteration value) => progress?.Report(new IndexProgress(
            IndexPhase.Train, (value.Iteration + 1.0) / mostIterations,
            $"iteration {value.Iteration + 1}, {value.Changed:P1} of rows moved"));
    }
}
