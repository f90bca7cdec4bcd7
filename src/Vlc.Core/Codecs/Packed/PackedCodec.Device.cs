using Vlc.Anchors;
using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Scanning;

namespace Vlc.Codecs.Packed;

/// <content>The input of a device that scans the codes: the lists once, and each query in the bases of its groups.</content>
internal sealed partial class PackedCodec
{
    public override ICodeScanner LoadOnto(
        ICodeScanBackend backend, SegmentCodes codes, InvertedLists lists, Metric metric, ReadOnlyMemory<float> anchors) =>
        backend.LoadCodes(Describe(codes, lists, metric));

    /// <summary>The codes of all lists.</summary>
    private TrellisCodes Describe(SegmentCodes codes, InvertedLists lists, Metric metric)
    {
        var described = new TrellisList[_model.ListCount];
        for (int list = 0; list < described.Length; list++)
        {
            PackedModel.List coded = _model[list];
            int start = lists.Starts.Span[list];
            described[list] = new TrellisList(
                coded.Group, _firstCoordinates[coded.Group], _parameters.CellAnchors[coded.Cell], _anchorSquared[coded.Cell], coded.Axes,
                coded.Bits, coded.Scales,
                lists.Order[start..lists.Starts.Span[list + 1]], codes.Of(list));
        }

        return new TrellisCodes
        {
            Metric = metric, CountsAsUnitLength = metric == Metric.Cosine && _parameters.UnitLength, Tables = _tables.Values.ToArray(),
            MeanCoordinates = _meanCoordinates.SelectMany(mean => mean).ToArray(), GroupCount = GroupCount, RowCount = lists.RowCount,
            Lists = described,
        };
    }
}
