using System.Numerics.Tensors;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Search;

namespace Vlc.Residuals.Packed;

/// <content>
/// The hot path of a search: which rows of a list are measured. All are filtered by the head of their axes, the few that are left by all axes, and what is left then is
/// measured. A query is brought into the order of a list's axes as far as it is needed: most lists end with the head.
/// </content>
internal sealed partial class PackedCodec
{
    /// <summary>So few rows are measured sooner than filtered by all axes.</summary>
    private const int FewRows = 4;

    /// <summary>Decoding a row costs as much as comparing it with four queries.</summary>
    public override int SharedQueries => TrellisFilter.IsSupported ? 8 : 1;

    public override void Offer(
        QueryScratch query, int list, ReadOnlySpan<float> anchor, ReadOnlySpan<int> rows, ReadOnlySpan<int> positions)
    {
        int unsorted = float.IsPositiveInfinity(query.Nearest.Bound) ? Math.Min(query.Nearest.K - query.Nearest.Count, rows.Length) : 0;
        if (unsorted == 0)
        {
            OfferShared([query], list, anchor, rows, positions);
            return;
        }

        // Until there are k rows to be nearer than, none can be sorted out; then as many again at a time, as the bound comes nearer with every few.
        if (positions.IsEmpty) positions = _places.AsSpan(0, rows.Length);
        base.Offer(query, list, anchor, rows[..unsorted], positions[..unsorted]);
        for (int first = unsorted, end; first < rows.Length; first = end)
        {
            end = Math.Min(2 * first, rows.Length);
            OfferShared([query], list, anchor, rows[first..end], positions[first..end]);
        }
    }

    public override void OfferShared(
        ReadOnlySpan<QueryScratch> queries, int list, ReadOnlySpan<float> anchor, ReadOnlySpan<int> rows, ReadOnlySpan<int> positions)
    {
        PackedModel.List coded = _model[list];
        if (!TrellisFilter.IsSupported || _codes[list] is not { } codes)
        {
            // Every row is measured; the base's OfferShared would come back here.
            foreach (QueryScratch query in queries) base.Offer(query, list, anchor, rows, positions);
            return;
        }

        // The first query's scratch serves all of them; each keeps its own sight, for measuring.
        QueryScratch first = queries[0];
        FilterRoom room = ((QueryState)first.CodecState!).Room(queries.Length, coded.Scales.Length, rows.Length);
        bool byHead = coded.Axes.Length > TrellisFilter.HeadAxes && first.Metric != Metric.InnerProduct && HeadPays(queries);
        if (byHead && CountsAsUnitLength(first)) FilterByHeadCosine(queries, list, codes, positions, room);
        else FilterByAxes(queries, list, codes, positions, byHead ? TrellisFilter.HeadAxes : coded.Axes.Length, room, room.Kept, room.Counts);

        for (int q = 0; q < queries.Length; q++)
        {
            Span<int> places = room.Kept.AsSpan(q * rows.Length, room.Counts[q]);
            QueryScratch query = queries[q];
            if (byHead) ((QueryState)query.CodecState!).CountHead(rows.Length, places.Length);
            if (places.IsEmpty) continue;
            float offset = byHead && CountsAsUnitLength(query) ? Aim(query, list).Offset : room.Offsets[q];
            Span<int> left = room.Left.AsSpan(0, places.Length);
            if (positions.IsEmpty) places.CopyTo(left);
            else for (int i = 0; i < left.Length; i++) left[i] = positions[places[i]];
            if (byHead && left.Length > FewRows)
            {
                FilterAimed(query, list, codes, left, offset, first, room);
                int count = room.Counts[q] = room.LeftCount[0];
                for (int i = 0; i < count; i++) (places[i], left[i]) = (places[room.LeftPlaces[i]], left[room.LeftPlaces[i]]);
                if (count == 0) continue;
                places = places[..count];
                left = left[..count];
            }

            Span<int> keptRows = first.KeptRows.AsSpan(0, left.Length);
            for (int i = 0; i < keptRows.Length; i++) keptRows[i] = rows[places[i]];
            Span<float> distances = first.RowDistances.AsSpan(0, left.Length);
            Measure(query, list, offset, left, distances);
            query.Nearest.Offer(distances, keptRows);
        }
    }

