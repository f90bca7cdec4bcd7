using System.Text;

namespace Vlc.Formats.Text;

/// <summary>How a line of one text format becomes a key and a vector. Errors name the line.</summary>
internal abstract class LineGrammar(string path)
{
    /// <summary>The file, for messages.</summary>
    protected string Path { get; } = path;

    /// <summary>True where each row has a key; known after <see cref="Begin"/>.</summary>
    public bool HasKeys { get; protected set; }

    /// <summary>True where each row has payload; known after <see cref="Begin"/>.</summary>
    public bool HasPayload { get; protected set; }

    /// <summary>What was decided, one sentence each; known after <see cref="Begin"/>.</summary>
    public IReadOnlyList<string> Notes { get; protected set; } = [];

    /// <summary>The delimiter after which a quotation may begin and go over several lines; null where none may.</summary>
    public byte? QuotesAfter { get; protected init; }

    /// <summary>Rows that a header states; null without one.</summary>
    public long? StatedCount { get; protected set; }

    /// <summary>Number of the line that is a header; 0 without one.</summary>
    protected long HeaderLine { get; set; }

    /// <summary>Reads from the first line as far as it takes to learn the dimension, and returns it.</summary>
    public abstract int Begin(LineReader reader);

    /// <summary>True for a line that holds a row: neither blank nor the header.</summary>
    public virtual bool IsRow(ReadOnlySpan<byte> line, long lineNumber) =>
        lineNumber != HeaderLine && line.IndexOfAnyExcept((byte)' ', (byte)'\t') >= 0;

    /// <summary>Throws where the line cannot be a row, as far as can be seen without parsing its numbers.</summary>
    public abstract void CheckStructure(ReadOnlySpan<byte> line, long lineNumber);

    /// <summary>Parses the components, at most as many as <paramref name="vector"/> takes; returns how many there were.</summary>
    /// <exception cref="VlcFormatException">More than that, or something that is no number.</exception>
    public abstract int ParseVector(ReadOnlySpan<byte> line, long lineNumber, Span<float> vector);

    /// <summary>The row's key; asked for only where <see cref="HasKeys"/>.</summary>
    public abstract string ParseKey(ReadOnlySpan<byte> line, long lineNumber);

    /// <summary>The row's payload, a JSON object; asked for only where <see cref="HasPayload"/>.</summary>
    public virtual string ParsePayload(ReadOnlySpan<byte> line, long lineNumber) => throw new NotSupportedException();

    /// <summary>The error of a row with another number of components than the first.</summary>
    public VlcFormatException Ragged(long lineNumber, int expected, string found) =>
        new(Path, $"line {lineNumber}", $"{expected} components", found, "All rows of a file have the same dimension.");

    /// <summary>The first line that holds a row, from where the reader stands.</summary>
    /// <exception cref="VlcFormatException">There is none.</exception>
    protected ReadOnlySpan<byte> FirstRow(LineReader reader)
    {
        while (reader.TryRead(out ReadOnlySpan<byte> line))
        {
            if (IsRow(line, reader.LineNumber)) return line;
        }

        throw new VlcFormatException(
            Path, $"line {reader.LineNumber + 1}", "at least one row", reader.LineNumber == 0 ? "an empty file" : "zero rows");
    }

    /// <summary>The error of a piece of text that is not what it should be; long ones are cut.</summary>
    protected VlcFormatException Unexpected(long lineNumber, string expected, ReadOnlySpan<byte> found, string? where = null)
    {
        const int shown = 40;
        string text = found.IsEmpty
            ? "nothing"
            : "'" + Encoding.UTF8.GetString(found[..int.Min(found.Length, shown)]) + (found.Length > shown ? "...'" : "'");
        return new VlcFormatException(Path, $"line {lineNumber}{where}", expected, text);
    }
}
