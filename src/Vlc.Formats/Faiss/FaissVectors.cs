using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Faiss;

/// <summary>Rows that lie one after the other.</summary>
/// <param name="First">Number of the first.</param>
/// <param name="Count">Rows; at least 1.</param>
/// <param name="Offset">Offset of the first row.</param>
/// <param name="Identifiers">Offset of the first row's identifier, an int64; null where rows are known by their number.</param>
internal sealed record FaissBlock(long First, long Count, long Offset, long? Identifiers);

/// <summary>Where the rows of an index lie and how they are stored.</summary>
internal sealed class FaissRows(int dimension, FaissCodes codes, IReadOnlyList<FaissBlock> blocks)
{
    /// <summary>Components of a row as it is handed out.</summary>
    public int Dimension { get; set; } = dimension;

    /// <summary>Components of a row as it is stored, before <see cref="Undo"/>.</summary>
    public int StoredDimension { get; } = dimension;

    public FaissCodes Codes => codes;

    /// <summary>In order, without gaps.</summary>
    public IReadOnlyList<FaissBlock> Blocks => blocks;

    public long Count { get; } = blocks.Sum(block => block.Count);

    /// <summary>Transforms in the order in which a vector went through them.</summary>
    public List<FaissTransform> Undo { get; } = [];

    /// <summary>Offsets of maps from an identifier to another, innermost first: int64 each, as many as rows.</summary>
    public List<long> IdentifierMaps { get; } = [];

    public List<string> Notes { get; } = [];
}

/// <summary>The rows of a FAISS index, read by position; identifiers, where it has them, are the keys.</summary>
internal sealed class FaissVectors(InputFile file, FaissRows rows) : VectorSource
{
    private const int BufferBytes = 1 << 20;

    public override string Name => file.Path;

    public override long Count => rows.Count;

    public override int Dimension => rows.Dimension;

    public override ElementType ElementType => rows.Codes.Type;

    public override bool HasKeys => rows.IdentifierMaps.Count > 0 || rows.Blocks[0].Identifiers is not null;

    public override IReadOnlyList<string> Notes => rows.Notes;

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        CheckRange(start, count, destination.Length);
        int stride = rows.StoredDimension * rows.Codes.ComponentBytes;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(int.Max(1, BufferBytes / stride) * stride);
        float[] stored = rows.Undo.Count == 0 ? [] : new float[buffer.Length / stride * rows.StoredDimension];
        try
        {
            for (int done = 0; done < count;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                FaissBlock block = rows.Blocks[BlockOf(start + done)];
                long within = start + done - block.First;
                int take = (int)long.Min(long.Min(count - done, block.Count - within), buffer.Length / stride);
                Span<byte> bytes = buffer.AsSpan(0, take * stride);
                file.ReadExactly(bytes, block.Offset + (within * stride), $"rows {start + done} to {start + done + take - 1}");
                Span<float> target = destination.Slice(done * Dimension, take * Dimension);
                if (rows.Undo.Count == 0)
                {
                    rows.Codes.Decode(bytes, rows.StoredDimension, target);
                }
                else
                {
                    Span<float> decoded = stored.AsSpan(0, take * rows.StoredDimension);
                    rows.Codes.Decode(bytes, rows.StoredDimension, decoded);
                    for (int i = 0; i < take; i++)
                    {
                        Undo(decoded.Slice(i * rows.StoredDimension, rows.StoredDimension), target.Slice(i * Dimension, Dimension));
                    }
                }

                FiniteCheck.ThrowIfNotFinite(target, Dimension, start + done, Name);
                done += take;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public override void ReadKeys(long start, Span<string> destination)
    {
        if (!HasKeys) base.ReadKeys(start, destination);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Count - destination.Length);
        for (int i = 0; i < destination.Length; i++)
        {
            long row = start + i;
            FaissBlock block = rows.Blocks[BlockOf(row)];
            long id = block.Identifiers is { } offset ? Identifier(offset, row - block.First) : row;
            foreach (long map in rows.IdentifierMaps)
            {
                if (id < 0 || id >= Count)
                {
                    throw new VlcFormatException(
                        Name, $"row {row}, identifier", $"a number below {Count}, to look it up", $"{id}", "The file is damaged.");
                }

                id = Identifier(map, id);
            }

            destination[i] = id.ToString(CultureInfo.InvariantCulture);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) file.Dispose();
        base.Dispose(disposing);
    }

    private void Undo(Span<float> stored, Span<float> row)
    {
        Span<float> current = stored;
        for (int i = rows.Undo.Count - 1; i >= 0; i--)
        {
            Span<float> input = i == 0 ? row : new float[rows.Undo[i].Input];
            rows.Undo[i].Invert(current, input);
            current = input;
        }
    }

    private long Identifier(long offset, long index)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        file.ReadExactly(bytes, offset + (index * sizeof(long)), "an identifier");
        return BinaryPrimitives.ReadInt64LittleEndian(bytes);
    }

    /// <summary>The block that holds a row.</summary>
    private int BlockOf(long row)
    {
        int low = 0, high = rows.Blocks.Count;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            if (rows.Blocks[middle].First <= row) low = middle;
            else high = middle;
        }

        return low;
    }
}
