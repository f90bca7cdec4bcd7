namespace Vlc.Formats.Text;

/// <summary>How the fields of a line are told apart.</summary>
/// <param name="Delimiter">Between two fields; a space stands for any run of spaces and tabs.</param>
/// <param name="Quotes">Whether a field may be quoted, with the quotation mark doubled inside.</param>
/// <param name="Escapes">Whether a backslash escapes, as in PostgreSQL's COPY.</param>
internal readonly record struct Dialect(byte Delimiter, bool Quotes, bool Escapes = false)
{
    public static Dialect Comma { get; } = new((byte)',', Quotes: true);

    public static Dialect Tab { get; } = new((byte)'\t', Quotes: true);

    public static Dialect Spaces { get; } = new((byte)' ', Quotes: false);

    /// <summary>PostgreSQL's COPY in text form.</summary>
    public static Dialect Copy { get; } = new((byte)'\t', Quotes: false, Escapes: true);

    /// <summary>
    /// What the line reader needs to know, so that a quotation may go over several lines. Tabs are for words, which may be a quotation
    /// mark.
    /// </summary>
    public byte? QuotesAfter => Quotes && Delimiter != '\t' ? Delimiter : null;

    /// <summary>How messages call it.</summary>
    public string Name => Delimiter switch { (byte)'\t' => "tabs", (byte)' ' => "spaces", var other => $"'{(char)other}'" };

    /// <summary>Takes the next field, without surrounding spaces and quotation marks.</summary>
    /// <param name="rest">What is left of the line; after the last field, nothing.</param>
    /// <param name="field">The field; a quotation mark within a quotation is still doubled.</param>
    /// <param name="quoted">Whether it was quoted.</param>
    public FieldEnd TakeField(scoped ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> field, out bool quoted)
    {
        quoted = false;
        if (Delimiter == ' ') return TakeWord(ref rest, out field);
        ReadOnlySpan<byte> text = rest.TrimStart((byte)' ');
        if (Quotes && text is [(byte)'"', ..])
        {
            int close = CloseOfQuotation(text);
            ReadOnlySpan<byte> after = close < 0 ? default : text[(close + 1)..].TrimStart((byte)' ');
            if (close >= 0 && (after.IsEmpty || after[0] == Delimiter))
            {
                field = text[1..close];
                quoted = true;
                rest = after.IsEmpty ? after : after[1..];
                return after.IsEmpty ? FieldEnd.Last : FieldEnd.More;
            }

            // A tab-separated list of words may have a word that begins with a quotation mark.
            if (Delimiter != '\t')
            {
                field = text;
                rest = default;
                return close < 0 ? FieldEnd.OpenQuotation : FieldEnd.AfterQuotation;
            }
        }

        int end = rest.IndexOf(Delimiter);
        field = (end < 0 ? rest : rest[..end]).Trim((byte)' ');
        rest = end < 0 ? default : rest[(end + 1)..];
        return end >= 0 ? FieldEnd.More : FieldEnd.Last;
    }

    /// <summary>Index of the quotation mark that closes the one at the front; -1 where there is none.</summary>
    private static int CloseOfQuotation(ReadOnlySpan<byte> text)
    {
        for (int i = 1; i < text.Length; i++)
        {
            int next = text[i..].IndexOf((byte)'"');
            if (next < 0) return -1;
            i += next;
            if (i + 1 == text.Length || text[i + 1] != (byte)'"') return i;
            i++;
        }

        return -1;
    }

    private static FieldEnd TakeWord(scoped ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> field)
    {
        rest = rest.Trim(" \t"u8);
        int end = rest.IndexOfAny((byte)' ', (byte)'\t');
        field = end < 0 ? rest : rest[..end];
        rest = end < 0 ? default : rest[end..];
        return end >= 0 ? FieldEnd.More : FieldEnd.Last;
    }
}

/// <summary>What comes after a field.</summary>
internal enum FieldEnd
{
    /// <summary>Another field.</summary>
    More,

    /// <summary>The end of the line.</summary>
    Last,

    /// <summary>Nothing: the field's quotation does not end.</summary>
    OpenQuotation,

    /// <summary>Something other than a delimiter after a quotation.</summary>
    AfterQuotation,
}
