using System.Numerics.Tensors;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;
using Vlc.Vectors;

namespace Vlc.Indexing;

/// <summary>What sampling yields: rows in scaled units, their centre, and rows held out of training.</summary>
internal sealed record TrainingSample(
    float[] Rows, int[] TrainingIds, float[] HeldOutRows, int[] HeldOutIds, int ScaleExponent, float[] Centre)
{
    public float[] Rows { get; private set; } = Rows;

    /// <summary>Gives the training rows back: no later stage looks at them.</summary>
    public void ReleaseRows() => Rows = [];
}

/// <summary>The tuning sample, in scaled units; the numbers of its rows where they are rows of the base, else none.</summary>
internal sealed record TuningSample(float[] Rows, int[] OwnRows);

/// <summary>
/// Stage 1: draws rows to train on and, apart from them, rows to tune on, and chooses the scale of everything that follows.
/// </summary>
internal static class SampleStage
{
    private const ulong SampleStream = 0x5A3, QueryStream = 0x5A4;

    /// <summary>Bytes of the training rows at most.</summary>
    private const long MostTrainingBytes = 384L << 20;

    /// <summary>Rows that lie this close together are read at once.</summary>
    private const int ReadAhead = 16;

    /// <summary>Draws both samples; a source that is read by range is read at these rows only.</summary>
    public static (TrainingSample Training, TuningSample Tuning) Run(BuildContext context)
    {
        TrainingSample sample = Draw(context);
        TuningSample tuning = context.Options.TuningQueries is { } offered
            ? DrawQueries(context, offered, sample.ScaleExponent)
            : new TuningSample(sample.HeldOutRows, sample.HeldOutIds);
        return (sample, tuning);
    }

    private static TrainingSample Draw(BuildContext context)
    {
        int d = context.Dimension, count = context.Count, anchorCount = context.AnchorCount;
        int heldOut = count < 100 ? 0 : Math.Min(MostTuningRows(context), count / 10);
        heldOut = Math.Min(context.Options.TuningRows ?? heldOut, count - anchorCount);
        long most = Math.Max(MostTrainingBytes / (sizeof(float) * (long)d), anchorCount);
        long wanted = context.Options.TrainingRows ?? Math.Min(context.Learner.SampleRows(anchorCount), most);
        int training = (int)Math.Min(wanted, count - heldOut);

        var random = new SeededRandom(context.Options.Training.Seed, SampleStream);
        long[] drawn = random.NextSubset(count, training + heldOut);
        // Which of the drawn rows are held out: a subset of them, so that both are spread over the file.
        long[] heldOutPositions = random.NextSubset(drawn.Length, heldOut);
        var rows = new float[(long)training * d];
        var heldOutRows = new float[heldOut * d];
        var heldOutIds = new int[heldOut];
        var trainingIds = new int[training];
        PreparedRows prepared = context.Rows(scaleExponent: 0);
        var buffer = new float[Math.Min(prepared.BlockRows, drawn.Length) * d];
        int nextHeldOut = 0, nextTraining = 0;
        for (int position = 0; position < drawn.Length;)
        {
            int end = position + 1;
            long limit = drawn[position] + (buffer.Length / d);
            while (end < drawn.Length && drawn[end] < limit && drawn[end] - drawn[end - 1] <= ReadAhead) end++;
            prepared.Read(drawn[position], (int)(drawn[end - 1] - drawn[position]) + 1, buffer, context.Cancellation);
            long first = drawn[position];
            for (; position < end; position++)
            {
                ReadOnlySpan<float> row = buffer.AsSpan((int)(drawn[position] - first) * d, d);
                if (nextHeldOut < heldOut && heldOutPositions[nextHeldOut] == position)
                {
                    heldOutIds[nextHeldOut] = (int)drawn[position];
                    row.CopyTo(heldOutRows.AsSpan(nextHeldOut++ * d));
                }
                else
                {
                    trainingIds[nextTraining] = (int)drawn[position];
                    row.CopyTo(rows.AsSpan(nextTraining++ * d));
                }
            }

            if ((position & 1023) == 0) context.Progress?.Report(new IndexProgress(IndexPhase.Sample, (double)position / drawn.Length));
        }

        // 2^9 <= largest component < 2^10: float16 then has room for rows 64 times larger, and full precision for scales 10^6 times
        // smaller.
        float largest = MathF.Abs(TensorPrimitives.MaxMagnitude<float>(rows));
        int exponent = largest > 0 ? Math.Clamp(9 - MathF.ILogB(largest), -100, 100) : 0;
        float scale = MathF.ScaleB(1, exponent);
        TensorPrimitives.Multiply(rows, scale, rows);
        TensorPrimitives.Multiply(heldOutRows, scale, heldOutRows);
        var sums = new double[d];
        for (int row = 0; row < training; row++) RowSums.Add(sums, rows.AsSpan(row * d, d));
        float[] centre = [.. sums.Select(sum => (float)(sum / training))];
        return new TrainingSample(rows, trainingIds, heldOutRows, heldOutIds, exponent, centre);
    }

    /// <summary>Draws the tuning sample from queries that the user offers.</summary>
    private static TuningSample DrawQueries(BuildContext context, VectorSource offered, int scaleExponent)
    {
        int d = context.Dimension, count = (int)Math.Min(offered.Count, context.Options.TuningRows ?? MostTuningRows(context));
        long[] drawn = new SeededRandom(context.Options.Training.Seed, QueryStream).NextSubset(offered.Count, count);
        var queries = new float[count * d];
        var prepared = new PreparedRows(offered, context.Options.Metric, scaleExponent);
        for (int i = 0; i < count; i++) prepared.Read(drawn[i], 1, queries.AsSpan(i * d, d), context.Cancellation);
        return new TuningSample(queries, []);
    }

    private static int MostTuningRows(BuildContext context)
    {
        // An exhaustive scan for each: about 10^11 codes in all.
        const double MostScannedCodes = 1e11;
        return (int)Math.Clamp(MostScannedCodes / ((double)context.Count * context.Dimension), 100, context.Learner.MostTuningRows);
    }
}
