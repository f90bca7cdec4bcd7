using System.Numerics.Tensors;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Search;

namespace Vlc.Residuals.Packed;

/// <summary>
/// Codec <c>packed</c>: trellis codes of the residual in its group's basis, list by list. The vectors of a list share axes, bits and stride, and follow one another in
/// <c>.residuals.bin</c> in the order of their numbers.
/// </summary>
internal sealed partial class PackedCodec : ResidualCodec
{
    private readonly PackedModel _model;
    private readonly PackedParameters _parameters;
    private readonly TrellisTables _tables;
    private readonly CodeRows?[] _codes;
    private readonly PackedMatrix[] _bases;

    /// <summary>0, 1, 2 ... for the longest list: the positions of all its rows.</summary>
    private readonly int[] _places;
    private readonly float[][] _meanCoordinates;

    /// <summary>Where each group's coordinates begin when those of all groups follow one another, and the end of the last.</summary>
    private readonly int[] _firstCoordinates;
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

        int longest = 0;
        foreach (int count in listCounts) longest = Math.Max(longest, count);
        _places = new int[longest];
        for (int place = 0; place < longest; place++) _places[place] = place;

        int d = _parameters.Dimension;
        _bases = [.. _parameters.Groups.Select(group => new PackedMatrix(group.Basis, group.Rank, d))];
        _meanSquared = Distances.Dot(_parameters.Mean, _parameters.Mean);
        _meanCoordinates = new float[_bases.Length][];
        _firstCoordinates = new int[_bases.Length + 1];
        for (int group = 0; group < _bases.Length; group++)
        {
            _meanCoordinates[group] = new float[_parameters.Groups[group].Rank];
            _firstCoordinates[group + 1] = _firstCoordinates[group] + _meanCoordinates[group].Length;
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
        Measure(query, list, Aim(query, list).Offset, positions, distances[..rows.Length]);

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
        Span<float> factors = Factors(query, padded);
        factors[axes..].Clear();
        if (query.Metric == Metric.InnerProduct || CountsAsUnitLength(query))
        {
            // ⟨q, x̂⟩ = ⟨q, μ⟩ + ⟨Bᵀq, z + r̂⟩.
            ReadOnlySpan<float> rotated = state.Rotated[group];
            if (state.TurnTo(coded.Cell)) state.Apart = state.MeanProduct + Distances.Dot(rotated, z);
            float product = state.Apart;
            AxisOrder.Gather(rotated, order, factors);
            if (query.Metric == Metric.InnerProduct)
            {
                TensorPrimitives.Negate(factors, factors);
                return new Sight(factors, -product);
            }

            TensorPrimitives.Add(_meanCoordinates[group], z, state.Vector);
            AxisOrder.Gather(state.Vector, order, Centre(query, padded));
            return new Sight(factors, product);
        }

        // ‖q - x̂‖²: what the basis leaves out, then axis by axis; an axis without bits has r̂ = 0.
        Span<float> differences = state.Vector.AsSpan(0, z.Length);
        if (state.TurnTo(coded.Cell))
        {
            TensorPrimitives.Subtract(state.Centred[group], z, differences);
            state.Apart = Distances.Dot(differences, differences);
        }

        AxisOrder.Gather(differences, order, factors);
        float rest = state.Apart - Distances.Dot(factors[..axes], factors[..axes]);
        return new Sight(factors, state.Outside[group] + MathF.Max(rest, 0));
    }

    /// <summary>Distances of rows of a list that the query has aimed at: those at the positions, or all.</summary>
    private void Measure(QueryScratch query, int list, float offset, ReadOnlySpan<int> positions, Span<float> distances)
    {
        PackedModel.List coded = _model[list];
        if (_codes[list] is not { } codes)
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

        Span<float> norms = ((QueryState)query.CodecState!).Norms(distances.Length);
        TrellisScan.DotsAndNorms(codes, positions, _tables, coded.Bits, weights, coded.Scales, Centre(query, padded), distances, norms);
        float squared = _anchorSquared[coded.Cell];
        for (int i = 0; i < distances.Length; i++) distances[i] = UnitLengthDistance(query, offset + distances[i], squared + norms[i]);
    }

    /// <summary>‖q/‖q‖ - x̂/‖x̂‖‖² · ‖q‖² from ⟨q, x̂⟩ and ‖x̂‖²: reconstructions count as vectors of unit length, as the originals are.</summary>
    private static float UnitLengthDistance(QueryScratch query, float product, float squared)
    {
        float querySquared = ((QueryState)query.CodecState!).Squared;
        return 2 * querySquared * (1 - (product / (MathF.Sqrt(querySquared) * MathF.Sqrt(MathF.Max(squared, 1e-30f)))));
    }

