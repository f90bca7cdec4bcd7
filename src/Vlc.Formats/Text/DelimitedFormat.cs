using System.Text;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Text;

/// <summary>csv and tsv: one row to a line, with an optional header line and an optional leading key column, both detected.</summary>
internal sealed class DelimitedFormat(string name, char delimiter) : VectorFileFormat
{
    public static DelimitedFormat Csv { get; } = new("csv", ',');

    public static DelimitedFormat Tsv { get; } = new("tsv", '\t');

    public override string Name => name;

    public override IReadOnlyList<string> Extensions { get; } = ["." + name];

    public override VectorSource Open(string path, VectorFileOptions options) =>
        new TextVectors(new InputFile(path), new DelimitedGrammar(path, (byte)delimiter));
}

/// <summary>Fields between delimiters; a field may be quoted, with the quotation mark doubled inside, but not span lines.</summary>
/// <remarks>
/// The first line is a header when none of its fields after the first is a number, or when it counts its columns 0, 1, 2, 3, ...
/// as pandas does. The first column holds keys when it is no number in the first row, or when the header calls it id, key,
/// word or nothing.
/// </remarks>
internal sealed class DelimitedGrammar(string path, byte delimiter) : LineGrammar(path)
{
    // Fewer than this could be a vector that happens to be (0, 1, 2).
    private const int CountedColumns = 4;

    private static readonly string[] KeyNames = ["", "id", "key", "word"];

    private int _fields;

    public override int Begin(LineReader reader)
    {
        ReadOnlySpan<byte> line = FirstRow(reader);
        string? firstColumn = null;
        if (IsHeader(line, reader.LineNumber))
        {
            HeaderLine = reader.LineNumber;
            ReadOnlySpan<byte> names = line;
            TakeField(ref names, reader.LineNumber, out ReadOnlySpan<byte> first);
            firstColumn = Text(first);
            line = FirstRow(reader);
        }

        _fields = CountFields(line, reader.LineNumber);
        ReadOnlySpan<byte> fields = line;
        TakeField(ref fields, reader.LineNumber, out ReadOnlySpan<byte> field);
        HasKeys = KeyNames.Contains(firstColumn, StringComparer.OrdinalIgnoreCase)
            || (_fields > 1 && !DecimalNumber.TryParse(field, out _));
        return HasKeys ? _fields - 1 : _fields;
    }

    public override void CheckStructure(ReadOnlySpan<byte> line, long lineNumber)
    {
        int fields = CountFields(line, lineNumber);
        if (fields != _fields) throw Ragged(lineNumber, _fields - (HasKeys ? 1 : 0), $"{fields - (HasKeys ? 1 : 0)}");
    }

    public override int ParseVector(ReadOnlySpan<byte> line, long lineNumber, Span<float> vector)
    {
        bool more = true;
        if (HasKeys) more = TakeField(ref line, lineNumber, out _);
        int count = 0;
        while (more)
        {
            more = TakeField(ref line, lineNumber, out ReadOnlySpan<byte> field);
            if (count == vector.Length) throw Ragged(lineNumber, vector.Length, "more");
            if (!DecimalNumber.TryParse(field, out vector[count])) throw Unexpected(lineNumber, "a number", field, $", component {count}");
            count++;
        }

        return count;
    }

    public override string ParseKey(ReadOnlySpan<byte> line, long lineNumber)
    {
        TakeField(ref line, lineNumber, out ReadOnlySpan<byte> field);
        return Text(field);
    }

    private static string Text(ReadOnlySpan<byte> field) => Encoding.UTF8.GetString(field).Replace("\"\"", "\"", StringComparison.Ordinal);

    private bool IsHeader(ReadOnlySpan<byte> line, long lineNumber)
    {
        bool more = TakeField(ref line, lineNumber, out ReadOnlySpan<byte> field);
        bool keyed = field.IsEmpty;
        bool counted = keyed || field.SequenceEqual("0"u8);
        bool named = !DecimalNumber.TryParse(field, out _) || more;
        int columns = keyed ? 0 : 1;
        while (more)
        {
            more = TakeField(ref line, lineNumber, out field);
            bool isNumber = DecimalNumber.TryParse(field, out float value);
            named &= !isNumber;
            counted &= isNumber && value == columns;
            columns++;
        }

        return named || (counted && columns >= CountedColumns);
    }

    private int CountFields(ReadOnlySpan<byte> line, long lineNumber)
    {
        int fields = 1;
        while (TakeField(ref line, lineNumber, out _)) fields++;
        return fields;
    }

    /// <summary>Takes the next field, without surrounding spaces and quotation marks; true when another follows.</summary>
    private bool TakeField(ref ReadOnlySpan<byte> rest, long lineNumber, out ReadOnlySpan<byte> field)
    {
        ReadOnlySpan<byte> text = rest.TrimStart((byte)' ');
        if (text is [(byte)'"', ..])
        {
            int close = CloseOfQuotation(text);
            if (close < 0) throw Unexpected(lineNumber, "a quotation that ends on its line", text);
            field = text[1..close];
            text = text[(close + 1)..].TrimStart((byte)' ');
            if (!text.IsEmpty && text[0] != delimiter) throw Unexpected(lineNumber, "a delimiter after a quotation", text);
            rest = text.IsEmpty ? text : text[1..];
            return !text.IsEmpty;
        }

        int end = rest.IndexOf(delimiter);
        field = (end < 0 ? rest : rest[..end]).Trim((byte)' ');
        rest = end < 0 ? default : rest[(end + 1)..];
        return end >= 0;
    }

    private static int CloseOfQuotation(ReadOnlySpan<byte> text)
    {
        for (int i = 1; i < text.Length; i++)
        {
            if (text[i] != (byte)'"') continue;
            if (i + 1 == text.Length || text[i + 1] != (byte)'"') return i;
            i++;
        }

        return -1;
    }
}
