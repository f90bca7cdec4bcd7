using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Vlc.Codecs.Scalar;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Scanning;
using Vlc.Storage;

namespace Vlc.Codecs.Float16;

/// <summary>
/// Codec <c>f16</c>: the residual as float16 on each coded axis; a row is anchor + code, or anchor + J ∘ code where the index has
/// Jacobians. The codec to compare others with; at half the size of the originals it is not meant to save bytes.
/// </summary>
internal sealed class Float16Codec(float[] anchors, CodedAxes axes, AxisScales? scales) : ScalarCodec(anchors, axes, scales)
{
    public override CodecKind Kind => CodecKind.Float16;

    public override SectionElement CodeElement => SectionElement.Float16;

    /// <summary>code[i] = residual, divided by the scale where there is one, rounded to float16 and clamped to its finite range.</summary>
    /// <param name="residual">d floats.</param>
    /// <param name="axes">The coded axes.</param>
    /// <param name="scale">Value of code 1 on each coded axis; empty means 1. Where it is 0 the code is 0.</param>
    /// <param name="code">One float16 for each coded axis.</param>
    /// <returns>True where a component was cut.</returns>
    public static bool Encode(ReadOnlySpan<float> residual, CodedAxes axes, ReadOnlySpan<float> scale, Span<byte> code)
    {
        bool clamped = false;
        Span<Half> halves = MemoryMarshal.Cast<byte, Half>(code);
        for (int i = 0; i < axes.Count; i++)
        {
            float value = residual[axes.Axis(i)];
            if (!scale.IsEmpty) value = scale[i] > 0 ? value / scale[i] : 0;
            clamped |= MathF.Abs(value) > (float)Half.MaxValue;
            halves[i] = (Half)Math.Clamp(value, (float)Half.MinValue, (float)Half.MaxValue);
        }

        return clamped;
    }

    protected override bool Encode(ReadOnlySpan<float> residual, int cell, Span<byte> code) =>
        Encode(residual, Axes, Scales is null ? [] : Scales.Of(cell), code);

    public override void Score(QueryScratch query, int list, ReadOnlySpan<float> anchor, ListRows rows, Span<float> distances)
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

        for (int i = 0; i < rows.Count; i++)
        {
            Decode(rows.Codes!, rows.Rows[i], list, values);
            distances[i] = product ? offset - Distances.Dot(target, values) : offset + Distances.SquaredEuclidean(target, values);
        }
    }

    public override void AddResidual(SegmentCodes codes, int row, int list, int position, Span<float> vector)
    {
        var values = new float[Axes.PaddedCount];
        Decode(codes.Of(list)!, row, list, values);
        for (int i = 0; i < Axes.Count; i++) vector[Axes.Axis(i)] += values[i];
    }

    private void Decode(CodeRows codes, int row, int list, Span<float> values)
    {
        TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(codes.Row(row)), values);
        if (Scales is not null) TensorPrimitives.Multiply(values[..Axes.Count], Scales.Of(list)[..Axes.Count], values);
    }
}
