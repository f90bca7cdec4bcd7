using System.Numerics;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// A trellis code by parities (trellis-coded quantization; Marcellin and Fischer 1990, with a feedforward code and more than two parities):
/// an axis of b bits has one <em>branch bit</em> and b - 1 <em>level bits</em>. K parities of a window, the last 8 branch bits, choose one
/// of 2^K subsets of a codebook; the level bits choose within it.
/// </summary>
/// <remarks>
/// <para>
/// Axes come in groups of <see cref="GroupAxes"/> that have the same number of bits, so that every part of a row is whole bytes: the
/// windows of a group are 8 shifts of two bytes. The string of branch bits is cyclic (tail-biting): the window of the first axis holds the
/// last seven branch bits.
/// </para>
/// <para>
/// Window: bit 7 is the axis's own branch bit, bit 7 - t that of t axes before. Value: entry <c>level &lt;&lt; K | subset</c> of the
/// codebook of b bits. K is 4 up to 3 bits, 3 up to 6 and 2 at 7, so that an entry's number fits a byte, and a codebook has at most 64
/// entries up to 4 bits.
/// </para>
/// </remarks>
public static class ParityTrellis
{
    /// <summary>Axes of a group, which have the same bits.</summary>
    public const int GroupAxes = 8;

    /// <summary>Branch bits before an axis's own that its window holds.</summary>
    public const int StateBits = 7;

    /// <summary>States of the encoder's search.</summary>
    public const int StateCount = 1 << StateBits;

    /// <summary>
    /// Most bits of an axis: an eighth would take numbers of entries beyond a byte, or a single parity, which loses .8 bit.
    /// </summary>
    public const int MaxBits = 7;

    /// <summary>Most parities of a window.</summary>
    public const int MaxParities = 4;

    /// <summary>Most groups of a row.</summary>
    public const int MaxGroups = 8192;

    /// <summary>
    /// Taps of the parities by K, newest branch bit first from bit 0, as they are written in the literature: the last one has the newest
    /// and the oldest tap, the others neither, so that the states of a search are pairs with the same two values. Found by random search
    /// for 3 and 4; of 2 those of Ungerboeck (1982).
    /// </summary>
    private static readonly byte[][] Taps = [[], [], [0x56, 0x9D], [0x4C, 0x3A, 0xAF], [0x02, 0x44, 0x7E, 0xE5]];

    /// <summary>Each byte with its bits in the other order.</summary>
    private static readonly byte[] Reversals =
        [.. Enumerable.Range(0, 256).Select(value => (byte)Enumerable.Range(0, 8).Sum(i => ((value >> i) & 1) << (7 - i)))];

    private static readonly byte[][] SubsetTables =
        [.. Taps.Select(taps => (byte[])[.. Enumerable.Range(0, 256).Select(window => SubsetOf(window, taps))])];

    private static readonly byte[][] ReversedSubsetTables =
        [.. SubsetTables.Select(table => (byte[])[.. Reversals.Select(window => table[window])])];

    /// <summary>K of an axis: parities of its window.</summary>
    /// <param name="bits">1 to 7.</param>
    public static int Parities(int bits) => bits <= 3 ? 4 : bits <= 6 ? 3 : 2;

    /// <summary>Values of a codebook.</summary>
    /// <param name="bits">1 to 7.</param>
    public static int Entries(int bits) => 1 << (Parities(bits) + bits - 1);

    /// <summary>The subset that a window chooses.</summary>
    /// <param name="window">The last 8 branch bits, the axis's own in bit 7.</param>
    /// <param name="parities">K.</param>
    public static int Subset(int window, int parities) => SubsetTables[parities][window];

    /// <summary>The subsets of all windows with the newest branch bit lowest.</summary>
    internal static ReadOnlySpan<byte> SubsetsOfReversed(int parities) => ReversedSubsetTables[parities];

    /// <summary>The window of a branch bit after a state of the encoder's search, whose newest bit is the lowest.</summary>
    internal static int Window(int state, int branch) => (Reversals[state] >> 1) | (branch << StateBits);

    /// <summary>The subsets of all windows, for a kernel that looks nibbles up: they are linear in the window's bits.</summary>
    internal static ReadOnlySpan<byte> Subsets(int parities) => SubsetTables[parities];

    /// <summary>Taps of the parities of a window as laid out in a row: bit 7 the newest.</summary>
    internal static byte WindowTaps(int parities, int parity) => Reversals[Taps[parities][parity]];

    /// <summary>Checks an allocation.</summary>
    /// <param name="bits">Bits of each group.</param>
    /// <exception cref="ArgumentOutOfRangeException">Other than 1 to 7, ascending, or too many groups.</exception>
    internal static void Check(ReadOnlySpan<byte> bits)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits.Length, MaxGroups, nameof(bits));
        int last = MaxBits;
        foreach (byte b in bits)
        {
            if (b < 1 || b > last) throw new ArgumentOutOfRangeException(
                nameof(bits), b, "Bits of the groups of a parity trellis code are 1 to 7 and descend.");
            last = b;
        }
    }

    private static byte SubsetOf(int window, byte[] taps)
    {
        int subset = 0;
        for (int k = 0; k < taps.Length; k++) subset |= (BitOperations.PopCount((uint)(window & Reversals[taps[k]])) & 1) << k;
        return (byte)subset;
    }
}
