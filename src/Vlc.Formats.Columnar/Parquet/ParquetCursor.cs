using Vlc.Formats.Columnar.Tables;

namespace Vlc.Formats.Columnar.Parquet;

/// <summary>A column as rows of components, or as cells.</summary>
internal sealed class ParquetCursor(ParquetTable table, ParquetColumn column) : ColumnCursor
{
    private readonly PageCursor<float> _floats = new(table, column, ValueDecoding.Floats);
    private readonly PageCursor<object> _cells = new(table, column, ValueDecoding.Cells);

    public override int FirstLength()
    {
        _floats.Seek(0);
        int length = 0;
        while (length <= VectorShape.MaxDimension && _floats.Available is > 0 and var entries)
        {
            int from = length == 0 ? 1 : 0, next = _floats.Repetitions[from..].IndexOf(0);
            int counted = next < 0 ? entries : from + next;
            ThrowIfNull(_floats, length, counted);
            length += counted;
            if (next >= 0) break;
            _floats.Advance(entries, entries, 0);
        }

        _floats.NextGroup(0);
        return length;
    }

    public override void ReadVectors(long start, int dimension, Span<float> destination)
    {
        _floats.Seek(start);
        if (_floats.Row < start) Take(start - _floats.Row, dimension, []);
        Take(destination.Length / dimension, dimension, destination);
    }

    public override void ReadCells(long start, Span<object?> cells)
    {
        _cells.Seek(start);
        if (_cells.Row < start) TakeCells(start - _cells.Row, []);
        TakeCells(cells.Length, cells);
    }

    /// <summary>Rows one after the other; they are left out where <paramref name="destination"/> is empty.</summary>
    private void Take(long rows, int dimension, Span<float> destination)
    {
        bool keep = !destination.IsEmpty, isList = column.Kind == ColumnKind.Vector;

        // Components of the row that the last page ended within.
        int within = 0;
        while (rows > 0)
        {
            int available = _floats.Available;
            if (available == 0)
            {
                if (within > 0 || _floats.Row < table.FirstRow(_floats.Group + 1)) throw Ragged(_floats.Row, dimension, $"{within}");
                _floats.NextGroup(_floats.Row);
                continue;
            }

            int entries = (int)long.Min(available, (rows * dimension) - within);
            ThrowIfNull(_floats, within, entries);
            if (isList) ThrowIfRagged(entries, within, dimension);
            if (keep)
            {
                _floats.Values[..entries].CopyTo(destination);
                destination = destination[entries..];
            }

            int complete = (within + entries) / dimension;
            within = (within + entries) % dimension;
            _floats.Advance(entries, entries, complete);
            rows -= complete;
        }

        // The last row ends where the next one begins, or the row group.
        if (isList && _floats.Available > 0 && _floats.Repetitions[0] != 0)
        {
            throw Ragged(_floats.Row - 1, dimension, $"more than {dimension}");
        }
    }

    private void TakeCells(long rows, Span<object?> cells)
    {
        while (rows > 0)
        {
            int available = _cells.Available;
            if (available == 0)
            {
                if (_cells.Row < table.FirstRow(_cells.Group + 1)) throw Ragged(_cells.Row, 1, "0");
                _cells.NextGroup(_cells.Row);
                continue;
            }

            int entries = (int)long.Min(available, rows), values = 0;
            ReadOnlySpan<int> definitions = _cells.Definitions;
            for (int i = 0; i < entries; i++)
            {
                bool isNull = !definitions.IsEmpty && definitions[i] != column.MaxDefinition;
                if (!cells.IsEmpty) cells[i] = isNull ? null : _cells.Values[values];
                if (!isNull) values++;
            }

            if (!cells.IsEmpty) cells = cells[entries..];
            _cells.Advance(entries, values, entries);
            rows -= entries;
        }
    }

    /// <summary>A definition level below the highest is a null row, an empty list or a null component.</summary>
    private void ThrowIfNull(PageCursor<float> cursor, int within, int entries)
    {
        ReadOnlySpan<int> definitions = cursor.Definitions;
        if (definitions.IsEmpty) return;
        int at = definitions[..entries].IndexOfAnyExcept(column.MaxDefinition);
        if (at < 0) return;

        // The entry that begins a row counts it; a row that began on the page before has been begun already.
        long row = column.MaxRepetition == 0
            ? cursor.Row + at
            : cursor.Row + cursor.Repetitions[..(at + 1)].Count(0) - (within > 0 ? 0 : 1);
        throw new VlcFormatException(
            table.Path, $"{cursor.Where}, row {row}", column.MaxRepetition == 0 ? "a number" : "a list of numbers",
            column.MaxRepetition == 0 ? "null" : "a null or an empty list", "Remove the row.");
    }

    private void ThrowIfRagged(int entries, int within, int dimension)
    {
        ReadOnlySpan<int> levels = _floats.Repetitions[..entries];
        long row = _floats.Row;
        while (!levels.IsEmpty)
        {
            int rest = int.Min(dimension - within, levels.Length);
            if (within == 0 && levels[0] != 0) throw Ragged(long.Max(row - 1, 0), dimension, $"more than {dimension}");
            int begin = levels[(within == 0 ? 1 : 0)..rest].IndexOf(0);
            if (begin >= 0) throw Ragged(row, dimension, $"{within + begin + (within == 0 ? 1 : 0)}");
            levels = levels[rest..];
            within = (within + rest) % dimension;
            row++;
        }
    }

    private VlcFormatException Ragged(long row, int dimension, string found) => new(
        table.Path, $"{_floats.Where}, row {row}", $"{dimension} components", found, "All rows of a file have the same dimension.");
}
