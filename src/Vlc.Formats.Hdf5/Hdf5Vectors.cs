using System.Buffers;
using Vlc.Formats.Binary;
using Vlc.Formats.Text;
using Vlc.Vectors;

namespace Vlc.Formats.Hdf5;

/// <summary>The rows of a two-dimensional dataset of numbers.</summary>
internal sealed class Hdf5Vectors : VectorSource
{
    // Large enough that a call's cost vanishes, small enough for the second-level cache.
    private const int BufferBytes = 1 << 20;

    private readonly Hdf5Objects _objects;
    private readonly RowStorage _rows;
    private readonly string _path;
    private readonly string _where;
    private readonly bool _swap;
    private readonly Hdf5Column? _key;
    private readonly Hdf5Column[] _payload;

    /// <summary>Takes ownership of <paramref name="objects"/> once it returns.</summary>
    /// <param name="path">The file.</param>
    /// <param name="objects">Its objects.</param>
    /// <param name="choice">What of them is taken.</param>
    public Hdf5Vectors(string path, Hdf5Objects objects, Hdf5Choice choice)
    {
        Dataset dataset = choice.Vectors;
        _path = path;
        _objects = objects;
        _where = $"dataset '{dataset.Name}'";
        if (dataset.Extents.Count != 2)
        {
            throw new VlcFormatException(
                path, _where, "two dimensions (rows, components)", $"{dataset.Extents.Count}: ({string.Join(", ", dataset.Extents)})");
        }

        ElementType = dataset.Type.ElementType ?? throw new VlcFormatException(
            path, _where, "numbers of type float16, bfloat16, float32, float64, uint8, int8 or int32", dataset.Description,
            "Convert it with the program that wrote it: astype(\"float32\").");
        VectorShape.ThrowIfAbsurd(path, _where, dataset.Extents[0], dataset.Extents[1]);
        Count = dataset.Extents[0];
        Dimension = (int)dataset.Extents[1];
        _swap = dataset.Type.BigEndian == BitConverter.IsLittleEndian;
        _rows = dataset.OpenRows();
        _key = choice.Key is null ? null : new Hdf5Column(choice.Key);
        _payload = [.. choice.Payload.Select(column => new Hdf5Column(column))];
        Notes = [.. choice.Notes, .. _rows.Notes];
    }

    public override string Name => _path;

    public override long Count { get; }

    public override int Dimension { get; }

    public override ElementType ElementType { get; }

    public override bool HasKeys => _key is not null;

    public override bool HasPayload => _payload.Length > 0;

    public override IReadOnlyList<string> Notes { get; }

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        CheckRange(start, count, destination.Length);
        int size = ElementConversion.SizeOf(ElementType), stride = Dimension * size;
        int block = int.Max(1, BufferBytes / stride);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(int.Min(block, int.Max(count, 1)) * stride);
        try
        {
            for (int done = 0; done < count; done += block)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int rows = int.Min(block, count - done);
                Span<float> target = destination.Slice(done * Dimension, rows * Dimension);
                Span<byte> stored = buffer.AsSpan(0, rows * stride);
                _rows.Read(start + done, stored);
                if (_swap) ElementConversion.ReverseEndianness(stored, size);
                ElementConversion.ToSingle(stored, ElementType, target);
                FiniteCheck.ThrowIfNotFinite(target, Dimension, start + done, Name, place: _ => _where);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
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
        object?[] cells = _key.Read(start, destination.Length);
        for (int i = 0; i < cells.Length; i++) destination[i] = PayloadJson.Key(cells[i], Name, $"row {start + i}, dataset '{_key.Name}'");
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
        for (int i = 0; i < columns.Length; i++) columns[i] = _payload[i].Read(start, destination.Length);
        PayloadJson.WriteRows([.. _payload.Select(column => column.Name)], columns, destination);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _objects.Dispose();
        base.Dispose(disposing);
    }

    private void CheckRows(long start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Count - count);
    }
}
