using System.Numerics.Tensors;
using Vlc.Codecs.Packed;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Scanning;

namespace Vlc.Codecs.Parity;

/// <content>
/// The hot path of a search. The first stage sums the nibbles of all rows, the second measures those whose coarse distance is near enough.
/// Where rows are dropped by m sigma, a row counts with its coarse distance less m sigma if that is more than its measured distance: so a
/// row that is dropped would not have come among the nearest, and results do not depend on the order in which rows are seen.
/// </content>
internal sealed partial class ParityCodec
{
    /// <summary>Rows that are measured together; the bound comes nearer with every few.</summary>
    private const int BatchRows = 32;

    /// <summary>Of more rows than one in so many, all sums of a list are taken.</summary>
    private const int SparseRows = 16;

    public override IQueryState CreateQueryState() => new ParityQuery(_parameters);

    public override void Score(QueryScratch query, int list, ReadOnlySpan<float> anchor, ListRows rows, Span<float> distances)
    {
        ParityQuery state = Prepare(query, list);
        distances = distances[..rows.Count];
        if (rows.Codes is { } codes)
        {
            Measure(query, state, list, new ParityRows(codes, _layouts[list]), rows.Positions, distances);
            return;
        }

        float squared = _anchorSquared[_model[list].Cell];
        distances.Fill(CountsAsUnitLength(query) ? UnitLengthDistance(query, state.Offset, squared) : state.Offset);
    }

    public override void Scan(QueryScratch query, int list, ReadOnlySpan<float> anchor, ListRows rows)
    {
        if (rows.Codes is not { } codes || !HasFirstStage(query, list))
        {
            base.Scan(query, list, anchor, rows);
            return;
        }

        var own = new ParityRows(codes, _layouts[list]);
        if (rows.Positions.IsEmpty) own.Prefetch();
        ParityQuery state = PrepareFirstStage(query, list);
        Span<ushort> sums = Sums(state, own, rows.Positions);
        TopK nearest = query.Nearest;
        Span<int> kept = query.KeptRows;

        // Until there are k rows to be nearer than, none can be dropped; then as many again at a time, as the bound comes nearer with every
        // few.
        for (int first = 0, end; first < rows.Count; first = end)
        {
            float bound = nearest.Bound;
            int count;
            if (float.IsPositiveInfinity(bound))
            {
                end = Math.Min(rows.Count, first + nearest.K - nearest.Count);
                count = end - first;
                for (int i = 0; i < count; i++) kept[i] = first + i;
            }
            else
            {
                end = first == 0 ? rows.Count : Math.Min(2 * first, rows.Count);
                count = FastScan.AtMost(sums[first..], first, end - first, Threshold(query, state, bound), kept);
            }

            MeasureKept(query, state, list, own, rows, sums, kept[..count]);
        }
    }

    /// <summary>Whether the rows of a list are sorted out before they are measured.</summary>
    private bool HasFirstStage(QueryScratch query, int list) =>
        _layouts[list].CoarseBytes > 0 && !(IsBound(query) && CountsAsUnitLength(query));

    /// <summary>Whether only rows are dropped that are proven to be too far.</summary>
    private bool IsBound(QueryScratch query) => _pruning.IsBound || query.IsExact;

    /// <summary>Coarse distances of rows, and what of them counts for each: how pruning is tuned.</summary>
    /// <param name="query">The prepared query.</param>
    /// <param name="list">The list.</param>
    /// <param name="codes">Its codes.</param>
    /// <param name="distances">Receives measured distances.</param>
    /// <param name="coarse">Receives coarse distances.</param>
    /// <returns>Sigma; 0 where the list has no first stage.</returns>
    internal float MeasureStages(QueryScratch query, int list, CodeRows codes, Span<float> distances, Span<float> coarse)
    {
        ParityQuery state = Prepare(query, list);
        var own = new ParityRows(codes, _layouts[list]);
        Measure(query, state, list, own, [], distances);
        if (!HasFirstStage(query, list))
        {
            distances[..codes.RowCount].CopyTo(coarse);
            return 0;
        }

        PrepareFirstStage(query, list);
        Span<ushort> sums = Sums(state, own, []);
        for (int i = 0; i < codes.RowCount; i++) coarse[i] = state.Tables.Base + (state.Tables.Unit * sums[i]);
        return state.Tables.Sigma;
    }

    /// <summary>Measures rows by their places among those asked for, some at a time, as long as they are near enough.</summary>
    private void MeasureKept(
        QueryScratch query, ParityQuery state, int list, ParityRows own, ListRows rows, ReadOnlySpan<ushort> sums, ReadOnlySpan<int> kept)
    {
        Span<int> places = stackalloc int[BatchRows], positions = stackalloc int[BatchRows];
        Span<float> distances = stackalloc float[BatchRows];
        float least = state.Tables.Base - (_pruning.Sigmas * state.Tables.Sigma), unit = IsBound(query) ? 0 : state.Tables.Unit;
        if (IsBound(query)) least = float.NegativeInfinity;
        for (int next = 0; next < kept.Length;)
        {
            float bound = query.Nearest.Bound;
            int threshold = float.IsPositiveInfinity(bound) ? ushort.MaxValue : Threshold(query, state, bound), count = 0;
            for (; next < kept.Length && count < BatchRows; next++)
            {
                int place = kept[next];
                if (sums[place] > threshold) continue;
                places[count] = place;
                positions[count++] = rows.Positions.IsEmpty ? place : rows.Positions[place];
            }

            if (count == 0) return;
            Measure(query, Prepare(query, list), list, own, positions[..count], distances);
            for (int i = 0; i < count; i++)
            {
                float distance = MathF.Max(distances[i], least + (unit * sums[places[i]]));
                if (distance <= query.Nearest.Bound) query.Nearest.Push(distance, rows.Rows[places[i]] + rows.FirstRow);
            }
        }
    }

