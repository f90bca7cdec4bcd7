using System.Globalization;
using Vlc.Anchors;
using Vlc.Formats;
using Vlc.Indexing;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;
using Vlc.Residuals.Packed;
using Vlc.Search;
using Vlc.Vectors;

namespace Vlc.Bench;

/// <summary>
/// What each part of the packed codec is worth: whole-index bytes a vector at which recall@10 of an exhaustive scan is the target, with one part at a time left out.
/// Anchors, cells and queries are the same for all variants of a set.
/// </summary>
internal static class CodecAblation
{
    private const int K = 10, Candidates = 100, HeldOutRows = 1000;

    private static readonly Variant[] s_variants =
    [
        new("shipped"),
        new("one basis") { GroupCount = 1 },
        new("no axis weight") { Design = new PackedDesign { AxisWeightQuarters = 0 } },
        new("no list weight") { Design = new PackedDesign { ListWeights = false } },
        new("equal bytes in all lists") { Design = new PackedDesign { EqualBytes = true } },
        new("Lloyd-Max for the trellis") { Scalar = true },
        new("nearest code, not the unbiased") { Unbiased = false },
        new("no Jacobians: one profile a group") { Design = new PackedDesign { CellScales = false } },
        new("one class a cell") { ClassCount = 1 },
        new("bases and anchors in float16") { Design = new PackedDesign { BasisNoiseShare = 1e-6, AnchorStepShare = 1e-3 }, Float16 = true },
    ];

