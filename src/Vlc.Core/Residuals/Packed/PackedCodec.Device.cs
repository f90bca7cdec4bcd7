using Vlc.Anchors;
using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Search;

namespace Vlc.Residuals.Packed;

/// <content>What a device needs to scan the codes: the lists once, and each query in the bases of its groups.</content>
internal sealed partial class PackedCodec
{
    /// <summary>Floats of a query in the bases of all groups.</summary>
    public int CoordinateCount => _firstCoordinates[^1];

    /// <summary>Groups of cells.</summary>
    public int GroupCount => _bases.Length;

    /// <summary>The codes of all lists.</summary>
    /// <param name="lists">Rows of each list.</param>
    /// <param name="metric">The metric of the index.</param>
    public TrellisCodes Describe(CellLists lists, Metric metric)
    {
        var described = new TrellisList[_model.ListCount];
        for (int list = 0; list < described.Length; list++)
        {
            PackedModel.List coded = _model[list];
            int start = lists.Starts.Span[list];
            described[list] = new TrellisList(
                coded.Group, _firstCoordinates[coded.Group], _parameters.CellAnchors[coded.Cell], _anchorSquared[coded.Cell], coded.Axes, coded.Bits, coded.Scales,
                lists.Order[start..lists.Starts.Span[list + 1]], _codes[list]);
        }

        return new TrellisCodes
        {
            Metric = metric, CountsAsUnitLength = metric == Metric.Cosine && _parameters.UnitLength, Tables = _tables.Values.ToArray(),
            MeanCoordinates = _meanCoordinates.SelectMany(mean => mean).ToArray(), GroupCount = GroupCount, RowCount = lists.RowCount, Lists = described,
        };
    }

    /// <summary>A query in the bases of the groups that its cells belong to, as <see cref="Aim"/> has it.</summary>
    /// <param name="query">The prepared query.</param>
    /// <param name="cells">The cells to be scanned; null for all.</param>
    /// <param name="coordinates">Receives the coordinates of those groups, and nothing for the others.</param>
    /// <param name="offsets">Receives what <see cref="TrellisQueries.Offsets"/> asks for.</param>
    /// <param name="squared">Receives ‖q‖².</param>
    public void Rotate(QueryScratch query, int[]? cells, Span<float> coordinates, Span<float> offsets, out float squared)
    {
        var state = (QueryState)query.CodecState!;
        bool products = query.Metric == Metric.InnerProduct || CountsAsUnitLength(query);
        IEnumerable<int> groups = cells is null ? Enumerable.Range(0, GroupCount) : cells.Select(cell => _parameters.CellGroups[cell]).Distinct();
        foreach (int group in groups)
        {
            state.Rotate(query.Vector, group, _bases[group], _parameters.Mean, _meanCoordinates[group]);
            (products ? state.Rotated : state.Centred)[group].CopyTo(coordinates[_firstCoordinates[group]..]);
            offsets[group] = products ? state.MeanProduct : state.Outside[group];
        }

        squared = Distances.Dot(query.Vector, query.Vector);
    }
}
