using System.Numerics.Tensors;
using Vlc.Codecs;
using Vlc.Probing;

namespace Vlc.Indexing;

/// <summary>Stage 4: the codec learns its model, from a part of the training sample and on the tuning sample.</summary>
internal static class CodecStage
{
    /// <summary>Learns; the training rows are given back afterwards.</summary>
    public static CodecModel Run(
        BuildContext context, TrainingSample sample, TuningSample tuning, LearnedAnchors anchors, AssignedRows assigned, int otherSections)
    {
        CodecModel model = context.Learner.Learn(Data(context, sample, tuning, anchors, assigned, otherSections));
        sample.ReleaseRows();
        BuildContext.ReturnMemory();
        return model;
    }

    /// <summary>What the codec learns from.</summary>
    public static LearningData Data(
        BuildContext context, TrainingSample sample, TuningSample tuning, LearnedAnchors anchors, AssignedRows assigned, int otherSections)
    {
        int d = context.Dimension;
        int[] cellOf = assigned.Cells;
        // Bases and spectra want fewer rows of the sample than anchors do, and several times the memory for each: rows at even distances.
        int sampled = sample.Rows.Length / d, kept = (int)Math.Min(sampled, context.Learner.LearningRows(anchors.Values.Length / d));
        int[] cells = [.. Enumerable.Range(0, kept).Select(i => cellOf[sample.TrainingIds[(long)i * sampled / kept]])];
        // Training has centred the sample; the codec wants it as it was.
        float[] rows = kept == sampled ? sample.Rows : new float[kept * d];
        for (int i = 0; i < kept; i++)
        {
            int source = (int)((long)i * sampled / kept);
            TensorPrimitives.Add(sample.Rows.AsSpan(source * d, d), sample.Centre, rows.AsSpan(i * d, d));
        }

        if (kept < sampled)
        {
            sample.ReleaseRows();
            BuildContext.ReturnMemory();
        }

        var heldOut = new HeldOutRows(sample.HeldOutRows, d, [.. sample.HeldOutIds.Select(id => cellOf[id])]);
        int points = tuning.Rows.Length == 0 ? 0 : ProbingLimits.Of(context.Count, context.Options.Metric).Points;
        return new LearningData(
            context.Rows(sample.ScaleExponent), rows, cells, anchors.Values, cellOf, assigned.Statistics, heldOut, tuning.Rows,
            assigned.Exact?.Ids() ?? [], points, otherSections);
    }
}
