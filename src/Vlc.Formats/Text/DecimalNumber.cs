using System.Globalization;
using System.Text;

namespace Vlc.Formats.Text;

/// <summary>Decimal numbers in text, in the invariant culture.</summary>
internal static class DecimalNumber
{
    /// <summary>
    /// Parses a number. The spellings of infinity that C and Python print are recognised too: they are refused later by
    /// name, and a first line that has them is not mistaken for a header.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out float value)
    {
        if (float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value)) return true;
        ReadOnlySpan<byte> magnitude = text is [(byte)'+' or (byte)'-', ..] ? text[1..] : text;
        if (!Ascii.EqualsIgnoreCase(magnitude, "inf"u8)) return false;
        value = text[0] == (byte)'-' ? float.NegativeInfinity : float.PositiveInfinity;
        return true;
    }
}
