using Vlc.Anchors;
using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Search;

namespace Vlc.Residuals;

/// <summary>The codecs that store a number for each coded axis, or none: what they have in common, which is how a device is told of them.</summary>
/// <param name="kind">Which of them.</param>
/// <param name="axes">The coded axes.</param>
/// <param name="codes">The codes by row; null where there are none.</param>
/// <param name="scales">What code 1 is worth; null where that is 1, or nothing.</param>
internal abstract class ScalarCodec(CodecKind kind, CodedAxes axes, CodeRows? codes, AxisScales? scales) : ResidualCodec
{
    public override int CoordinateCount => axes.Dimension;

    protected CodedAxes Axes => axes;

    /// <summary>The codes, of a codec that has them.</summary>
    protected CodeRows Codes => codes!;

    protected AxisScales? Scales => scales;

    public override ICodeScanner HoldOn(ICodeScanBackend backend, CellLists lists, Metric metric, ReadOnlyMemory<float> anchors) => backend.HoldCodes(new ScalarCodes
    {
        Codec = kind, Metric = metric, Dimension = axes.Dimension, Axes = Enumerable.Range(0, axes.Count).Select(axes.Axis).ToArray(), Scales = scales?.All ?? default, Anchors = anchors,
        ListStarts = lists.Starts, Rows = lists.Order, Codes = codes,
    });

    public override void Describe(QueryScratch query, int[]? cells, Span<float> coordinates, Span<float> offsets, out float squared)
    {
        query.Vector.CopyTo(coordinates);
        squared = Distances.Dot(query.Vector, query.Vector);
    }
}
