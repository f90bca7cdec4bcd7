using System.Globalization;
using Vlc.Evaluation;
using Vlc.Indexing;
using Vlc.Numerics.Kernels;
using Vlc.Codecs.Packed;
using Vlc.Search;
using Vlc.Vectors;

namespace Vlc.Bench;

/// <summary>
/// Recall for vectors that are coded after training. Everything is learned on a part of the base, then the whole base is coded. Among the
/// exact neighbours of the set's queries, those that training saw and those that it did not are counted separately.
/// </summary>
internal static class LaterVectors
{
    private static readonly double[] s_shares = [1, 1.0 / 3, 0.1];

    public static int Run(string[] sets)
    {
        Console.WriteLine("| set | training may draw from | rows trained on | code bytes, trained rows | later rows | neighbours among "
            + "trained rows | recall@10 of those | among later rows | recall@10 of those |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
        foreach (RealSet set in RealSet.Chosen(sets))
        {
            foreach (double share in s_shares) Measure(set, Foundation.Of(set, heldOut: false, trainedShare: share), share);
        }

        return 0;
    }

    private static void Measure(RealSet set, Foundation foundation, double share)
    {
        PackedTrainer trainer = foundation.Trainer(new PackedOptions());
        PackedLevelSearch.Trial trial = foundation.Search(trainer).ForRecall(0.95, null, trainer.MiddleLevel - (2 * 64 * 3), (_, _) => { });
        bool[] trained = new bool[foundation.Count];
        foreach (int id in foundation.TrainingIds) trained[id] = true;
        float[] reconstructed = Reconstruct(foundation, trial, trained, out double trainedBytes, out double laterBytes);
        int[] exact = Nearest(foundation, foundation.Rows), found = Nearest(foundation, reconstructed);
        var neighbours = new int[2];
        var hits = new int[2];
        for (int query = 0; query < exact.Length / Foundation.K; query++)
        {
            ReadOnlySpan<int> answer = found.AsSpan(query * Foundation.K, Foundation.K);
            foreach (int row in exact.AsSpan(query * Foundation.K, Foundation.K))
            {
                int kind = trained[row] ? 0 : 1;
                neighbours[kind]++;
                if (answer.Contains(row)) hits[kind]++;
            }
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {set.Name} | {share:P0} | {foundation.TrainingIds.Length} | {trainedBytes:F1} | {laterBytes:F1} | {neighbours[0]} | "
            + $"{Share(0)} | {neighbours[1]} | {Share(1)} |"));

        string Share(int kind) => string.Create(
            CultureInfo.InvariantCulture,
            $"{hits[kind] / (double)neighbours[kind]:F4} ± "
            + $"{Math.Sqrt(hits[kind] * (1 - (hits[kind] / (double)neighbours[kind]))) / neighbours[kind]:F4}");
    }

    /// <summary>Decodes every row, n x d; unit length where the metric is cosine.</summary>
    private static float[] Reconstruct(
        Foundation foundation, PackedLevelSearch.Trial trial, bool[] trained, out double trainedBytes, out double laterBytes)
    {
        PackedModel model = trial.Coder.Model;
        PackedParameters p = model.Parameters;
        int d = foundation.Dimension;
        var rows = new float[foundation.Rows.Length];
        var bytes = new long[foundation.Count];
        using var rotation = new PackedRotation(p);
        using var sessions = new ThreadLocal<PackedCoder.Session>(
            () => new PackedCoder.Session(trial.Coder, TrellisTables.Designed), trackAllValues: true);
        Parallel.For(0, foundation.Count, row =>
        {
            int cell = foundation.Cells[row];
            float[] residual = rotation.Residual(foundation.Rows.AsSpan(row * d, d), cell, out double energy);
            int list = trial.Coder.ListOf(cell, residual);
            var decoded = new float[residual.Length];
            sessions.Value!.Code(list, residual, energy, trial.Unbiased, decoded);
            Span<float> back = rows.AsSpan(row * d, d);
            p.Mean.CopyTo(back);
            float[] basis = p.Groups[p.CellGroups[cell]].Basis;
            for (int axis = 0; axis < decoded.Length; axis++)
            {
                System.Numerics.Tensors.TensorPrimitives.MultiplyAdd(
                    basis.AsSpan(axis * d, d), decoded[axis] + p.CellAnchors[cell][axis], back, back);
            }

            if (foundation.Metric == Metric.Cosine) UnitLength.TryNormalize(back);
            bytes[row] = model[list].Stride;
        });
        foreach (PackedCoder.Session session in sessions.Values) session.Dispose();
        trainedBytes = bytes.Where((_, row) => trained[row]).Average();
        laterBytes = bytes.Where((_, row) => !trained[row]).Average();
        return rows;
    }

    private static int[] Nearest(Foundation foundation, float[] rows)
    {
        var nearest = new ExactNeighbors(
            foundation.Queries, foundation.Dimension, Foundation.K, foundation.Metric, Environment.ProcessorCount);
        nearest.Add(rows, foundation.Count, 0, CancellationToken.None);
        return nearest.Ids();
    }
}
