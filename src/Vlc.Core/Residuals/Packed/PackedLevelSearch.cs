using System.Numerics.Tensors;
using Vlc.Compute;
using Vlc.Evaluation;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Threading;
using Vlc.Search;

namespace Vlc.Residuals.Packed;

/// <summary>
/// Finds the water level of fewest bytes that reaches a recall. Only the rows exactly nearest to the queries are coded
/// (rows far beyond the k-th do not come near it at the recalls of interest), so that a trial costs a small part of an index.
/// </summary>
/// <param name="trainer">Builds the model of a level.</param>
/// <param name="tables">The trellis code's tables.</param>
/// <param name="sample">Queries with their candidates.</param>
/// <param name="heldOut">Base rows held out of training, on which the distance to the bound is measured; may have none.</param>
/// <param name="metric">The metric.</param>
/// <param name="backend">Where paths are searched.</param>
/// <param name="threads">Threads to use.</param>
/// <param name="cancellationToken">Checked between steps.</param>
internal sealed class PackedLevelSearch(
    PackedTrainer trainer, TrellisTables tables, PackedTuningSample sample, HeldOutRows heldOut, Metric metric, IComputeBackend backend, int threads,
    CancellationToken cancellationToken)
{
    private const int Octave = 64;

    /// <summary>Levels closer than this differ by less than the standard error.</summary>
    private const int Resolution = 5;

    /// <summary>Logarithm of the share missed for each step of the level: about 1.4 times as many are missed an octave higher.</summary>
    private const double TypicalSlope = 0.33 / Octave;

    /// <summary>What a level gives.</summary>
    /// <param name="Coder">The model.</param>
    /// <param name="Unbiased">Which codes were taken.</param>
    /// <param name="Recall">Recall@10 on the sample.</param>
    internal sealed record Trial(PackedCoder Coder, bool Unbiased, Recall Recall)
    {
        /// <summary>Recall at each of the sample's k.</summary>
        public IReadOnlyList<Recall> Recalls { get; init; } = [];

        public int Level => Coder.Model.Parameters.Level;
    }

    /// <summary>What the candidates were decoded to in the last trial: most of the memory of a search, and so used again.</summary>
    private readonly float[][] _coded = new float[sample.Rows.Length][];

    /// <summary>Whether all lists take the same bytes; null measures which finds more near the target.</summary>
    public bool? EqualBytes { get; init; }

    /// <summary>Every trial made, in order: the frontier as far as it was looked at.</summary>
    public List<Trial> Trials { get; } = [];

    /// <summary>Searches for the highest level, so the fewest bits, whose recall reaches the target by one standard error.</summary>
    /// <param name="target">Recall to reach.</param>
    /// <param name="unbiased">Which codes to take; null takes those that find more near the target.</param>
    /// <param name="start">Level of the first trial.</param>
    /// <param name="progress">Hears the share done and where the search is.</param>
    public Trial ForRecall(double target, bool? unbiased, int start, Action<double, string> progress)
    {
        bool equalFirst = EqualBytes ?? false;
        Trial reached = ForRecall(target, unbiased ?? true, equalFirst, start, progress);
        if (unbiased is null)
        {
            Trial nearest = Measure(reached.Level, unbiased: false, equalFirst);
            if (nearest.Recall.Value > reached.Recall.Value) reached = ForRecall(target, unbiased: false, equalFirst, reached.Level, progress);
        }

        if (EqualBytes is not null) return reached;
        // Lists of equal bytes take what one water level for all gives on average. Where they find no more, beyond noise, the level stays.
        Trial equal = Measure(reached.Level, reached.Unbiased, equalBytes: true);
        if (equal.Recall.Value <= reached.Recall.Value + (0.5 * equal.Recall.StandardError)) return reached;
        equal = ForRecall(target, reached.Unbiased, equalBytes: true, reached.Level, progress);
        return Reaches(equal, target) && (equal.Coder.CodeBytes < reached.Coder.CodeBytes || !Reaches(reached, target)) ? equal : reached;
    }

    /// <summary>
    /// The share of neighbours missed falls by about the same factor for each octave of the level: a straight line through the last two trials, on the scale of
    /// its logarithm, says where to look next.
    /// </summary>
    private Trial ForRecall(double target, bool unbiased, bool equalBytes, int start, Action<double, string> progress)
    {
        const int MostTrials = 9;
        Trial? reached = null, missed = null, last = null;
        double slope = TypicalSlope;
        int level = start;
        for (int i = 0; i < MostTrials; i++)
        {
            Trial trial = Measure(level, unbiased, equalBytes);
            progress((i + 1.0) / MostTrials, Describe(trial));
            if (Reaches(trial, target)) reached = Higher(reached, trial);
            else missed = Lower(missed, trial);
            // So little above the goal that a further trial would measure noise.
            double excess = trial.Recall.Value - Goal(trial, target);
            if (excess >= 0 && excess < 0.5 * trial.Recall.StandardError) break;
            if (last is not null && last.Level != level)
            {
                double measured = (Miss(trial) - Miss(last)) / (level - last.Level);
                // Noise must not turn the line around.
                slope = Math.Clamp(measured, TypicalSlope / 2, TypicalSlope * 2);
            }

            last = trial;
            int next = level + (int)Math.Round((Math.Log(1 - Goal(trial, target)) - Miss(trial)) / slope);
            next = Math.Clamp(next, level - (4 * Octave), level + (4 * Octave));
            // What is known bounds the guess; between two known levels it stays off their edges.
            if (reached is not null && missed is not null)
            {
                int low = reached.Level, high = missed.Level;
                if (high - low <= Resolution) break;
                next = Math.Clamp(next, low + 1, high - 1);
            }
            else if (reached is not null && next <= reached.Level + (Resolution / 2))
            {
                break;
            }
            else if (next == level)
            {
                next = reached is null ? level - Resolution : level + Resolution;
            }

            level = next;
        }

        // A target beyond what eight bits an axis reach: the nearest there is.
        return reached ?? missed!;
    }

    /// <summary>Measures a level, with the codes that find more unless the caller knows.</summary>
    /// <param name="level">64 · log2 of the water level.</param>
    /// <param name="unbiased">Which codes to take; null takes those that find more.</param>
    public Trial AtLevel(int level, bool? unbiased)
    {
        Trial best = Measure(level, unbiased ?? true);
        return unbiased is null && Measure(level, unbiased: false) is var nearest && nearest.Recall.Value > best.Recall.Value ? nearest : best;
    }

    /// <summary>Codes the candidates at a level and measures what the codes find.</summary>
    public Trial Measure(int level, bool unbiased, bool? equalBytes = null)
    {
        PackedCoder coder = trainer.Build(level, equalBytes ?? EqualBytes ?? false);
        Recall[] recalls = MeasureRecalls(coder, unbiased);
        int aim = Math.Max(0, Array.FindLastIndex(sample.Ks, k => k <= PackedOptions.TargetNeighbors));
        var trial = new Trial(coder, unbiased, recalls[aim]) { Recalls = recalls };
        Trials.Add(trial);
        return trial;
    }

    private static bool Reaches(Trial trial, double target) => trial.Recall.Value >= Goal(trial, target);

    /// <summary>The target and one standard error, but never so much that it cannot be reached.</summary>
    private static double Goal(Trial trial, double target) => Math.Min(target + trial.Recall.StandardError, 1 - (0.5 * (1 - target)));

    /// <summary>Logarithm of the share of neighbours missed.</summary>
    private static double Miss(Trial trial) => Math.Log(Math.Max(1 - trial.Recall.Value, 1e-4));

    private static Trial Higher(Trial? known, Trial trial) => known is null || trial.Level > known.Level ? trial : known;

    private static Trial Lower(Trial? known, Trial trial) => known is null || trial.Level < known.Level ? trial : known;

    private static string Describe(Trial trial) => $"{trial.Coder.CodeBytes:F1} bytes of code: recall {trial.Recall.Value:F3}";

    private Recall[] MeasureRecalls(PackedCoder coder, bool unbiased)
    {
        PackedParameters p = coder.Model.Parameters;
        float[][] coordinates = CodeCandidates(coder, unbiased);
        int queries = sample.QueryCount, most = sample.Ks[^1];
        int[][] hits = [.. sample.Ks.Select(_ => new int[queries])];
        var meanProducts = new double[p.Groups.Length][];
        for (int group = 0; group < meanProducts.Length; group++)
        {
            meanProducts[group] = [.. Enumerable.Range(0, p.Groups[group].Rank).Select(
                axis => (double)Distances.Dot(p.Mean, p.Groups[group].Basis.AsSpan(axis * p.Dimension, p.Dimension)))];
        }

        double meanSquared = Distances.Dot(p.Mean, p.Mean);
        BlockScheduler.Run(
            queries, threads,
            (query, _) =>
            {
                ReadOnlySpan<float> vector = sample.Query(query);
                var rotated = new float[p.Groups.Length][];
                double product = Distances.Dot(vector, p.Mean);
                var nearest = new TopK(most);
                ReadOnlySpan<int> candidates = sample.Candidates(query);
                foreach (int candidate in candidates)
                {
                    int group = p.CellGroups[sample.Cells[candidate]];
                    float[] q = rotated[group] ??= Rotate(vector, p.Groups[group], p.Dimension);
                    float[] u = coordinates[candidate];
                    // x̂ = μ + B·u, so ⟨q, x̂⟩ = ⟨q, μ⟩ + ⟨Bᵀq, u⟩ and ‖x̂‖² = ‖μ‖² + 2⟨Bᵀμ, u⟩ + ‖u‖².
                    double dot = product, squared = meanSquared;
                    for (int axis = 0; axis < u.Length; axis++)
                    {
                        dot += (double)q[axis] * u[axis];
                        squared += u[axis] * ((2 * meanProducts[group][axis]) + u[axis]);
                    }

                    double distance = metric switch
                    {
                        Metric.InnerProduct => -dot,
                        Metric.Cosine => -dot / Math.Sqrt(Math.Max(squared, 1e-30)),
                        _ => squared - (2 * dot),
                    };
                    nearest.Offer((float)distance, sample.Rows[candidate]);
                }

                var found = new int[most];
                nearest.CopyTo(found);
                for (int i = 0; i < hits.Length; i++)
                {
                    ReadOnlySpan<int> exact = sample.Exact(query, sample.Ks[i]);
                    foreach (int row in found.AsSpan(0, sample.Ks[i]))
                    {
                        if (exact.Contains(row)) hits[i][query]++;
                    }
                }
            },
            cancellationToken);
        return [.. hits.Select((counts, i) => Recall.FromHits(counts, sample.Ks[i]))];
    }

    /// <summary>
    /// Codes the held-out rows, which are spread over the base as the base is, and tells how far their nearest codes are from the bound, and those that are stored; null
    /// where there are no such rows.
    /// </summary>
    public (BoundDistance Nearest, BoundDistance Stored)? MeasureDistance(Trial trial)
    {
        if (heldOut.Count == 0) return null;
        PackedModel model = trial.Coder.Model;
        double[] nearest = new double[heldOut.Count], stored = new double[heldOut.Count];
        var lists = new int[heldOut.Count];
        Code(trial.Coder, trial.Unbiased, heldOut.Count, heldOut.Row, heldOut.Cells, row =>
        {
            lists[row.Row] = row.List;
            nearest[row.Row] = row.NearestError;
            stored[row.Row] = model.WeightedError(row.List, row.Residual, row.Decoded);
        });
        var counts = new int[model.ListCount];
        foreach (int list in lists) counts[list]++;
        return (BoundDistance.Of(model, counts, nearest.Sum()), BoundDistance.Of(model, counts, stored.Sum()));
    }

    private static float[] Rotate(ReadOnlySpan<float> vector, PackedGroup group, int dimension)
    {
        var rotated = new float[group.Rank];
        for (int axis = 0; axis < rotated.Length; axis++) rotated[axis] = Distances.Dot(vector, group.Basis.AsSpan(axis * dimension, dimension));
        return rotated;
    }

    /// <summary>u = z + r̂ of each candidate, in its group's basis.</summary>
    private float[][] CodeCandidates(PackedCoder coder, bool unbiased)
    {
        Code(coder, unbiased, _coded.Length, sample.Row, sample.Cells, row =>
        {
            // A group's rank follows from the level, but seldom changes.
            float[] coded = _coded[row.Row];
            if (coded?.Length != row.Decoded.Length) coded = _coded[row.Row] = new float[row.Decoded.Length];
            TensorPrimitives.Add(row.Decoded, coder.Model.Parameters.CellAnchors[sample.Cells[row.Row]], coded);
        });
        return _coded;
    }

    private void Code(PackedCoder coder, bool unbiased, int count, Func<int, ReadOnlySpan<float>> row, int[] cells, Action<PackedPass.CodedRow> take)
    {
        using var pass = new PackedPass(coder, tables, unbiased, backend, threads);
        pass.Code(count, row, cells, take, cancellationToken);
    }
}

/// <summary>Base rows that took no part in training.</summary>
/// <param name="Rows">Row-major, in scaled units.</param>
/// <param name="Dimension">d.</param>
/// <param name="Cells">Cell of each.</param>
internal sealed record HeldOutRows(float[] Rows, int Dimension, int[] Cells)
{
    public int Count => Cells.Length;

    public ReadOnlySpan<float> Row(int row) => Rows.AsSpan(row * Dimension, Dimension);
}
