using System.Globalization;
using System.Text;
using Vlc.Formats.Binary;

namespace Vlc.Formats.Text;

/// <summary>The first lines of a table, cut into fields, for deciding what its columns are.</summary>
internal sealed class TableSample
{
    private const int MaxBytes = 1 << 20;
    private const int LeastLines = 4;
    private const int MostLines = 1000;

    // Fewer than this could be a vector that happens to be (0, 1, 2).
    private const int CountedColumns = 4;

    private TableSample(Dialect dialect, List<string[]> lines, long firstLine, int comments, FieldEnd fault, long faultLine, bool isWhole)
    {
        Dialect = dialect;
        Lines = lines;
        FirstLine = firstLine;
        Comments = comments;
        Fault = fault;
        FaultLine = faultLine;
        IsWhole = isWhole;
    }

    public Dialect Dialect { get; }

    /// <summary>The fields of each line, quotations undone; the header is one of them.</summary>
    public List<string[]> Lines { get; }

    /// <summary>Number of the first line that is neither blank nor a comment.</summary>
    public long FirstLine { get; }

    /// <summary>Leading lines that begin with '#', as numpy writes a header.</summary>
    public int Comments { get; }

    /// <summary>What is wrong with the last line, or <see cref="FieldEnd.Last"/>.</summary>
    public FieldEnd Fault { get; }

    public long FaultLine { get; }

    /// <summary>True where the sample is the whole file.</summary>
    public bool IsWhole { get; }

    /// <summary>Fields of the first line.</summary>
    public int Columns => Lines.Count == 0 ? 0 : Lines[0].Length;

    /// <summary>True where all lines have as many fields.</summary>
    public bool IsRegular => Lines.TrueForAll(line => line.Length == Columns);

    public static TableSample Read(InputFile file, Dialect dialect)
    {
        var reader = new LineReader(file, offset: 0, lineNumber: 1, dialect.QuotesAfter);
        List<string[]> lines = [];
        List<string> fields = [];
        long bytes = 0, firstLine = 1;
        int comments = 0;
        while (lines.Count < MostLines && (bytes < MaxBytes || lines.Count < LeastLines))
        {
            if (!reader.TryRead(out ReadOnlySpan<byte> line))
            {
                return new(dialect, lines, firstLine, comments, FieldEnd.Last, 0, isWhole: true);
            }
            if (line.IndexOfAnyExcept((byte)' ', (byte)'\t') < 0) continue;
            if (lines.Count == 0 && IsComment(line))
            {
                comments++;
                continue;
            }

            if (lines.Count == 0) firstLine = reader.LineNumber;
            bytes += line.Length;
            fields.Clear();
            FieldEnd end;
            do
            {
                end = dialect.TakeField(ref line, out ReadOnlySpan<byte> field, out bool quoted);
                fields.Add(Text(field, quoted));
            }
            while (end == FieldEnd.More);

            if (end != FieldEnd.Last) return new(dialect, lines, firstLine, comments, end, reader.LineNumber, isWhole: false);
            lines.Add([.. fields]);
        }

        return new(dialect, lines, firstLine, comments, FieldEnd.Last, 0, isWhole: false);
    }

    /// <summary>A '#', alone or before a space, as numpy.savetxt writes it; "#1" is a word like any other.</summary>
    public static bool IsComment(ReadOnlySpan<byte> line) => line is [(byte)'#'] or [(byte)'#', (byte)' ' or (byte)'\t' or (byte)'#', ..];

    public static string Text(ReadOnlySpan<byte> field, bool quoted)
    {
        string text = Encoding.UTF8.GetString(field);
        return quoted ? text.Replace("\"\"", "\"", StringComparison.Ordinal) : text;
    }

    public static bool IsNumber(string field) => DecimalNumber.TryParse(Encoding.UTF8.GetBytes(field), out _);

    /// <summary>A number without a decimal point or an exponent.</summary>
    public static bool IsInteger(string field) => long.TryParse(field, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);

    /// <summary>A finite number that is written with a decimal point or an exponent.</summary>
    public static bool IsDecimal(string field) =>
        DecimalNumber.TryParse(Encoding.UTF8.GetBytes(field), out float value) && float.IsFinite(value) && !IsInteger(field);

    public static bool IsList(string field) => field.Length > 1 && NumberList.Looks(Encoding.UTF8.GetBytes(field));

    /// <summary>
    /// How well this dialect explains the lines: 0 where it does not, else the share of fields that are numbers or lists, plus 1.
    /// </summary>
    public double Fit()
    {
        if (Fault != FieldEnd.Last || Columns < 2 || !IsRegular || FindCutList() is not null) return 0;
        long good = 0, all = 0;
        foreach (string[] line in Lines)
        {
            foreach (string field in line)
            {
                all++;
                if (IsNumber(field) || IsList(field)) good++;
            }
        }

        return 1 + ((double)good / all);
    }

