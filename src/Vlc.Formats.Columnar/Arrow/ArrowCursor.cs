using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Vlc.Formats.Binary;
using Vlc.Formats.Columnar.Tables;
using Vlc.Vectors;

namespace Vlc.Formats.Columnar.Arrow;

/// <summary>A column of an Arrow file. Of an uncompressed buffer only the rows asked for are read.</summary>
internal sealed class ArrowCursor(ArrowTable table, ArrowColumn column) : ColumnCursor
{
    private readonly Dictionary<(int Slot, int Buffer), ArrowBuffer> _buffers = [];
    private int _batchIndex = -1;
    private string[]? _dictionary;

    public override int FirstLength()
    {
        long length = 0;
        table.Guard(Where(0), () =>
        {
            Load(table.BatchOf(0));
            if (column.Slot.Field.Layout == ArrowLayout.FixedList)
            {
                length = column.Slot.Field.Width;
                return;
            }

            long[] offsets = Offsets(0, 2);
            length = offsets[1] - offsets[0];
        });
        return (int)long.Clamp(length, 0, int.MaxValue);
    }

    public override void ReadVectors(long start, int dimension, Span<float> destination)
    {
        while (!destination.IsEmpty)
        {
            int batch = table.BatchOf(start);
            long first = start - table.FirstRow(batch);
            int rows = (int)long.Min(destination.Length / dimension, table.Batch(batch).Rows - first);
            float[] block = new float[rows * dimension];
            long row = start;
            table.Guard(Where(row), () => ReadVectors(batch, first, rows, dimension, row, block));
            block.CopyTo(destination);
            destination = destination[block.Length..];
            start += rows;
        }
    }

    public override void ReadCells(long start, Span<object?> cells)
    {
        while (!cells.IsEmpty)
        {
            int batch = table.BatchOf(start);
            long first = start - table.FirstRow(batch);
            int rows = (int)long.Min(cells.Length, table.Batch(batch).Rows - first);
            object?[] block = [];
            table.Guard(Where(start), () => block = ReadCells(batch, first, rows));
            block.CopyTo(cells);
            cells = cells[rows..];
            start += rows;
        }
    }

    private string Where(long row) => $"row {row}, column '{column.Name}'";

    private void Load(int batch)
    {
        if (batch == _batchIndex) return;
        _buffers.Clear();
        _batchIndex = batch;
        ArrowBatch loaded = table.Batch(batch);
        foreach (ArrowSlot slot in (ArrowSlot[])[.. column.Around, column.Slot])
        {
            if (loaded.Node(slot).Length != loaded.Rows)
            {
                throw new InvalidDataException($"{loaded.Node(slot).Length} values in place of {loaded.Rows}");
            }
        }
    }

    private ArrowBuffer Buffer(ArrowSlot slot, int number)
    {
        if (_buffers.TryGetValue((slot.Node, number), out ArrowBuffer? open)) return open;
        return _buffers[(slot.Node, number)] = table.Batch(_batchIndex).Open(table.File, slot, number);
    }

    private void ReadVectors(int batch, long first, int rows, int dimension, long row, float[] destination)
    {
        Load(batch);
        foreach (ArrowSlot around in column.Around) ThrowIfNull(around, first, rows, row, 1);
        ThrowIfNull(column.Slot, first, rows, row, 1);
        if (column.Kind == ColumnKind.Number)
        {
            ReadNumbers(column.Slot, first, destination);
            return;
        }

        ArrowSlot items = column.Items!;
        long start = first * dimension;
        if (column.Slot.Field.Layout != ArrowLayout.FixedList)
        {
            long[] offsets = Offsets(first, rows + 1);
            start = offsets[0];
            for (int i = 0; i < rows; i++)
            {
                if (offsets[i + 1] - offsets[i] == dimension) continue;
                throw new VlcFormatException(
                    table.Path, Where(row + i), $"{dimension} components", $"{offsets[i + 1] - offsets[i]}",
                    "All rows of a file have the same dimension.");
            }
        }

        (long length, _) = table.Batch(batch).Node(items);
        if (start < 0 || start > length - ((long)rows * dimension))
        {
            throw new InvalidDataException($"lists that end at {start + ((long)rows * dimension)} of {length} items");
        }
        ThrowIfNull(items, start, rows * dimension, row, dimension);
        ReadNumbers(items, start, destination);
    }

