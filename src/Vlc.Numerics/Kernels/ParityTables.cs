using System.Numerics.Tensors;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// The codebooks of <see cref="ParityTrellis"/>, for unit Gaussians; an axis's scale is applied outside. Beside them what is known of a
/// value of which only the highest level bits have been read, the coarse bits: its mean and its variance.
/// </summary>
/// <remarks>
/// Layout. Values are int16 in units of 1/4096, exact as float. Within a subset they ascend with the level, so that the nearest is found by
/// comparing with midpoints. For lookups of bytes in registers the low and the high bytes of a codebook are held apart.
/// </remarks>
public sealed unsafe partial class ParityTables : IDisposable
{
    /// <summary>What one unit of <see cref="Values"/> is worth.</summary>
    internal const float Unit = 1f / 4096;

    /// <summary>Coarse bits that a nibble can hold whole: 1, 2 or 4 an axis.</summary>
    internal const int MaxCoarseBits = 4;

    /// <summary>Coarse entries of an axis: those of 0, 1, 2 and 4 bits behind one another.</summary>
    private const int CoarseEntries = 1 + 2 + 4 + 16;

    /// <summary>Bytes of a book, and where its high bytes begin.</summary>
    internal const int BookBytes = 512, HighBytes = 256;

    /// <summary>Number of books.</summary>
    internal const int BookCount = 5;

    /// <summary>Entries in all codebooks, that of b bits behind that of b - 1.</summary>
    private static readonly int[] Starts = MakeStarts();

    private readonly ushort[] _shares;
    private readonly AlignedBuffer<short> _values = new(Starts[^1]);
    private readonly AlignedBuffer<float> _floats = new(Starts[^1]);

    /// <summary>
    /// 256 low bytes, then 256 high bytes, of each book: the codebooks of 3, 2 and 1 bits together, then one each of 4 to 7.
    /// </summary>
    private readonly AlignedBuffer<byte> _books = new(BookCount * BookBytes);

    /// <summary>
    /// For each codebook and subset the midpoints between levels, filled with infinity: room for 16 or the number of levels.
    /// </summary>
    private readonly AlignedBuffer<float>[] _midpoints = new AlignedBuffer<float>[ParityTrellis.MaxBits + 1];

    /// <summary>The farthest from 0 that a target is taken for: some way beyond all values.</summary>
    internal float Farthest(int bits) => _farthest[bits];

    /// <summary>Mean, mean square, least and largest value of each coarse entry.</summary>
    private readonly float[] _coarseMoments = new float[(ParityTrellis.MaxBits + 1) * CoarseEntries * 4];

    private readonly float[] _farthest = new float[ParityTrellis.MaxBits + 1];

    /// <summary>By bits and coarse bits, 5 of each.</summary>
    private readonly Spread[] _coarseSpreads = new Spread[(ParityTrellis.MaxBits + 1) * (MaxCoarseBits + 1)];

    /// <summary>Copies codebooks.</summary>
    /// <param name="values">
    /// All codebooks in units of 1/4096, that of 1 bit first; as many as <see cref="ValueCount"/>, ascending by level within each subset.
    /// </param>
    /// <param name="shares">How often each value stands for one, in any unit; what coarse bits say follows from it.</param>
    /// <exception cref="ArgumentException">Another number of values or shares, or a subset that does not ascend.</exception>
    public ParityTables(ReadOnlySpan<short> values, ReadOnlySpan<ushort> shares)
    {
        if (values.Length != ValueCount) throw new ArgumentException(
            $"Parity tables hold {ValueCount} values; {values.Length} were given.", nameof(values));
        if (shares.Length != ValueCount) throw new ArgumentException(
            $"Parity tables hold {ValueCount} shares; {shares.Length} were given.", nameof(shares));
        _shares = shares.ToArray();
        values.CopyTo(_values.Span);
        for (int i = 0; i < values.Length; i++) _floats.Span[i] = values[i] * Unit;
        for (int bits = 1; bits <= ParityTrellis.MaxBits; bits++)
        {
            ReadOnlySpan<short> book = values[Starts[bits]..Starts[bits + 1]];
            for (int i = 0; i < book.Length; i++)
            {
                int place = (BookOf(bits) * BookBytes) + BookStart(bits) + i;
                _books.Span[place] = (byte)book[i];
                _books.Span[place + HighBytes] = (byte)(book[i] >> 8);
            }

            _midpoints[bits] = Midpoints(bits);
            _farthest[bits] = MathF.Abs(TensorPrimitives.MaxMagnitude(Codebook(bits))) + (30 * (float)Math.Sqrt(MeanSquaredError[bits]));
            foreach (int coarse in (int[])[0, 1, 2, 4]) DescribeCoarse(bits, coarse);
        }
    }

    /// <summary>The codebooks designed for unit Gaussians; lives as long as the process and must not be disposed of.</summary>
    public static ParityTables Designed { get; } = new(DesignedValues, DesignedShares);

    /// <summary>Values in all codebooks.</summary>
    public static int ValueCount => Starts[^1];

    /// <summary>All values in units of 1/4096, as the constructor takes them.</summary>
    public ReadOnlySpan<short> Values => _values.Span;

    /// <summary>How often each value stands for one, as the constructor takes it.</summary>
    public ReadOnlySpan<ushort> Shares => _shares;

