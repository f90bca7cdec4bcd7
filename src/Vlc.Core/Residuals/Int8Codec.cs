using System.Runtime.InteropServices;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Search;

namespace Vlc.Residuals;

/// <summary>
/// Codec <c>int8</c>: one signed byte, -127 to 127, for each coded axis of the residual; a row is anchor + J ∘ code, where J is the cell's
/// diagonal Jacobian or one scale an axis for all cells.
/// </summary>
internal sealed class Int8Codec(CodeRows codes, CodedAxes axes, AxisScales scales) : ScalarCodec(CodecKind.Int8, axes, codes, scales)
{
    /// <summary>Largest code; the range is symmetric, so that -128 never occurs.</summary>
    public const int LargestCode = 127;

    /// <summary>code[i] = residual / scale on coded axis i, rounded to the nearest (ties to even) and clamped.</summary>
    /// <param name="residual">d floats.</param>
    /// <param name="axes">The coded axes.</param>
    /// <param name="scale">Value of code 1 on each coded axis; where it is 0 the code is 0.</param>
    /// <param name="code">One signed byte for each coded axis.</param>
    public static void Encode(ReadOnlySpan<float> residual, CodedAxes axes, ReadOnlySpan<float> scale, Span<byte> code)
    {
        for (int i = 0; i < axes.Count; i++)
        {
            float step = scale[i];
            float value = step > 0 ? MathF.Round(residual[axes.Axis(i)] / step) : 0;
            code[i] = (byte)(sbyte)Math.Clamp(value, -LargestCode, LargestCode);
        }
    }

    public override void Score(
        QueryScratch query, int list, ReadOnlySpan<float> anchor, ReadOnlySpan<int> rows, ReadOnlySpan<int> positions, Span<float> distances)
    {
        Span<float> target = query.Coded(Axes.PaddedCount);
        ReadOnlySpan<float> scale = Scales!.Of(list);
        if (query.Metric == Metric.InnerProduct)
        {
            Axes.Gather(query.Vector, target);
            for (int i = 0; i < target.Length; i++) target[i] *= -scale[i];
            Int8Scan.DotProducts(Codes, rows, target, -Distances.Dot(query.Vector, anchor), distances);
        }
        else
        {
            float rest = Axes.Difference(query.Vector, anchor, target);
            Int8Scan.SquaredDistances(Codes, rows, target, scale, rest, distances);
        }
    }

    public override void AddResidual(int row, int list, int position, Span<float> vector)
    {
        ReadOnlySpan<sbyte> code = MemoryMarshal.Cast<byte, sbyte>(Codes.Row(row));
        ReadOnlySpan<float> scale = Scales!.Of(list);
        for (int i = 0; i < Axes.Count; i++) vector[Axes.Axis(i)] += scale[i] * code[i];
    }
}