    /// <summary>The largest sum of a row that may count as near as a bound.</summary>
    private int Threshold(QueryScratch query, ParityQuery state, float bound) =>
        IsBound(query) ? state.Tables.Threshold(bound) : state.Tables.Threshold(bound + (_pruning.Sigmas * state.Tables.Sigma)) + 1;

    /// <summary>Sums of the rows at the positions, or of all.</summary>
    private static Span<ushort> Sums(ParityQuery state, ParityRows own, ReadOnlySpan<int> positions)
    {
        Span<ushort> sums = state.Sums(own.RowCount);
        if (positions.IsEmpty)
        {
            FastScan.Sums(own, state.Tables, sums);
            return sums;
        }

        Span<ushort> chosen = state.ChosenSums(positions.Length);
        if (positions.Length * SparseRows > own.RowCount)
        {
            FastScan.Sums(own, state.Tables, sums);
            for (int i = 0; i < positions.Length; i++) chosen[i] = sums[positions[i]];
            return chosen;
        }

        // Of few rows, the blocks that have one.
        for (int i = 0, block = -1; i < positions.Length; i++)
        {
            int own16 = positions[i] / ParityLayout.BlockRows;
            if (own16 != block) FastScan.Sums(own, state.Tables, block = own16, 1, sums);
            chosen[i] = sums[positions[i] % ParityLayout.BlockRows];
        }

        return chosen;
    }

    /// <summary>Readies the measuring of rows of a list, unless that was done for another segment's rows.</summary>
    private ParityQuery Prepare(QueryScratch query, int list)
    {
        var state = (ParityQuery)query.CodecState!;
        if (state.List == list) return state;
        state.List = list;
        PackedModel.List coded = _model[list];
        ListQuery prepared = PrepareForList(query, list);
        state.Offset = prepared.Offset;
        if (CountsAsUnitLength(query) || query.Metric == Metric.InnerProduct)
        {
            TensorPrimitives.Multiply(prepared.Factors, coded.Scales, Weights(query, coded.Scales.Length));
        }

        return state;
    }

    /// <summary>
    /// Readies the tables of a list. Where lengths count as one they need less than measuring does, which only lists with near rows come
    /// to.
    /// </summary>
    private ParityQuery PrepareFirstStage(QueryScratch query, int list)
    {
        var state = (ParityQuery)query.CodecState!;
        if (state.TablesList == list) return state;
        PackedModel.List coded = _model[list];
        ParityLayout layout = _layouts[list];
        int padded = coded.Scales.Length;
        if (CountsAsUnitLength(query))
        {
            // Reconstructions are about as long as the query, so that their distance is about that of the directions.
            state.Rotate(query.Vector, coded.Group, _bases[coded.Group], _parameters.Mean, _meanCoordinates[coded.Group]);
            Span<float> target = state.Target(padded);
            float offset = Differences(state, coded, target);
            state.Tables.Distances(_tables, layout, target, coded.Scales, offset, isBound: false);
        }
        else
        {
            Prepare(query, list);
            bool isBound = IsBound(query);
            if (query.Metric == Metric.InnerProduct) state.Tables.Products(_tables, layout, Weights(query, padded), state.Offset, isBound);
            else state.Tables.Distances(_tables, layout, Factors(query, padded), coded.Scales, state.Offset, isBound);
        }

        state.TablesList = list;
        return state;
    }

    /// <summary>Query minus anchor on the coded axes; returns the squared distance on the others.</summary>
    private float Differences(ParityQuery state, PackedModel.List coded, Span<float> target)
    {
        float[] z = _parameters.CellAnchors[coded.Cell];
        Span<float> differences = state.Differences.AsSpan(0, z.Length);
        if (state.DifferencesCell != coded.Cell)
        {
            state.DifferencesCell = coded.Cell;
            TensorPrimitives.Subtract(state.Centred[coded.Group], z, differences);
            state.DifferencesSquared = Distances.Dot(differences, differences);
        }

        int axes = coded.Axes.Length;
        AxisOrder.Gather(differences, coded.Axes, target);
        target[axes..].Clear();
        float rest = state.DifferencesSquared - Distances.Dot(target[..axes], target[..axes]);
        return state.Outside[coded.Group] + MathF.Max(rest, 0);
    }

    /// <summary>Distances of rows of a list for which the query is prepared: those at the positions, or all.</summary>
    private void Measure(
        QueryScratch query, ParityQuery state, int list, ParityRows own, ReadOnlySpan<int> positions, Span<float> distances)
    {
        PackedModel.List coded = _model[list];
        int padded = coded.Scales.Length;
        if (query.Metric == Metric.InnerProduct)
        {
            ParityScan.DotProducts(own, positions, _tables, Weights(query, padded), state.Offset, distances);
        }
        else if (!CountsAsUnitLength(query))
        {
            ParityScan.SquaredDistances(own, positions, _tables, Factors(query, padded), coded.Scales, state.Offset, distances);
        }
        else
        {
            int count = positions.IsEmpty ? own.RowCount : positions.Length;
            Span<float> norms = state.Norms(count);
            ParityScan.DotsAndNorms(own, positions, _tables, Weights(query, padded), coded.Scales, Centre(query, padded), distances, norms);
            float squared = _anchorSquared[coded.Cell];
            for (int i = 0; i < count; i++) distances[i] = UnitLengthDistance(query, state.Offset + distances[i], squared + norms[i]);
        }
    }

    /// <summary>Memory for the factors times the scales.</summary>
    private static Span<float> Weights(QueryScratch query, int padded) => query.Coded(3 * padded).Slice(2 * padded, padded);
}
