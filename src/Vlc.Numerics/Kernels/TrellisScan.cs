using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>Scans trellis codes against a float query: the hot path of searching an index of codec <c>trellis</c>.</summary>
public static unsafe class TrellisScan
{
    /// <summary>Reads a string back: values[i] = T[state after axis i], the state being the 8 bits that end with the axis's own, zeros before the start.</summary>
    /// <param name="tables">Tables of values.</param>
    /// <param name="code">The string, most significant bit first; at least ceil(Σ bits / 8) bytes.</param>
    /// <param name="bits">Bits of each axis, 1 to 8.</param>
    /// <param name="values">Receives one float an axis, before scaling.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short, or an axis has other than 1 to 8 bits.</exception>
    public static void Decode(TrellisTables tables, ReadOnlySpan<byte> code, ReadOnlySpan<byte> bits, Span<float> values)
    {
        ArgumentNullException.ThrowIfNull(tables);
        ArgumentOutOfRangeException.ThrowIfLessThan(code.Length * 8L, TrellisTables.CheckedSum(bits));
        ArgumentOutOfRangeException.ThrowIfLessThan(values.Length, bits.Length);
        float* floats = tables.Floats;
        int end = 0;
        for (int i = 0; i < bits.Length; i++)
        {
            end += bits[i];
            values[i] = floats[((bits[i] - 1) * TrellisTables.StateCount) + Window(code, end)];
        }
    }

    /// <summary>distances[i] = offset + Σ (target[k] - scale[k]·v[row i][k])².</summary>
    /// <param name="codes">Strings of equal length, one a row.</param>
    /// <param name="rows">Row numbers; empty for all rows in order.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8, the same in all rows. Any order is right; descending is fast.</param>
    /// <param name="target">Query minus anchor on the coded axes, at least one float an axis.</param>
    /// <param name="scale">Value of a table's 1 on each axis.</param>
    /// <param name="offset">Squared distance on the axes without a code.</param>
    /// <param name="distances">Receives one float a row.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short, no such row, an axis has other than 1 to 8 bits, or their string does not fit a row.</exception>
    public static void SquaredDistances(
        CodeRows codes, ReadOnlySpan<int> rows, TrellisTables tables, ReadOnlySpan<byte> bits,
        ReadOnlySpan<float> target, ReadOnlySpan<float> scale, float offset, Span<float> distances)
    {
        int count = Check(codes, rows, bits, distances.Length);
        for (int i = 0; i < count; i++)
        {
            distances[i] = SquaredDistanceReference(codes.Row(rows.IsEmpty ? i : rows[i]), tables, bits, target, scale, offset);
        }
    }

    /// <summary>products[i] = offset + Σ weight[k]·v[row i][k].</summary>
    /// <param name="codes">Strings of equal length, one a row.</param>
    /// <param name="rows">Row numbers; empty for all rows in order.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8, the same in all rows. Any order is right; descending is fast.</param>
    /// <param name="weight">Query times scale on the coded axes, at least one float an axis.</param>
    /// <param name="offset">Product of query and anchor.</param>
    /// <param name="products">Receives one float a row.</param>
    /// <inheritdoc cref="SquaredDistances" path="/exception"/>
    public static void DotProducts(
        CodeRows codes, ReadOnlySpan<int> rows, TrellisTables tables, ReadOnlySpan<byte> bits,
        ReadOnlySpan<float> weight, float offset, Span<float> products)
    {
        int count = Check(codes, rows, bits, products.Length);
        for (int i = 0; i < count; i++)
        {
            products[i] = DotProductReference(codes.Row(rows.IsEmpty ? i : rows[i]), tables, bits, weight, offset);
        }
    }

    /// <summary>
    /// dots[i] = Σ weight[k]·v[row i][k] and norms[i] = Σ r·(2·centre[k] + r) with r = scale[k]·v[row i][k]: what a row adds to the product
    /// of query and anchor, and to the anchor's squared norm.
    /// </summary>
    /// <param name="codes">Strings of equal length, one a row.</param>
    /// <param name="rows">Row numbers; empty for all rows in order.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8, the same in all rows. Any order is right; descending is fast.</param>
    /// <param name="weight">Query times scale on the coded axes, at least one float an axis.</param>
    /// <param name="scale">Value of a table's 1 on each axis.</param>
    /// <param name="centre">The anchor on the coded axes.</param>
    /// <param name="dots">Receives one float a row.</param>
    /// <param name="norms">Receives one float a row.</param>
    /// <inheritdoc cref="SquaredDistances" path="/exception"/>
    public static void DotsAndNorms(
        CodeRows codes, ReadOnlySpan<int> rows, TrellisTables tables, ReadOnlySpan<byte> bits,
        ReadOnlySpan<float> weight, ReadOnlySpan<float> scale, ReadOnlySpan<float> centre, Span<float> dots, Span<float> norms)
    {
        int count = Check(codes, rows, bits, Math.Min(dots.Length, norms.Length));
        for (int i = 0; i < count; i++)
        {
            (dots[i], norms[i]) = DotAndNormReference(codes.Row(rows.IsEmpty ? i : rows[i]), tables, bits, weight, scale, centre);
        }
    }

