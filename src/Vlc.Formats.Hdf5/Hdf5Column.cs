using System.Buffers.Binary;
using System.Text;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Hdf5;

/// <summary>A one-dimensional dataset beside the vectors: text or numbers, one for each row.</summary>
internal sealed class Hdf5Column
{
    private const int BlockBytes = 1 << 20, MaxTextBytes = 1 << 20;

    private readonly Dataset _dataset;
    private readonly RowStorage _rows;
    private readonly GlobalHeap _heap;

    public Hdf5Column(Dataset dataset)
    {
        _dataset = dataset;
        _rows = dataset.OpenRows();
        _heap = new GlobalHeap(dataset.File);
    }

    /// <summary>The last part of the dataset's path.</summary>
    public string Name => NameOf(_dataset);

    public static string NameOf(Dataset dataset) => dataset.Name[(dataset.Name.LastIndexOf('/') + 1)..];

    /// <summary>True for a dataset that has a text or a number for each of <paramref name="rows"/> rows.</summary>
    public static bool Fits(Dataset dataset, long rows) =>
        dataset.Extents is [var extent] && extent == rows && dataset.Type.Size <= MaxTextBytes
            && (dataset.Type.Integer || dataset.Type.ElementType is not null || dataset.Type.Text is not null);

    /// <summary>Reads cells as <see cref="string"/>, <see cref="long"/>, <see cref="ulong"/> or <see cref="float"/>.</summary>
    public object?[] Read(long start, int count)
    {
        int size = _dataset.Type.Size, block = int.Max(1, BlockBytes / size);
        byte[] stored = new byte[int.Min(block, count) * size];
        object?[] cells = new object?[count];
        for (int done = 0; done < count; done += block)
        {
            int rows = int.Min(block, count - done);
            _rows.Read(start + done, stored.AsSpan(0, rows * size));
            for (int i = 0; i < rows; i++) cells[done + i] = Cell(stored.AsSpan(i * size, size));
        }

        return cells;
    }

    private object Cell(Span<byte> value)
    {
        Datatype type = _dataset.Type;
        if (type.Text == TextStorage.Fixed) return Encoding.UTF8.GetString(value).TrimEnd('\0', ' ');
        if (type.Text == TextStorage.Variable) return Variable(value);
        if (type.BigEndian) value.Reverse();
        if (type.ElementType is ElementType.Float64) return BinaryPrimitives.ReadDoubleLittleEndian(value);
        if (!type.Integer)
        {
            float[] number = new float[1];
            ElementConversion.ToSingle(value, type.ElementType!.Value, number);
            return number[0];
        }

        return (value.Length, type.Signed) switch
        {
            (1, true) => (long)(sbyte)value[0],
            (1, false) => (long)value[0],
            (2, true) => (long)BinaryPrimitives.ReadInt16LittleEndian(value),
            (2, false) => (long)BinaryPrimitives.ReadUInt16LittleEndian(value),
            (4, true) => (long)BinaryPrimitives.ReadInt32LittleEndian(value),
            (4, false) => (long)BinaryPrimitives.ReadUInt32LittleEndian(value),
            (_, true) => BinaryPrimitives.ReadInt64LittleEndian(value),
            _ => BinaryPrimitives.ReadUInt64LittleEndian(value),
        };
    }

    /// <summary>A length, the address of a collection of the global heap, and a number in it.</summary>
    private string Variable(ReadOnlySpan<byte> value)
    {
        Cursor reference = new(_dataset.File, value.ToArray(), 0, $"dataset '{_dataset.Name}'");
        uint length = reference.U32();
        long? address = reference.Address();
        uint number = reference.U32();
        if (length == 0 || address is null or 0) return "";
        Cursor text = _heap.Take(address.Value, number);
        if (length > text.Remaining) throw text.Damaged($"text of {length} bytes", $"{text.Remaining}");
        return text.Text((int)length).TrimEnd('\0');
    }
}
