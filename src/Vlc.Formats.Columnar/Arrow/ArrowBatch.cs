using System.Buffers.Binary;
using Vlc.Formats.Binary;
using Vlc.Formats.Columnar.Compression;

namespace Vlc.Formats.Columnar.Arrow;

/// <summary>A record batch: rows, nodes, and where its buffers lie.</summary>
internal sealed class ArrowBatch
{
    // Far beyond any file; below them no product of a row, a dimension and a width leaves 64 bits.
    private const long MaxRows = 1L << 40, MaxItems = 1L << 56;

    private readonly (long Length, long Nulls)[] _nodes;
    private readonly (long Offset, long Length)[] _buffers;
    private readonly int[] _views;
    private readonly Codec _codec;

    /// <summary>Reads the table of a batch whose body begins at <paramref name="body"/>.</summary>
    /// <exception cref="InvalidDataException">A buffer lies outside of the body.</exception>
    public ArrowBatch(FlatTable batch, long body, long bodyLength)
    {
        const int lz4Frame = 0, zstd = 1;
        Rows = batch.Int64(0);
        if (Rows is < 0 or > MaxRows) throw new InvalidDataException($"{Rows} rows");
        ReadOnlySpan<byte> nodes = batch.Structs(1, 16), buffers = batch.Structs(2, 16), views = batch.Structs(4, sizeof(long));
        _nodes = new (long, long)[nodes.Length / 16];
        for (int i = 0; i < _nodes.Length; i++)
        {
            _nodes[i] = (Number(nodes, i * 2), Number(nodes, (i * 2) + 1));
            if (_nodes[i].Length is < 0 or > MaxItems) throw new InvalidDataException($"{_nodes[i].Length} values");
        }

        _buffers = new (long, long)[buffers.Length / 16];
        for (int i = 0; i < _buffers.Length; i++)
        {
            (long offset, long length) = (Number(buffers, i * 2), Number(buffers, (i * 2) + 1));
            if (offset < 0 || length < 0 || offset > bodyLength || length > bodyLength - offset)
            {
                throw new InvalidDataException($"a buffer of {length} bytes at {offset}");
            }
            _buffers[i] = (body + offset, length);
        }

        _views = new int[(views.Length / sizeof(long)) + 1];
        for (int i = 0; i + 1 < _views.Length; i++)
        {
            long count = Number(views, i);
            if (count < 0 || count > _buffers.Length) throw new InvalidDataException($"{count} buffers of a view");
            _views[i + 1] = _views[i] + (int)count;
        }

        if (batch.Table(3) is { } compression)
        {
            _codec = compression.Byte(0) switch
            {
                lz4Frame => Codec.Lz4Frame,
                zstd => Codec.Zstd,
                var other => throw new InvalidDataException($"compression {other}"),
            };
        }
    }

    public long Rows { get; }

    public (long Length, long Nulls) Node(ArrowSlot slot) =>
        slot.Node < _nodes.Length ? _nodes[slot.Node] : throw new InvalidDataException($"{_nodes.Length} nodes");

    /// <summary>Buffers of the data of a view.</summary>
    public int ViewBuffers(ArrowSlot slot) =>
        slot.View + 1 < _views.Length
            ? _views[slot.View + 1] - _views[slot.View]
            : throw new InvalidDataException("a view without its number of buffers");

    /// <summary>A buffer of a field; decompressed where it is compressed.</summary>
    /// <exception cref="InvalidDataException">There is no such buffer, or it is damaged.</exception>
    public ArrowBuffer Open(InputFile file, ArrowSlot slot, int number)
    {
        const long notCompressed = -1;
        int at = slot.Buffer + (slot.View < _views.Length ? _views[slot.View] : 0) + number;
        if (at >= _buffers.Length) throw new InvalidDataException($"{_buffers.Length} buffers");
        (long offset, long length) = _buffers[at];
        if (_codec == Codec.None || length == 0) return new ArrowBuffer(file, offset, length);
        byte[] prefix = new byte[sizeof(long)];
        if (length < prefix.Length) throw new InvalidDataException($"a compressed buffer of {length} bytes");
        file.ReadExactly(prefix, offset, "buffer");
        long raw = BinaryPrimitives.ReadInt64LittleEndian(prefix);
        (offset, length) = (offset + prefix.Length, length - prefix.Length);
        if (raw == notCompressed) return new ArrowBuffer(file, offset, length);
        if (raw < 0 || raw > Array.MaxLength || length > Array.MaxLength)
        {
            throw new InvalidDataException($"a compressed buffer of {raw} bytes");
        }
        byte[] stored = new byte[length];
        file.ReadExactly(stored, offset, "buffer");
        return new ArrowBuffer(Decompression.Decompress(_codec, stored, (int)raw));
    }

    private static long Number(ReadOnlySpan<byte> structs, int index) =>
        BinaryPrimitives.ReadInt64LittleEndian(structs[(index * sizeof(long))..]);
}

/// <summary>A buffer, in the file or in memory.</summary>
internal sealed class ArrowBuffer
{
    private readonly InputFile? _file;
    private readonly long _offset;
    private readonly byte[] _bytes = [];

    public ArrowBuffer(InputFile file, long offset, long length)
    {
        _file = file;
        _offset = offset;
        Length = length;
    }

    public ArrowBuffer(byte[] bytes)
    {
        _bytes = bytes;
        Length = bytes.Length;
    }

    public long Length { get; }

    /// <exception cref="InvalidDataException">The buffer does not have these bytes.</exception>
    public void Read(long start, Span<byte> destination)
    {
        ThrowIfOutside(start, destination.Length);
        if (_file is null) _bytes.AsSpan((int)start, destination.Length).CopyTo(destination);
        else _file.ReadExactly(destination, _offset + start, "buffer");
    }

    /// <summary>The bytes as an array of their own.</summary>
    public byte[] Read(long start, long length)
    {
        ThrowIfOutside(start, length);
        byte[] bytes = new byte[length];
        Read(start, bytes);
        return bytes;
    }

    private void ThrowIfOutside(long start, long length)
    {
        if (start < 0 || length < 0 || start > Length || length > Length - start)
        {
            throw new InvalidDataException($"{length} bytes at {start} of a buffer of {Length}");
        }
    }
}
