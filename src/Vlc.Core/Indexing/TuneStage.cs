using System.Numerics.Tensors;
using Vlc.Evaluation;
using Vlc.Numerics.Threading;
using Vlc.Probing;
using Vlc.Search;

namespace Vlc.Indexing;

/// <summary>A probing curve with the standard error of each of its points.</summary>
internal sealed record MeasuredCurve(ProbingCurve Curve, Recall[] Recalls)
{
    public MeasuredRecall At(double targetRecall)
    {
        ProbingPoint chosen = Curve.For(targetRecall);
        int number = Curve.Points.Index().First(point => point.Item == chosen).Index;
        return new MeasuredRecall(Curve.K, Curve.Queries, Recalls[^1], Recalls[number], chosen);
    }
}

/// <summary>Stage 6: measures on the tuning sample how far a search must go, on the index as it was written.</summary>
internal static class TuneStage
{
    private const int Neighbors = 10;

    /// <summary>Measures.</summary>
    /// <param name="context">The build.</param>
    /// <param name="index">The staged index.</param>
    /// <param name="tuning">The queries.</param>
    /// <param name="exact">Their exact neighbours.</param>
    public static MeasuredCurve Run(BuildContext context, OpenedIndex index, TuningSample tuning, ExactNeighbors exact)
    {
        int d = context.Dimension;
        var limits = ProbingLimits.Of(context.Count, context.Options.Metric);
        int[] neighbors = exact.Ids();
        int queries = tuning.Rows.Length / d, found = neighbors.Length / queries, k = Math.Min(Neighbors, found);
        float unscale = 1 / MathF.ScaleB(1, index.Model.ScaleExponent);
        var measured = new ProbingTuning(limits, queries);
        BlockScheduler.Run(
            queries, context.Threads,
            (query, _) =>
            {
                var original = new float[d];
                TensorPrimitives.Multiply(tuning.Rows.AsSpan(query * d, d), unscale, original);
                index.Searcher.MeasureScan(
                    original, tuning.OwnRows.Length > 0 ? tuning.OwnRows[query] : null, neighbors.AsSpan(query * found, k), limits,
                    measured.BudgetStops(query), measured.RatioStops(query));
            },
            context.Cancellation);
        (ProbingPoint[] points, Recall[] recalls) = measured.Frontier(k);
        var curve = new ProbingCurve { K = k, Queries = queries, StandardError = (float)recalls[^1].StandardError, Points = points };
        return new MeasuredCurve(curve, recalls);
    }
}