    private long[] Offsets(long first, int count)
    {
        bool large = column.Slot.Field.Layout is ArrowLayout.LargeList or ArrowLayout.LargeText;
        return large
            ? MemoryMarshal.Cast<byte, long>(Buffer(column.Slot, 1).Read(first * sizeof(long), (long)count * sizeof(long))).ToArray()
            : Array.ConvertAll(MemoryMarshal.Cast<byte, int>(
                Buffer(column.Slot, 1).Read(first * sizeof(int), (long)count * sizeof(int))).ToArray(), offset => (long)offset);
    }

    private void ReadNumbers(ArrowSlot slot, long start, float[] destination)
    {
        ArrowField field = slot.Field;
        byte[] stored = Buffer(slot, 1).Read(start * field.Width, (long)destination.Length * field.Width);
        if (!field.IsInteger || field.Width == 1 || (field.Width == sizeof(int) && field.Logical == LogicalType.Signed))
        {
            ElementConversion.ToSingle(stored, field.Number!.Value, destination);
            return;
        }

        for (int i = 0; i < destination.Length; i++)
        {
            Int128 value = Integer(field, stored.AsSpan(i * field.Width, field.Width));
            if (value < int.MinValue || value > int.MaxValue) throw new InvalidDataException($"a component of {value}, beyond 32 bits");
            destination[i] = (float)value;
        }
    }

    private static Int128 Integer(ArrowField field, ReadOnlySpan<byte> value)
    {
        bool signed = field.Logical != LogicalType.Unsigned;
        return field.Width switch
        {
            1 => signed ? (sbyte)value[0] : value[0],
            2 => signed ? BinaryPrimitives.ReadInt16LittleEndian(value) : BinaryPrimitives.ReadUInt16LittleEndian(value),
            4 => signed ? BinaryPrimitives.ReadInt32LittleEndian(value) : BinaryPrimitives.ReadUInt32LittleEndian(value),
            _ => signed ? BinaryPrimitives.ReadInt64LittleEndian(value) : BinaryPrimitives.ReadUInt64LittleEndian(value),
        };
    }

    private void ThrowIfNull(ArrowSlot slot, long first, int count, long row, int each)
    {
        bool[]? valid = Validity(slot, first, count);
        int at = valid is null ? -1 : Array.IndexOf(valid, false);
        if (at < 0) return;
        throw new VlcFormatException(
            table.Path, Where(row + (at / each)), column.Kind == ColumnKind.Vector ? "a list of numbers" : "a number", "a null",
            "Remove the row.");
    }

    /// <summary>Which values are there; null where all of them are.</summary>
    private bool[]? Validity(ArrowSlot slot, long first, int count)
    {
        if (slot.Field.Buffers == 0 || table.Batch(_batchIndex).Node(slot).Nulls == 0) return null;
        ArrowBuffer bits = Buffer(slot, 0);
        return bits.Length == 0 ? null : Bits(bits, first, count);
    }

    private static bool[] Bits(ArrowBuffer buffer, long first, int count)
    {
        byte[] bytes = buffer.Read(first / 8, ((first + count + 7) / 8) - (first / 8));
        bool[] bits = new bool[count];
        for (int i = 0; i < count; i++)
        {
            int at = (int)(first % 8) + i;
            bits[i] = ((bytes[at / 8] >> (at % 8)) & 1) != 0;
        }

        return bits;
    }

    private object?[] ReadCells(int batch, long first, int rows)
    {
        Load(batch);
        object?[] cells = Values(first, rows);
        foreach (ArrowSlot slot in (ArrowSlot[])[.. column.Around, column.Slot])
        {
            if (Validity(slot, first, rows) is not { } valid) continue;
            for (int i = 0; i < rows; i++)
            {
                if (!valid[i]) cells[i] = null;
            }
        }

        return cells;
    }

    private object?[] Values(long first, int rows)
    {
        ArrowField field = column.Slot.Field;
        switch (field.Layout)
        {
            case ArrowLayout.Bits: return Array.ConvertAll(Bits(Buffer(column.Slot, 1), first, rows), bit => (object?)bit);
            case ArrowLayout.Text or ArrowLayout.LargeText: return Texts(Buffer(column.Slot, 2), Offsets(first, rows + 1));
            case ArrowLayout.TextView: return Views(first, rows);
        }

