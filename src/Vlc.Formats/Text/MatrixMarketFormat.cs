using System.Buffers.Text;
using System.Text;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Text;

/// <summary>
/// Matrix Market: a banner, comments, a line of extents, then the values of a dense matrix column by column, or row, column and value of
/// each entry of a sparse one. Rows cannot be read by range from either, so the matrix is held in memory, up to 2^28 components.
/// </summary>
internal sealed class MatrixMarketFormat : VectorFileFormat
{
    // 1 GB of floats.
    private const long MaxComponents = 1L << 28;

    // A sparse file states a matrix of any size in a few bytes; one that has less than an entry in some 40,000 components is not vectors.
    private const long MaxComponentsPerByte = 4096;

    private const string Hint = "Save it as npy: numpy.save('v.npy', scipy.io.mmread(f).toarray()).";

    public override string Name => "matrixmarket";

    public override IReadOnlyList<string> Extensions { get; } = [".mtx", ".mm"];

    public override Recognition Recognize(FileSample sample) =>
        sample.Head.StartsWith("%%MatrixMarket "u8) ? Recognition.Certain : Recognition.None;

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        using InputFile file = new(path);
        LineReader reader = new(file, offset: 0, lineNumber: 1);
        (bool dense, bool pattern, int mirror) = ReadBanner(path, reader);
        ReadOnlySpan<byte> line = NextLine(path, reader, "the matrix's extents");
        Span<long> extents = stackalloc long[dense ? 2 : 3];
        ParseIntegers(path, reader.LineNumber, ref line, extents);
        (long rows, long columns) = (extents[0], extents[1]);
        VectorShape.ThrowIfAbsurd(path, $"line {reader.LineNumber}", rows, columns);
        if ((Int128)rows * columns > MaxComponents || (Int128)rows * columns > MaxComponentsPerByte * (Int128)file.Length)
        {
            throw new VlcFormatException(
                path, $"line {reader.LineNumber}",
                $"at most {Int128.Min(MaxComponents, MaxComponentsPerByte * (Int128)file.Length)} components, as they are held in memory",
                $"{rows} x {columns}", Hint);
        }

        if (mirror != 0 && rows != columns)
        {
            throw new VlcFormatException(path, $"line {reader.LineNumber}", "a square matrix, as it is symmetric", $"{rows} x {columns}");
        }
        ThrowIfTooShort(file, reader, dense && mirror == 0 ? rows * columns : dense ? rows * (rows - 1) / 2 : extents[2]);
        float[] values = new float[rows * columns];
        if (dense) ReadDense(path, reader, values, (int)columns, mirror);
        else ReadSparse(path, reader, values, (int)columns, extents[2], pattern, mirror);
        while (reader.TryRead(out line))
        {
            if (!line.Trim(" \t"u8).IsEmpty)
            {
                throw new VlcFormatException(
                    path, $"line {reader.LineNumber}", "the end of the file", "another value", "The extents are wrong.");
            }
        }

