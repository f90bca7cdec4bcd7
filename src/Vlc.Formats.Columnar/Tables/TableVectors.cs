using Vlc.Formats.Text;
using Vlc.Vectors;

namespace Vlc.Formats.Columnar.Tables;

/// <summary>The vectors of a table, with the keys and the payload that stand beside them.</summary>
internal sealed class TableVectors : VectorSource
{
    private readonly Table _table;
    private readonly TableChoice _choice;
    private readonly ColumnCursor[] _vector;
    private readonly ColumnCursor? _key;
    private readonly ColumnCursor[] _payload;

    /// <summary>Takes ownership of <paramref name="table"/> once it returns.</summary>
    public TableVectors(Table table, VectorFileOptions options)
    {
        _table = table;
        VectorShape.ThrowIfAbsurd(table.Path, "file", table.Rows, dimension: 1);
        _choice = new TableChoice(table, options);
        _vector = [.. _choice.Vector.Select(table.Open)];
        _key = _choice.Key is null ? null : table.Open(_choice.Key);
        _payload = [.. _choice.Payload.Select(table.Open)];
        Dimension = _choice.Vector is [{ Kind: ColumnKind.Vector }] ? _vector[0].FirstLength() : _vector.Length;
        VectorShape.ThrowIfAbsurd(table.Path, $"column '{_choice.Vector[0].Name}'", table.Rows, Dimension);
        ElementType = _choice.Vector.Select(column => column.ElementType!.Value).Distinct().ToArray() is [var one]
            ? one
            : ElementType.Float64;
    }

    public override string Name => _table.Path;

    public override long Count => _table.Rows;

    public override int Dimension { get; }

    public override ElementType ElementType { get; }

    public override bool HasKeys => _key is not null;

    public override bool HasPayload => _payload.Length > 0;

    public override IReadOnlyList<string> Notes => _choice.Notes;

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        // Rows that are read between two looks at the token.
        const int block = 1 << 14;
        CheckRange(start, count, destination.Length);
        for (int done = 0; done < count; done += block)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int rows = int.Min(block, count - done);
            Span<float> target = destination.Slice(done * Dimension, rows * Dimension);
            if (_choice.Vector[0].Kind == ColumnKind.Vector) _vector[0].ReadVectors(start + done, Dimension, target);
            else ReadComponents(start + done, rows, target);
            FiniteCheck.ThrowIfNotFinite(target, Dimension, start + done, Name);
        }
    }

    public override void ReadKeys(long start, Span<string> destination)
    {
        if (_key is null)
        {
            base.ReadKeys(start, destination);
            return;
        }

        CheckRows(start, destination.Length);
        object?[] cells = new object?[destination.Length];
        _key.ReadCells(start, cells);
        for (int i = 0; i < cells.Length; i++)
        {
            destination[i] = PayloadJson.Key(cells[i], Name, $"row {start + i}, column '{_choice.Key!.Name}'");
        }
    }

    public override void ReadPayload(long start, Span<string> destination)
    {
        if (_payload.Length == 0)
        {
            base.ReadPayload(start, destination);
            return;
        }

        CheckRows(start, destination.Length);
        object?[][] columns = new object?[_payload.Length][];
        for (int i = 0; i < columns.Length; i++) _payload[i].ReadCells(start, columns[i] = new object?[destination.Length]);
        PayloadJson.WriteRows([.. _choice.Payload.Select(column => column.Name)], columns, destination);
    }

    /// <summary>What the file holds, and what is taken.</summary>
    public static IReadOnlyList<FilePart> List(Table table, VectorFileOptions options)
    {
        TableChoice? choice = null;
        try
        {
            choice = new TableChoice(table, options);
        }
        catch (VlcFormatException)
        {
            // The parts are listed for the option that is missing.
        }

        return [.. table.Columns.Select(column => new FilePart(
            column.Name, column.Type, null,
            choice is null ? PartUse.Left
                : choice.Vector.Contains(column) ? PartUse.Vector
                : choice.Key == column ? PartUse.Key
                : choice.Payload.Contains(column) ? PartUse.Payload : PartUse.Left,
            Selector: column.Kind switch
            {
                ColumnKind.Vector => $"--column {column.Name}",
                ColumnKind.Number => $"--columns {column.Name}",
                _ => null,
            }))];
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _table.Dispose();
        base.Dispose(disposing);
    }

    private void ReadComponents(long start, int rows, Span<float> destination)
    {
        float[] column = new float[rows];
        for (int i = 0; i < _vector.Length; i++)
        {
            _vector[i].ReadVectors(start, 1, column);
            for (int row = 0; row < rows; row++) destination[(row * Dimension) + i] = column[row];
        }
    }

    private void CheckRows(long start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Count - count);
    }
}
