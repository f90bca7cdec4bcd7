using System.Buffers.Text;
using System.Text;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Text;

/// <summary>
/// Vectors between spaces: words and their numbers as GloVe and word2vec write them, with an optional line "rows dimension"; or numbers
/// alone, as numpy.savetxt writes a matrix. A file with commas or tabs between its numbers is read as the table that it is.
/// </summary>
internal sealed class WordVectorFormat : VectorFileFormat
{
    public override string Name => "words";

    public override IReadOnlyList<string> Extensions { get; } = [".txt", ".vec", ".glove"];

    public override Recognition Recognize(FileSample sample)
    {
        ReadOnlySpan<byte> head = sample.Head;
        if (head.Contains((byte)0)) return Recognition.None;
        int end = head.IndexOf((byte)'\n');
        ReadOnlySpan<byte> line = (end < 0 ? head : head[..end]).Trim(" \r"u8);
        if (line.ContainsAny((byte)'\t', (byte)',', (byte)';') || line.Count((byte)' ') == 0) return Recognition.None;
        ReadOnlySpan<byte> last = line[(line.LastIndexOf((byte)' ') + 1)..];
        return DecimalNumber.TryParse(last, out _) ? Recognition.Possible : Recognition.None;
    }

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        var file = new InputFile(path);
        try
        {
            TableSample? table = TableIn(file, path, options);
            LineGrammar grammar = table is null
                ? new WordVectorGrammar(path)
                : new DelimitedGrammar(path, table, TablePlan.Decide(path, table, options));
            return new TextVectors(file, grammar);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public override IReadOnlyList<FilePart> List(string path, VectorFileOptions options)
    {
        using var file = new InputFile(path);
        TableSample? table = TableIn(file, path, options);
        if (table is null) return [];
        try
        {
            return TablePlan.Decide(path, table, options).Parts();
        }
        catch (VlcFormatException)
        {
            return TablePlan.Undecided(path, table, options).Parts();
        }
    }

    /// <summary>
    /// The file as a table, where it is one and no list of words: the user speaks of columns, something other than spaces separates the
    /// fields, or the first field of each line is a number like the others. Null for words.
    /// </summary>
    private static TableSample? TableIn(InputFile file, string path, VectorFileOptions options)
    {
        if (options.Delimiter is { } delimiter) return TableSample.Read(file, new Dialect((byte)delimiter, Quotes: delimiter != ' '));
        var words = TableSample.Read(file, Dialect.Spaces);
        if (options.Columns is not null || options.Column is not null || options.KeyColumn is not null || options.Header is not null)
        {
            return words;
        }
        if (words.Lines.Count == 0) return null;
        double fit = words.Fit();
        foreach (byte other in ",;|\t"u8)
        {
            var table = TableSample.Read(file, new Dialect(other, Quotes: true));
            // Words between tabs are words; with a header line they are a table.
            if (table.Fit() <= fit || (other == '\t' && !table.HasHeader() && !HasLists(table))) continue;
            return other == '\t' && table.Lines.Exists(line => line.Contains("\\N")) ? TableSample.Read(file, Dialect.Copy) : table;
        }

        if (fit > 0 && HasLists(words)) return words;
        words.ThrowIfCutsLists(path);
        if (StatesShape(words)) return null;
        int numbers = words.Lines.Count(line => TableSample.IsNumber(line[0]));
        if (numbers * 2 < words.Lines.Count || words.Lines.TrueForAll(line => line.Length < 2)) return null;
        if (numbers == words.Lines.Count || (words.Lines.Count > 1 && words.HasHeader())) return words;
        int odd = words.Lines.FindIndex(line => !TableSample.IsNumber(line[0]));
        throw new VlcFormatException(
            path, $"line {words.FirstLine + odd}", "words or numbers in the first column", $"'{words.Lines[odd][0]}' among numbers",
            "Say which with --key-column 0 or --columns 0.. .");
    }

    private static bool HasLists(TableSample table) => table.Lines.TrueForAll(line => Array.Exists(line, TableSample.IsList));

    /// <summary>A first line "rows dimension", over lines of another length.</summary>
    private static bool StatesShape(TableSample words) =>
        words.Lines[0] is [var rows, var dimension] && TableSample.IsInteger(rows) && TableSample.IsInteger(dimension)
        && (words.Lines.Count == 1 || words.Lines[1].Length != 2 || !TableSample.IsNumber(words.Lines[1][0]));
}

/// <summary>A word, then its numbers, separated by spaces or tabs.</summary>
/// <remarks>
/// Some published files have words with spaces in them, so the numbers are counted from the end. A row with a number too
/// many does not become a row with an odd word: what stands before the numbers must not end in a number.
/// </remarks>
internal sealed class WordVectorGrammar(string path) : LineGrammar(path)
{
    private int _dimension;

