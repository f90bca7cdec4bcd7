using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Vlc.Formats.Binary;

/// <summary>The header of an npy file: a Python dictionary literal with <c>descr</c>, <c>fortran_order</c> and <c>shape</c>.</summary>
internal sealed class NpyHeader
{
    // The header of a plain array has under 128 bytes; numpy itself stops believing at 10,000.
    private const int MaxHeaderBytes = 65_536;

    /// <summary>Bytes from the start of an array that hold any header.</summary>
    public const int MaxBytes = 12 + MaxHeaderBytes;

    private const string Hint = "Save it with numpy.save from a plain two-dimensional array.";

    private readonly string _path;
    private readonly string _text;
    private readonly int _textOffset;
    private int _position;

    private NpyHeader(string path, string text, int textOffset)
    {
        _path = path;
        _text = text;
        _textOffset = textOffset;
    }

    /// <summary>The component's type as numpy writes it: byte order, kind, bytes; "&lt;f4".</summary>
    public string Descr { get; private set; } = "";

    public bool FortranOrder { get; private set; }

    /// <summary>Extents, slowest first; none for a single number.</summary>
    public IReadOnlyList<long> Shape { get; private set; } = [];

    public long Rows => Shape[0];

    public long Columns => Shape[1];

    /// <summary>Offset of the first component from the start of the array.</summary>
    public int DataOffset => _textOffset + _text.Length;

    /// <summary>
    /// Reads and checks the header of a matrix: signature, version 1 to 3, two dimensions, C order or a shape where the order makes no
    /// difference.
    /// </summary>
    /// <param name="file">The file.</param>
    /// <param name="start">Offset of the array, which is a member of an archive where it is not 0.</param>
    /// <exception cref="VlcFormatException">Any of these does not hold.</exception>
    public static NpyHeader Read(InputFile file, long start = 0)
    {
        NpyHeader header = ReadAny(file, start);
        header.ThrowUnlessMatrix();
        return header;
    }

    /// <summary>Reads the header of an array of any shape.</summary>
    /// <param name="file">The file.</param>
    /// <param name="start">Offset of the array.</param>
    /// <exception cref="VlcFormatException">It is no header of version 1 to 3.</exception>
    public static NpyHeader ReadAny(InputFile file, long start)
    {
        byte[] head = new byte[(int)long.Clamp(file.Length - start, 0, MaxBytes)];
        return Parse(file.Path, head.AsSpan(0, file.Read(head, start)));
    }

    /// <summary>Reads the header of an array of any shape from the array's first bytes.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="head">The first <see cref="MaxBytes"/> bytes of the array, or all of it.</param>
    /// <exception cref="VlcFormatException">It is no header of version 1 to 3.</exception>
    public static NpyHeader Parse(string path, ReadOnlySpan<byte> head)
    {
        if (!head.StartsWith(FileSignature.Npy))
        {
            throw new VlcFormatException(
                path, "offset 0", "the npy signature", FileSignature.DescribeOrQuote(head[..int.Min(head.Length, FileSignature.Length)]),
                Hint);
        }

        int version = head.Length > 6 ? head[6] : 0;
        int lengthBytes = version == 1 ? sizeof(ushort) : sizeof(uint);
        if (head.Length < 8 + lengthBytes)
        {
            throw new VlcFormatException(path, $"offset {head.Length}", "an npy header", "the end of the file", "The file is truncated.");
        }

        if (version is < 1 or > 3)
        {
            throw new VlcFormatException(path, "offset 6", "npy version 1, 2 or 3", $"version {version}", Hint);
        }

        long length = version == 1
            ? BinaryPrimitives.ReadUInt16LittleEndian(head[8..])
            : BinaryPrimitives.ReadUInt32LittleEndian(head[8..]);
        if (length > MaxHeaderBytes)
        {
            throw new VlcFormatException(path, "offset 8", $"a header of at most {MaxHeaderBytes} bytes", $"{length} bytes");
        }

        int offset = 8 + lengthBytes;
        if (length > head.Length - offset)
        {
            throw new VlcFormatException(
                path, $"offset {offset}", $"{length} bytes of npy header", $"{head.Length - offset} bytes before the end of the file",
                "The file is truncated.");
        }

        NpyHeader header = new(path, Encoding.Latin1.GetString(head.Slice(offset, (int)length)), offset);
        header.ParseDictionary();
        return header;
    }

