namespace Vlc.Codecs.Packed;

/// <summary>
/// Scales and variances as whole numbers of small parts of an octave, so that a reader derives the bit allocation of the writer on every
/// machine. Powers and logarithms use plain IEEE operations alone; those of the C library differ in their last bit.
/// </summary>
internal static class Octaves
{
    /// <summary>The parts of an octave in <see cref="Power"/>.</summary>
    public const int Parts = 1 << PartsBits;

    private const int PartsBits = 5;

    private static readonly double[] Fractions = MakeFractions();

    /// <summary>2^(<paramref name="parts"/> / 32).</summary>
    public static double Power(int parts)
    {
        int whole = parts >> PartsBits;
        double fraction = Fractions[parts & (Parts - 1)];
        // Both ways are exact. Opening an index takes as many powers as there are axes in its lists.
        return whole is >= -1022 and <= 1023
            ? fraction * BitConverter.Int64BitsToDouble((whole + 1023L) << 52)
            : Math.ScaleB(fraction, whole);
    }

    /// <summary>2^(<paramref name="eighths"/> / 8).</summary>
    public static double PowerOfEighths(int eighths) => Power(eighths * (Parts / 8));

    /// <summary>8 · log2 x, rounded to the nearest whole number; x above 0.</summary>
    public static int EighthsOf(double x) => (int)Math.Round(8 * Log2(x));

    /// <summary>log2 x to about 14 digits: 2 atanh((f - 1)/(f + 1)) / ln 2 with f in [√½, √2), by its series.</summary>
    public static double Log2(double x)
    {
        int exponent = Math.ILogB(x);
        double f = Math.ScaleB(x, -exponent);
        if (f > 1.4142135623730951)
        {
            f *= 0.5;
            exponent++;
        }

        double t = (f - 1) / (f + 1), square = t * t, sum = 0;
        for (int k = 25; k >= 1; k -= 2) sum = (sum * square) + (1.0 / k);
        return exponent + (sum * t * 2.8853900817779268);
    }

    private static double[] MakeFractions()
    {
        // Square roots are rounded exactly, so 2^(1/2), 2^(1/4), ... and their products are the same everywhere.
        var fractions = new double[Parts];
        for (int i = 0; i < Parts; i++)
        {
            double value = 1, root = 2;
            for (int bit = Parts / 2; bit >= 1; bit /= 2)
            {
                root = Math.Sqrt(root);
                if ((i & bit) != 0) value *= root;
            }

            fractions[i] = value;
        }

        return fractions;
    }
}