        InMemoryVectors matrix = new(values, (int)columns, path);
        return new DecoratedVectors(
            matrix, null, null, [$"The {(dense ? "dense" : "sparse")} matrix of {rows} x {columns} was read whole."]);
    }

    private static (bool Dense, bool Pattern, int Mirror) ReadBanner(string path, LineReader reader)
    {
        if (!reader.TryRead(out ReadOnlySpan<byte> line)) line = default;
        string[] words = Encoding.ASCII.GetString(line[..int.Min(line.Length, 200)]).ToUpperInvariant().Split(
            ' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is ["%%MATRIXMARKET", "MATRIX", "ARRAY" or "COORDINATE", "REAL" or "INTEGER" or "DOUBLE" or "PATTERN",
        "GENERAL" or "SYMMETRIC" or "SKEW-SYMMETRIC"]
            && (words[2], words[3]) != ("ARRAY", "PATTERN"))
        {
            return (words[2] == "ARRAY", words[3] == "PATTERN", words[4] switch { "SYMMETRIC" => 1, "SKEW-SYMMETRIC" => -1, _ => 0 });
        }

        throw new VlcFormatException(
            path, "line 1", "%%MatrixMarket matrix array|coordinate real|integer general|symmetric", string.Join(' ', words.Take(5)), Hint);
    }

    private static void ReadDense(string path, LineReader reader, float[] values, int columns, int mirror)
    {
        int rows = values.Length / columns;
        for (int column = 0; column < columns; column++)
        {
            // Of a symmetric matrix only the lower triangle is stored, of a skew-symmetric one without the diagonal.
            for (int row = mirror == 0 ? 0 : mirror > 0 ? column : column + 1; row < rows; row++)
            {
                ReadOnlySpan<byte> line = NextLine(path, reader, $"row {row} of column {column}");
                Set(values, columns, row, column, ParseNumber(path, reader.LineNumber, ref line), mirror);
                ThrowUnlessEmpty(path, reader.LineNumber, line);
            }
        }
    }

    private static void ReadSparse(string path, LineReader reader, float[] values, int columns, long entries, bool pattern, int mirror)
    {
        int rows = values.Length / columns;
        Span<long> place = stackalloc long[2];
        for (long i = 0; i < entries; i++)
        {
            ReadOnlySpan<byte> line = NextLine(path, reader, $"entry {i} of {entries}");
            ParseIntegers(path, reader.LineNumber, ref line, place);
            float value = pattern ? 1 : ParseNumber(path, reader.LineNumber, ref line);
            ThrowUnlessEmpty(path, reader.LineNumber, line);
            if (place[0] < 1 || place[0] > rows || place[1] < 1 || place[1] > columns)
            {
                throw new VlcFormatException(
                    path, $"line {reader.LineNumber}", $"a place within {rows} x {columns}, counted from 1", $"{place[0]}, {place[1]}");
            }

            Set(values, columns, (int)place[0] - 1, (int)place[1] - 1, value, mirror);
        }
    }

    /// <summary>Adds a value, as readers of the format do where an entry comes twice.</summary>
    private static void Set(float[] values, int columns, int row, int column, float value, int mirror)
    {
        values[(row * columns) + column] += value;
        if (mirror != 0 && row != column) values[(column * columns) + row] += mirror * value;
    }

    /// <summary>
    /// Throws before memory is asked for where the file cannot have as many values: each has a digit and the end of its line.
    /// </summary>
    private static void ThrowIfTooShort(InputFile file, LineReader reader, long values)
    {
        if (values < 0 || values > (file.Length - reader.LineOffset) / 2)
        {
            throw new VlcFormatException(
                file.Path, $"line {reader.LineNumber}", $"{values} values", $"{file.Length} bytes",
                "The file is truncated, or its extents are wrong.");
        }
    }

    private static ReadOnlySpan<byte> NextLine(string path, LineReader reader, string what)
    {
        while (reader.TryRead(out ReadOnlySpan<byte> line))
        {
            line = line.Trim(" \t"u8);
            if (!line.IsEmpty && line[0] != (byte)'%') return line;
        }

        throw new VlcFormatException(path, $"line {reader.LineNumber + 1}", what, "the end of the file", "The file is truncated.");
    }

    private static void ParseIntegers(string path, long lineNumber, ref ReadOnlySpan<byte> line, scoped Span<long> numbers)
    {
        for (int i = 0; i < numbers.Length; i++)
        {
            ReadOnlySpan<byte> field = TakeField(ref line);
            if (!Utf8Parser.TryParse(field, out numbers[i], out int used) || used != field.Length || numbers[i] < 0)
            {
                throw new VlcFormatException(path, $"line {lineNumber}", $"{numbers.Length} integers of at least 0", Quote(field));
            }
        }
    }

    private static float ParseNumber(string path, long lineNumber, ref ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> field = TakeField(ref line);
        if (!DecimalNumber.TryParse(field, out float value))
        {
            throw new VlcFormatException(path, $"line {lineNumber}", "a number", Quote(field));
        }
        return float.IsFinite(value) ? value : throw new VlcFormatException(path, $"line {lineNumber}", "a finite number", Quote(field));
    }

    private static void ThrowUnlessEmpty(string path, long lineNumber, ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> field = TakeField(ref line);
        if (!field.IsEmpty) throw new VlcFormatException(path, $"line {lineNumber}", "the end of the line", Quote(field));
    }

    private static ReadOnlySpan<byte> TakeField(ref ReadOnlySpan<byte> line)
    {
        line = line.TrimStart(" \t"u8);
        int end = line.IndexOfAny((byte)' ', (byte)'\t');
        ReadOnlySpan<byte> field = end < 0 ? line : line[..end];
        line = line[field.Length..];
        return field;
    }

    private static string Quote(ReadOnlySpan<byte> field) => $"'{Encoding.UTF8.GetString(field[..int.Min(field.Length, 40)])}'";
}
