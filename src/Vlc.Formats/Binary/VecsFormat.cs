using System.Buffers.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Binary;

/// <summary>fvecs, bvecs, ivecs: for each row an int32 dimension, then that many float32, bytes or int32, little-endian.</summary>
internal sealed class VecsFormat(string name, ElementType elementType) : VectorFileFormat
{
    public static VecsFormat Fvecs { get; } = new("fvecs", ElementType.Float32);

    public static VecsFormat Bvecs { get; } = new("bvecs", ElementType.UInt8);

    public static VecsFormat Ivecs { get; } = new("ivecs", ElementType.Int32);

    public override string Name => name;

    public override IReadOnlyList<string> Extensions { get; } = ["." + name];

    /// <summary>
    /// Certain where the length is a whole number of rows and the first, the second and the last begin with the same dimension. fvecs and
    /// ivecs have the same form; the one whose numbers are of reasonable size goes before the other.
    /// </summary>
    public override Recognition Recognize(FileSample sample)
    {
        if (sample.Head.Length <= sizeof(int)) return Recognition.None;
        int dimension = BinaryPrimitives.ReadInt32LittleEndian(sample.Head);
        if (dimension is < 1 or > VectorShape.MaxDimension) return Recognition.None;
        var layout = new RowLayout(DataOffset: 0, Count: 1, dimension, elementType, DimensionPrefix: true);
        (long count, long rest) = long.DivRem(sample.Length, layout.Stride);
        if (rest != 0) return Recognition.None;
        Span<byte> prefix = stackalloc byte[sizeof(int)];
        foreach (long row in (ReadOnlySpan<long>)[1, count - 1])
        {
            if (row >= count) continue;
            sample.Read(prefix, row * layout.Stride);
            if (BinaryPrimitives.ReadInt32LittleEndian(prefix) != dimension) return Recognition.None;
        }

        return count > 1
            && ElementConversion.IsOfUsualSize(sample.Head[sizeof(int)..int.Min(sample.Head.Length, layout.Stride)], elementType)
            ? Recognition.Certain
            : Recognition.Likely;
    }

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        InputFile file = new(path);
        try
        {
            return new FixedStrideVectors(file, ReadLayout(file, elementType), "offset 0");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Takes the dimension from the first row and the count from the length, which has to be a whole number of rows.</summary>
    internal static RowLayout ReadLayout(InputFile file, ElementType elementType)
    {
        Span<byte> prefix = stackalloc byte[sizeof(int)];
        file.ReadExactly(prefix, 0, "the first row's dimension");
        int dimension = BinaryPrimitives.ReadInt32LittleEndian(prefix);
        VectorShape.ThrowIfAbsurd(file.Path, "offset 0", count: 1, dimension);

        RowLayout layout = new(DataOffset: 0, Count: 1, dimension, elementType, DimensionPrefix: true);
        (long count, long rest) = long.DivRem(file.Length, layout.Stride);
        if (rest != 0)
        {
            throw new VlcFormatException(
                file.Path, $"offset {count * layout.Stride}", $"whole rows of {layout.Stride} bytes (dimension {dimension})",
                $"{rest} bytes after row {count - 1}", "The file is truncated, its rows differ in dimension, or it is of another format.");
        }

        return layout with { Count = count };
    }
}
