using System.Numerics.Tensors;
using Vlc.Compute;
using Vlc.Evaluation;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Threading;
using Vlc.Scanning;

namespace Vlc.Codecs.Packed;

/// <summary>
/// Finds the water level of fewest bytes that reaches a recall. Only the rows exactly nearest to the queries are coded
/// (rows far beyond the k-th do not come near it at the recalls of interest), so that a trial costs a small part of an index.
/// </summary>
/// <param name="trainer">Builds the model of a level.</param>
/// <param name="code">The code of the axes.</param>
/// <param name="sample">Queries with their candidates.</param>
/// <param name="heldOut">Base rows held out of training, on which the distance to the bound is measured; may have none.</param>
/// <param name="metric">The metric.</param>
/// <param name="backend">Where paths are searched.</param>
/// <param name="threads">Threads to use.</param>
/// <param name="cancellationToken">Checked between steps.</param>
internal sealed class PackedLevelSearch(
    PackedTrainer trainer, TrellisCode code, PackedTuningSample sample, HeldOutRows heldOut, Metric metric, IComputeBackend backend, int threads,
    CancellationToken cancellationToken)
{
    private const int Octave = 64;

    /// <summary>Levels closer than this differ by less than the standard error.</summary>
    private const int Resolution = 2;

    /// <summary>Variances are whole eighths of an octave, so that shorter steps of the level often change no bit.</summary>
    private const int LeastStep = 6;

    /// <summary>Logarithm of the share missed for each step of the level: about 1.4 times as many are missed an octave higher.</summary>
    private const double TypicalSlope = 0.33 / Octave;

    /// <summary>Shares missed below this are as good as none.</summary>
    private const double LeastMiss = 1e-4;

    /// <summary>Share of the search that is reported when the outline is done.</summary>
    private const double OutlineShare = 0.5;

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

    private PackedTrainer Trainer => trainer;

    private PackedTuningSample Sample => sample;

    /// <summary>Whether all lists take the same bytes; null measures which finds more near the target.</summary>
    public bool? EqualBytes { get; init; }

    /// <summary>Searches for the highest level, so the fewest bits, whose recall reaches the target by one standard error.</summary>
    /// <remarks>
    /// First on an outline, a part of the queries with fewer candidates, where models of other levels are the first one with other bits: which codes to take and about
    /// where. Then, around there, on all queries with models of their own.
    /// </remarks>
    /// <param name="target">Recall to reach.</param>
    /// <param name="unbiased">Which codes to take; null takes those that find more near the target.</param>
    /// <param name="start">Level of the first trial.</param>
    /// <param name="progress">Hears the share done and where the search is.</param>
    public Trial ForRecall(double target, bool? unbiased, int start, Action<double, string> progress)
    {
        Trial? best = null;
        foreach (Estimate estimate in new CoarseSearch(this, target, progress).Find(unbiased, start))
        {
            Trial trial = Refine(target, estimate, progress);
            if (best is null || (Reaches(trial, target) && (!Reaches(best, target) || trial.Coder.CodeBytes < best.Coder.CodeBytes))) best = trial;
        }

        return best!;
    }

    /// <summary>
    /// The share of neighbours missed falls by about the same factor for each octave of the level: a straight line on the scale of its logarithm, with the slope that
    /// the outline has, says where to look next.
    /// </summary>
    private Trial Refine(double target, Estimate estimate, Action<double, string> progress)
    {
        const int MostTrials = 7;
        Trial? reached = null, missed = null;
        int level = (int)Math.Round(estimate.Level);
        for (int i = 0; i < MostTrials; i++)
        {
            Trial trial = Measure(level, estimate.Unbiased, estimate.EqualBytes);
            progress(OutlineShare + ((1 - OutlineShare) * (i + 1) / MostTrials), Describe(trial.Coder, trial.Recall));
            double goal = Goal(trial.Recall, target, 1), excess = trial.Recall.Value - goal;
            if (excess >= 0) reached = Higher(reached, trial);
            else missed = Lower(missed, trial);
            // So little above the goal that a further trial would measure noise.
            if (excess >= 0 && excess < 0.5 * trial.Recall.StandardError) break;
            // Into the middle of that range.
            double aim = Math.Log(Math.Max(1 - goal - (0.25 * trial.Recall.StandardError), LeastMiss));
            int next = level + (int)Math.Round(Math.Clamp((aim - Miss(trial.Recall)) / estimate.Slope, -4 * Octave, 4 * Octave));
            // What is known bounds the guess; between two known levels it stays off their edges.
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
        Recall[] recalls = MeasureRecalls(coder, unbiased, sample);
        return new Trial(coder, unbiased, recalls[Aim]) { Recalls = recalls };
    }

    /// <summary>Which of the sample's k the target is about.</summary>
    private int Aim => Math.Max(0, Array.FindLastIndex(sample.Ks, k => k <= PackedOptions.TargetNeighbors));

    private static bool Reaches(Trial trial, double target) => trial.Recall.Value >= Goal(trial.Recall, target, 1);

    /// <summary>The target and one standard error, but never so much that it cannot be reached.</summary>
    /// <param name="recall">What was measured.</param>
    /// <param name="target">The target.</param>
    /// <param name="share">Share of the queries that it was measured on; the standard error meant is that of all.</param>
    private static double Goal(Recall recall, double target, double share) => Math.Min(target + (Math.Sqrt(share) * recall.StandardError), 1 - (0.5 * (1 - target)));

    /// <summary>Logarithm of the share of neighbours missed.</summary>
    private static double Miss(Recall recall) => Math.Log(Math.Max(1 - recall.Value, LeastMiss));

    private static Trial Higher(Trial? known, Trial trial) => known is null || trial.Level > known.Level ? trial : known;

    private static Trial Lower(Trial? known, Trial trial) => known is null || trial.Level < known.Level ? trial : known;

    private static string Describe(PackedCoder coder, Recall recall) => $"{coder.CodeBytes:F1} bytes of code: recall {recall.Value:F3}";

    /// <summary>Codes the candidates of a sample, measures their distances as soon as each is coded, and counts what the nearest ten of them have of the exact ones.</summary>
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
            foreach (int place in on.Appearances(row.Row))
            {
                int query = place / candidates;
                double dot = products[query] + Distances.Dot(rotated[group].AsSpan(query * u.Length, u.Length), u);
                distances[place] = (float)(metric switch
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

    private void Code(PackedCoder coder, bool unbiased, int count, Func<int, ReadOnlySpan<float>> row, int[] cells, Action<PackedPass.CodedRow> take)
    {
        using var pass = new PackedPass(coder, code, unbiased, backend, threads);
        pass.Code(count, row, cells, take, cancellationToken);
    }

    /// <summary>Where a search is to go on: about the level that reaches the target, and how the logarithm of the share missed rises with the level there.</summary>
    private sealed record Estimate(bool Unbiased, bool EqualBytes, double Level, double Slope, double CodeBytes);

    /// <summary>The search in outline: a part of the queries, the nearest of their candidates, and models that differ in bits alone.</summary>
    private sealed class CoarseSearch
    {
        /// <summary>Candidates of a query, in neighbours to find: those beyond hardly ever come among the nearest, and as seldom at one level as at the next.</summary>
        private const int CandidatesPerNeighbour = 2;

        /// <summary>Queries from which on every other one is enough.</summary>
        private const int ManyQueries = 500;

        /// <summary>Levels within which an estimate lies before it is interpolated: finer, the noise of coding anew is larger than the difference.</summary>
        private const int Near = 20;

        /// <summary>Levels that a model serves on either side of its own.</summary>
        private const int MostDistance = 40;

        private const int MostTrials = 8;

        /// <summary>Trials that a search takes as a rule, for the share reported.</summary>
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
            int k = all.Ks[search.Aim];
            _part = all.Part(all.QueryCount < ManyQueries ? 1 : 2, Math.Min(all.CandidateCount, CandidatesPerNeighbour * k), k);
            _share = (double)_part.QueryCount / all.QueryCount;
        }

        /// <summary>Finds which codes to take, and about which level reaches the target: one estimate, or where nearest and unbiased codes find as many, one of each.</summary>
        /// <param name="unbiased">Which codes to take; null compares.</param>
        /// <param name="start">Where to begin.</param>
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

        /// <summary>An estimate, or that with equal bytes in all lists where it is better.</summary>
        private Estimate Compared(Estimate best)
        {
            int there = (int)Math.Round(best.Level);
            if (_search.EqualBytes is not null) return best;
            // Lists of equal bytes take what one water level for all gives on average. Where they find no more, beyond noise, the level stays.
            Recall recall = Measure(there, best.Unbiased, false).Recall, equal = Measure(there, best.Unbiased, true).Recall;
            if (equal.Value <= recall.Value + (0.5 * Math.Sqrt(_share) * equal.StandardError)) return best;
            Estimate other = Search(best.Unbiased, true, there);
            return other.CodeBytes < best.CodeBytes ? other : best;
        }

        private (PackedCoder Coder, Recall Recall) Measure(int level, bool unbiased, bool equalBytes)
        {
            if (_known.TryGetValue((level, unbiased, equalBytes), out (PackedCoder Coder, Recall Recall) known)) return known;
            // Bases, anchors and scales are as precise as a level wants them: far from theirs, bits alone do not help.
            if (_model is null || Math.Abs(_model.Model.Parameters.Level - level) > MostDistance) _model = _search.Trainer.Build(level);
            PackedCoder coder = _model.AtLevel(level, equalBytes);
            Recall recall = _search.MeasureRecalls(coder, unbiased, _part)[0];
            _trials++;
            _progress(OutlineShare * Math.Min(1, (double)_trials / UsualTrials), Describe(coder, recall));
            return _known[(level, unbiased, equalBytes)] = (coder, recall);
        }

        /// <summary>How much more is missed than may be, in logarithms: rises with the level.</summary>
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
                    // Noise must not turn the line around.
                    if (high.Level > low.Level) slope = Math.Clamp((high.Excess - low.Excess) / (high.Level - low.Level), TypicalSlope / 2, TypicalSlope * 2);
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

            // From the nearest of the two, along the line between them.
            (int Level, double Excess) nearest = missed is null || (reached is { } r && -r.Excess < missed.Value.Excess) ? reached!.Value : missed.Value;
            double found = nearest.Level - (nearest.Excess / slope);
            return new Estimate(unbiased, equalBytes, found, slope, _model!.AtLevel((int)Math.Round(found), equalBytes).CodeBytes);
        }
    }
}