    private bool CountsAsUnitLength(QueryScratch query) => query.Metric == Metric.Cosine && _parameters.UnitLength;

    /// <summary>Room for the factors of <see cref="Sight"/>, in the order of the codes.</summary>
    private static Span<float> Factors(QueryScratch query, int padded) => query.Coded(3 * padded)[..padded];

    /// <summary>Room for the anchor on the coded axes, which only lengths that count as one need.</summary>
    private static Span<float> Centre(QueryScratch query, int padded) => query.Coded(3 * padded).Slice(padded, padded);

    private static void AddCoordinates(PackedGroup group, ReadOnlySpan<float> coordinates, Span<float> vector)
    {
        for (int axis = 0; axis < coordinates.Length; axis++)
        {
            if (coordinates[axis] == 0) continue;
            TensorPrimitives.FusedMultiplyAdd(group.Basis.AsSpan(axis * vector.Length, vector.Length), coordinates[axis], vector, vector);
        }
    }

    /// <summary>A query before a list.</summary>
    /// <param name="factors">
    /// On the coded axes: query minus anchor; the query, where lengths count as one; the query negated, for a product. Padded with zeros as the scales.
    /// </param>
    /// <param name="offset">What the anchor and the axes without a code add: squared distance, product, or negative product.</param>
    private readonly ref struct Sight(ReadOnlySpan<float> factors, float offset)
    {
        public readonly ReadOnlySpan<float> Factors = factors;
        public readonly float Offset = offset;
    }

    /// <summary>The query in the basis of each group, computed when the first of its cells is scanned.</summary>
    private sealed class QueryState : IQueryState
    {
        /// <summary>So many rows may be left over by the head before it is judged.</summary>
        private const int LeastHeadRows = 1024;

        private readonly bool[] _ready;
        private readonly float[] _centred;
        private float[] _norms = [];
        private int _cell = -1;
        private int _headRows;
        private int _headLeft;
        private FilterRoom _room = new(null, 1, 0, 0);

        public QueryState(PackedParameters parameters)
        {
            _ready = new bool[parameters.Groups.Length];
            _centred = new float[parameters.Dimension];
            Centred = [.. parameters.Groups.Select(group => new float[group.Rank])];
            Rotated = [.. parameters.Groups.Select(group => new float[group.Rank])];
            Outside = new float[_ready.Length];
            Vector = new float[parameters.Dimension];
        }

        /// <summary>Bᵀ(q - μ) of each group.</summary>
        public float[][] Centred { get; }

        /// <summary>Bᵀq of each group.</summary>
        public float[][] Rotated { get; }

        /// <summary>‖q - μ‖² outside each basis.</summary>
        public float[] Outside { get; }

        /// <summary>Query minus anchor, for distances; else room for a vector.</summary>
        public float[] Vector { get; }

        /// <summary>What query and anchor say of a cell: squared distance within the basis, or product. The classes of a cell share it.</summary>
        public float Apart { get; set; }

        /// <summary>⟨q, μ⟩.</summary>
        public float MeanProduct { get; private set; }

        /// <summary>‖q‖².</summary>
        public float Squared { get; private set; }

        /// <summary>Sorts out rows before they are measured.</summary>
        public TrellisFilter Filter { get; } = new();

        /// <summary>Whether of the rows that were filtered by the head less than half was left, a few lists aside.</summary>
        public bool HeadPays => _headLeft <= (_headRows / 2) + LeastHeadRows;

        public void Reset()
        {
            _ready.AsSpan().Clear();
            _cell = -1;
            (_headRows, _headLeft) = (0, 0);
        }

        /// <summary>Counts rows filtered by the head, and those that it left.</summary>
        public void CountHead(int rows, int left)
        {
            _headRows += rows;
            _headLeft += left;
        }

        /// <summary>Whether this cell is another than the last.</summary>
        public bool TurnTo(int cell)
        {
            bool other = cell != _cell;
            _cell = cell;
            return other;
        }

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

        /// <summary>Room for so many queries, floats of each, and rows.</summary>
        public FilterRoom Room(int queries, int stride, int rows)
        {
            if (!_room.Holds(queries, stride, rows)) _room = new FilterRoom(_room, queries, stride, rows);
            return _room;
        }

        public void Dispose() => Filter.Dispose();
    }
}
