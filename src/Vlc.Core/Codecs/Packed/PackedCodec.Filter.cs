using System.Numerics.Tensors;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Scanning;

namespace Vlc.Codecs.Packed;

/// <content>
/// The hot path of a search, which decides which rows of a list are measured. All rows are filtered by a prefix of their axes. The
/// remaining candidates are filtered by all axes, and the candidates left then are measured. A query is prepared for a list only as far as
/// it is needed: most lists end with the prefix.
/// </content>
internal sealed partial class PackedCodec
{
    /// <summary>So few rows are measured faster than they are filtered by all axes.</summary>
    private const int FewRows = 4;

    /// <summary>Decoding a row costs as much as comparing it with four queries.</summary>
    public override int SharedQueries => TrellisFilter.IsSupported ? 8 : 1;

    public override void Scan(QueryScratch query, int list, ReadOnlySpan<float> anchor, ListRows rows)
    {
        int unfiltered = float.IsPositiveInfinity(query.Nearest.Bound) ? Math.Min(query.Nearest.K - query.Nearest.Count, rows.Count) : 0;
        if (unfiltered == 0)
        {
            ScanShared([query], list, anchor, rows);
            return;
        }

        // No row can be pruned before there are k rows to compare with. Then as many rows again are taken at a time, as every few lower the
        // bound.
        ReadOnlySpan<int> all = Positions(rows.Count);
        base.Scan(query, list, anchor, rows.Slice(0, unfiltered, all));
        for (int first = unfiltered, end; first < rows.Count; first = end)
        {
            end = Math.Min(2 * first, rows.Count);
            ScanShared([query], list, anchor, rows.Slice(first, end - first, all));
        }
    }

    public override void ScanShared(ReadOnlySpan<QueryScratch> queries, int list, ReadOnlySpan<float> anchor, ListRows rows)
    {
        PackedModel.List coded = _model[list];
        if (!TrellisFilter.IsSupported || rows.Codes is not { } codes)
        {
            // Every row is measured here; the base's ScanShared would call this method again.
            foreach (QueryScratch query in queries) base.Scan(query, list, anchor, rows);
            return;
        }

        // The first query's scratch serves all queries. Each keeps its own preparation for the list, for measuring.
        QueryScratch first = queries[0];
        FilterBuffers buffers = ((PackedQuery)first.CodecState!).Buffers(queries.Length, coded.Scales.Length, rows.Count);
        bool byPrefix = coded.Axes.Length > TrellisFilter.PrefixAxes && first.Metric != Metric.InnerProduct && PrefixPays(queries);
        if (byPrefix && CountsAsUnitLength(first)) FilterByPrefixCosine(queries, list, codes, rows.Positions, buffers);
        else FilterByAxes(queries, list, codes, rows.Positions, byPrefix ? TrellisFilter.PrefixAxes : coded.Axes.Length, buffers);

        for (int q = 0; q < queries.Length; q++)
        {
            Span<int> candidates = buffers.Candidates.AsSpan(q * rows.Count, buffers.Counts[q]);
            QueryScratch query = queries[q];
            if (byPrefix) ((PackedQuery)query.CodecState!).CountPrefix(rows.Count, candidates.Length);
            if (candidates.IsEmpty) continue;
            float offset = byPrefix && CountsAsUnitLength(query) ? PrepareForList(query, list).Offset : buffers.Offsets[q];
            Span<int> positions = buffers.Positions.AsSpan(0, candidates.Length);
            if (rows.Positions.IsEmpty) candidates.CopyTo(positions);
            else for (int i = 0; i < positions.Length; i++) positions[i] = rows.Positions[candidates[i]];
            if (byPrefix && positions.Length > FewRows)
            {
                FilterPrepared(query, list, codes, positions, offset, first, buffers);
                int count = buffers.Counts[q] = buffers.FinalCount[0];
                for (int i = 0; i < count; i++)
                {
                    (candidates[i], positions[i]) = (candidates[buffers.FinalCandidates[i]], positions[buffers.FinalCandidates[i]]);
                }

                if (count == 0) continue;
                candidates = candidates[..count];
                positions = positions[..count];
            }

            Span<int> candidateRows = first.KeptRows.AsSpan(0, positions.Length);
            for (int i = 0; i < candidateRows.Length; i++) candidateRows[i] = rows.Rows[candidates[i]];
            Span<float> distances = first.RowDistances.AsSpan(0, positions.Length);
            Measure(query, list, offset, codes, positions, distances);
            query.MeasuredRows += positions.Length;
            query.Nearest.Push(distances, candidateRows, rows.FirstRow);
        }
    }

    /// <summary>
    /// Whether the prefix has left less than half of the rows so far. A query without near rows, or one that lies mostly in the other axes,
    /// gains nothing from it.
    /// </summary>
    private static bool PrefixPays(ReadOnlySpan<QueryScratch> queries)
    {
        int pays = 0;
        foreach (QueryScratch query in queries) pays += ((PackedQuery)query.CodecState!).PrefixPays ? 1 : -1;
        return pays >= 0;
    }

