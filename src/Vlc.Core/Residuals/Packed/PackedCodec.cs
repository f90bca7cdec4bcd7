using System.Numerics.Tensors;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Search;

namespace Vlc.Residuals.Packed;

/// <summary>
/// Codec <c>packed</c>: trellis codes of the residual in its group's basis, list by list. The vectors of a list share axes, bits and stride, and follow one another in
/// <c>.residuals.bin</c> in the order of their numbers.
/// </summary>
internal sealed class PackedCodec : ResidualCodec
{
    private readonly PackedModel _model;
    private readonly PackedParameters _parameters;
    private readonly TrellisTables _tables;
    private readonly CodeRows?[] _codes;
    private readonly PackedMatrix[] _bases;
    private readonly float[][] _meanCoordinates;
    private readonly float _meanSquared;
    private readonly float[] _anchorSquared;

    /// <summary>Lays the lists over the mapped codes.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tables">The trellis code's tables; disposed of with the codec.</param>
    /// <param name="file">The mapped codes, or null where no list has any.</param>
    /// <param name="listCounts">Vectors of each list.</param>
    public PackedCodec(PackedModel model, TrellisTables tables, MappedFile? file, ReadOnlySpan<int> listCounts)
    {
        _model = model;
        _parameters = model.Parameters;
        _tables = tables;
        _codes = new CodeRows?[model.ListCount];
        long offset = 0;
        for (int list = 0; list < _codes.Length; list++)
        {
            int stride = model[list].Stride;
            if (stride == 0 || listCounts[list] == 0) continue;
            _codes[list] = new CodeRows(file!, offset, listCounts[list], stride);
            offset += (long)stride * listCounts[list];
        }

        int d = _parameters.Dimension;
        _bases = [.. _parameters.Groups.Select(group => new PackedMatrix(group.Basis, group.Rank, d))];
        _meanSquared = Distances.Dot(_parameters.Mean, _parameters.Mean);
        _meanCoordinates = new float[_bases.Length][];
        for (int group = 0; group < _bases.Length; group++)
        {
            _meanCoordinates[group] = new float[_parameters.Groups[group].Rank];
            _bases[group].Multiply(_parameters.Mean, _meanCoordinates[group]);
        }

        // ‖μ + B·z‖² = ‖μ‖² + 2⟨Bᵀμ, z⟩ + ‖z‖².
        _anchorSquared = new float[_parameters.CellCount];
        for (int cell = 0; cell < _anchorSquared.Length; cell++)
        {
            float[] anchor = _parameters.CellAnchors[cell];
            _anchorSquared[cell] = _meanSquared + (2 * Distances.Dot(_meanCoordinates[_parameters.CellGroups[cell]], anchor)) + Distances.Dot(anchor, anchor);
        }
    }

    /// <summary>Bytes of all codes, which is the length of their file.</summary>
    public static long CodeBytes(PackedModel model, ReadOnlySpan<int> listCounts)
    {
        long bytes = 0;
        for (int list = 0; list < listCounts.Length; list++) bytes += (long)model[list].Stride * listCounts[list];
        return bytes;
    }

    /// <summary>Anchors in the original axes: μ + B·z, m x d.</summary>
    public static float[] Anchors(PackedParameters parameters)
    {
        int d = parameters.Dimension;
        var anchors = new float[parameters.CellCount * d];
        for (int cell = 0; cell < parameters.CellCount; cell++)
        {
            Span<float> anchor = anchors.AsSpan(cell * d, d);
            parameters.Mean.CopyTo(anchor);
            AddCoordinates(parameters.Groups[parameters.CellGroups[cell]], parameters.CellAnchors[cell], anchor);
        }

        return anchors;
    }

    public override IQueryState CreateQueryState() => new QueryState(_parameters);

    public override void Score(
        QueryScratch query, int list, ReadOnlySpan<float> anchor, ReadOnlySpan<int> rows, ReadOnlySpan<int> positions, Span<float> distances) =>
        Measure(Aim(query, list), query, list, rows.Length, positions, distances);

    public override void Offer(
        QueryScratch query, int list, ReadOnlySpan<float> anchor, ReadOnlySpan<int> rows, ReadOnlySpan<int> positions, TopK nearest)
    {
        if (!TrellisFilter.IsSupported || float.IsPositiveInfinity(nearest.Bound) || _codes[list] is null)
        {
            base.Offer(query, list, anchor, rows, positions, nearest);
            return;
        }

        Sight sight = Aim(query, list);
        Span<int> kept = query.KeptPositions;
        int count = Filter(sight, query, list, positions, nearest.Bound, kept);
        if (count == 0) return;
        Span<int> keptRows = query.KeptRows.AsSpan(0, count);
        kept = kept[..count];
        for (int i = 0; i < count; i++)
        {
            keptRows[i] = rows[kept[i]];
            if (!positions.IsEmpty) kept[i] = positions[kept[i]];
        }

        Span<float> distances = query.RowDistances.AsSpan(0, count);
        Measure(sight, query, list, count, kept, distances);
        nearest.Offer(distances, keptRows);
    }

