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
        QueryScratch query, int list, ReadOnlySpan<float> anchor, ReadOnlySpan<int> rows, ReadOnlySpan<int> positions, Span<float> distances)
    {
        PackedModel.List coded = _model[list];
        int group = coded.Group, axes = coded.Axes.Length, padded = Int8Scan.PaddedLength(axes);
        var state = (QueryState)query.CodecState!;
        state.Rotate(query.Vector, group, _bases[group], _parameters.Mean);
        float[] rotated = state.Rotated[group], z = _parameters.CellAnchors[coded.Cell];
        Span<float> scratch = query.Coded(3 * padded);
        scratch.Clear();
        Span<float> target = scratch[..padded];
        switch (query.Metric)
        {
            case Metric.InnerProduct:
                // ⟨q, x̂⟩ = ⟨q, μ⟩ + ⟨Bᵀq, z + r̂⟩.
                float[] meanCoordinates = _meanCoordinates[group];
                double product = state.MeanProduct;
                for (int axis = 0; axis < z.Length; axis++) product += (double)(rotated[axis] + meanCoordinates[axis]) * z[axis];
                for (int i = 0; i < axes; i++) target[i] = -(rotated[coded.Axes[i]] + meanCoordinates[coded.Axes[i]]) * coded.Scales[i];
                if (_codes[list] is { } productCodes) TrellisScan.DotProducts(productCodes, positions, _tables, coded.Bits, target, (float)-product, distances);
                else distances[..rows.Length].Fill((float)-product);
                break;
            case Metric.Cosine when _parameters.UnitLength:
                ScoreUnitLength(state, coded, list, rows.Length, positions, scratch, distances);
                break;
            default:
                // ‖q - x̂‖²: what the basis leaves out, then axis by axis; an axis without bits has r̂ = 0.
                double rest = state.Outside[group];
                for (int axis = 0; axis < z.Length; axis++)
                {
                    float difference = rotated[axis] - z[axis];
                    state.Differences[axis] = difference;
                    rest += (double)difference * difference;
                }

                for (int i = 0; i < axes; i++)
                {
                    target[i] = state.Differences[coded.Axes[i]];
                    rest -= (double)target[i] * target[i];
                }

                float offset = (float)Math.Max(rest, 0);
                if (_codes[list] is { } codes) TrellisScan.SquaredDistances(codes, positions, _tables, coded.Bits, target, coded.Scales, offset, distances);
                else distances[..rows.Length].Fill(offset);
                break;
        }
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

    /// <summary>‖q/‖q‖ - x̂/‖x̂‖‖² · ‖q‖²: reconstructions count as vectors of unit length, as the originals are.</summary>
    private void ScoreUnitLength(
        QueryState state, PackedModel.List coded, int list, int count, ReadOnlySpan<int> positions, Span<float> scratch,
        Span<float> distances)
    {
        int group = coded.Group, axes = coded.Axes.Length, padded = Int8Scan.PaddedLength(axes);
        float[] rotated = state.Rotated[group], z = _parameters.CellAnchors[coded.Cell], meanCoordinates = _meanCoordinates[group];
        double product = state.MeanProduct;
        for (int axis = 0; axis < z.Length; axis++) product += (double)(rotated[axis] + meanCoordinates[axis]) * z[axis];
        float dot = (float)product, squared = _anchorSquared[coded.Cell];
        float[] norms = state.Norms(count);
        if (_codes[list] is { } codes)
        {
            Span<float> weight = scratch[..padded], centre = scratch.Slice(padded, padded);
            for (int i = 0; i < axes; i++)
            {
                int axis = coded.Axes[i];
                weight[i] = (rotated[axis] + meanCoordinates[axis]) * coded.Scales[i];
                centre[i] = meanCoordinates[axis] + z[axis];
            }

            TrellisScan.DotsAndNorms(codes, positions, _tables, coded.Bits, weight, coded.Scales, centre, distances, norms);
        }
        else
        {
            distances[..count].Clear();
            norms.AsSpan(0, count).Clear();
        }

        float queryLength = MathF.Sqrt(state.Squared);
        for (int i = 0; i < count; i++)
        {
            float cosine = (dot + distances[i]) / (queryLength * MathF.Sqrt(MathF.Max(squared + norms[i], 1e-30f)));
            distances[i] = 2 * state.Squared * (1 - cosine);
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
            Rotated = [.. parameters.Groups.Select(group => new float[group.Rank])];
            Outside = new double[_ready.Length];
            Differences = new float[parameters.Dimension];
        }

        /// <summary>Bᵀ(q - μ) of each group.</summary>
        public float[][] Rotated { get; }

        /// <summary>‖q - μ‖² outside each basis.</summary>
        public double[] Outside { get; }

        public float[] Differences { get; }

        /// <summary>⟨q, μ⟩.</summary>
        public double MeanProduct { get; private set; }

        /// <summary>‖q‖².</summary>
        public float Squared { get; private set; }

        public void Reset() => _ready.AsSpan().Clear();

        public void Rotate(ReadOnlySpan<float> query, int group, PackedMatrix basis, float[] mean)
        {
            if (_ready[group]) return;
            _ready[group] = true;
            System.Numerics.Tensors.TensorPrimitives.Subtract(query, mean, _centred);
            basis.Multiply(_centred, Rotated[group]);
            Outside[group] = (double)Distances.Dot(_centred, _centred) - Distances.Dot(Rotated[group], Rotated[group]);
            MeanProduct = Distances.Dot(query, mean);
            Squared = Distances.Dot(query, query);
        }

        public float[] Norms(int count)
        {
            if (_norms.Length < count) _norms = new float[count];
            return _norms;
        }
    }
}
