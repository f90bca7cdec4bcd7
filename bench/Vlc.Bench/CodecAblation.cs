using System.Globalization;
using Vlc.Numerics.Kernels;
using Vlc.Codecs;
using Vlc.Codecs.Packed;

namespace Vlc.Bench;

/// <summary>
/// The value of each part of the packed codec: whole-index bytes a vector at which recall@10 of an exhaustive scan reaches the target, with
/// one part at a time left out. All variants of a set share anchors, cells and queries.
/// </summary>
internal static class CodecAblation
{
    private const int GapRows = 10_000;

    private static readonly int[] s_steps = [-50, -30, -10, 10, 30, 50];

    private static readonly Variant[] s_variants =
    [
        new("shipped"),
        new("one basis") { GroupCount = 1 },
        new("axes of the input, no basis") { Design = new PackedDesign { InputAxes = true } },
        new("no axis weight") { Design = new PackedDesign { AxisWeightQuarters = 0 } },
        new("no list weight") { Design = new PackedDesign { ListWeights = false } },
        new("equal bytes in all lists") { EqualBytes = true },
        new("Lloyd-Max for the trellis") { Scalar = true },
        new("always the nearest code") { Unbiased = false },
        new("always the unbiased code") { Unbiased = true },
        new("no Jacobians: one profile a group") { Design = new PackedDesign { CellScales = false } },
        new("one class a cell") { ClassCount = 1 },
        new("basis rounded as with many vectors") { Design = new PackedDesign { BasisNoiseFactor = 0 } },
        new("basis rounded twice as coarsely") { Design = new PackedDesign { BasisNoiseFactor = 20 } },
        new("bases and anchors in float16")
        {
            Design = new PackedDesign { BasisNoiseShare = 1e-6, AnchorStepShare = 1e-3 }, Float16 = true,
        },
    ];