    /// <summary><see cref="SquaredDistances"/> for one row, written for reading; the same bits.</summary>
    /// <param name="code">The row's string.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8.</param>
    /// <param name="target">Query minus anchor on the coded axes.</param>
    /// <param name="scale">Value of a table's 1 on each axis.</param>
    /// <param name="offset">Squared distance on the axes without a code.</param>
    public static float SquaredDistanceReference(
        ReadOnlySpan<byte> code, TrellisTables tables, ReadOnlySpan<byte> bits, ReadOnlySpan<float> target, ReadOnlySpan<float> scale, float offset)
    {
        float[] values = Units(code, tables, bits), lanes = new float[16];
        for (int k = 0; k < bits.Length; k++)
        {
            float difference = MathF.FusedMultiplyAdd(-scale[k] * TrellisTables.Unit, values[k], target[k]);
            lanes[k % 16] = MathF.FusedMultiplyAdd(difference, difference, lanes[k % 16]);
        }

        return offset + SumTreeReference(lanes);
    }

    /// <summary><see cref="DotProducts"/> for one row, written for reading; the same bits.</summary>
    /// <param name="code">The row's string.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8.</param>
    /// <param name="weight">Query times scale on the coded axes.</param>
    /// <param name="offset">Product of query and anchor.</param>
    public static float DotProductReference(
        ReadOnlySpan<byte> code, TrellisTables tables, ReadOnlySpan<byte> bits, ReadOnlySpan<float> weight, float offset)
    {
        float[] values = Units(code, tables, bits), lanes = new float[16];
        for (int k = 0; k < bits.Length; k++)
        {
            lanes[k % 16] = MathF.FusedMultiplyAdd(weight[k] * TrellisTables.Unit, values[k], lanes[k % 16]);
        }

        return offset + SumTreeReference(lanes);
    }

    /// <summary><see cref="DotsAndNorms"/> for one row, written for reading; the same bits.</summary>
    /// <param name="code">The row's string.</param>
    /// <param name="tables">Tables of values.</param>
    /// <param name="bits">Bits of each axis, 1 to 8.</param>
    /// <param name="weight">Query times scale on the coded axes.</param>
    /// <param name="scale">Value of a table's 1 on each axis.</param>
    /// <param name="centre">The anchor on the coded axes.</param>
    public static (float Dot, float Norm) DotAndNormReference(
        ReadOnlySpan<byte> code, TrellisTables tables, ReadOnlySpan<byte> bits,
        ReadOnlySpan<float> weight, ReadOnlySpan<float> scale, ReadOnlySpan<float> centre)
    {
        float[] values = Units(code, tables, bits), dots = new float[16], norms = new float[16];
        for (int k = 0; k < bits.Length; k++)
        {
            float residual = scale[k] * TrellisTables.Unit * values[k];
            dots[k % 16] = MathF.FusedMultiplyAdd(weight[k] * TrellisTables.Unit, values[k], dots[k % 16]);
            norms[k % 16] = MathF.FusedMultiplyAdd(residual, (centre[k] + centre[k]) + residual, norms[k % 16]);
        }

        return (SumTreeReference(dots), SumTreeReference(norms));
    }

    /// <summary>The state after <paramref name="end"/> bits: the last 8, zeros before the start.</summary>
    private static int Window(ReadOnlySpan<byte> code, int end)
    {
        int last = (end - 1) >> 3;
        int pair = last == 0 ? code[0] : (code[last - 1] << 8) | code[last];
        return (pair >> (((last + 1) * 8) - end)) & (TrellisTables.StateCount - 1);
    }

    /// <summary>The values of a string in units of the tables.</summary>
    private static float[] Units(ReadOnlySpan<byte> code, TrellisTables tables, ReadOnlySpan<byte> bits)
    {
        float[] values = new float[bits.Length];
        int end = 0;
        for (int k = 0; k < bits.Length; k++)
        {
            end += bits[k];
            values[k] = tables.Values[((bits[k] - 1) * TrellisTables.StateCount) + Window(code, end)];
        }

        return values;
    }

    private static float SumTreeReference(float[] lanes)
    {
        for (int width = 8; width >= 1; width /= 2)
        {
            for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
        }

        return lanes[0];
    }

    /// <summary>Checks the arguments that all scans share.</summary>
    /// <returns>Number of rows to scan.</returns>
    private static int Check(CodeRows codes, ReadOnlySpan<int> rows, ReadOnlySpan<byte> bits, int results)
    {
        ArgumentNullException.ThrowIfNull(codes);
        int count = rows.IsEmpty ? codes.RowCount : rows.Length;
        ArgumentOutOfRangeException.ThrowIfLessThan(results, count);
        ArgumentOutOfRangeException.ThrowIfLessThan(codes.RowBytes * 8L, TrellisTables.CheckedSum(bits));
        return count;
    }
}
