using Vlc.Formats.Binary;

namespace Vlc.Formats.Text;

/// <summary>
/// Lines of a text file one after the other, through a buffer that holds one line and never the file. Where fields may be quoted, a line
/// goes on over the line breaks within a quotation.
/// </summary>
internal sealed class LineReader
{
    /// <summary>The longest line read: a vector of 65,536 components at 17 digits needs 2 MB, a key the rest.</summary>
    public const int MaxLineBytes = 16 << 20;

    private const int InitialBufferBytes = 1 << 18;

    private enum QuoteState
    {
        FieldStart,
        Plain,
        Quoted,
        QuoteInQuoted,
    }

    private readonly InputFile _file;
    private byte[] _buffer;
    private int _start;
    private int _end;
    private long _bufferOffset;
    private long _linesWithin;

    /// <param name="file">The file.</param>
    /// <param name="offset">Offset of a line's first byte.</param>
    /// <param name="lineNumber">That line's number, from 1.</param>
    /// <param name="quotesAfter">The delimiter after which a quotation may begin; null where none may.</param>
    public LineReader(InputFile file, long offset, long lineNumber, byte? quotesAfter = null)
    {
        _file = file;
        QuotesAfter = quotesAfter;
        _bufferOffset = offset;
        LineNumber = lineNumber - 1;
        _buffer = new byte[(int)long.Clamp(file.Length - offset, 1, InitialBufferBytes)];
        if (offset == 0) SkipByteOrderMark();
    }

    /// <summary>The delimiter after which a quotation may begin; null where none may.</summary>
    public byte? QuotesAfter { get; }

    /// <summary>Number of the line read last, from 1; of its first one where it goes over several.</summary>
    public long LineNumber { get; private set; }

    /// <summary>Offset of the first byte of the line read last.</summary>
    public long LineOffset { get; private set; }

    /// <summary>Reads the next line, without its end (LF or CR LF).</summary>
    /// <param name="line">Valid until the next call.</param>
    /// <returns>False at the end of the file.</returns>
    /// <exception cref="VlcFormatException">The line is longer than <see cref="MaxLineBytes"/>.</exception>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        int scanned = 0;
        long linesWithin = 0;
        QuoteState state = QuoteState.FieldStart;
        while (true)
        {
            ReadOnlySpan<byte> unscanned = _buffer.AsSpan(_start + scanned, _end - _start - scanned);
            int feed = unscanned.IndexOf((byte)'\n');
            if (feed >= 0)
            {
                if (QuotesAfter is { } delimiter && IsOpen(unscanned[..feed], delimiter, ref state))
                {
                    linesWithin++;
                    scanned += feed + 1;
                    continue;
                }

                line = Take(scanned + feed, terminator: 1, linesWithin);
                return true;
            }

            // Without a line break the rest is looked at again when there is more of it, so the state stays that of its first byte.
            if (!Fill())
            {
                int rest = _end - _start;
                line = rest == 0 ? default : Take(rest, terminator: 0, linesWithin);
                return rest != 0;
            }
        }
    }

    /// <summary>
    /// Whether a quotation is open where this piece of a line ends; the state is that of the piece's first byte, then of its end.
    /// </summary>
    private static bool IsOpen(ReadOnlySpan<byte> piece, byte delimiter, ref QuoteState state)
    {
        if (state != QuoteState.Quoted && !piece.Contains((byte)'"')) return false;
        foreach (byte value in piece)
        {
            state = (state, value) switch
            {
                (QuoteState.Quoted, (byte)'"') => QuoteState.QuoteInQuoted,
                (QuoteState.Quoted, _) => QuoteState.Quoted,
                (QuoteState.QuoteInQuoted, (byte)'"') => QuoteState.Quoted,
                (_, var other) when other == delimiter => QuoteState.FieldStart,
                (QuoteState.FieldStart, (byte)'"') => QuoteState.Quoted,
                (QuoteState.FieldStart, (byte)' ') => QuoteState.FieldStart,
                _ => QuoteState.Plain,
            };
        }

        return state == QuoteState.Quoted;
    }

    private ReadOnlySpan<byte> Take(int length, int terminator, long linesWithin)
    {
        ReadOnlySpan<byte> line = _buffer.AsSpan(_start, length);
        LineNumber += 1 + _linesWithin;
        _linesWithin = linesWithin;
        LineOffset = _bufferOffset + _start;
        _start += length + terminator;
        return line is [.., (byte)'\r'] ? line[..^1] : line;
    }

    /// <summary>Moves what is left to the front of the buffer, grows it where a line fills it, and reads on.</summary>
    private bool Fill()
    {
        int held = _end - _start;
        if (held >= MaxLineBytes)
        {
            throw new VlcFormatException(
                _file.Path, $"line {LineNumber + 1}", $"a line of at most {MaxLineBytes} bytes", "a longer one", "Is it a text file?");
        }

        if (held == _buffer.Length)
        {
            Array.Resize(ref _buffer, int.Min(2 * held, MaxLineBytes));
        }
        else
        {
            _buffer.AsSpan(_start, held).CopyTo(_buffer);
            _bufferOffset += _start;
            (_start, _end) = (0, held);
        }

        int read = _file.Read(_buffer.AsSpan(_end), _bufferOffset + _end);
        _end += read;
        return read != 0;
    }

    private void SkipByteOrderMark()
    {
        Fill();
        if (_buffer.AsSpan(0, _end) is [0xEF, 0xBB, 0xBF, ..]) _start = 3;
    }
}