    private void ParseDictionary()
    {
        bool hasDescr = false, hasOrder = false, hasShape = false;
        Expect('{');
        while (!TryTake('}'))
        {
            string key = TakeString();
            Expect(':');
            switch (key)
            {
                case "descr":
                    Descr = TakeString();
                    hasDescr = true;
                    break;
                case "fortran_order":
                    FortranOrder = TakeBoolean();
                    hasOrder = true;
                    break;
                case "shape":
                    TakeShape();
                    hasShape = true;
                    break;
                default:
                    throw Error("'descr', 'fortran_order' or 'shape'", $"'{key}'");
            }

            if (!TryTake(','))
            {
                Expect('}');
                break;
            }
        }

        if (!(hasDescr && hasOrder && hasShape)) throw Error("'descr', 'fortran_order' and 'shape'", "one of them missing");
    }

    private void ThrowUnlessMatrix()
    {
        if (Shape.Count != 2)
        {
            throw new VlcFormatException(
                _path, "header, 'shape'", "two dimensions (rows, components)", $"{Shape.Count}: ({string.Join(", ", Shape)})", Hint);
        }

        VectorShape.ThrowIfAbsurd(_path, "header, 'shape'", Rows, Columns);
        if (FortranOrder && Columns != 1 && Rows != 1)
        {
            throw new VlcFormatException(
                _path, "header, 'fortran_order'", "False (rows stored one after the other)", "True (columns stored one after the other)",
                "Save numpy.ascontiguousarray(a).");
        }
    }

    private void TakeShape()
    {
        Expect('(');
        List<long> extents = [];
        while (!TryTake(')'))
        {
            if (extents.Count > 32) throw Error("at most 32 extents", "more");
            extents.Add(TakeInteger());
            if (!TryTake(','))
            {
                Expect(')');
                break;
            }
        }

        Shape = extents;
    }

    private string TakeString()
    {
        SkipSpaces();
        if (_position >= _text.Length || _text[_position] is not ('\'' or '"')) throw Unexpected("a quoted name");
        int end = _text.IndexOf(_text[_position], _position + 1);
        if (end < 0) throw Unexpected("a closed quotation");
        string value = _text[(_position + 1)..end];
        _position = end + 1;
        return value;
    }

    private bool TakeBoolean()
    {
        SkipSpaces();
        foreach (bool value in (ReadOnlySpan<bool>)[false, true])
        {
            string literal = value ? "True" : "False";
            if (string.CompareOrdinal(_text, _position, literal, 0, literal.Length) == 0)
            {
                _position += literal.Length;
                return value;
            }
        }

        throw Unexpected("True or False");
    }

    private long TakeInteger()
    {
        SkipSpaces();
        int start = _position;
        while (_position < _text.Length && (char.IsAsciiDigit(_text[_position]) || _text[_position] == '-')) _position++;
        ReadOnlySpan<char> digits = _text.AsSpan(start, _position - start);
        if (!long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value))
        {
            _position = start;
            throw digits.IsEmpty ? Unexpected("an integer") : Error("an integer within 64 bits", digits.ToString());
        }

        // Python 2 marked long integers; numpy still reads its files, and so do we.
        if (_position < _text.Length && _text[_position] == 'L') _position++;
        return value;
    }

    private void Expect(char character)
    {
        if (!TryTake(character)) throw Unexpected($"'{character}'");
    }

    private bool TryTake(char character)
    {
        SkipSpaces();
        if (_position >= _text.Length || _text[_position] != character) return false;
        _position++;
        return true;
    }

    private void SkipSpaces()
    {
        while (_position < _text.Length && _text[_position] is ' ' or '\n' or '\t') _position++;
    }

    private VlcFormatException Unexpected(string expected) =>
        Error(expected, _position < _text.Length ? $"'{_text[_position]}'" : "the end of the header");

    private VlcFormatException Error(string expected, string found) =>
        new(_path, $"header, offset {_textOffset + _position}", expected, found, Hint);
}
