using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Search;

namespace Vlc.Residuals;

/// <summary>
/// Codec <c>f16</c>: the residual as float16 on each coded axis; a row is anchor + code, or anchor + J ∘ code where the index has Jacobians.
/// The codec to compare others with; at half the size of the originals it is not meant to save bytes.
/// </summary>
internal sealed class Float16Codec(CodeRows codes, CodedAxes axes, AxisScales? scales) : ScalarCodec(CodecKind.Float16, axes, codes, scales)
{
    /// <summary>code[i] = residual, divided by the scale where there is one, rounded to float16 and clamped to its finite range.</summary>
    /// <param name="residual">d floats.</param>
    /// <param name="axes">The coded axes.</param>
    /// <param name="scale">Value of code 1 on each coded axis; empty means 1. Where it is 0 the code is 0.</param>
    /// <param name="code">One float16 for each coded axis.</param>
    public static void Encode(ReadOnlySpan<float> residual, CodedAxes axes, ReadOnlySpan<float> scale, Span<byte> code)
    {
        Span<Half> halves = MemoryMarshal.Cast<byte, Half>(code);
        for (int i = 0; i < axes.Count; i++)
        {
            float value = residual[axes.Axis(i)];
            if (!scale.IsEmpty) value = scale[i] > 0 ? value / scale[i] : 0;
            halves[i] = (Half)Math.Clamp(value, (float)Half.MinValue, (float)Half.MaxValue);
        }
    }

    public override void Score(
        QueryScratch query, int list, ReadOnlySpan<float> anchor, ReadOnlySpan<int> rows, ReadOnlySpan<int> positions, Span<float> distances)
    {
        int padded = Axes.PaddedCount;
        Span<float> both = query.Coded(2 * padded);
        Span<float> target = both[..padded], values = both[padded..];
        values.Clear();
        bool product = query.Metric == Metric.InnerProduct;
        float offset;
        if (product)
        {
            Axes.Gather(query.Vector, target);
            offset = -Distances.Dot(query.Vector, anchor);
        }
        else
        {
            offset = Axes.Difference(query.Vector, anchor, target);
        }

        for (int i = 0; i < rows.Length; i++)
        {
            Decode(rows[i], list, values);
            distances[i] = product ? offset - Distances.Dot(target, values) : offset + Distances.SquaredEuclidean(target, values);
        }
    }

    public override void AddResidual(int row, int list, int position, Span<float> vector)
    {
        var values = new float[Axes.PaddedCount];
        Decode(row, list, values);
        for (int i = 0; i < Axes.Count; i++) vector[Axes.Axis(i)] += values[i];
    }

    private void Decode(int row, int list, Span<float> values)
    {
        TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(Codes.Row(row)), values);
        if (Scales is not null) TensorPrimitives.Multiply(values[..Axes.Count], Scales.Of(list)[..Axes.Count], values);
    }
}