    /// <summary>Whether the head has left less than half of the rows so far: a query without near rows, or one that lies mostly in the other axes, gains nothing by it.</summary>
    private static bool HeadPays(ReadOnlySpan<QueryScratch> queries)
    {
        int pays = 0;
        foreach (QueryScratch query in queries) pays += ((QueryState)query.CodecState!).HeadPays ? 1 : -1;
        return pays >= 0;
    }

    /// <summary>Filters by the first axes, or all of them; the queries aim at the list.</summary>
    private void FilterByAxes(
        ReadOnlySpan<QueryScratch> queries, int list, CodeRows codes, ReadOnlySpan<int> positions, int axes, FilterRoom room, Span<int> kept, Span<int> counts)
    {
        PackedModel.List coded = _model[list];
        QueryScratch first = queries[0];
        int stride = coded.Scales.Length;
        for (int q = 0; q < queries.Length; q++)
        {
            Sight sight = Aim(queries[q], list);
            sight.Factors.CopyTo(room.Factors.AsSpan(q * stride));
            room.Offsets[q] = sight.Offset;
            (room.Bounds[q], room.Lengths[q]) = BoundOf(queries[q]);
        }

        ReadOnlySpan<float> centre = CountsAsUnitLength(first) ? Centre(first, stride)[..axes] : [];
        Filter(
            first, coded, codes, positions, centre, _anchorSquared[coded.Cell],
            new FilterQueries(room.Factors, stride, axes, room.Offsets.AsSpan(0, queries.Length), room.Bounds.AsSpan(0, queries.Length)), room.Lengths, kept, counts);
    }

    /// <summary>Filters by the cosines of the head; the queries do not aim yet.</summary>
    private void FilterByHeadCosine(ReadOnlySpan<QueryScratch> queries, int list, CodeRows codes, ReadOnlySpan<int> positions, FilterRoom room)
    {
        PackedModel.List coded = _model[list];
        QueryScratch first = queries[0];
        const int Axes = TrellisFilter.HeadAxes;
        ReadOnlySpan<int> order = coded.Axes.AsSpan(0, Axes);
        float[] vector = ((QueryState)first.CodecState!).Vector, z = _parameters.CellAnchors[coded.Cell];
        TensorPrimitives.Add(_meanCoordinates[coded.Group], z, vector);
        Span<float> centre = room.HeadCentre;
        AxisOrder.Gather(vector.AsSpan(0, z.Length), order, centre);
        for (int q = 0; q < queries.Length; q++)
        {
            QueryScratch query = queries[q];
            var state = (QueryState)query.CodecState!;
            state.Rotate(query.Vector, coded.Group, _bases[coded.Group], _parameters.Mean, _meanCoordinates[coded.Group]);
            Span<float> factors = room.Factors.AsSpan(q * Axes, Axes);
            AxisOrder.Gather(state.Rotated[coded.Group], order, factors);
            (float bound, room.Lengths[q]) = BoundOf(query);
            room.Bounds[q] = TrellisFilter.HeadCosine(bound, state.Squared, Distances.Dot(factors, factors));
            room.Offsets[q] = Distances.Dot(factors, centre);
        }

        Filter(
            first, coded, codes, positions, centre, Distances.Dot(centre, centre),
            new FilterQueries(room.Factors, Axes, Axes, room.Offsets.AsSpan(0, queries.Length), room.Bounds.AsSpan(0, queries.Length)), room.Lengths,
            room.Kept, room.Counts);
    }