    /// <param name="arguments">
    /// Names of sets; <c>--held-out</c> asks base rows held out of training instead of the set's queries; <c>--target R</c>, 0.95 by
    /// default; <c>--rows N</c>, the first of the base only; <c>--only TEXT</c> variants whose names contain it.
    /// </param>
    public static int Run(string[] arguments)
    {
        var sets = new List<string>();
        bool heldOut = false;
        double target = 0.95;
        int rows = int.MaxValue;
        string only = "";
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--held-out": heldOut = true; break;
                case "--target": target = double.Parse(arguments[++i], CultureInfo.InvariantCulture); break;
                case "--rows": rows = int.Parse(arguments[++i], CultureInfo.InvariantCulture); break;
                case "--only": only = arguments[++i]; break;
                default: sets.Add(arguments[i]); break;
            }
        }

        Console.WriteLine(
            "| set | variant | code | bytes/vector | of them code | bases | anchors | scales | assignments | K | rank | gap, bit/axis |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (RealSet set in RealSet.Chosen([.. sets]))
        {
            Foundation foundation = Foundation.Of(set, heldOut, rows);
            foreach (Variant variant in s_variants.Where(variant => variant.Name.Contains(only, StringComparison.Ordinal)))
            {
                Measure(set.Name, foundation, variant, target);
            }
        }

        return 0;
    }

    private static void Measure(string set, Foundation foundation, Variant variant, double target)
    {
        var options = new PackedOptions { GroupCount = variant.GroupCount, ClassCount = variant.ClassCount };
        PackedTrainer trainer = foundation.Trainer(options, variant.Design);
        using TrellisTables? scalar = variant.Scalar ? LloydMax.Tables() : null;
        PackedLevelSearch search = foundation.Search(trainer, scalar);

        // First to the level whose recall is about the target, then a line through levels around it, since recall at one level jitters by a
        // thousandth.
        int level = trainer.MiddleLevel - (2 * 64 * 3);
        bool unbiased = variant.Unbiased ?? true;
        for (int i = 0; i < 4; i++)
        {
            PackedLevelSearch.Trial trial = search.Measure(level, unbiased, variant.EqualBytes);
            int step = (int)Math.Round((Math.Log(1 - target) - Missed(trial)) / (0.33 / 64));
            level += Math.Clamp(step, -200, 200);
            if (Math.Abs(step) < 24) break;
        }

        if (variant.Unbiased is null)
        {
            unbiased = search.Measure(level, unbiased: true, variant.EqualBytes).Recall.Value
                >= search.Measure(level, unbiased: false, variant.EqualBytes).Recall.Value;
        }

        PackedLevelSearch.Trial[] trials = [.. s_steps.Select(step => search.Measure(level + step, unbiased, variant.EqualBytes))];
        double[] levels = [.. trials.Select(trial => (double)Level(trial))];
        (double intercept, double slope) = Line(levels, [.. trials.Select(Missed)]);
        double reached = (Math.Log(1 - target) - intercept) / slope;
        double[][] parts = [.. trials.Select(trial => Bytes(trial, variant, foundation))];
        double[] bytes = [.. Enumerable.Range(0, parts[0].Length).Select(part =>
        {
            (double at, double rise) = Line(levels, [.. parts.Select(all => all[part])]);
            return at + (rise * reached);
        })];
        PackedLevelSearch.Trial nearest = trials.MinBy(trial => Math.Abs(Level(trial) - reached))!;
        PackedParameters p = nearest.Coder.Model.Parameters;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {set} | {variant.Name} | {(unbiased ? "unbiased" : "nearest")} | {bytes.Sum():F1} | {bytes[0]:F1} | {bytes[1]:F2} | "
            + $"{bytes[2]:F2} | {bytes[3]:F2} | {bytes[4]:F2} | "
            + $"{p.Groups.Length} | {p.Groups.Max(group => group.Rank)} | "
            + $"{Gap(nearest, scalar ?? TrellisTables.Designed, foundation):F3} |"));
    }

    private static int Level(PackedLevelSearch.Trial trial) => trial.Coder.Model.Parameters.Level;

    private static double Missed(PackedLevelSearch.Trial trial) => Math.Log(1 - trial.Recall.Value);

    /// <summary>Least squares.</summary>
    private static (double Intercept, double Slope) Line(double[] x, double[] y)
    {
        double meanX = x.Average(), meanY = y.Average();
        double slope = x.Zip(y, (a, b) => (a - meanX) * (b - meanY)).Sum() / x.Sum(a => (a - meanX) * (a - meanX));
        return (meanY - (slope * meanX), slope);
    }

    /// <summary>Bytes a vector of codes, bases, anchors, scales, assignments, and the rest.</summary>
    private static double[] Bytes(PackedLevelSearch.Trial trial, Variant variant, Foundation foundation)
    {
        PackedParameters p = trial.Coder.Model.Parameters;
        double n = foundation.Count;
        double bases = variant.Design is { InputAxes: true } ? 0
            : variant.Float16 ? p.Groups.Sum(group => 2.0 * group.Rank * (p.Dimension + 1))
            : PackedSections.WriteBases(p).Length;
        double anchors = variant.Float16 ? p.CellGroups.Sum(group => 2.0 * p.Groups[group].Rank) : PackedSections.WriteAnchors(p).Length;
        double scales = variant.Design is { CellScales: false }
            ? p.CellCount * (PackedSections.BitsFor(p.Groups.Length) + (PackedModel.GainBits * p.ClassCount)) / 8.0
            : PackedSections.WriteScales(p).Length;
        const int ManifestBytes = 64 + (7 * 32) + (40 * 12) + 4;
        double rest = ManifestBytes + PackedSections.WriteHeader(p).Length + (2 * TrellisTables.MaxBits * TrellisTables.StateCount);
        return
        [
            trial.Coder.CodeBytes, bases / n, anchors / n, scales / n,
            CodecModel.AssignmentBytes(foundation.Count, PackedSections.BitsFor(trial.Coder.Model.ListCount)) / n, rest / n,
        ];
    }

    /// <summary>Bits by which a coded axis misses the Gaussian bound of its model, over the rows near the queries.</summary>
    private static double Gap(PackedLevelSearch.Trial trial, TrellisTables tables, Foundation foundation)
    {
        using var rotation = new PackedRotation(trial.Coder.Model.Parameters);
        using var session = new PackedCoder.Session(trial.Coder, tables);
        var counts = new int[trial.Coder.Model.ListCount];
        double error = 0;
        int step = Math.Max(1, foundation.Tuning.Rows.Length / GapRows);
        for (int i = 0; i < foundation.Tuning.Rows.Length; i += step)
        {
            float[] residual = rotation.Residual(foundation.Tuning.Row(i), foundation.Tuning.Cells[i], out double energy);
            int list = trial.Coder.ListOf(foundation.Tuning.Cells[i], residual);
            var decoded = new float[residual.Length];
            session.Code(list, residual, energy, trial.Unbiased, decoded);
            error += trial.Coder.Model.WeightedError(list, residual, decoded);
            counts[list]++;
        }

        return BoundDistance.Of(trial.Coder.Model, counts, error).BitsPerCodedAxis;
    }

    /// <summary>A codec with one part left out.</summary>
    private sealed record Variant(string Name)
    {
        public int? GroupCount { get; init; }

        public int? ClassCount { get; init; }

        public bool? Unbiased { get; init; }

        public bool Scalar { get; init; }

        public bool Float16 { get; init; }

        public bool EqualBytes { get; init; }

        public PackedDesign? Design { get; init; }
    }
}