    /// <summary>
    /// The codebook of <paramref name="bits"/> bits: entry <c>level &lt;&lt; K | subset</c>. The tables must outlive the span.
    /// </summary>
    /// <param name="bits">1 to 7.</param>
    /// <exception cref="ArgumentOutOfRangeException">Other bits.</exception>
    public ReadOnlySpan<float> Codebook(int bits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, ParityTrellis.MaxBits);
        return _floats.Slice(Starts[bits], ParityTrellis.Entries(bits));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _values.Dispose();
        _floats.Dispose();
        _books.Dispose();
        for (int bits = 1; bits < _midpoints.Length; bits++) _midpoints[bits].Dispose();
    }

    /// <summary>Where the codebook of so many bits begins among all values.</summary>
    internal static int Start(int bits) => Starts[bits];

    /// <summary>The codebook of so many bits as floats.</summary>
    internal float* Floats(int bits) => _floats.Pointer + Starts[bits];

    /// <summary>All books.</summary>
    internal byte* Books => _books.Pointer;

    /// <summary>The book that holds the codebook of so many bits.</summary>
    internal static int BookOf(int bits) => Math.Max(bits - 3, 0);

    /// <summary>Where in its book the codebook of so many bits begins: its numbers have none of this one's bits.</summary>
    internal static int BookStart(int bits) => bits switch { 1 => 96, 2 => 64, _ => 0 };

    /// <summary>Midpoints between the levels of the first subset; those of the next are <see cref="MidpointStride"/> behind.</summary>
    internal float* MidpointsOf(int bits) => _midpoints[bits].Pointer;

    /// <summary>Floats from the midpoints of one subset to those of the next: whole vectors of 16.</summary>
    internal static int MidpointStride(int bits) => Math.Max(1 << (bits - 1), 16);

    /// <summary>
    /// Mean, mean square, least and largest value of a unit Gaussian's code by its coarse bits; 2^<paramref name="coarse"/> times four
    /// floats.
    /// </summary>
    internal ReadOnlySpan<float> CoarseMoments(int bits, int coarse) => _coarseMoments.AsSpan(4 * CoarseStart(bits, coarse), 4 << coarse);

    /// <summary>What remains to be known of a value whose coarse bits are.</summary>
    internal Spread CoarseSpread(int bits, int coarse) => _coarseSpreads[(bits * (MaxCoarseBits + 1)) + coarse];

    private static int CoarseStart(int bits, int coarse) => (bits * CoarseEntries) + (coarse switch { 0 => 0, 1 => 1, 2 => 3, _ => 7 });

    private static int[] MakeStarts()
    {
        var starts = new int[ParityTrellis.MaxBits + 2];
        for (int bits = 1; bits <= ParityTrellis.MaxBits; bits++) starts[bits + 1] = starts[bits] + ParityTrellis.Entries(bits);
        return starts;
    }

    private AlignedBuffer<float> Midpoints(int bits)
    {
        int parities = ParityTrellis.Parities(bits), levels = 1 << (bits - 1), stride = MidpointStride(bits);
        var midpoints = new AlignedBuffer<float>((long)stride << parities);
        midpoints.Span.Fill(float.PositiveInfinity);
        for (int subset = 0; subset < 1 << parities; subset++)
        {
            for (int level = 0; level + 1 < levels; level++)
            {
                float low = Codebook(bits)[(level << parities) | subset], high = Codebook(bits)[((level + 1) << parities) | subset];
                if (low > high) throw new ArgumentException($"The values of subset {subset} at {bits} bits do not ascend.");
                midpoints.Span[(subset * stride) + level] = 0.5f * (low + high);
            }
        }

        return midpoints;
    }

    /// <summary>Means and variances by the coarse bits.</summary>
    private void DescribeCoarse(int bits, int coarse)
    {
        if (coarse > bits - 1) return;
        int parities = ParityTrellis.Parities(bits), width = ParityTrellis.Entries(bits) >> coarse;
        double variance = 0, timesSquare = 0, squared = 0, all = 0;
        for (int prefix = 0; prefix < 1 << coarse; prefix++)
        {
            // The entries of one prefix follow one another: the level is above the subset.
            double share = 0, sum = 0, squares = 0;
            ReadOnlySpan<float> values = Codebook(bits).Slice(prefix * width, width);
            for (int i = 0; i < width; i++)
            {
                double own = _shares[Starts[bits] + (prefix * width) + i];
                share += own;
                sum += own * values[i];
                squares += own * values[i] * values[i];
            }

            double mean = share > 0 ? sum / share : values[0], around = share > 0 ? (squares / share) - (mean * mean) : 0;
            variance += around * share;
            timesSquare += around * mean * mean * share;
            squared += around * around * share;
            all += share;
            Span<float> moments = _coarseMoments.AsSpan(4 * (CoarseStart(bits, coarse) + prefix), 4);
            (moments[0], moments[1], moments[2], moments[3]) = (
                (float)mean, (float)((mean * mean) + around), TensorPrimitives.Min(values), TensorPrimitives.Max(values));
        }

        if (all > 0) _coarseSpreads[(bits * (MaxCoarseBits + 1)) + coarse] = new Spread(
            (float)(variance / all), (float)(timesSquare / all), (float)(squared / all));
    }

    /// <summary>Means over the coarse entries.</summary>
    /// <param name="Variance">Of a value's variance.</param>
    /// <param name="VarianceTimesSquare">Of its variance times its mean squared.</param>
    /// <param name="VarianceSquared">Of its variance squared.</param>
    internal readonly record struct Spread(float Variance, float VarianceTimesSquare, float VarianceSquared);
}
