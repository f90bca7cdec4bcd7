using Vlc.Anchors;
using Vlc.Codecs.Scalar;
using Vlc.Numerics.Kernels;
using Vlc.Scanning;
using Vlc.Storage;

namespace Vlc.Codecs.AnchorsOnly;

/// <summary>Codec <c>none</c>: a row is its anchor. All rows of a cell are equally far; ties go to the lowest row.</summary>
/// <param name="anchors">m x d, in scaled units, as float16 holds them.</param>
/// <param name="dimension">d.</param>
internal sealed class AnchorsOnlyCodec(float[] anchors, int dimension) : ScalarCodec(anchors, new CodedAxes(dimension, []), scales: null)
{
    public override CodecKind Kind => CodecKind.None;

    public override SegmentCodes OpenCodes(SectionReader reader, int segment, InvertedLists lists) => SegmentCodes.ByRow(null);

    public override void Score(QueryScratch query, int list, ReadOnlySpan<float> anchor, ListRows rows, Span<float> distances)
    {
        float distance = query.Metric == Metric.InnerProduct
            ? -Distances.Dot(query.Vector, anchor)
            : Distances.SquaredEuclidean(query.Vector, anchor);
        distances[..rows.Count].Fill(distance);
    }

    public override void AddResidual(SegmentCodes codes, int row, int list, int position, Span<float> vector)
    {
    }

    protected override bool Encode(ReadOnlySpan<float> residual, int cell, Span<byte> code) => false;
}
