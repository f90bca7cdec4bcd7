using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Vlc.Vectors;

namespace Vlc.Formats.Tables;

/// <summary>The rows of a table in COPY BINARY.</summary>
/// <param name="Count">Rows.</param>
/// <param name="Columns">Columns, with what their values showed.</param>
/// <param name="Checkpoints">Offset of every 1,024th row.</param>
internal sealed record PgTable(long Count, IReadOnlyList<PgColumn> Columns, IReadOnlyList<long> Checkpoints);

/// <summary>What the values of a column, whose type the file does not state, show of it.</summary>
/// <param name="number">Its number, from 0.</param>
internal sealed class PgColumn(int number)
{
    /// <summary>Bytes of a value that are looked at.</summary>
    public const int SampleBytes = 64;

    private bool _vectors = true, _halves = true, _isText = true;
    private int? _dimension;
    private int? _length;
    private bool _sameLength = true;

    public int Number => number;

    /// <summary>True where some row has none.</summary>
    public bool HasNulls { get; private set; }

    /// <summary>The components' type, where every value is a vector of the same dimension; null otherwise.</summary>
    public ElementType? Vector => _dimension is null ? null : _vectors ? ElementType.Float32 : _halves ? ElementType.Float16 : null;

    /// <summary>Components of each vector.</summary>
    public int Dimension => _dimension ?? 0;

    /// <summary>What the values are, for messages.</summary>
    public string Description =>
        Vector is { } type
            ? $"vectors of {Dimension} {type}"
            : IsInteger ? $"integers of {_length} bytes" : IsUuid ? "UUIDs" : _isText ? "text" : "values of another type";

    /// <summary>True where the values can be written as a key or as payload.</summary>
    public bool IsReadable => IsInteger || IsUuid || _isText;

    // A small integer has a zero byte, which no text of PostgreSQL has.
    private bool IsInteger => _sameLength && _length is 2 or 4 or 8 && !_isText;

    private bool IsUuid => _sameLength && _length == 16 && !_isText;

    /// <summary>Takes a value into account.</summary>
    /// <param name="length">Its bytes; -1 for a null.</param>
    /// <param name="sample">Its first bytes.</param>
    public void Observe(int length, ReadOnlySpan<byte> sample)
    {
        if (length < 0)
        {
            HasNulls = true;
            return;
        }

        _sameLength &= (_length ??= length) == length;
        int dimension = length >= 4 ? BinaryPrimitives.ReadInt16BigEndian(sample) : 0;
        bool header = dimension > 0 && sample[2] == 0 && sample[3] == 0 && (_dimension ??= dimension) == dimension;
        _vectors &= header && length == 4 + (4 * dimension);
        _halves &= header && length == 4 + (2 * dimension);
        // The sample may cut a character in two; a cut of up to three bytes is let through.
        bool utf8 = Utf8.IsValid(sample);
        for (int cut = 1; !utf8 && length > sample.Length && cut < 4; cut++) utf8 = Utf8.IsValid(sample[..^cut]);
        _isText &= utf8 && !sample.Contains((byte)0);
    }

    /// <summary>A value as text.</summary>
    public string Text(ReadOnlySpan<byte> value)
    {
        if (IsInteger)
        {
            long integer = value.Length switch
            {
                2 => BinaryPrimitives.ReadInt16BigEndian(value),
                4 => BinaryPrimitives.ReadInt32BigEndian(value),
                _ => BinaryPrimitives.ReadInt64BigEndian(value),
            };
            return integer.ToString(CultureInfo.InvariantCulture);
        }

        return IsUuid ? new Guid(value, bigEndian: true).ToString() : Encoding.UTF8.GetString(value);
    }
}