    public override int Begin(LineReader reader)
    {
        HasKeys = true;
        ReadOnlySpan<byte> line = FirstRow(reader);
        if (TryParseHeader(line, out long count, out long dimension))
        {
            VectorShape.ThrowIfAbsurd(Path, $"line {reader.LineNumber}", count, dimension);
            HeaderLine = reader.LineNumber;
            StatedCount = count;
            _dimension = (int)dimension;
        }
        else
        {
            _dimension = CountFields(line) - 1;
            if (_dimension < 1) throw Unexpected(reader.LineNumber, "a word and its numbers", line);
        }

        return _dimension;
    }

    public override void CheckStructure(ReadOnlySpan<byte> line, long lineNumber)
    {
        int fields = CountFields(line);
        if (fields - 1 < _dimension) throw Ragged(lineNumber, _dimension, $"{fields - 1}");
        if (fields - 1 > _dimension) SplitKey(line, lineNumber, out _);
    }

    public override int ParseVector(ReadOnlySpan<byte> line, long lineNumber, Span<float> vector)
    {
        SplitKey(line, lineNumber, out ReadOnlySpan<byte> rest);
        int count = 0;
        while (TakeField(ref rest, out ReadOnlySpan<byte> field))
        {
            if (!DecimalNumber.TryParse(field, out vector[count])) throw Unexpected(lineNumber, "a number", field, $", component {count}");
            count++;
        }

        return count;
    }

    public override string ParseKey(ReadOnlySpan<byte> line, long lineNumber) =>
        Encoding.UTF8.GetString(SplitKey(line, lineNumber, out _));

    private static bool TryParseHeader(ReadOnlySpan<byte> line, out long count, out long dimension)
    {
        dimension = count = 0;
        return TakeField(ref line, out ReadOnlySpan<byte> first) && TryParseInteger(first, out count)
            && TakeField(ref line, out ReadOnlySpan<byte> second) && TryParseInteger(second, out dimension)
            && !TakeField(ref line, out _);
    }

    private static bool TryParseInteger(ReadOnlySpan<byte> text, out long value) =>
        Utf8Parser.TryParse(text, out value, out int consumed) && consumed == text.Length;

    private static int CountFields(ReadOnlySpan<byte> line)
    {
        int fields = 0;
        while (TakeField(ref line, out _)) fields++;
        return fields;
    }

    private static bool TakeField(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> field)
    {
        int start = rest.IndexOfAnyExcept((byte)' ', (byte)'\t');
        if (start < 0)
        {
            field = default;
            return false;
        }

        rest = rest[start..];
        int end = rest.IndexOfAny((byte)' ', (byte)'\t');
        field = end < 0 ? rest : rest[..end];
        rest = rest[field.Length..];
        return true;
    }

    /// <summary>Everything before the last d fields; <paramref name="numbers"/> are those fields.</summary>
    private ReadOnlySpan<byte> SplitKey(ReadOnlySpan<byte> line, long lineNumber, out ReadOnlySpan<byte> numbers)
    {
        int split = line.Length;
        for (int i = 0; i < _dimension; i++)
        {
            split = StartOfLastField(line[..split]);
            if (split <= 0) throw Ragged(lineNumber, _dimension, $"{int.Max(CountFields(line) - 1, 0)}");
        }

        numbers = line[split..];
        ReadOnlySpan<byte> key = line[..split].Trim(" \t"u8);
        if (key.IsEmpty) throw Ragged(lineNumber, _dimension, $"{_dimension - 1}");
        int last = StartOfLastField(key);
        if (last > 0 && DecimalNumber.TryParse(key[last..], out _)) throw Ragged(lineNumber, _dimension, $"{CountFields(line) - 1}");
        return key;
    }

    /// <summary>Index of the last field's first byte; -1 where there is no field.</summary>
    private static int StartOfLastField(ReadOnlySpan<byte> text)
    {
        int end = text.LastIndexOfAnyExcept((byte)' ', (byte)'\t') + 1;
        return end == 0 ? -1 : text[..end].LastIndexOfAny((byte)' ', (byte)'\t') + 1;
    }
}