        byte[] stored = Buffer(column.Slot, 1).Read(first * field.Width, (long)rows * field.Width);
        object?[] cells = new object?[rows];
        string[]? dictionary = field.Dictionary is { } id ? Dictionary(id) : null;
        bool[]? valid = Validity(column.Slot, first, rows);
        for (int i = 0; i < rows; i++)
        {
            ReadOnlySpan<byte> value = stored.AsSpan(i * field.Width, field.Width);
            if (valid is not null && !valid[i]) continue;
            cells[i] = field switch
            {
                _ when dictionary is not null => Look(dictionary, Integer(field, value)),
                { Number: ElementType.Float16 } => (double)BinaryPrimitives.ReadHalfLittleEndian(value),
                { Number: ElementType.Float32 } => BinaryPrimitives.ReadSingleLittleEndian(value),
                { Number: ElementType.Float64 } => BinaryPrimitives.ReadDoubleLittleEndian(value),
                { Logical: LogicalType.Unsigned, Width: sizeof(ulong) } => BinaryPrimitives.ReadUInt64LittleEndian(value),
                { Logical: LogicalType.Unsigned } => (long)Integer(field, value),
                _ => CellValue.Of(field.Logical, (long)Integer(field, value), is32: false),
            };
        }

        return cells;
    }

    private static object?[] Texts(ArrowBuffer data, long[] offsets)
    {
        object?[] texts = new object?[offsets.Length - 1];
        if (texts.Length == 0) return texts;
        byte[] bytes = data.Read(offsets[0], offsets[^1] - offsets[0]);
        for (int i = 0; i < texts.Length; i++)
        {
            long length = offsets[i + 1] - offsets[i];
            if (length < 0 || offsets[i] < offsets[0] || offsets[i + 1] > offsets[^1])
            {
                throw new InvalidDataException($"text from {offsets[i]} to {offsets[i + 1]}");
            }
            texts[i] = Encoding.UTF8.GetString(bytes, (int)(offsets[i] - offsets[0]), (int)length);
        }

        return texts;
    }

    /// <summary>Short text stands in the view itself; long text in one of the buffers behind it.</summary>
    private object?[] Views(long first, int rows)
    {
        const int size = 16, inView = 12;
        byte[] views = Buffer(column.Slot, 1).Read(first * size, (long)rows * size);
        int buffers = table.Batch(_batchIndex).ViewBuffers(column.Slot);
        object?[] texts = new object?[rows];
        bool[]? valid = Validity(column.Slot, first, rows);
        for (int i = 0; i < rows; i++)
        {
            if (valid is not null && !valid[i]) continue;
            ReadOnlySpan<byte> view = views.AsSpan(i * size, size);
            int length = BinaryPrimitives.ReadInt32LittleEndian(view), number = BinaryPrimitives.ReadInt32LittleEndian(view[8..]);
            if (length < 0 || (length > inView && (number < 0 || number >= buffers)))
            {
                throw new InvalidDataException($"text of {length} bytes in buffer {number}");
            }
            texts[i] = length <= inView
                ? Encoding.UTF8.GetString(view.Slice(4, length))
                : Encoding.UTF8.GetString(Buffer(column.Slot, 2 + number).Read(BinaryPrimitives.ReadInt32LittleEndian(view[12..]), length));
        }

        return texts;
    }

    private static string Look(string[] dictionary, Int128 index) =>
        index >= 0 && index < dictionary.Length
            ? dictionary[(int)index]
            : throw new InvalidDataException($"index {index} of {dictionary.Length}");

    private string[] Dictionary(long id)
    {
        if (_dictionary is not null) return _dictionary;
        ArrowBatch batch = table.Dictionary(id);
        ArrowSlot slot = new(column.Slot.Field with { Layout = ArrowLayout.Text }, 0, 0, 0);
        long count = batch.Rows;
        byte[] offsets = batch.Open(table.File, slot, 1).Read(0, (count + 1) * sizeof(int));
        return _dictionary =
        [
            .. Texts(batch.Open(table.File, slot, 2), Array.ConvertAll(
                MemoryMarshal.Cast<byte, int>(offsets).ToArray(), offset => (long)offset)).Cast<string>(),
        ];
    }
}
