using System.Numerics.Tensors;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Scanning;

namespace Vlc.Codecs.Packed;

/// <content>
/// Asymmetric distances of a query to the rows of a list, from their codes. The query is prepared for the list once, then rows are
/// measured.
/// </content>
internal sealed partial class PackedCodec
{
    public override IQueryState CreateQueryState() => new PackedQuery(_parameters);

    public override void Score(QueryScratch query, int list, ReadOnlySpan<float> anchor, ListRows rows, Span<float> distances) =>
        Measure(query, list, PrepareForList(query, list).Offset, rows.Codes, rows.Positions, distances[..rows.Count]);

    public override void AddResidual(SegmentCodes codes, int row, int list, int position, Span<float> vector)
    {
        PackedModel.List coded = _model[list];
        if (codes.Of(list) is { } own)
        {
            var values = new float[coded.Axes.Length];
            TrellisScan.Decode(_tables, own.Row(position), coded.Bits, values);
            var coordinates = new float[_parameters.Groups[coded.Group].Rank];
            for (int i = 0; i < values.Length; i++) coordinates[coded.Axes[i]] = coded.Scales[i] * values[i];
            AddCoordinates(_parameters.Groups[coded.Group], coordinates, vector);
        }
    }

    /// <summary>Distances of rows of a list for which the query is prepared: those at the positions, or all.</summary>
    private void Measure(QueryScratch query, int list, float offset, CodeRows? codes, ReadOnlySpan<int> positions, Span<float> distances)
    {
        PackedModel.List coded = _model[list];
        if (codes is null)
        {
            distances.Fill(CountsAsUnitLength(query) ? UnitLengthDistance(query, offset, _anchorSquared[coded.Cell]) : offset);
            return;
        }

        int padded = coded.Scales.Length;
        ReadOnlySpan<float> factors = Factors(query, padded);
        if (query.Metric != Metric.InnerProduct && !CountsAsUnitLength(query))
        {
            TrellisScan.SquaredDistances(codes, positions, _tables, coded.Bits, factors, coded.Scales, offset, distances);
            return;
        }

        Span<float> weights = query.Coded(3 * padded)[(2 * padded)..];
        TensorPrimitives.Multiply(factors, coded.Scales, weights);
        if (query.Metric == Metric.InnerProduct)
        {
            TrellisScan.DotProducts(codes, positions, _tables, coded.Bits, weights, offset, distances);
            return;
        }

        Span<float> norms = ((PackedQuery)query.CodecState!).Norms(distances.Length);
        TrellisScan.DotsAndNorms(codes, positions, _tables, coded.Bits, weights, coded.Scales, Centre(query, padded), distances, norms);
        float squared = _anchorSquared[coded.Cell];
        for (int i = 0; i < distances.Length; i++) distances[i] = UnitLengthDistance(query, offset + distances[i], squared + norms[i]);
    }
}