    /// <summary>
    /// A piece of a list in brackets that the delimiter cuts, and the place of its line; null where there is none.
    /// </summary>
    public (int Line, string Field)? FindCutList()
    {
        for (int line = 0; line < Lines.Count; line++)
        {
            if (Array.Find(Lines[line], IsPieceOfList) is { } field) return (line, field);
        }

        return null;
    }

    /// <exception cref="VlcFormatException">The delimiter cuts lists in brackets.</exception>
    public void ThrowIfCutsLists(string path)
    {
        if (FindCutList() is not var (line, field)) return;
        throw new VlcFormatException(
            path, $"line {FirstLine + line}", $"lists in brackets that {Dialect.Name} do not cut", $"'{field}'",
            "Quote the lists, name another --delimiter, or say with --columns A..B which columns hold the numbers.");
    }

    private static bool IsPieceOfList(string field)
    {
        if (field.Length < 2) return false;
        if (field[0] is '[' or '(' or '{')
        {
            return field.IndexOfAny([']', ')', '}']) < 0 && IsNumber(field[1..].Trim().TrimEnd(','));
        }

        return field[^1] is ']' or ')' or '}' && field.IndexOfAny(['[', '(', '{']) < 0 && IsNumber(field[..^1].Trim());
    }

    /// <summary>Whether the first line names the columns, as far as the lines can tell.</summary>
    public bool HasHeader()
    {
        if (Lines.Count == 0) return false;
        string[] first = Lines[0];
        List<string[]> rest = Lines.GetRange(1, Lines.Count - 1);
        if (rest.Count == 0)
        {
            return first.Skip(1).All(field => !IsNumber(field) && !IsList(field)) && !IsNumber(first[0]) && !IsList(first[0]);
        }
        for (int column = 0; column < first.Length; column++)
        {
            if (first[column].Length == 0 || IsList(first[column])) continue;
            int at = column;
            string[] values = [.. rest.Where(line => at < line.Length).Select(line => line[at])];
            int lists = values.Count(IsList), numbers = values.Count(IsNumber);
            if (lists * 2 > values.Length || (numbers * 2 > values.Length && !IsNumber(first[column]))) return true;
        }

        return IsCounted(first, rest[0]);
    }

    /// <summary>A header that counts the columns from 0 or 1, as pandas writes it, under or beside a key's name.</summary>
    private static bool IsCounted(string[] first, string[] second)
    {
        bool keyed = ColumnNames.IsKey(first[0]) && !IsNumber(first[0]);
        string[] counted = keyed ? first[1..] : first;
        if (counted.Length < 2 || second.Length != first.Length || counted[0] is not ("0" or "1")) return false;
        int from = counted[0] == "0" ? 0 : 1;
        for (int i = 0; i < counted.Length; i++)
        {
            if (counted[i] != (from + i).ToString(CultureInfo.InvariantCulture)) return false;
        }

        string[] values = keyed ? second[1..] : second;
        bool decimals = Array.TrueForAll(values, value => IsNumber(value) && !IsInteger(value));
        // A row 0, 1, 2, 3 over a row 4, 5, 6, 7 is a matrix that counts.
        bool goesOn = values[0] == (from + counted.Length).ToString(CultureInfo.InvariantCulture);
        return keyed || decimals || (counted.Length >= CountedColumns && !goesOn);
    }
}

/// <summary>What the names of columns say of them.</summary>
internal static class ColumnNames
{
    private static readonly string[] Keys =
        ["", "id", "ids", "_id", "key", "word", "token", "term", "name", "index", "idx", "uuid", "guid", "rowid", "unnamed: 0", "vec_id",
            "item"];

    private static readonly string[] Others =
    [
        "label", "labels", "class", "target", "category", "cluster", "count", "counts", "freq", "frequency", "score", "length", "len",
            "split", "fold",
        "year", "page", "chunk", "chunk_index", "position", "offset", "start", "end", "n_tokens", "tokens", "timestamp", "rating", "price",
        "rank",
    ];

    /// <summary>A name that keys have.</summary>
    public static bool IsKey(string name) =>
        Keys.Contains(name, StringComparer.OrdinalIgnoreCase) || name.EndsWith("_id", StringComparison.OrdinalIgnoreCase)
            || name.EndsWith("Id", StringComparison.Ordinal);

    /// <summary>A name of something that a row has beside its vector.</summary>
    public static bool IsOther(string name) =>
        Others.Contains(name, StringComparer.OrdinalIgnoreCase) || name.EndsWith("_count", StringComparison.OrdinalIgnoreCase)
        || name.EndsWith("_index", StringComparison.OrdinalIgnoreCase) || name.EndsWith("_label", StringComparison.OrdinalIgnoreCase);

    /// <summary>The number at the end of a name, and what stands before it: "emb_12" is 12 after "emb_".</summary>
    public static bool TrySplitNumber(string name, out string stem, out int number)
    {
        int digits = name.Length;
        while (digits > 0 && char.IsAsciiDigit(name[digits - 1])) digits--;
        stem = name[..digits];
        return int.TryParse(name.AsSpan(digits), NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
