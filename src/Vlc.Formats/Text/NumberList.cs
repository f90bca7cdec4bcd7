namespace Vlc.Formats.Text;

/// <summary>
/// A vector within a field: "[0.1, 0.2]" as JSON, pandas and pgvector write it, "[0.1 0.2]" as numpy prints it, "{0.1,0.2}" as PostgreSQL
/// writes an array.
/// </summary>
internal static class NumberList
{
    /// <summary>True for text in brackets that begins with a number, or that numpy has shortened.</summary>
    public static bool Looks(ReadOnlySpan<byte> field)
    {
        if (!TryUnwrap(field, out ReadOnlySpan<byte> inner)) return false;
        Next(ref inner, out ReadOnlySpan<byte> first);
        return DecimalNumber.TryParse(first, out _);
    }

    /// <summary>True where numpy printed "..." in the place of most of the numbers.</summary>
    public static bool IsShortened(ReadOnlySpan<byte> field) =>
        TryUnwrap(field, out ReadOnlySpan<byte> inner) && inner.IndexOf("..."u8) >= 0;

    /// <summary>Parses the numbers, at most as many as <paramref name="vector"/> takes.</summary>
    /// <param name="field">The field.</param>
    /// <param name="vector">Takes the numbers.</param>
    /// <param name="count">How many there were; <c>vector.Length + 1</c> for more.</param>
    /// <param name="wrong">The piece that is no number, where the result is false.</param>
    public static bool TryParse(ReadOnlySpan<byte> field, Span<float> vector, out int count, out ReadOnlySpan<byte> wrong)
    {
        count = 0;
        wrong = field;
        if (!TryUnwrap(field, out ReadOnlySpan<byte> inner)) return false;
        while (Next(ref inner, out ReadOnlySpan<byte> number))
        {
            wrong = number;
            if (count == vector.Length)
            {
                count++;
                return true;
            }

            if (!DecimalNumber.TryParse(number, out vector[count])) return false;
            count++;
        }

        return true;
    }

    private static bool TryUnwrap(ReadOnlySpan<byte> field, out ReadOnlySpan<byte> inner)
    {
        ReadOnlySpan<byte> text = field.Trim(" \t\r\n"u8);
        bool wrapped = text is [(byte)'[', .., (byte)']'] or [(byte)'(', .., (byte)')'] or [(byte)'{', .., (byte)'}'];
        inner = wrapped ? text[1..^1] : default;
        return wrapped;
    }

    /// <summary>The next number, up to a comma or white space; two commas have an empty one between them.</summary>
    private static bool Next(scoped ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> number)
    {
        rest = rest.TrimStart(" \t\r\n"u8);
        if (rest.IsEmpty)
        {
            number = default;
            return false;
        }

        int end = rest.IndexOfAny(" \t\r\n,"u8);
        number = end < 0 ? rest : rest[..end];
        rest = end < 0 ? default : rest[end..].TrimStart(" \t\r\n"u8);
        if (rest is [(byte)',', ..]) rest = rest[1..];
        return true;
    }
}
