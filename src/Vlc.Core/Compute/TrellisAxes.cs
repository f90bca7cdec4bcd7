using Vlc.Numerics.Kernels;

namespace Vlc.Compute;

/// <summary>The axes of several trellis codes, one code after the other. All rows of a code share its axes.</summary>
public sealed class TrellisAxes
{
    private readonly int[] _starts;
    private readonly float[] _scales;
    private readonly byte[] _bits;

    /// <summary>Describes the axes; the arrays must not change.</summary>
    /// <param name="starts">The first axis of each code, and the end of the last: ascending from 0.</param>
    /// <param name="scales">Value of a table's 1 on each axis; finite.</param>
    /// <param name="bits">Bits of each axis, 1 to 8, in any order.</param>
    /// <exception cref="ArgumentException">
    /// The starts do not ascend from 0 to the number of axes, or scales and bits are of different lengths.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An axis has other than 1 to 8 bits.</exception>
    public TrellisAxes(int[] starts, float[] scales, byte[] bits)
    {
        ArgumentNullException.ThrowIfNull(starts);
        ArgumentNullException.ThrowIfNull(scales);
        ArgumentNullException.ThrowIfNull(bits);
        if (starts.Length == 0 || starts[0] != 0 || starts[^1] != bits.Length)
        {
            throw new ArgumentException($"Codes go from axis 0 to {bits.Length}.", nameof(starts));
        }

        if (scales.Length != bits.Length)
        {
            throw new ArgumentException($"{bits.Length} axes have bits, {scales.Length} a scale.", nameof(scales));
        }

        foreach (byte b in bits)
        {
            if (b - 1u >= TrellisTables.MaxBits)
            {
                throw new ArgumentOutOfRangeException(nameof(bits), b, "An axis of a trellis code has 1 to 8 bits.");
            }
        }

        for (int code = 0; code + 1 < starts.Length; code++)
        {
            int axes = starts[code + 1] - starts[code];
            if (axes < 0) throw new ArgumentException($"Code {code} starts after its end.", nameof(starts));
            MostAxes = Math.Max(MostAxes, axes);
        }

        (_starts, _scales, _bits) = (starts, scales, bits);
    }

    /// <summary>Number of codes.</summary>
    public int Count => _starts.Length - 1;

    /// <summary>Axes of the longest code.</summary>
    public int MostAxes { get; }

    /// <summary>The first axis of each code, and the end of the last.</summary>
    public ReadOnlySpan<int> Starts => _starts;

    /// <summary>Value of a table's 1 on each axis.</summary>
    public ReadOnlySpan<float> Scales => _scales;

    /// <summary>Bits of each axis.</summary>
    public ReadOnlySpan<byte> Bits => _bits;

    /// <summary>
    /// The offset of each row's first element in an array that has an element for each axis of each row, and the end of the last.
    /// </summary>
    /// <param name="codes">Code of each row.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such code.</exception>
    /// <exception cref="OverflowException">More than 2^31 - 1 axes in all.</exception>
    public int[] RowOffsets(ReadOnlySpan<int> codes)
    {
        var rowOffsets = new int[codes.Length + 1];
        for (int row = 0; row < codes.Length; row++)
        {
            int code = codes[row];
            if ((uint)code >= (uint)Count)
            {
                throw new ArgumentOutOfRangeException(nameof(codes), code, $"Codes are numbered from 0 to {Count - 1}.");
            }

            rowOffsets[row + 1] = checked(rowOffsets[row] + (_starts[code + 1] - _starts[code]));
        }

        return rowOffsets;
    }
}
