using System.Buffers;
using System.Numerics.Tensors;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Text;

/// <summary>
/// Rows of a text file, one to a line. Opening passes over the file once: it counts the rows, checks their structure
/// lightly and remembers the place of every 1,024th, so that any range is found by reading at most 1,023 lines too many.
/// </summary>
internal sealed class TextVectors : VectorSource
{
    private const int RowsPerCheckpoint = 1024;

    private readonly InputFile _file;
    private readonly LineGrammar _grammar;
    private readonly List<(long Offset, long LineNumber)> _checkpoints = [];
    private readonly long _count;

    // Where the last read stopped: rows asked for in ascending order are read without going back to a checkpoint.
    private LineReader? _cursor;
    private long _cursorRow;

    /// <summary>Takes ownership of <paramref name="file"/>, also when the file is refused.</summary>
    /// <param name="file">The file.</param>
    /// <param name="grammar">How a line becomes a row.</param>
    /// <exception cref="VlcFormatException">No row, a first row without components, or a line of another structure.</exception>
    public TextVectors(InputFile file, LineGrammar grammar)
    {
        _file = file;
        _grammar = grammar;
        try
        {
            Dimension = grammar.Begin(new LineReader(file, offset: 0, lineNumber: 1, grammar.QuotesAfter));
            VectorShape.ThrowIfAbsurd(file.Path, "first row", count: 1, Dimension);
            _count = CountRows();
            VectorShape.ThrowIfAbsurd(file.Path, "file", _count, Dimension);
            if (grammar.StatedCount is { } stated && stated != _count)
            {
                throw new VlcFormatException(
                    file.Path, "line 1", $"the number of rows, {_count}", $"{stated}", "The file is truncated, or its header is wrong.");
            }
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public override string Name => _file.Path;

    public override long Count => _count;

    public override int Dimension { get; }

    public override ElementType ElementType => ElementType.Text;

    public override bool HasKeys => _grammar.HasKeys;

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        CheckRange(start, count, destination.Length);
        if (count == 0) return;
        LineReader reader = Seek(start);
        for (int i = 0; i < count; i++)
        {
            if (i % RowsPerCheckpoint == 0) cancellationToken.ThrowIfCancellationRequested();
            ReadOnlySpan<byte> line = NextRow(reader, start + i);
            Span<float> row = destination.Slice(i * Dimension, Dimension);
            int components = _grammar.ParseVector(line, reader.LineNumber, row);
            if (components != Dimension) throw _grammar.Ragged(reader.LineNumber, Dimension, $"{components}");
            if (!TensorPrimitives.IsFiniteAll(row)) ThrowNotFinite(row, start + i, reader.LineNumber);
        }

        Keep(reader, start + count);
    }

    public override bool HasPayload => _grammar.HasPayload;

    public override IReadOnlyList<string> Notes => _grammar.Notes;

    public override void ReadKeys(long start, Span<string> destination)
    {
        if (!HasKeys) base.ReadKeys(start, destination);
        ReadTexts(start, destination, _grammar.ParseKey);
    }

    public override void ReadPayload(long start, Span<string> destination)
    {
        if (!HasPayload) base.ReadPayload(start, destination);
        ReadTexts(start, destination, _grammar.ParsePayload);
    }

    private delegate string ParseText(ReadOnlySpan<byte> line, long lineNumber);

    private void ReadTexts(long start, Span<string> destination, ParseText parse)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Count - destination.Length);
        if (destination.IsEmpty) return;
        LineReader reader = Seek(start);
        for (int i = 0; i < destination.Length; i++)
        {
            ReadOnlySpan<byte> line = NextRow(reader, start + i);
            destination[i] = parse(line, reader.LineNumber);
        }

        Keep(reader, start + destination.Length);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _file.Dispose();
        base.Dispose(disposing);
    }

    private long CountRows()
    {
        LineReader reader = new(_file, offset: 0, lineNumber: 1, _grammar.QuotesAfter);
        long rows = 0;
        while (reader.TryRead(out ReadOnlySpan<byte> line))
        {
            if (!_grammar.IsRow(line, reader.LineNumber)) continue;
            _grammar.CheckStructure(line, reader.LineNumber);
            if (rows % RowsPerCheckpoint == 0) _checkpoints.Add((reader.LineOffset, reader.LineNumber));
            rows++;
        }

        return rows;
    }

    /// <summary>
    /// A reader whose next row is <paramref name="row"/>. The cursor is taken, so that an error leaves no half-read one behind.
    /// </summary>
    private LineReader Seek(long row)
    {
        LineReader? reader = _cursor;
        long at = _cursorRow;
        _cursor = null;
        long checkpoint = row / RowsPerCheckpoint;
        if (reader is null || at > row || at < checkpoint * RowsPerCheckpoint)
        {
            (long offset, long lineNumber) = _checkpoints[(int)checkpoint];
            reader = new LineReader(_file, offset, lineNumber, _grammar.QuotesAfter);
            at = checkpoint * RowsPerCheckpoint;
        }

        for (; at < row; at++)
        {
            NextRow(reader, at);
        }

        return reader;
    }

    private void Keep(LineReader reader, long nextRow)
    {
        _cursor = reader;
        _cursorRow = nextRow;
    }

    private ReadOnlySpan<byte> NextRow(LineReader reader, long row)
    {
        while (reader.TryRead(out ReadOnlySpan<byte> line))
        {
            if (_grammar.IsRow(line, reader.LineNumber)) return line;
        }

        throw new VlcFormatException(
            Name, $"line {reader.LineNumber + 1}", $"row {row} of {Count}", "the end of the file",
            "The file has changed since it was opened.");
    }

    private void ThrowNotFinite(ReadOnlySpan<float> row, long number, long lineNumber) =>
        FiniteCheck.ThrowIfNotFinite(row, Dimension, number, Name, _ => $"line {lineNumber}");

}