    public override void AddResidual(int row, int list, int position, Span<float> vector)
    {
        PackedModel.List coded = _model[list];
        if (_codes[list] is { } codes)
        {
            var values = new float[coded.Axes.Length];
            TrellisScan.Decode(_tables, codes.Row(position), coded.Bits, values);
            var coordinates = new float[_parameters.Groups[coded.Group].Rank];
            for (int i = 0; i < values.Length; i++) coordinates[coded.Axes[i]] = coded.Scales[i] * values[i];
            AddCoordinates(_parameters.Groups[coded.Group], coordinates, vector);
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _tables.Dispose();
        foreach (PackedMatrix basis in _bases) basis.Dispose();
    }

    /// <summary>What of the query and the anchor decides the distances of a list, in the order of its codes.</summary>
    private Sight Aim(QueryScratch query, int list)
    {
        PackedModel.List coded = _model[list];
        int group = coded.Group, axes = coded.Axes.Length, padded = coded.Scales.Length;
        var state = (QueryState)query.CodecState!;
        state.Rotate(query.Vector, group, _bases[group], _parameters.Mean, _meanCoordinates[group]);
        ReadOnlySpan<float> z = _parameters.CellAnchors[coded.Cell];
        ReadOnlySpan<int> order = coded.Axes;
        Span<float> factors = query.Coded(3 * padded)[..padded], centres = query.Coded(3 * padded).Slice(padded, padded);
        factors[axes..].Clear();
        bool unitLength = query.Metric == Metric.Cosine && _parameters.UnitLength;
        if (query.Metric == Metric.InnerProduct || unitLength)
        {
            // ⟨q, x̂⟩ = ⟨q, μ⟩ + ⟨Bᵀq, z + r̂⟩.
            ReadOnlySpan<float> rotated = state.Rotated[group];
            float product = state.MeanProduct + Distances.Dot(rotated, z);
            AxisOrder.Gather(rotated, order, factors);
            if (!unitLength)
            {
                TensorPrimitives.Negate(factors, factors);
                return new Sight(factors, [], -product);
            }

            TensorPrimitives.Add(_meanCoordinates[group], z, state.Room);
            AxisOrder.Gather(state.Room, order, centres);
            return new Sight(factors, centres, product);
        }

        // ‖q - x̂‖²: what the basis leaves out, then axis by axis; an axis without bits has r̂ = 0.
        Span<float> differences = state.Room.AsSpan(0, z.Length);
        TensorPrimitives.Subtract(state.Centred[group], z, differences);
        AxisOrder.Gather(differences, order, factors);
        float rest = Distances.Dot(differences, differences) - Distances.Dot(factors[..axes], factors[..axes]);
        return new Sight(factors, [], state.Outside[group] + MathF.Max(rest, 0));
    }

    /// <summary>The rows that may be as near as <paramref name="bound"/>.</summary>
    private int Filter(Sight sight, QueryScratch query, int list, ReadOnlySpan<int> positions, float bound, Span<int> kept)
    {
        PackedModel.List coded = _model[list];
        CodeRows codes = _codes[list]!;
        var state = (QueryState)query.CodecState!;
        if (query.Metric == Metric.InnerProduct)
        {
            return state.Filter.NearByProduct(codes, positions, _tables, coded.Bits, sight.Factors, coded.Scales, sight.Offset, bound, kept);
        }

        if (query.Metric == Metric.Cosine && _parameters.UnitLength)
        {
            return state.Filter.NearByCosine(
                codes, positions, _tables, coded.Bits, sight.Factors, coded.Scales, sight.Centres, sight.Offset, _anchorSquared[coded.Cell],
                MathF.Sqrt(state.Squared), 1 - (bound / (2 * state.Squared)), kept);
        }

        return state.Filter.NearByDistance(codes, positions, _tables, coded.Bits, sight.Factors, coded.Scales, sight.Offset, bound, kept);
    }

    /// <summary>Distances of rows of a list.</summary>
    private void Measure(Sight sight, QueryScratch query, int list, int count, ReadOnlySpan<int> positions, Span<float> distances)
    {
        PackedModel.List coded = _model[list];
        var state = (QueryState)query.CodecState!;
        int padded = coded.Scales.Length;
        bool unitLength = query.Metric == Metric.Cosine && _parameters.UnitLength;
        Span<float> weights = query.Coded(3 * padded)[(2 * padded)..];
        if (query.Metric == Metric.InnerProduct || unitLength) TensorPrimitives.Multiply(sight.Factors, coded.Scales, weights);
        if (unitLength)
        {
            // ‖q/‖q‖ - x̂/‖x̂‖‖² · ‖q‖²: reconstructions count as vectors of unit length, as the originals are.
            Span<float> norms = state.Norms(count);
            if (_codes[list] is { } codes)
            {
                TrellisScan.DotsAndNorms(codes, positions, _tables, coded.Bits, weights, coded.Scales, sight.Centres, distances, norms);
            }
            else
            {
                distances[..count].Clear();
                norms.Clear();
            }

            float length = MathF.Sqrt(state.Squared), squared = _anchorSquared[coded.Cell];
            for (int i = 0; i < count; i++)
            {
                float cosine = (sight.Offset + distances[i]) / (length * MathF.Sqrt(MathF.Max(squared + norms[i], 1e-30f)));
                distances[i] = 2 * state.Squared * (1 - cosine);
            }
        }
        else if (_codes[list] is not { } codes)
        {
            distances[..count].Fill(sight.Offset);
        }
        else if (query.Metric == Metric.InnerProduct)
        {
            TrellisScan.DotProducts(codes, positions, _tables, coded.Bits, weights, sight.Offset, distances);
        }
        else
        {
            TrellisScan.SquaredDistances(codes, positions, _tables, coded.Bits, sight.Factors, coded.Scales, sight.Offset, distances);
        }
    }

    private static void AddCoordinates(PackedGroup group, ReadOnlySpan<float> coordinates, Span<float> vector)
    {
        for (int axis = 0; axis < coordinates.Length; axis++)
        {
            if (coordinates[axis] == 0) continue;
            ReadOnlySpan<float> row = group.Basis.AsSpan(axis * vector.Length, vector.Length);
            for (int k = 0; k < vector.Length; k++) vector[k] = MathF.FusedMultiplyAdd(coordinates[axis], row[k], vector[k]);
        }
    }

    /// <summary>A query before a list.</summary>
    /// <param name="factors">
    /// On the coded axes: query minus anchor; the query, where lengths count as one; the query negated, for a product. Padded with zeros as the scales.
    /// </param>
    /// <param name="centres">The anchor on the coded axes, where lengths count as one.</param>
    /// <param name="offset">What the anchor and the axes without a code add: squared distance, product, or negative product.</param>
    private readonly ref struct Sight(ReadOnlySpan<float> factors, ReadOnlySpan<float> centres, float offset)
    {
        public readonly ReadOnlySpan<float> Factors = factors;
        public readonly ReadOnlySpan<float> Centres = centres;
        public readonly float Offset = offset;
    }

    /// <summary>The query in the basis of each group, computed when the first of its cells is scanned.</summary>
    private sealed class QueryState : IQueryState
    {
        private readonly bool[] _ready;
        private readonly float[] _centred;
        private float[] _norms = [];

        public QueryState(PackedParameters parameters)
        {
            _ready = new bool[parameters.Groups.Length];
            _centred = new float[parameters.Dimension];
            Centred = [.. parameters.Groups.Select(group => new float[group.Rank])];
            Rotated = [.. parameters.Groups.Select(group => new float[group.Rank])];
            Outside = new float[_ready.Length];
            Room = new float[parameters.Dimension];
        }

        /// <summary>Bᵀ(q - μ) of each group.</summary>
        public float[][] Centred { get; }

        /// <summary>Bᵀq of each group.</summary>
        public float[][] Rotated { get; }

        /// <summary>‖q - μ‖² outside each basis.</summary>
        public float[] Outside { get; }

        /// <summary>Room for a vector.</summary>
        public float[] Room { get; }

        /// <summary>⟨q, μ⟩.</summary>
        public float MeanProduct { get; private set; }

        /// <summary>‖q‖².</summary>
        public float Squared { get; private set; }

        /// <summary>Sorts out rows before they are measured.</summary>
        public TrellisFilter Filter { get; } = new();

        public void Reset() => _ready.AsSpan().Clear();

        public void Rotate(ReadOnlySpan<float> query, int group, PackedMatrix basis, float[] mean, float[] meanCoordinates)
        {
            if (_ready[group]) return;
            _ready[group] = true;
            TensorPrimitives.Subtract(query, mean, _centred);
            basis.Multiply(_centred, Centred[group]);
            TensorPrimitives.Add(Centred[group], meanCoordinates, Rotated[group]);
            Outside[group] = MathF.Max(Distances.Dot(_centred, _centred) - Distances.Dot(Centred[group], Centred[group]), 0);
            MeanProduct = Distances.Dot(query, mean);
            Squared = Distances.Dot(query, query);
        }

        public Span<float> Norms(int count)
        {
            if (_norms.Length < count) _norms = new float[count];
            return _norms.AsSpan(0, count);
        }

        public void Dispose() => Filter.Dispose();
    }
}