    /// <summary>Filters the rows that are left by all axes, for a query that has aimed.</summary>
    private void FilterAimed(QueryScratch query, int list, CodeRows codes, ReadOnlySpan<int> left, float offset, QueryScratch first, FilterRoom room)
    {
        PackedModel.List coded = _model[list];
        int stride = coded.Scales.Length, axes = coded.Axes.Length;
        (float bound, float length) = BoundOf(query);
        Filter(
            first, coded, codes, left, CountsAsUnitLength(query) ? Centre(query, stride)[..axes] : [], _anchorSquared[coded.Cell],
            new FilterQueries(Factors(query, stride), stride, axes, [offset], [bound]), [length], room.LeftPlaces, room.LeftCount);
    }

    private void Filter(
        QueryScratch first, PackedModel.List coded, CodeRows codes, ReadOnlySpan<int> positions, ReadOnlySpan<float> centre, float squared,
        in FilterQueries queries, ReadOnlySpan<float> lengths, Span<int> kept, Span<int> counts)
    {
        TrellisFilter filter = ((QueryState)first.CodecState!).Filter;
        ReadOnlySpan<byte> bits = coded.Bits.AsSpan(0, queries.Axes);
        if (first.Metric == Metric.InnerProduct) filter.NearByProduct(codes, positions, _tables, bits, coded.Scales, queries, kept, counts);
        else if (CountsAsUnitLength(first)) filter.NearByCosine(codes, positions, _tables, bits, coded.Scales, centre, squared, queries, lengths, kept, counts);
        else filter.NearByDistance(codes, positions, _tables, bits, coded.Scales, queries, kept, counts);
    }

    /// <summary>The farthest of interest, as a distance or a cosine, and the query's length for cosines.</summary>
    private (float Bound, float Length) BoundOf(QueryScratch query)
    {
        if (!CountsAsUnitLength(query)) return (query.Nearest.Bound, 0);
        float squared = ((QueryState)query.CodecState!).Squared;
        return (1 - (query.Nearest.Bound / (2 * squared)), MathF.Sqrt(squared));
    }

    /// <summary>What queries that share a list bring to the filter, and what it keeps of the rows for each.</summary>
    private sealed class FilterRoom(FilterRoom? smaller, int queries, int stride, int rows)
    {
        public float[] Factors { get; } = new float[Math.Max(smaller?.Factors.Length ?? 0, queries * Math.Max(stride, TrellisFilter.HeadAxes))];

        public float[] Offsets { get; } = new float[Math.Max(smaller?.Offsets.Length ?? 0, queries)];

        public float[] Bounds { get; } = new float[Math.Max(smaller?.Offsets.Length ?? 0, queries)];

        public float[] Lengths { get; } = new float[Math.Max(smaller?.Offsets.Length ?? 0, queries)];

        public int[] Kept { get; } = new int[Math.Max(smaller?.Kept.Length ?? 0, queries * rows)];

        public int[] Counts { get; } = new int[Math.Max(smaller?.Offsets.Length ?? 0, queries)];

        /// <summary>The anchor on the head.</summary>
        public float[] HeadCentre { get; } = new float[TrellisFilter.HeadAxes];

        /// <summary>Positions of a query's rows that the head leaves.</summary>
        public int[] Left { get; } = new int[Math.Max(smaller?.Left.Length ?? 0, rows)];

        /// <summary>Places among them of those that all axes leave.</summary>
        public int[] LeftPlaces { get; } = new int[Math.Max(smaller?.Left.Length ?? 0, rows)];

        /// <summary>How many those are.</summary>
        public int[] LeftCount { get; } = new int[1];

        public bool Holds(int queries, int stride, int rows) =>
            Offsets.Length >= queries && Factors.Length >= queries * Math.Max(stride, TrellisFilter.HeadAxes) && Kept.Length >= queries * rows
            && Left.Length >= rows;
    }
}
