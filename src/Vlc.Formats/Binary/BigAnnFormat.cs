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

    public override string Name => name;

    public override IReadOnlyList<string> Extensions { get; } = ["." + name];

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
