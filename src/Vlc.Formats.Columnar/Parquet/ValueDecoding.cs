using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Vlc.Formats.Binary;
using Vlc.Formats.Columnar.Tables;
using Vlc.Vectors;

namespace Vlc.Formats.Columnar.Parquet;

/// <summary>Turns the stored values of a page into components, or into cells of payload.</summary>
internal static class ValueDecoding
{
    private const long MaxTextBytes = 1L << 30;

    /// <summary>Components as float32.</summary>
    /// <exception cref="InvalidDataException">The values are damaged, or cannot be components.</exception>
    public static float[] Floats(ParquetColumn column, PageEncoding encoding, ReadOnlySpan<byte> bytes, int count)
    {
        float[] values = new float[CountWithin(encoding, bytes, count, SizeOf(column))];
        if (encoding == PageEncoding.DeltaBinaryPacked && column.IsInteger)
        {
            long[] integers = new long[count];
            DeltaEncoding.Decode(bytes, integers);
            FromIntegers(integers, values);
            return values;
        }

        ReadOnlySpan<byte> plain = Plain(column, encoding, bytes, count);
        switch (column.Element.Type)
        {
            case PhysicalType.Float: ElementConversion.ToSingle(plain, ElementType.Float32, values); break;
            case PhysicalType.Double: ElementConversion.ToSingle(plain, ElementType.Float64, values); break;
            case PhysicalType.FixedBytes: ElementConversion.ToSingle(plain, ElementType.Float16, values); break;
            case PhysicalType.Int32: ElementConversion.ToSingle(plain, ElementType.Int32, values); break;
            default: FromIntegers(MemoryMarshal.Cast<byte, long>(plain), values); break;
        }

        return values;
    }

    /// <summary>
    /// Cells of a column of scalars: <see cref="string"/>, <see cref="long"/>, <see cref="double"/> or <see cref="bool"/>.
    /// </summary>
    /// <exception cref="InvalidDataException">The values are damaged.</exception>
    public static object[] Cells(ParquetColumn column, PageEncoding encoding, ReadOnlySpan<byte> bytes, int count)
    {
        switch (column.Element.Type)
        {
            case PhysicalType.Boolean: return Booleans(encoding, bytes, count);
            case PhysicalType.ByteArray: return [.. ByteArrays(encoding, bytes, count).Select(System.Text.Encoding.UTF8.GetString)];
            case PhysicalType.Int32 or PhysicalType.Int64 when encoding == PageEncoding.DeltaBinaryPacked:
                long[] integers = new long[CountWithin(encoding, bytes, count, 1)];
                DeltaEncoding.Decode(bytes, integers);
                return Array.ConvertAll(integers, value => Integer(column, value));
        }

        int size = SizeOf(column);
        ReadOnlySpan<byte> plain = Plain(column, encoding, bytes, CountWithin(encoding, bytes, count, size));
        object[] cells = new object[count];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> value = plain.Slice(i * size, size);
            cells[i] = column.Element.Type switch
            {
                PhysicalType.Int32 => Integer(column, BinaryPrimitives.ReadInt32LittleEndian(value)),
                PhysicalType.Int64 => Integer(column, BinaryPrimitives.ReadInt64LittleEndian(value)),
                PhysicalType.Float => BinaryPrimitives.ReadSingleLittleEndian(value),
                PhysicalType.Double => BinaryPrimitives.ReadDoubleLittleEndian(value),
                _ when size == 2 => (double)BinaryPrimitives.ReadHalfLittleEndian(value),
                _ => new Guid(value, bigEndian: true).ToString(),
            };
        }

