using Vlc.Anchors;
using Vlc.Codecs;
using Vlc.Codecs.Packed;
using Vlc.Compute;
using Vlc.Evaluation;
using Vlc.Formats;
using Vlc.Indexing;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;
using Vlc.Search;
using Vlc.Vectors;

namespace Vlc.Bench;

/// <summary>
/// The input of the packed codec, in memory: rows in scaled units, anchors and cells as an index of default options has them, and queries
/// with their exact neighbours.
/// </summary>
internal sealed record Foundation(
    int Count, int Dimension, Metric Metric, float[] Rows, int[] Cells, int[] TrainingIds, float[] Sample, int[] SampleCells,
    float[] Anchors, float[] Queries,
    PackedTuningSample Tuning)
{
    public const int K = 10;

    private const int Candidates = 100, HeldOutRows = 1000;

    public PackedTrainer Trainer(PackedOptions options, PackedDesign? design = null) => new(
        Sample, Dimension, SampleCells, Anchors, options, Count, Metric == Metric.Cosine, Environment.ProcessorCount,
        CancellationToken.None, design);

    public PackedLevelSearch Search(PackedTrainer trainer, TrellisTables? tables = null) => new(
        trainer, tables ?? TrellisTables.Designed, Tuning, new HeldOutRows([], Dimension, []), Metric,
        new CpuBackend(Environment.ProcessorCount), Environment.ProcessorCount,
        CancellationToken.None);

    /// <summary>Computes the foundation of a set.</summary>
    /// <param name="set">The set.</param>
    /// <param name="heldOut">Whether the queries are base rows held out of training instead of the set's own.</param>
    /// <param name="mostRows">Number of rows to use from the start of the base.</param>
    /// <param name="trainedShare">Share of the rows that training may draw from, chosen by a seed.</param>
    public static Foundation Of(RealSet set, bool heldOut, int mostRows = int.MaxValue, double trainedShare = 1)
    {
        using VectorSource source = VectorFiles.Open(set.BasePath);
        int d = source.Dimension, n = (int)Math.Min(source.Count, mostRows), threads = Environment.ProcessorCount;
        float largest = RealSet.ReadAll(set.BasePath).Max(MathF.Abs);
        int exponent = set.Metric == Metric.Cosine ? 9 : 9 - MathF.ILogB(largest);
        var prepared = new PreparedRows(source, set.Metric, exponent);
        var rows = new float[(long)n * d];
        prepared.Read(0, n, rows, CancellationToken.None);
        int m = PackedLearner.AnchorsFor(n, d);
        int heldOutCount = Math.Min(HeldOutRows, n / 10);
        int training = (int)Math.Min(Math.Max(128L * m, 160L * d), (long)(trainedShare * n) - heldOutCount);
        var random = new SeededRandom(1, 0x5A3);
        long[] drawn = random.NextSubset(n, training + heldOutCount), positions = random.NextSubset(drawn.Length, heldOutCount);
        int[] heldOutIds = [.. positions.Select(position => (int)drawn[position])];
        int[] trainingIds = [.. drawn.Select(id => (int)id).Except(heldOutIds)];
        float[] sample = Gather(rows, d, trainingIds);
        (float[] anchors, _) = AnchorTrainer.Train(sample, d, new AnchorTrainingOptions { AnchorCount = m });
        var halfNorms = new float[m];
        NearestColumn.HalfSquaredNorms(anchors, d, halfNorms);
        var cells = new int[n];
        using (var packed = new PackedMatrix(anchors, m, d))
        {
            NearestColumn.Assign(rows, packed, halfNorms, cells, new float[n], threads, CancellationToken.None);
        }

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

        exact.Add(rows, n, 0, CancellationToken.None);
        int[] ids = exact.Ids(), candidates = [.. ids.Distinct().Order()];
        var tuning = new PackedTuningSample(
            queries, d, ids, Candidates, [K], candidates, Gather(rows, d, candidates), [.. candidates.Select(id => cells[id])]);
        return new Foundation(
            n, d, set.Metric, rows, cells, trainingIds, sample, [.. trainingIds.Select(id => cells[id])], anchors, queries, tuning);
    }

    private static float[] Gather(float[] rows, int d, int[] ids)
    {
        var gathered = new float[ids.Length * d];
        for (int i = 0; i < ids.Length; i++) rows.AsSpan(ids[i] * d, d).CopyTo(gathered.AsSpan(i * d));
        return gathered;
    }
}
