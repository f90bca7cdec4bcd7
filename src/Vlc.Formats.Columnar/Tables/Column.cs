using Vlc.Vectors;

namespace Vlc.Formats.Columnar.Tables;

/// <summary>What a column can be used as.</summary>
internal enum ColumnKind
{
    /// <summary>None of the others: left in the file.</summary>
    Other,

    /// <summary>Lists of numbers.</summary>
    Vector,

    /// <summary>A number in each row.</summary>
    Number,

    /// <summary>Text, a date or a truth value in each row.</summary>
    Scalar,
}

/// <summary>A column of a table, or a field of a struct column.</summary>
/// <param name="Name">Its name; for the field of a struct, "struct.field".</param>
/// <param name="Kind">What it can be used as.</param>
/// <param name="Type">Type of its values as the format calls it.</param>
/// <param name="ElementType">The number that a component is; null unless it is a vector or a number.</param>
/// <param name="IsInteger">True for whole numbers.</param>
internal abstract record Column(string Name, ColumnKind Kind, string Type, ElementType? ElementType, bool IsInteger);

/// <summary>A file of columns.</summary>
internal abstract class Table : IDisposable
{
    public abstract string Path { get; }

    public abstract long Rows { get; }

    public abstract IReadOnlyList<Column> Columns { get; }

    public abstract ColumnCursor Open(Column column);

    public abstract void Dispose();
}

/// <summary>Reads one column, best forward.</summary>
internal abstract class ColumnCursor
{
    /// <summary>Components of the first row.</summary>
    public abstract int FirstLength();

    /// <summary>Reads rows of <paramref name="dimension"/> components, or of a single one from a column of numbers.</summary>
    /// <exception cref="VlcFormatException">A row has another number of components, or is null.</exception>
    public abstract void ReadVectors(long start, int dimension, Span<float> destination);

    /// <summary>
    /// Reads text, numbers and truth values as <see cref="string"/>, <see cref="long"/>, <see cref="double"/>, <see cref="bool"/> or null.
    /// </summary>
    public abstract void ReadCells(long start, Span<object?> cells);
}
