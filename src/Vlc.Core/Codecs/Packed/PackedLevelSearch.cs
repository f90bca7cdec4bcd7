using System.Numerics.Tensors;
using Vlc.Compute;
using Vlc.Evaluation;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Threading;
using Vlc.Scanning;

namespace Vlc.Codecs.Packed;

/// <summary>
/// Finds the water level of fewest bytes that reaches a recall. It codes only the exactly nearest rows of the queries: rows far beyond the
/// k-th do not come near it at the recalls of interest. So a trial costs a small part of an index.
/// </summary>
/// <param name="trainer">Builds the model of a level.</param>
/// <param name="tables">The trellis code's tables.</param>
/// <param name="sample">Queries with their candidates.</param>
/// <param name="heldOut">Base rows held out of training, on which the distance to the bound is measured; may be empty.</param>
/// <param name="metric">The metric.</param>
/// <param name="backend">The backend that searches codes.</param>
/// <param name="threads">Threads to use.</param>
/// <param name="cancellationToken">Checked between steps.</param>
internal sealed class PackedLevelSearch(
    PackedTrainer trainer, TrellisTables tables, PackedTuningSample sample, HeldOutRows heldOut, Metric metric, IComputeBackend backend,
    int threads,
    CancellationToken cancellationToken)
{
    private const int Octave = 64;

    /// <summary>Levels closer than this differ by less than the standard error.</summary>
    private const int Resolution = 2;

    /// <summary>The shortest step of the level. Variances are whole eighths of an octave, so shorter steps often change no bit.</summary>
    private const int LeastStep = 6;

    /// <summary>
    /// Change of the logarithm of the missed share for each step of the level: an octave higher about 1.4 times as many neighbours are
    /// missed.
    /// </summary>
    private const double TypicalSlope = 0.33 / Octave;

    /// <summary>Missed shares below this count as none.</summary>
    private const double LeastMiss = 1e-4;

    /// <summary>Share of the search that is reported when the coarse search is done.</summary>
    private const double CoarseShare = 0.5;

    /// <summary>The result of a level.</summary>
    /// <param name="Coder">The model.</param>
    /// <param name="Unbiased">Whether codes are unbiased.</param>
    /// <param name="Recall">Recall@10 on the sample.</param>
    internal sealed record Trial(PackedCoder Coder, bool Unbiased, Recall Recall)
    {
        /// <summary>Recall at each of the sample's k.</summary>
        public IReadOnlyList<Recall> Recalls { get; init; } = [];

        public int Level => Coder.Model.Parameters.Level;
    }

    private PackedTrainer Trainer => trainer;

    private PackedTuningSample Sample => sample;

    /// <summary>Whether all lists get the same bytes; null measures which finds more near the target.</summary>
    public bool? EqualBytes { get; init; }

    /// <summary>Searches for the highest level, which has the fewest bits, whose recall exceeds the target by one standard error.</summary>
    /// <remarks>
    /// First a coarse search uses a part of the queries with fewer candidates, where models of other levels are the first one with other
    /// bits. It finds which codes to take and the approximate level. Then a fine search around that level uses all queries and a model of
    /// its own for each level.
    /// </remarks>
    /// <param name="target">Recall to reach.</param>
    /// <param name="unbiased">Whether to take unbiased codes; null takes those that find more near the target.</param>
    /// <param name="start">Level of the first trial.</param>
    /// <param name="progress">Reports the finished share and the state of the search.</param>
    public Trial ForRecall(double target, bool? unbiased, int start, Action<double, string> progress)
    {
        Trial? best = null;
        foreach (Estimate estimate in new CoarseSearch(this, target, progress).Find(unbiased, start))
        {
            Trial trial = Refine(target, estimate, progress);
            if (best is null || (Reaches(trial, target) && (!Reaches(best, target) || trial.Coder.CodeBytes < best.Coder.CodeBytes)))
            {
                best = trial;
            }
        }

        return best!;
    }

    /// <summary>
    /// The next level to try. The missed share of neighbours falls by about the same factor for each octave of the level. So a straight
    /// line on a logarithmic scale, with the slope of the coarse search, gives the next level.
    /// </summary>
    private Trial Refine(double target, Estimate estimate, Action<double, string> progress)
    {
        const int MostTrials = 7;
        Trial? reached = null, missed = null;
        int level = (int)Math.Round(estimate.Level);
        for (int i = 0; i < MostTrials; i++)
        {
            Trial trial = Measure(level, estimate.Unbiased, estimate.EqualBytes);
            progress(CoarseShare + ((1 - CoarseShare) * (i + 1) / MostTrials), Describe(trial.Coder, trial.Recall));
            double goal = Goal(trial.Recall, target, 1), excess = trial.Recall.Value - goal;
            if (excess >= 0) reached = Higher(reached, trial);
            else missed = Lower(missed, trial);
            // So little above the goal that a further trial would measure noise.
            if (excess >= 0 && excess < 0.5 * trial.Recall.StandardError) break;
            // Aims at the middle of that range.
            double wanted = Math.Log(Math.Max(1 - goal - (0.25 * trial.Recall.StandardError), LeastMiss));
            int next = level + (int)Math.Round(Math.Clamp((wanted - Miss(trial.Recall)) / estimate.Slope, -4 * Octave, 4 * Octave));
            // Known levels bound the guess. Between two of them it keeps a distance to both.
            if (reached is not null && missed is not null)
            {
                int low = reached.Level, high = missed.Level;
                if (high - low <= Resolution) break;
                next = Math.Clamp(next, low + 1, high - 1);
            }
            else if (reached is not null && next <= reached.Level + Resolution)
            {
                break;
            }
            else if (Math.Abs(next - level) < LeastStep)
            {
                next = reached is null ? level - LeastStep : level + LeastStep;
            }

            level = next;
        }

        // The target is beyond what eight bits an axis reach: the nearest level is taken.
        return reached ?? missed!;
    }

    /// <summary>Measures a level, with the codes that find more unless the caller chooses.</summary>
    /// <param name="level">64 · log2 of the water level.</param>
    /// <param name="unbiased">Whether to take unbiased codes; null takes those that find more.</param>
    public Trial AtLevel(int level, bool? unbiased)
    {
        Trial best = Measure(level, unbiased ?? true);
        return unbiased is null && Measure(level, unbiased: false) is var nearest && nearest.Recall.Value > best.Recall.Value
            ? nearest
            : best;
    }

    /// <summary>Codes the candidates at a level and measures the recall of the codes.</summary>
    public Trial Measure(int level, bool unbiased, bool? equalBytes = null)
    {
        PackedCoder coder = trainer.Build(level, equalBytes ?? EqualBytes ?? false);
        Recall[] recalls = MeasureRecalls(coder, unbiased, sample);
        return new Trial(coder, unbiased, recalls[TargetIndex]) { Recalls = recalls };
    }

    /// <summary>The index of the target's k among the sample's.</summary>
    private int TargetIndex => Math.Max(0, Array.FindLastIndex(sample.Ks, k => k <= PackedOptions.TargetNeighbors));

    private static bool Reaches(Trial trial, double target) => trial.Recall.Value >= Goal(trial.Recall, target, 1);

    /// <summary>The target and one standard error, but never so much that it cannot be reached.</summary>
    /// <param name="recall">The measured recall.</param>
    /// <param name="target">The target.</param>
    /// <param name="share">Share of the queries that it was measured on; the standard error is converted to that of all.</param>
    private static double Goal(Recall recall, double target, double share) =>
        Math.Min(target + (Math.Sqrt(share) * recall.StandardError), 1 - (0.5 * (1 - target)));

    /// <summary>Logarithm of the missed share of neighbours.</summary>
    private static double Miss(Recall recall) => Math.Log(Math.Max(1 - recall.Value, LeastMiss));

    private static Trial Higher(Trial? known, Trial trial) => known is null || trial.Level > known.Level ? trial : known;

    private static Trial Lower(Trial? known, Trial trial) => known is null || trial.Level < known.Level ? trial : known;

    private static string Describe(PackedCoder coder, Recall recall) => $"{coder.CodeBytes:F1} bytes of code: recall {recall.Value:F3}";

    /// <summary>
    /// Codes the candidates of a sample, measures each as soon as it is coded, and counts the exact neighbours among the nearest ten.
    /// </summary>
    private Recall[] MeasureRecalls(PackedCoder coder, bool unbiased, PackedTuningSample on)
    {
        PackedParameters p = coder.Model.Parameters;
        int queries = on.QueryCount, candidates = on.CandidateCount, most = on.Ks[^1];
        // x̂ = μ + B·u, so ⟨q, x̂⟩ = ⟨q, μ⟩ + ⟨Bᵀq, u⟩ and ‖x̂‖² = ‖μ‖² + 2⟨Bᵀμ, u⟩ + ‖u‖².
        var rotated = new float[p.Groups.Length][];
        var means = new float[p.Groups.Length][];
        for (int group = 0; group < rotated.Length; group++)
        {
            int rank = p.Groups[group].Rank;
            using var basis = new PackedMatrix(p.Groups[group].Basis, rank, p.Dimension);
            rotated[group] = new float[queries * rank];
            MatrixProduct.Multiply(on.Queries, queries, basis, rotated[group], threads, cancellationToken);
            means[group] = new float[rank];
            basis.Multiply(p.Mean, means[group]);
        }

        double meanSquared = Distances.Dot(p.Mean, p.Mean);
        double[] products = [.. Enumerable.Range(0, queries).Select(query => (double)Distances.Dot(on.Query(query), p.Mean))];
        var distances = new float[queries * candidates];
        Code(coder, unbiased, on.Rows.Length, on.Row, on.Cells, row =>
        {
            int cell = on.Cells[row.Row], group = p.CellGroups[cell];
            Span<float> u = row.Decoded;
            TensorPrimitives.Add(u, p.CellAnchors[cell], u);
            double squared = meanSquared + (2.0 * Distances.Dot(means[group], u)) + Distances.Dot(u, u);
            foreach (int appearance in on.Appearances(row.Row))
            {
                int query = appearance / candidates;
                double dot = products[query] + Distances.Dot(rotated[group].AsSpan(query * u.Length, u.Length), u);
                distances[appearance] = (float)(metric switch
                {
                    Metric.InnerProduct => -dot,
                    Metric.Cosine => -dot / Math.Sqrt(Math.Max(squared, 1e-30)),
                    _ => squared - (2 * dot),
                });
            }
        });

        int[][] hits = [.. on.Ks.Select(_ => new int[queries])];
        var nearest = new TopK(most);
        var found = new int[most];
        for (int query = 0; query < queries; query++)
        {
            nearest.Clear();
            ReadOnlySpan<int> rows = on.Exact(query, candidates);
            for (int i = 0; i < candidates; i++) nearest.Push(distances[(query * candidates) + i], rows[i]);
            nearest.CopyTo(found);
            for (int i = 0; i < hits.Length; i++)
            {
                foreach (int row in found.AsSpan(0, on.Ks[i]))
                {
                    if (rows[..on.Ks[i]].Contains(row)) hits[i][query]++;
                }
            }
        }

        return [.. hits.Select((counts, i) => Recall.FromHits(counts, on.Ks[i]))];
    }

    /// <summary>
    /// Codes the held-out rows, which are spread over the base, and returns the distance to the bound of their nearest codes and of the
    /// stored ones; null where there are no such rows.
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

    private void Code(
        PackedCoder coder, bool unbiased, int count, Func<int, ReadOnlySpan<float>> row, int[] cells, Action<PackedPass.CodedRow> take)
    {
        using var pass = new PackedPass(coder, tables, unbiased, backend, threads);
        pass.Code(count, row, cells, take, cancellationToken);
    }

    /// <summary>
    /// Result of the coarse search: the approximate level that reaches the target, and the slope of the logarithm of the missed share
    /// there.
    /// </summary>
    private sealed record Estimate(bool Unbiased, bool EqualBytes, double Level, double Slope, double CodeBytes);

    /// <summary>The coarse search: a part of the queries, their nearest candidates, and models that differ in bits alone.</summary>
    private sealed class CoarseSearch
    {
        /// <summary>
        /// Candidates of a query, in neighbours to find. Candidates beyond them hardly ever come among the nearest, and as seldom at one
        /// level as at the next.
        /// </summary>
        private const int CandidatesPerNeighbour = 2;

        /// <summary>Number of queries from which on every other one is enough.</summary>
        private const int ManyQueries = 500;

        /// <summary>
        /// Distance of levels between which an estimate is interpolated. If they were closer, the noise of coding anew would exceed the
        /// difference.
        /// </summary>
        private const int Near = 20;

        /// <summary>Levels that a model serves on either side of its own.</summary>
        private const int MostDistance = 40;

        private const int MostTrials = 8;

        /// <summary>Usual number of trials of a search, for the reported share.</summary>
        private const int UsualTrials = 10;

        private readonly PackedLevelSearch _search;
        private readonly PackedTuningSample _part;
        private readonly double _target, _share;
        private readonly Action<double, string> _progress;
        private readonly Dictionary<(int Level, bool Unbiased, bool EqualBytes), (PackedCoder Coder, Recall Recall)> _known = [];
        private PackedCoder? _model;
        private int _trials;

        public CoarseSearch(PackedLevelSearch search, double target, Action<double, string> progress)
        {
            (_search, _target, _progress) = (search, target, progress);
            PackedTuningSample all = search.Sample;
            int k = all.Ks[search.TargetIndex];
            _part = all.Part(all.QueryCount < ManyQueries ? 1 : 2, Math.Min(all.CandidateCount, CandidatesPerNeighbour * k), k);
            _share = (double)_part.QueryCount / all.QueryCount;
        }

        /// <summary>
        /// Finds which codes to take, and the approximate level that reaches the target. It returns one estimate, or one of each kind where
        /// nearest and unbiased codes find equally many.
        /// </summary>
        /// <param name="unbiased">Whether to take unbiased codes; null compares.</param>
        /// <param name="start">The first level.</param>
        public Estimate[] Find(bool? unbiased, int start)
        {
            bool equalFirst = _search.EqualBytes ?? false;
            Estimate best = Search(unbiased ?? true, equalFirst, start);
            if (unbiased is null)
            {
                int level = (int)Math.Round(best.Level);
                Recall nearest = Measure(level, false, equalFirst).Recall, other = Measure(level, true, equalFirst).Recall;
                double noise = Math.Sqrt(_share) * nearest.StandardError;
                if (nearest.Value > other.Value + noise) best = Search(false, equalFirst, level);
                else if (nearest.Value > other.Value - noise) return [Compared(best), Compared(Search(false, equalFirst, level))];
            }

            return [Compared(best)];
        }

        /// <summary>An estimate, or the one with equal bytes in all lists where it is better.</summary>
        private Estimate Compared(Estimate best)
        {
            int there = (int)Math.Round(best.Level);
            if (_search.EqualBytes is not null) return best;
            // Lists of equal bytes get what one water level for all gives on average. They are taken only if they find more, beyond noise.
            Recall recall = Measure(there, best.Unbiased, false).Recall, equal = Measure(there, best.Unbiased, true).Recall;
            if (equal.Value <= recall.Value + (0.5 * Math.Sqrt(_share) * equal.StandardError)) return best;
            Estimate other = Search(best.Unbiased, true, there);
            return other.CodeBytes < best.CodeBytes ? other : best;
        }

        private (PackedCoder Coder, Recall Recall) Measure(int level, bool unbiased, bool equalBytes)
        {
            if (_known.TryGetValue((level, unbiased, equalBytes), out (PackedCoder Coder, Recall Recall) known)) return known;
            // Bases, anchors and scales are as precise as a level needs them. Far from that level, bits alone do not help.
            if (_model is null || Math.Abs(_model.Model.Parameters.Level - level) > MostDistance) _model = _search.Trainer.Build(level);
            PackedCoder coder = _model.AtLevel(level, equalBytes);
            Recall recall = _search.MeasureRecalls(coder, unbiased, _part)[0];
            _trials++;
            _progress(CoarseShare * Math.Min(1, (double)_trials / UsualTrials), Describe(coder, recall));
            return _known[(level, unbiased, equalBytes)] = (coder, recall);
        }

        /// <summary>The excess of missed neighbours over the allowed share, in logarithms; it rises with the level.</summary>
        private double Excess(int level, bool unbiased, bool equalBytes)
        {
            Recall recall = Measure(level, unbiased, equalBytes).Recall;
            return Miss(recall) - Math.Log(1 - Goal(recall, _target, _share));
        }

        private Estimate Search(bool unbiased, bool equalBytes, int start)
        {
            (int Level, double Excess)? reached = null, missed = null;
            int level = start;
            double slope = TypicalSlope;
            for (int i = 0; i < MostTrials; i++)
            {
                double excess = Excess(level, unbiased, equalBytes);
                if (excess <= 0) reached = (level, excess);
                else missed = (level, excess);
                int next = level - (int)Math.Round(excess / slope);
                if (reached is { } low && missed is { } high)
                {
                    // Noise must not reverse the slope.
                    if (high.Level > low.Level)
                    {
                        slope = Math.Clamp((high.Excess - low.Excess) / (high.Level - low.Level), TypicalSlope / 2, TypicalSlope * 2);
                    }

                    if (high.Level - low.Level <= Near || Math.Abs(excess) < slope * Near / 2) break;
                    next = Math.Clamp(level - (int)Math.Round(excess / slope), low.Level + (Near / 2), high.Level - (Near / 2));
                }
                else
                {
                    if (Math.Abs(excess) < slope * Near / 2) break;
                    next = Math.Clamp(next, level - (4 * Octave), level + (4 * Octave));
                }

                level = next;
            }

            // From the nearer of the two, along the line between them.
            (int Level, double Excess) nearest = missed is null || (reached is { } r && -r.Excess < missed.Value.Excess)
                ? reached!.Value
                : missed.Value;
            double found = nearest.Level - (nearest.Excess / slope);
            return new Estimate(unbiased, equalBytes, found, slope, _model!.AtLevel((int)Math.Round(found), equalBytes).CodeBytes);
        }
    }
}
