using System.Numerics.Tensors;
using System.Runtime.Intrinsics;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// The reconstruction values of a bitshift trellis code. The state is the last 8 bits of the code string. An axis of b bits shifts b new
/// bits in, and its value is entry <c>state</c> of the table of b bits. Values are those of a unit Gaussian; the scale of an axis is
/// applied by the caller.
/// </summary>
/// <remarks>
/// Layout. The tables are stored three times, all on 64-byte boundaries. One copy is int16 in units of 1/4096, which files store and the
/// scan looks up in registers. One is float, 1 KB a table; every value is exact in both. One is 8 bits, rounded, for
/// <see cref="TrellisFilter"/>.
/// </remarks>
public sealed partial class TrellisTables : IDisposable
{
    /// <summary>Bits of a state.</summary>
    public const int StateBits = 8;

    /// <summary>Number of states, and of values in a table.</summary>
    public const int StateCount = 1 << StateBits;

    /// <summary>Most bits of an axis: the state is then the axis's own bits alone.</summary>
    public const int MaxBits = 8;

    /// <summary>Largest value of the tables in 8 bits; the range is symmetric.</summary>
    internal const int LargestByte = 127;

    /// <summary>The value of one unit of <see cref="Values"/>.</summary>
    internal const float Unit = 1f / 4096;

    private readonly AlignedBuffer<short> _values = new(MaxBits * StateCount);
    private readonly AlignedBuffer<float> _floats = new(MaxBits * StateCount);
    private readonly AlignedBuffer<sbyte> _bytes = new(MaxBits * StateCount);
    private readonly float[] _byteSteps = new float[16];

    /// <summary>Copies tables.</summary>
    /// <param name="values">8 x 256 values in units of 1/4096; the table of b bits starts at (b - 1)·256.</param>
    /// <exception cref="ArgumentException">Another length.</exception>
    public TrellisTables(ReadOnlySpan<short> values)
    {
        if (values.Length != MaxBits * StateCount)
        {
            throw new ArgumentException($"Trellis tables hold {MaxBits * StateCount} values; {values.Length} were given.", nameof(values));
        }

        values.CopyTo(_values.Span);
        for (int i = 0; i < values.Length; i++) _floats.Span[i] = values[i] * Unit;
        for (int bits = 1; bits <= MaxBits; bits++)
        {
            ReadOnlySpan<float> table = Table(bits);
            float step = _byteSteps[bits] = MathF.Abs(TensorPrimitives.MaxMagnitude(table)) / LargestByte;
            for (int state = 0; state < StateCount && step > 0; state++)
            {
                _bytes.Span[((bits - 1) * StateCount) + state] = (sbyte)MathF.Round(table[state] / step);
            }
        }
    }

    /// <summary>The tables designed for unit Gaussians; lives as long as the process and must not be disposed of.</summary>
    public static TrellisTables Designed { get; } = new(DesignedValues);

    /// <summary>Mean squared error of <see cref="Designed"/> on a long string of unit Gaussians, by bits an axis, 0 to 8.</summary>
    public static ReadOnlySpan<double> MeanSquaredError =>
        [1, .282517, .0778457, .0208755, .00570024, .00162077, .000421118, .000128609, 4.12135e-05];

    /// <summary>All values in units of 1/4096, as the constructor takes them.</summary>
    public ReadOnlySpan<short> Values => _values.Span;

    /// <summary>The 256 values of the table of <paramref name="bits"/> bits; 64-byte aligned. The tables must outlive the span.</summary>
    /// <param name="bits">1 to 8.</param>
    /// <exception cref="ArgumentOutOfRangeException">Other bits.</exception>
    public ReadOnlySpan<float> Table(int bits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, MaxBits);
        return _floats.Slice((bits - 1) * StateCount, StateCount);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _values.Dispose();
        _floats.Dispose();
        _bytes.Dispose();
    }

    /// <summary>The float tables, the one of b bits at (b - 1)·256.</summary>
    internal unsafe float* Floats => _floats.Pointer;

    /// <summary>The int16 tables, the one of b bits at (b - 1)·256.</summary>
    internal unsafe short* Shorts => _values.Pointer;

    /// <summary>The tables in 8 bits, value / <see cref="ByteStep"/> rounded, the one of b bits at (b - 1)·256.</summary>
    internal unsafe sbyte* Bytes => _bytes.Pointer;

    /// <summary><see cref="ByteStep"/> in lane b.</summary>
    internal Vector512<float> ByteSteps => Vector512.Create(_byteSteps);

    /// <summary>δ, the value of a unit of the table in 8 bits.</summary>
    /// <param name="bits">1 to 8.</param>
    internal float ByteStep(int bits) => _byteSteps[bits];

    /// <summary>Bits of the whole string.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An axis has other than 1 to 8 bits.</exception>
    internal static int CheckedSum(ReadOnlySpan<byte> bits)
    {
        int sum = 0;
        foreach (byte b in bits)
        {
            if (b - 1u >= MaxBits) throw new ArgumentOutOfRangeException(nameof(bits), b, "An axis of a trellis code has 1 to 8 bits.");
            sum += b;
        }

        return sum;
    }
}
