using Vlc.Numerics.Kernels;
using Vlc.Search;

namespace Vlc.Residuals;

/// <summary>Codec <c>none</c>: a row is its anchor. All rows of a cell are equally far; ties go to the lowest row.</summary>
/// <param name="dimension">d.</param>
internal sealed class AnchorsOnlyCodec(int dimension) : ScalarCodec(CodecKind.None, new CodedAxes(dimension, []), codes: null, scales: null)
{
    public override void Score(
        QueryScratch query, int list, ReadOnlySpan<float> anchor, ReadOnlySpan<int> rows, ReadOnlySpan<int> positions, Span<float> distances)
    {
        float distance = query.Metric == Metric.InnerProduct
            ? -Distances.Dot(query.Vector, anchor)
            : Distances.SquaredEuclidean(query.Vector, anchor);
        distances[..rows.Length].Fill(distance);
    }

    public override void AddResidual(int row, int list, int position, Span<float> vector)
    {
    }
}
