using System.Runtime.InteropServices;
using Vlc.Codecs.Scalar;
using Vlc.Numerics.Kernels;
using Vlc.Scanning;
using Vlc.Storage;

namespace Vlc.Codecs.Int8;

/// <summary>
/// Codec <c>int8</c>: one signed byte, -127 to 127, for each coded axis of the residual; a row is anchor + J ∘ code, where J is the cell's
/// diagonal Jacobian or one scale an axis for all cells.
/// </summary>
internal sealed class Int8Codec(float[] anchors, CodedAxes axes, AxisScales scales) : ScalarCodec(anchors, axes, scales)
{
    public override CodecKind Kind => CodecKind.Int8;

    public override SectionElement CodeElement => SectionElement.Int8;

    /// <summary>Largest code; the range is symmetric, so that -128 never occurs.</summary>
    public const int LargestCode = 127;

    /// <summary>code[i] = residual / scale on coded axis i, rounded to the nearest (ties to even) and clamped.</summary>
    /// <param name="residual">d floats.</param>
    /// <param name="axes">The coded axes.</param>
    /// <param name="scale">Value of code 1 on each coded axis; where it is 0 the code is 0.</param>
    /// <param name="code">One signed byte for each coded axis.</param>
    /// <returns>True where a component was cut.</returns>
    public static bool Encode(ReadOnlySpan<float> residual, CodedAxes axes, ReadOnlySpan<float> scale, Span<byte> code)
    {
        bool clamped = false;
        for (int i = 0; i < axes.Count; i++)
        {
            float step = scale[i];
            float value = step > 0 ? MathF.Round(residual[axes.Axis(i)] / step) : 0;
            clamped |= MathF.Abs(value) > LargestCode;
            code[i] = (byte)(sbyte)Math.Clamp(value, -LargestCode, LargestCode);
        }

        return clamped;
    }

    protected override bool Encode(ReadOnlySpan<float> residual, int cell, Span<byte> code) =>
        Encode(residual, Axes, Scales!.Of(cell), code);

    public override void Score(QueryScratch query, int list, ReadOnlySpan<float> anchor, ListRows rows, Span<float> distances)
    {
        Span<float> target = query.Coded(Axes.PaddedCount);
        ReadOnlySpan<float> scale = Scales!.Of(list);
        if (query.Metric == Metric.InnerProduct)
        {
            Axes.Gather(query.Vector, target);
            for (int i = 0; i < target.Length; i++) target[i] *= -scale[i];
            Int8Scan.DotProducts(rows.Codes!, rows.Rows, target, -Distances.Dot(query.Vector, anchor), distances);
        }
        else
        {
            float rest = Axes.Difference(query.Vector, anchor, target);
            Int8Scan.SquaredDistances(rows.Codes!, rows.Rows, target, scale, rest, distances);
        }
    }

    public override void AddResidual(SegmentCodes codes, int row, int list, int position, Span<float> vector)
    {
        ReadOnlySpan<sbyte> code = MemoryMarshal.Cast<byte, sbyte>(codes.Of(list)!.Row(row));
        ReadOnlySpan<float> scale = Scales!.Of(list);
        for (int i = 0; i < Axes.Count; i++) vector[Axes.Axis(i)] += scale[i] * code[i];
    }
}
