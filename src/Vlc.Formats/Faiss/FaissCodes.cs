using System.Runtime.InteropServices;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Faiss;

/// <summary>How a row of a FAISS index is stored, and how it becomes floats.</summary>
/// <param name="Type">The component as it is stored.</param>
/// <param name="Minimum">
/// For a trained 8-bit quantizer, the value below code 0 of each dimension, or one for all; null where the code is the number.
/// </param>
/// <param name="Range">As <paramref name="Minimum"/>: the width of the 255 steps.</param>
/// <param name="Signed">True where a byte stands for its value less 128.</param>
internal sealed record FaissCodes(ElementType Type, float[]? Minimum = null, float[]? Range = null, bool Signed = false)
{
    public static FaissCodes Flat { get; } = new(ElementType.Float32);

    /// <summary>Bytes of a component.</summary>
    public int ComponentBytes => ElementConversion.SizeOf(Type);

    /// <summary>Decodes whole rows as FAISS's own <c>reconstruct</c> does.</summary>
    /// <param name="stored">Rows, in the file's byte order; overwritten.</param>
    /// <param name="dimension">Components of a row.</param>
    /// <param name="rows">As many rows.</param>
    public void Decode(Span<byte> stored, int dimension, Span<float> rows)
    {
        if (!BitConverter.IsLittleEndian) ElementConversion.ReverseEndianness(stored, ComponentBytes);
        if (Minimum is null || Range is null)
        {
            ElementConversion.ToSingle(stored, Type, rows);
            if (Signed) System.Numerics.Tensors.TensorPrimitives.Subtract(rows, 128f, rows);
            return;
        }

        for (int i = 0; i < rows.Length; i++)
        {
            int column = Minimum.Length == 1 ? 0 : i % dimension;
            rows[i] = Minimum[column] + ((stored[i] + 0.5f) / 255f * Range[column]);
        }
    }

    /// <summary>
    /// Takes the parameters of a scalar quantizer: "trained" has the minimum and the range of all dimensions, or of each.
    /// </summary>
    public static FaissCodes Read(FaissCursor cursor, int dimension)
    {
        long at = cursor.Position;
        int type = cursor.TakeInt32("the quantizer's type");
        cursor.TakeInt32("rangestat");
        cursor.TakeSingle("rangestat_arg");
        long stated = cursor.TakeInt64("the quantizer's dimension");
        long codeSize = cursor.TakeInt64("the quantizer's code size");
        float[] trained = cursor.TakeVector<float>(2 * VectorShape.MaxDimension, "the quantizer's range");
        FaissCodes codes = type switch
        {
            0 or 2 => new(ElementType.UInt8, trained[..(trained.Length / 2)], trained[(trained.Length / 2)..]),
            4 => new(ElementType.Float16),
            5 => new(ElementType.UInt8),
            7 => new(ElementType.BFloat16),
            8 => new(ElementType.UInt8, Signed: true),
            _ => throw new VlcFormatException(
                cursor.File.Path, $"offset {at}", "a scalar quantizer of 8 bits, fp16 or bf16", FaissKinds.QuantizerName(type),
                FaissFormat.Hint),
        };
        int values = type switch { 0 => 2 * dimension, 2 => 2, _ => trained.Length };
        if (stated != dimension || codeSize != (long)dimension * codes.ComponentBytes || trained.Length != values)
        {
            throw new VlcFormatException(
                cursor.File.Path, $"offset {at}", $"{FaissKinds.QuantizerName(type)} of dimension {dimension}",
                $"dimension {stated}, codes of {codeSize} bytes, {trained.Length} values of its range", "The file is damaged.");
        }

        return codes;
    }
}
