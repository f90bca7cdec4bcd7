using Vlc.Anchors;
using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Scanning;

namespace Vlc.Codecs.Packed;

/// <content>The input of a device that scans the codes: the lists once, and each query in the bases of its groups.</content>
internal sealed partial class PackedCodec
{
    /// <summary>Floats of a query in the bases of all groups.</summary>
    public override int CoordinateCount => _firstCoordinates[^1];

    /// <summary>Groups of cells.</summary>
    public override int GroupCount => _bases.Length;

    public override ICodeScanner LoadOnto(
        ICodeScanBackend backend, SegmentCodes codes, InvertedLists lists, Metric metric, ReadOnlyMemory<float> anchors) =>
        backend.LoadCodes(Describe(codes, lists, metric));

    /// <summary>
    /// A query in the bases of the groups of its cells, as <see cref="PrepareForList"/> computes it; the coordinates of other groups are
    /// not written.
    /// </summary>
    /// <inheritdoc cref="CodecModel.Describe" path="/param"/>
    public override void Describe(QueryScratch query, int[]? cells, Span<float> coordinates, Span<float> offsets, out float squared)
    {
        var state = (PackedQuery)query.CodecState!;
        bool products = query.Metric == Metric.InnerProduct || CountsAsUnitLength(query);
        IEnumerable<int> groups = cells is null
            ? Enumerable.Range(0, GroupCount)
            : cells.Select(cell => _parameters.CellGroups[cell]).Distinct();
        foreach (int group in groups)
        {
            state.Rotate(query.Vector, group, _bases[group], _parameters.Mean, _meanCoordinates[group]);
            (products ? state.Rotated : state.Centred)[group].CopyTo(coordinates[_firstCoordinates[group]..]);
            offsets[group] = products ? state.MeanProduct : state.Outside[group];
        }

        squared = Distances.Dot(query.Vector, query.Vector);
    }

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
