using Vlc.Formats.Binary;

namespace Vlc.Formats.Text;

/// <summary>Lines of a text file one after the other, through a buffer that holds one line and never the file.</summary>
internal sealed class LineReader
{
    /// <summary>The longest line read: a vector of 65,536 components at 17 digits needs 2 MB, a key the rest.</summary>
    public const int MaxLineBytes = 16 << 20;

    private const int InitialBufferBytes = 1 << 18;

    private readonly InputFile _file;
    private byte[] _buffer;
    private int _start;
    private int _end;
    private long _bufferOffset;

    /// <param name="file">The file.</param>
    /// <param name="offset">Offset of a line's first byte.</param>
    /// <param name="lineNumber">That line's number, from 1.</param>
    public LineReader(InputFile file, long offset, long lineNumber)
    {
        _file = file;
        _bufferOffset = offset;
        LineNumber = lineNumber - 1;
        _buffer = new byte[(int)long.Clamp(file.Length - offset, 1, InitialBufferBytes)];
        if (offset == 0) SkipByteOrderMark();
    }

    /// <summary>Number of the line read last, from 1.</summary>
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
        while (true)
        {
            int feed = _buffer.AsSpan(_start + scanned, _end - _start - scanned).IndexOf((byte)'\n');
            if (feed >= 0)
            {
                line = Take(scanned + feed, terminator: 1);
                return true;
            }

            scanned = _end - _start;
            if (!Fill())
            {
                line = scanned == 0 ? default : Take(scanned, terminator: 0);
                return scanned != 0;
            }
        }
    }

    private ReadOnlySpan<byte> Take(int length, int terminator)
    {
        ReadOnlySpan<byte> line = _buffer.AsSpan(_start, length);
        LineNumber++;
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
