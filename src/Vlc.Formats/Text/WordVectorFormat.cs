using System.Buffers.Text;
using System.Text;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Text;

/// <summary>
/// Word vectors as text, as GloVe and word2vec write them: an optional line "rows dimension", then a word and its numbers.
/// </summary>
internal sealed class WordVectorFormat : VectorFileFormat
{
    public override string Name => "words";

    public override IReadOnlyList<string> Extensions { get; } = [".txt", ".vec", ".glove"];

    public override VectorSource Open(string path, VectorFileOptions options) =>
        new TextVectors(new InputFile(path), new WordVectorGrammar(path));
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
