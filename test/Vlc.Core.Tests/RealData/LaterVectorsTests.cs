using Vlc.Anchors;
using Vlc.Codecs.Packed;
using Vlc.Evaluation;
using Vlc.Formats;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;
using Vlc.Search;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.RealData;

/// <summary>What is learned on a part of the vectors codes the others nearly as well.</summary>
public sealed class LaterVectorsTests
{
    private const int K = 10, Rows = 15_000, Cells = 64;

    [Fact]
    public void Vectors_that_training_did_not_see_take_the_same_bytes_and_are_found_as_often()
    {
        using VectorSource source = VectorFiles.Open(RepositoryPaths.SharedData("words-64k-200d.base.npy"));
        using VectorSource querySource = VectorFiles.Open(RepositoryPaths.SharedData("words-64k-200d.query.npy"));
        int d = source.Dimension, threads = Environment.ProcessorCount;
        CancellationToken cancel = TestContext.Current.CancellationToken;
        float[] rows = Read(source, Rows), queries = Read(querySource, 300);
        bool[] trained = new bool[Rows];
        foreach (long row in new SeededRandom(1).NextSubset(Rows, Rows / 3)) trained[row] = true;
        int[] ids = [.. Enumerable.Range(0, Rows).Where(row => trained[row])];
        float[] sample = [.. ids.SelectMany(row => rows[(row * d)..((row + 1) * d)])];
        (float[] anchors, _) = AnchorTrainer.Train(sample, d, Datasets.Training(Cells), cancellationToken: cancel);
        var cells = new int[Rows];
        var halfNorms = new float[Cells];
        NearestColumn.HalfSquaredNorms(anchors, d, halfNorms);
        using (var packed = new PackedMatrix(anchors, Cells, d))
        {
            NearestColumn.Assign(rows, packed, halfNorms, cells, new float[Rows], threads, cancel);
        }

        var trainer = new PackedTrainer(
            sample, d, [.. ids.Select(row => cells[row])], anchors,
            new PackedOptions { GroupCount = 1 }, Rows, unitLength: true, threads, cancel);
        // Eleven octaves of the level below the first bit: codes that find most neighbours.
        PackedCoder coder = trainer.Build(trainer.MiddleLevel - 704);
        float[] back = Reconstruct(coder, rows, cells, d, out int[] strides);
        double trainedBytes = ids.Average(row => strides[row]), laterBytes = strides.Where((_, row) => !trained[row]).Average();
        Assert.InRange(laterBytes / trainedBytes, 0.9, 1.1);

        int[] exact = Nearest(rows), found = Nearest(back);
        double[] hits = new double[2], neighbours = new double[2];
        for (int i = 0; i < exact.Length; i++)
        {
            int kind = trained[exact[i]] ? 0 : 1;
            neighbours[kind]++;
            if (found.AsSpan(i / K * K, K).Contains(exact[i])) hits[kind]++;
        }

        double recallTrained = hits[0] / neighbours[0], recallLater = hits[1] / neighbours[1];
        Assert.True(
            recallLater >= 0.93 && recallLater >= recallTrained - 0.025,
            $"{recallLater:F4} of later rows, {recallTrained:F4} of those trained on, {laterBytes:F1} bytes");

        int[] Nearest(float[] all)
        {
            var nearest = new ExactNeighbors(queries, d, K, Metric.Cosine, threads);
            nearest.Add(all, Rows, 0, cancel);
            return nearest.Ids();
        }
    }

    private static float[] Reconstruct(PackedCoder coder, float[] rows, int[] cells, int d, out int[] strides)
    {
        PackedParameters p = coder.Model.Parameters;
        var back = new float[rows.Length];
        strides = new int[cells.Length];
        using var rotation = new PackedRotation(p);
        using var session = new PackedCoder.Session(coder, BitshiftCode.Designed);
        for (int row = 0; row < cells.Length; row++)
        {
            float[] residual = rotation.Residual(rows.AsSpan(row * d, d), cells[row], out double energy);
            int list = coder.ListOf(cells[row], residual);
            var decoded = new float[residual.Length];
            session.Code(list, residual, energy, unbiased: false, decoded);
            Span<float> vector = back.AsSpan(row * d, d);
            p.Mean.CopyTo(vector);
            for (int axis = 0; axis < decoded.Length; axis++)
            {
                float coordinate = decoded[axis] + p.CellAnchors[cells[row]][axis];
                for (int k = 0; k < d; k++) vector[k] += coordinate * p.Groups[0].Basis[(axis * d) + k];
            }

            UnitLength.TryNormalize(vector);
            strides[row] = coder.Model[list].Stride;
        }

        return back;
    }

    private static float[] Read(VectorSource source, int count)
    {
        var rows = new float[count * source.Dimension];
        new PreparedRows(source, Metric.Cosine, 0).Read(0, count, rows, CancellationToken.None);
        return rows;
    }
}
