using System.Buffers.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Binary;

/// <summary>The files of the big-ann benchmarks: uint32 rows, uint32 dimension, then the components row by row, little-endian.</summary>
internal sealed class BigAnnFormat(string name, ElementType elementType) : VectorFileFormat
{
    private const int HeaderBytes = 8;

    public static BigAnnFormat Fbin { get; } = new("fbin", ElementType.Float32);

    public static BigAnnFormat F16bin { get; } = new("f16bin", ElementType.Float16);

    public static BigAnnFormat U8bin { get; } = new("u8bin", ElementType.UInt8);

    public static BigAnnFormat I8bin { get; } = new("i8bin", ElementType.Int8);

    public static BigAnnFormat Ibin { get; } = new("ibin", ElementType.Int32);

    public override string Name => name;

    public override IReadOnlyList<string> Extensions { get; } = ["." + name];

    /// <summary>Certain where the length is what the header states: chance agrees with eight bytes once in 2^32.</summary>
    public override Recognition Recognize(FileSample sample)
    {
        if (sample.Head.Length < HeaderBytes) return Recognition.None;
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(sample.Head);
        uint dimension = BinaryPrimitives.ReadUInt32LittleEndian(sample.Head[sizeof(uint)..]);
        bool fits = count > 0 && dimension is > 0 and <= VectorShape.MaxDimension
            && sample.Length == HeaderBytes + ((Int128)count * dimension * ElementConversion.SizeOf(elementType));
        // fbin and ibin have the same form; the one whose numbers are of usual size goes before the other.
        return !fits
            ? Recognition.None
            : ElementConversion.IsOfUsualSize(sample.Head[HeaderBytes..], elementType)
            ? Recognition.Certain
            : Recognition.Likely;
    }

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        InputFile file = new(path);
        try
        {
            Span<byte> header = stackalloc byte[HeaderBytes];
            file.ReadExactly(header, 0, "header");
            uint count = BinaryPrimitives.ReadUInt32LittleEndian(header);
            uint dimension = BinaryPrimitives.ReadUInt32LittleEndian(header[sizeof(uint)..]);
            VectorShape.ThrowIfAbsurd(path, "header", count, dimension);
            return new FixedStrideVectors(file, new RowLayout(HeaderBytes, count, (int)dimension, elementType), "header");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
