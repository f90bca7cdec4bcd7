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

    /// <summary>Prepares what the asymmetric distances of a list need of the query, in the order of its codes.</summary>
    private ListQuery PrepareForList(QueryScratch query, int list)
    {
        PackedModel.List coded = _model[list];
        int group = coded.Group, axes = coded.Axes.Length, padded = coded.Scales.Length;
        var state = (PackedQuery)query.CodecState!;
        state.Rotate(query.Vector, group, _bases[group], _parameters.Mean, _meanCoordinates[group]);
        ReadOnlySpan<float> z = _parameters.CellAnchors[coded.Cell];
        ReadOnlySpan<int> order = coded.Axes;
        Span<float> factors = Factors(query, padded);
        factors[axes..].Clear();
        if (query.Metric == Metric.InnerProduct || CountsAsUnitLength(query))
        {
            // ⟨q, x̂⟩ = ⟨q, μ⟩ + ⟨Bᵀq, z + r̂⟩.
            ReadOnlySpan<float> rotated = state.Rotated[group];
            if (state.SwitchTo(coded.Cell)) state.CellDistance = state.MeanProduct + Distances.Dot(rotated, z);
            float product = state.CellDistance;
            AxisOrder.Gather(rotated, order, factors);
            if (query.Metric == Metric.InnerProduct)
            {
                TensorPrimitives.Negate(factors, factors);
                return new ListQuery(factors, -product);
            }

            TensorPrimitives.Add(_meanCoordinates[group], z, state.Vector);
            AxisOrder.Gather(state.Vector, order, Centre(query, padded));
            return new ListQuery(factors, product);
        }

        // ‖q - x̂‖² is the part outside the basis plus the axes one by one; an axis without bits has r̂ = 0.
        Span<float> differences = state.Vector.AsSpan(0, z.Length);
        if (state.SwitchTo(coded.Cell))
        {
            TensorPrimitives.Subtract(state.Centred[group], z, differences);
            state.CellDistance = Distances.Dot(differences, differences);
        }

        AxisOrder.Gather(differences, order, factors);
        float rest = state.CellDistance - Distances.Dot(factors[..axes], factors[..axes]);
        return new ListQuery(factors, state.Outside[group] + MathF.Max(rest, 0));
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

    /// <summary>
    /// ‖q/‖q‖ - x̂/‖x̂‖‖² · ‖q‖² from ⟨q, x̂⟩ and ‖x̂‖²: reconstructions count as vectors of unit length, as the originals are.
    /// </summary>
    private static float UnitLengthDistance(QueryScratch query, float product, float squared)
    {
        float querySquared = ((PackedQuery)query.CodecState!).Squared;
        return 2 * querySquared * (1 - (product / (MathF.Sqrt(querySquared) * MathF.Sqrt(MathF.Max(squared, 1e-30f)))));
    }

    private bool CountsAsUnitLength(QueryScratch query) => query.Metric == Metric.Cosine && _parameters.UnitLength;

    /// <summary>Memory for the factors of <see cref="ListQuery"/>, in the order of the codes.</summary>
    private static Span<float> Factors(QueryScratch query, int padded) => query.Coded(3 * padded)[..padded];

    /// <summary>Memory for the anchor on the coded axes, which only reconstructions of unit length need.</summary>
    private static Span<float> Centre(QueryScratch query, int padded) => query.Coded(3 * padded).Slice(padded, padded);

    private static void AddCoordinates(PackedGroup group, ReadOnlySpan<float> coordinates, Span<float> vector)
    {
        for (int axis = 0; axis < coordinates.Length; axis++)
        {
            if (coordinates[axis] == 0) continue;
            TensorPrimitives.FusedMultiplyAdd(group.Basis.AsSpan(axis * vector.Length, vector.Length), coordinates[axis], vector, vector);
        }
    }

    /// <summary>A query, prepared for one list.</summary>
    /// <param name="factors">
    /// The factors on the coded axes, padded with zeros as the scales are. They are the query minus the anchor; the query itself, where
    /// reconstructions count as vectors of unit length; or the negated query, for a product.
    /// </param>
    /// <param name="offset">
    /// The contribution of the anchor and of the axes without a code: squared distance, product, or negative product.
    /// </param>
    private readonly ref struct ListQuery(ReadOnlySpan<float> factors, float offset)
    {
        public readonly ReadOnlySpan<float> Factors = factors;
        public readonly float Offset = offset;
    }
}
