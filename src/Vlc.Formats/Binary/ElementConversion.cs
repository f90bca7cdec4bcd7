using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Vlc.Vectors;

namespace Vlc.Formats.Binary;

/// <summary>Turns stored components into float32.</summary>
internal static class ElementConversion
{
    /// <summary>Bytes of one stored component.</summary>
    public static int SizeOf(ElementType type) => type switch
    {
        ElementType.UInt8 or ElementType.Int8 => 1,
        ElementType.Float16 or ElementType.BFloat16 => 2,
        ElementType.Float32 or ElementType.Int32 => 4,
        ElementType.Float64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not a binary element type"),
    };

    /// <summary>
    /// Whether most components are of a size that numbers of the type have: what is one or a thousandth as float32 is a billion as an
    /// integer. For telling float32 from int32 where a file does not say which; true for other types.
    /// </summary>
    public static bool IsOfUsualSize(ReadOnlySpan<byte> components, ElementType type)
    {
        const int smallInteger = 1 << 24;
        if (SizeOf(type) != sizeof(int)) return true;
        int small = 0, large = 0;
        for (; components.Length >= sizeof(int); components = components[sizeof(int)..])
        {
            int value = BinaryPrimitives.ReadInt32LittleEndian(components);
            if (value is <= -smallInteger or >= smallInteger) large++;
            else if (value != 0) small++;
        }

        return type == ElementType.Int32 ? small > large : large >= small;
    }

    /// <summary>Reverses the bytes of each component in place.</summary>
    public static void ReverseEndianness(Span<byte> components, int size)
    {
        switch (size)
        {
            case 2:
                Span<ushort> halves = MemoryMarshal.Cast<byte, ushort>(components);
                BinaryPrimitives.ReverseEndianness(halves, halves);
                break;
            case 4:
                Span<uint> words = MemoryMarshal.Cast<byte, uint>(components);
                BinaryPrimitives.ReverseEndianness(words, words);
                break;
            case 8:
                Span<ulong> longs = MemoryMarshal.Cast<byte, ulong>(components);
                BinaryPrimitives.ReverseEndianness(longs, longs);
                break;
        }
    }

    /// <summary>
    /// Converts components in the host's byte order; a float64 out of range becomes an infinity, which no reader lets through.
    /// </summary>
    public static void ToSingle(ReadOnlySpan<byte> components, ElementType type, Span<float> destination)
    {
        switch (type)
        {
            case ElementType.Float32:
                MemoryMarshal.Cast<byte, float>(components).CopyTo(destination);
                break;
            case ElementType.Float16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(components), destination);
                break;
            case ElementType.Float64:
                TensorPrimitives.ConvertSaturating(MemoryMarshal.Cast<byte, double>(components), destination);
                break;
            case ElementType.BFloat16:
                ReadOnlySpan<ushort> upperHalves = MemoryMarshal.Cast<byte, ushort>(components);
                for (int i = 0; i < upperHalves.Length; i++)
                {
                    destination[i] = BitConverter.UInt32BitsToSingle((uint)upperHalves[i] << 16);
                }

                break;
            case ElementType.UInt8:
                TensorPrimitives.ConvertSaturating(components, destination);
                break;
            case ElementType.Int8:
                TensorPrimitives.ConvertSaturating(MemoryMarshal.Cast<byte, sbyte>(components), destination);
                break;
            case ElementType.Int32:
                TensorPrimitives.ConvertSaturating(MemoryMarshal.Cast<byte, int>(components), destination);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "not a binary element type");
        }
    }
}