        return cells;
    }

    private static int SizeOf(ParquetColumn column) => column.Element.Type switch
    {
        PhysicalType.Float or PhysicalType.Int32 => 4,
        PhysicalType.Double or PhysicalType.Int64 => 8,
        _ => column.Element.Length,
    };

    /// <summary>The count, where the bytes can hold as many: before memory is taken for them.</summary>
    private static int CountWithin(PageEncoding encoding, ReadOnlySpan<byte> bytes, int count, int size)
    {
        // A block of equal differences takes two bytes for 128 values or more.
        const long deltasPerByte = 1 << 15;
        long most = encoding == PageEncoding.DeltaBinaryPacked ? (bytes.Length + 1L) * deltasPerByte : bytes.Length / int.Max(size, 1);
        return count <= most ? count : throw new InvalidDataException($"{bytes.Length} bytes of values in place of {count} x {size}");
    }

    private static ReadOnlySpan<byte> Plain(ParquetColumn column, PageEncoding encoding, ReadOnlySpan<byte> bytes, int count)
    {
        if (encoding is not (PageEncoding.Plain or PageEncoding.PlainDictionary or PageEncoding.ByteStreamSplit))
        {
            throw Unsupported(encoding);
        }
        int size = SizeOf(column);
        bytes = bytes[..(count * size)];
        if (encoding != PageEncoding.ByteStreamSplit) return bytes;
        byte[] joined = new byte[bytes.Length];
        for (int plane = 0; plane < size; plane++)
        {
            ReadOnlySpan<byte> source = bytes.Slice(plane * count, count);
            for (int i = 0, to = plane; i < count; i++, to += size) joined[to] = source[i];
        }

        return joined;
    }

    private static object[] Booleans(PageEncoding encoding, ReadOnlySpan<byte> bytes, int count)
    {
        int[] bits = new int[count];
        switch (encoding)
        {
            case PageEncoding.Plain:
                if ((count + 7) / 8 > bytes.Length) throw new InvalidDataException($"{bytes.Length} bytes of {count} truth values");
                for (int i = 0; i < count; i++) bits[i] = (bytes[i / 8] >> (i % 8)) & 1;
                break;
            case PageEncoding.RunLength:
                if (bytes.Length < sizeof(uint)) throw new InvalidDataException("runs that end too early");
                RunLengths.Decode(bytes[sizeof(uint)..], 1, bits);
                break;
            default:
                throw Unsupported(encoding);
        }

        return Array.ConvertAll(bits, bit => (object)(bit != 0));
    }

    private static byte[][] ByteArrays(PageEncoding encoding, ReadOnlySpan<byte> bytes, int count)
    {
        switch (encoding)
        {
            case PageEncoding.DeltaLengthByteArray:
                return DeltaEncoding.DecodeLengths(bytes, CountWithin(PageEncoding.DeltaBinaryPacked, bytes, count, 1));
            case PageEncoding.DeltaByteArray:
                return DeltaEncoding.DecodePrefixes(bytes, CountWithin(PageEncoding.DeltaBinaryPacked, bytes, count, 1), MaxTextBytes);
            case not (PageEncoding.Plain or PageEncoding.PlainDictionary):
                throw Unsupported(encoding);
        }

        byte[][] values = new byte[CountWithin(encoding, bytes, count, sizeof(uint))][];
        for (int i = 0; i < count; i++)
        {
            uint length = bytes.Length < sizeof(uint) ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            if (length > bytes.Length - sizeof(uint)) throw new InvalidDataException($"text of {length} bytes");
            values[i] = bytes.Slice(sizeof(uint), (int)length).ToArray();
            bytes = bytes[(sizeof(uint) + (int)length)..];
        }

        return values;
    }

    private static void FromIntegers(ReadOnlySpan<long> integers, float[] values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (integers[i] is < int.MinValue or > int.MaxValue)
            {
                throw new InvalidDataException($"a component of {integers[i]}, beyond 32 bits");
            }
            values[i] = integers[i];
        }
    }

    private static object Integer(ParquetColumn column, long value) =>
        CellValue.Of(column.Element.Logical, value, column.Element.Type == PhysicalType.Int32);

    private static InvalidDataException Unsupported(PageEncoding encoding) =>
        new($"values in the encoding {encoding}, which is not read for this type");
}