    /// <param name="arguments">
    /// Names of sets; <c>--held-out</c> asks base rows held out of training instead of the set's queries; <c>--target R</c>, 0.95 by default; <c>--only TEXT</c> variants
    /// whose names contain it.
    /// </param>
    public static int Run(string[] arguments)
    {
        var sets = new List<string>();
        bool heldOut = false;
        double target = 0.95;
        string only = "";
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--held-out": heldOut = true; break;
                case "--target": target = double.Parse(arguments[++i], CultureInfo.InvariantCulture); break;
                case "--only": only = arguments[++i]; break;
                default: sets.Add(arguments[i]); break;
            }
        }

        Console.WriteLine("| set | variant | bytes/vector | of them code | bases | anchors | scales | assignments | K | rank | gap, bit/axis |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (RealSet set in RealSet.Chosen([.. sets]))
        {
            Collection collection = Prepare(set, heldOut);
            foreach (Variant variant in s_variants.Where(variant => variant.Name.Contains(only, StringComparison.Ordinal))) Measure(set.Name, collection, variant, target);
        }

        return 0;
    }

    /// <summary>Anchors and cells as an index of default options has them, and queries with their exact neighbours.</summary>
    private static Collection Prepare(RealSet set, bool heldOut)
    {
        using VectorSource source = VectorFiles.Open(set.BasePath);
        int d = source.Dimension, n = (int)source.Count, threads = Environment.ProcessorCount;
        float largest = RealSet.ReadAll(set.BasePath).Max(MathF.Abs);
        int exponent = set.Metric == Metric.Cosine ? 9 : 9 - MathF.ILogB(largest);
        var prepared = new PreparedRows(source, set.Metric, exponent);
        var rows = new float[(long)n * d];
        prepared.Read(0, n, rows, CancellationToken.None);
        int m = PackedEncoding.DefaultAnchorCount(n, d);
        int training = (int)Math.Min(Math.Max(128L * m, 160L * d), n - HeldOutRows);
        var random = new SeededRandom(1, 0x5A3);
        long[] drawn = random.NextSubset(n, training + HeldOutRows), places = random.NextSubset(drawn.Length, HeldOutRows);
        int[] heldOutIds = [.. places.Select(place => (int)drawn[place])];
        int[] trainingIds = [.. drawn.Select(id => (int)id).Except(heldOutIds)];
        float[] sample = Gather(rows, d, trainingIds);
        (float[] anchors, _) = AnchorTrainer.Train(sample, d, new AnchorTrainingOptions { AnchorCount = m });
        var halfNorms = new float[m];
        NearestColumn.HalfSquaredNorms(anchors, d, halfNorms);
        var cells = new int[n];
        using (var packed = new PackedMatrix(anchors, m, d)) NearestColumn.Assign(rows, packed, halfNorms, cells, new float[n], threads, CancellationToken.None);

        float[] queries;
        ExactNeighbors exact;
        if (heldOut)
        {
            queries = Gather(rows, d, heldOutIds);
            exact = new ExactNeighbors(queries, d, Candidates, set.Metric, threads, heldOutIds);
        }
        else
        {
            using VectorSource querySource = VectorFiles.Open(set.QueryPath);
            queries = new float[querySource.Count * d];
            new PreparedRows(querySource, set.Metric, exponent).Read(0, (int)querySource.Count, queries, CancellationToken.None);
            exact = new ExactNeighbors(queries, d, Candidates, set.Metric, threads);
        }

        exact.Offer(rows, n, 0, CancellationToken.None);
        int[] ids = exact.Ids(), candidates = [.. ids.Distinct().Order()];
        var tuning = new PackedTuningSample(
            queries, d, ids, Candidates, K, candidates, Gather(rows, d, candidates), [.. candidates.Select(id => cells[id])]);
        return new Collection(n, d, set.Metric, sample, [.. trainingIds.Select(id => cells[id])], anchors, tuning);
    }

    private static void Measure(string set, Collection collection, Variant variant, double target)
    {
        var options = new PackedOptions { GroupCount = variant.GroupCount, ClassCount = variant.ClassCount };
        var trainer = new PackedTrainer(
            collection.Sample, collection.Dimension, collection.SampleCells, collection.Anchors, options, collection.Count, collection.Metric == Metric.Cosine,
            Environment.ProcessorCount, CancellationToken.None, variant.Design);
        using TrellisTables? scalar = variant.Scalar ? LloydMax.Tables() : null;
        var search = new PackedLevelSearch(
            trainer, scalar ?? TrellisTables.Designed, collection.Tuning, collection.Metric, Environment.ProcessorCount, CancellationToken.None);

        // Regula falsi on the logarithm of the share missed, until two levels next to each other have the target between them.
        int level = trainer.MiddleLevel - (2 * 64 * 3);
        PackedLevelSearch.Trial? above = null, below = null;
        for (int i = 0; i < 9 && (above is null || below is null || Math.Abs(Level(below) - Level(above)) > 24); i++)
        {
            PackedLevelSearch.Trial trial = search.Measure(level, variant.Unbiased ?? true);
            if (variant.Unbiased is null && i == 0)
            {
                PackedLevelSearch.Trial nearest = search.Measure(level, unbiased: false);
                if (nearest.Recall.Value > trial.Recall.Value) (variant, trial) = (variant with { Unbiased = false }, nearest);
            }

            if (trial.Recall.Value >= target) above = trial;
            else below = trial;
            level = above is null || below is null
                ? level + Math.Clamp((int)Math.Round((Math.Log(1 - target) - Missed(trial)) / (0.33 / 64)), -150, 150) + (above is null ? -8 : 8)
                : Level(above) + (int)Math.Round(Math.Clamp(Share(above, below, target), 0.2, 0.8) * (Level(below) - Level(above)));
        }

        if (above is null || below is null)
        {
            Console.WriteLine($"| {set} | {variant.Name} | not reached | | | | | | | | |");
            return;
        }

        double share = Share(above, below, target);
        double[] bytes = [.. Bytes(above, variant, collection).Zip(Bytes(below, variant, collection), (a, b) => a + (share * (b - a)))];
        PackedParameters p = above.Coder.Model.Parameters;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {set} | {variant.Name}{(variant.Unbiased == false && !variant.Name.StartsWith("nearest", StringComparison.Ordinal) ? " (nearest code)" : "")} | {bytes.Sum():F1} | {bytes[0]:F1} | {bytes[1]:F2} | {bytes[2]:F2} | {bytes[3]:F2} | {bytes[4]:F2} "
            + $"| {p.Groups.Length} | {p.Groups.Max(group => group.Rank)} | |"));
    }

    private static int Level(PackedLevelSearch.Trial trial) => trial.Coder.Model.Parameters.Level;

    private static double Missed(PackedLevelSearch.Trial trial) => Math.Log(1 - trial.Recall.Value);

    private static double Share(PackedLevelSearch.Trial above, PackedLevelSearch.Trial below, double target) =>
        (Math.Log(1 - target) - Missed(above)) / (Missed(below) - Missed(above));

    /// <summary>Bytes a vector of codes, bases, anchors, scales, assignments, and the rest.</summary>
    private static double[] Bytes(PackedLevelSearch.Trial trial, Variant variant, Collection collection)
    {
        PackedParameters p = trial.Coder.Model.Parameters;
        double n = collection.Count;
        double bases = variant.Float16 ? p.Groups.Sum(group => 2.0 * group.Rank * (p.Dimension + 1)) : PackedSections.WriteBases(p).Length;
        double anchors = variant.Float16 ? p.CellGroups.Sum(group => 2.0 * p.Groups[group].Rank) : PackedSections.WriteAnchors(p).Length;
        double scales = variant.Design is { CellScales: false }
            ? p.CellCount * (PackedSections.BitsFor(p.Groups.Length) + (PackedModel.GainBits * p.ClassCount)) / 8.0
            : PackedSections.WriteScales(p).Length;
        const int ManifestBytes = 64 + (7 * 32) + (40 * 12) + 4;
        double rest = ManifestBytes + PackedSections.WriteHeader(p).Length + (2 * TrellisTables.MaxBits * TrellisTables.StateCount);
        return
        [
            trial.Coder.CodeBytes, bases / n, anchors / n, scales / n,
            PackedSections.AssignmentBytes(collection.Count, trial.Coder.Model.ListCount) / n, rest / n,
        ];
    }

    private static float[] Gather(float[] rows, int d, int[] ids)
    {
        var gathered = new float[ids.Length * d];
        for (int i = 0; i < ids.Length; i++) rows.AsSpan(ids[i] * d, d).CopyTo(gathered.AsSpan(i * d));
        return gathered;
    }

    /// <summary>A codec with one part left out.</summary>
    private sealed record Variant(string Name)
    {
        public int? GroupCount { get; init; }

        public int? ClassCount { get; init; }

        public bool? Unbiased { get; init; }

        public bool Scalar { get; init; }

        public bool Float16 { get; init; }

        public PackedDesign? Design { get; init; }
    }

    private sealed record Collection(
        int Count, int Dimension, Metric Metric, float[] Sample, int[] SampleCells, float[] Anchors, PackedTuningSample Tuning);
}
