using System.Buffers.Text;
using System.Text;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Words;

/// <summary>
/// The binary file of word2vec: a line "rows dimension", then for each row a word, a space and the components as float32. The original tool
/// puts a line feed after each row, gensim does not.
/// </summary>
internal sealed class Word2VecBinaryFormat : VectorFileFormat
{
    /// <summary>The longest word read; the published vectors have phrases of some hundred bytes.</summary>
    public const int MaxWordBytes = 4096;

    // Two numbers of 19 digits, a space and an end of line.
    private const int MaxHeaderBytes = 48;

    public override string Name => "word2vec";

    public override IReadOnlyList<string> Extensions { get; } = [".bin", ".w2v"];

    /// <summary>A header, then a word whose vector has bytes that no text has.</summary>
    public override Recognition Recognize(FileSample sample)
    {
        if (!TryParseHeader(sample.Head, out int headerBytes, out long count, out long dimension)) return Recognition.None;
        ReadOnlySpan<byte> rest = sample.Head[headerBytes..];
        int space = rest[..int.Min(rest.Length, MaxWordBytes)].IndexOf((byte)' ');
        if (space < 1 || dimension is < 1 or > VectorShape.MaxDimension || count < 1) return Recognition.None;
        ReadOnlySpan<byte> vector = rest[(space + 1)..];
        vector = vector[..(int)long.Min(vector.Length, dimension * sizeof(float))];
        // Text has neither control characters nor, in a number, anything beyond ASCII.
        bool binary = vector.ContainsAnyInRange((byte)0, (byte)8) || vector.ContainsAnyInRange((byte)0x80, (byte)0xFF);
        return binary && sample.Length >= headerBytes + (count * (2 + (dimension * sizeof(float))))
            ? Recognition.Certain
            : Recognition.None;
    }

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        InputFile file = new(path);
        try
        {
            byte[] head = new byte[(int)long.Min(file.Length, MaxHeaderBytes)];
            file.ReadExactly(head, 0, "the header");
            if (!TryParseHeader(head, out int headerBytes, out long count, out long dimension))
            {
                throw new VlcFormatException(
                    path, "offset 0", "a line with the number of rows and the dimension", FileSignature.DescribeOrQuote(
                        head.AsSpan(0, int.Min(head.Length, FileSignature.Length))),
                    "Is it a word2vec file? Name the format with --format.");
            }

            VectorShape.ThrowIfAbsurd(path, "header", count, dimension);
            return new Word2VecVectors(file, headerBytes, count, (int)dimension);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static bool TryParseHeader(ReadOnlySpan<byte> head, out int bytes, out long count, out long dimension)
    {
        bytes = 0;
        dimension = 0;
        if (!Utf8Parser.TryParse(head[..int.Min(head.Length, MaxHeaderBytes)], out count, out int first) || count < 0) return false;
        if (first >= head.Length || head[first] != (byte)' ') return false;
        ReadOnlySpan<byte> rest = head[(first + 1)..];
        if (!Utf8Parser.TryParse(rest[..int.Min(rest.Length, MaxHeaderBytes)], out dimension, out int second) || second >= rest.Length)
        {
            return false;
        }
        if (rest[second] == (byte)' ') second++;
        if (second >= rest.Length || rest[second] != (byte)'\n') return false;
        bytes = first + 1 + second + 1;
        return dimension is > 0 and < int.MaxValue;
    }
}

/// <summary>The rows of a word2vec file. Opening passes over it once and remembers every 1,024th row's place.</summary>
internal sealed class Word2VecVectors : VectorSource
{
    private const int RowsPerCheckpoint = 1024;

    private readonly InputFile _file;
    private readonly List<long> _checkpoints = [];
    private ByteCursor? _cursor;
    private long _cursorRow;

    public Word2VecVectors(InputFile file, int headerBytes, long count, int dimension)
    {
        _file = file;
        Count = count;
        Dimension = dimension;
        // The smallest row is a word of one byte, the space and the components.
        if ((file.Length - headerBytes) / (2 + ((long)dimension * sizeof(float))) < count)
        {
            throw new VlcFormatException(
                file.Path, "header", $"{count} rows of dimension {dimension}", $"{file.Length} bytes",
                "The file is truncated, or its header is damaged.");
        }

        ByteCursor cursor = new(file, headerBytes);
        for (long row = 0; row < count; row++)
        {
            if (row % RowsPerCheckpoint == 0) _checkpoints.Add(cursor.Position);
            TakeWord(cursor, row);
            cursor.Skip((long)dimension * sizeof(float), $"row {row}");
        }

        if (cursor.Peek() == '\n') cursor.Skip(1, "the end of the last row");
        if (cursor.Left != 0)
        {
            throw new VlcFormatException(
                file.Path, $"offset {cursor.Position}", $"the end of the file after {count} rows", $"{cursor.Left} bytes more",
                "The header is wrong, or the file is damaged.");
        }
    }

    public override string Name => _file.Path;

    public override long Count { get; }

    public override int Dimension { get; }

    public override ElementType ElementType => ElementType.Float32;

    public override bool HasKeys => true;

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        CheckRange(start, count, destination.Length);
        if (count == 0) return;
        byte[] stored = new byte[Dimension * sizeof(float)];
        ByteCursor cursor = Seek(start);
        for (int i = 0; i < count; i++)
        {
            if (i % RowsPerCheckpoint == 0) cancellationToken.ThrowIfCancellationRequested();
            TakeWord(cursor, start + i);
            cursor.Take(stored, $"row {start + i}");
            if (!BitConverter.IsLittleEndian) ElementConversion.ReverseEndianness(stored, sizeof(float));
            ElementConversion.ToSingle(stored, ElementType.Float32, destination.Slice(i * Dimension, Dimension));
        }

        FiniteCheck.ThrowIfNotFinite(destination[..(count * Dimension)], Dimension, start, Name);
        Keep(cursor, start + count);
    }

    public override void ReadKeys(long start, Span<string> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Count - destination.Length);
        if (destination.IsEmpty) return;
        ByteCursor cursor = Seek(start);
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = Encoding.UTF8.GetString(TakeWord(cursor, start + i));
            cursor.Skip((long)Dimension * sizeof(float), $"row {start + i}");
        }

        Keep(cursor, start + destination.Length);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _file.Dispose();
        base.Dispose(disposing);
    }

    private ByteCursor Seek(long row)
    {
        ByteCursor? cursor = _cursor;
        long at = _cursorRow;
        _cursor = null;
        long checkpoint = row / RowsPerCheckpoint;
        if (cursor is null || at > row || at < checkpoint * RowsPerCheckpoint)
        {
            cursor = new ByteCursor(_file, _checkpoints[(int)checkpoint]);
            at = checkpoint * RowsPerCheckpoint;
        }

        for (; at < row; at++)
        {
            TakeWord(cursor, at);
            cursor.Skip((long)Dimension * sizeof(float), $"row {at}");
        }

        return cursor;
    }

    private void Keep(ByteCursor cursor, long nextRow)
    {
        _cursor = cursor;
        _cursorRow = nextRow;
    }

    private byte[] TakeWord(ByteCursor cursor, long row)
    {
        // The line feed that ends a row of the original tool stands before the next row's word.
        if (cursor.Peek() == '\n') cursor.Skip(1, "the end of a row");
        byte[] word = cursor.TakeUntil((byte)' ', Word2VecBinaryFormat.MaxWordBytes, $"the word of row {row}");
        return word.Length > 0
            ? word
            : throw new VlcFormatException(
                _file.Path, $"row {row}, offset {cursor.Position}", "a word", "none", "The file is damaged, or its dimension is another.");
    }
}