    /// <summary>Filters by the prefix of axes, or by all of them; the queries are prepared for the list.</summary>
    private void FilterByAxes(
        ReadOnlySpan<QueryScratch> queries, int list, CodeRows codes, ReadOnlySpan<int> positions, int axes, FilterBuffers buffers)
    {
        PackedModel.List coded = _model[list];
        QueryScratch first = queries[0];
        int stride = coded.Scales.Length;
        for (int q = 0; q < queries.Length; q++)
        {
            ListQuery prepared = PrepareForList(queries[q], list);
            prepared.Factors.CopyTo(buffers.Factors.AsSpan(q * stride));
            buffers.Offsets[q] = prepared.Offset;
            (buffers.Bounds[q], buffers.Lengths[q]) = BoundOf(queries[q]);
        }

        ReadOnlySpan<float> centre = CountsAsUnitLength(first) ? Centre(first, stride)[..axes] : [];
        Filter(
            first, coded, codes, positions, centre, _anchorSquared[coded.Cell],
            new FilterQueries(
                buffers.Factors, stride, axes, buffers.Offsets.AsSpan(0, queries.Length), buffers.Bounds.AsSpan(0, queries.Length)),
            buffers.Lengths, buffers.Candidates, buffers.Counts);
    }

    /// <summary>Filters by the cosines of the prefix; the queries are not yet prepared for all axes.</summary>
    private void FilterByPrefixCosine(
        ReadOnlySpan<QueryScratch> queries, int list, CodeRows codes, ReadOnlySpan<int> positions, FilterBuffers buffers)
    {
        PackedModel.List coded = _model[list];
        QueryScratch first = queries[0];
        const int Axes = TrellisFilter.PrefixAxes;
        ReadOnlySpan<int> order = coded.Axes.AsSpan(0, Axes);
        float[] vector = ((PackedQuery)first.CodecState!).Vector, z = _parameters.CellAnchors[coded.Cell];
        TensorPrimitives.Add(_meanCoordinates[coded.Group], z, vector);
        Span<float> centre = buffers.PrefixCentre;
        AxisOrder.Gather(vector.AsSpan(0, z.Length), order, centre);
        for (int q = 0; q < queries.Length; q++)
        {
            QueryScratch query = queries[q];
            var state = (PackedQuery)query.CodecState!;
            state.Rotate(query.Vector, coded.Group, _bases[coded.Group], _parameters.Mean, _meanCoordinates[coded.Group]);
            Span<float> factors = buffers.Factors.AsSpan(q * Axes, Axes);
            AxisOrder.Gather(state.Rotated[coded.Group], order, factors);
            (float bound, buffers.Lengths[q]) = BoundOf(query);
            buffers.Bounds[q] = TrellisFilter.PrefixCosine(bound, state.Squared, Distances.Dot(factors, factors));
            buffers.Offsets[q] = Distances.Dot(factors, centre);
        }

        Filter(
            first, coded, codes, positions, centre, Distances.Dot(centre, centre),
            new FilterQueries(
                buffers.Factors, Axes, Axes, buffers.Offsets.AsSpan(0, queries.Length), buffers.Bounds.AsSpan(0, queries.Length)),
            buffers.Lengths, buffers.Candidates, buffers.Counts);
    }

    /// <summary>Filters the remaining candidates by all axes, for a query that is prepared.</summary>
    private void FilterPrepared(
        QueryScratch query, int list, CodeRows codes, ReadOnlySpan<int> left, float offset, QueryScratch first, FilterBuffers buffers)
    {
        PackedModel.List coded = _model[list];
        int stride = coded.Scales.Length, axes = coded.Axes.Length;
        (float bound, float length) = BoundOf(query);
        Filter(
            first, coded, codes, left, CountsAsUnitLength(query) ? Centre(query, stride)[..axes] : [], _anchorSquared[coded.Cell],
            new FilterQueries(Factors(query, stride), stride, axes, [offset], [bound]), [length], buffers.FinalCandidates,
            buffers.FinalCount);
    }

    private void Filter(
        QueryScratch first, PackedModel.List coded, CodeRows codes, ReadOnlySpan<int> positions, ReadOnlySpan<float> centre, float squared,
        in FilterQueries queries, ReadOnlySpan<float> lengths, Span<int> candidates, Span<int> counts)
    {
        TrellisFilter filter = ((PackedQuery)first.CodecState!).Filter;
        ReadOnlySpan<byte> bits = coded.Bits.AsSpan(0, queries.Axes);
        if (first.Metric == Metric.InnerProduct)
        {
            filter.NearByProduct(codes, positions, _tables, bits, coded.Scales, queries, candidates, counts);
        }
        else if (CountsAsUnitLength(first))
        {
            filter.NearByCosine(codes, positions, _tables, bits, coded.Scales, centre, squared, queries, lengths, candidates, counts);
        }
        else filter.NearByDistance(codes, positions, _tables, bits, coded.Scales, queries, candidates, counts);
    }

    /// <summary>The pruning bound, as a distance or a cosine, and the query's length for cosines.</summary>
    private (float Bound, float Length) BoundOf(QueryScratch query)
    {
        if (!CountsAsUnitLength(query)) return (query.Nearest.Bound, 0);
        float squared = ((PackedQuery)query.CodecState!).Squared;
        return (1 - (query.Nearest.Bound / (2 * squared)), MathF.Sqrt(squared));
    }
}
