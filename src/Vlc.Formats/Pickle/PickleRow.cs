using System.Runtime.InteropServices;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Pickle;

/// <summary>Numbers that lie in a file, one after the other.</summary>
/// <param name="File">The file.</param>
/// <param name="Offset">Offset of the first.</param>
/// <param name="Data">The bytes themselves, where they had to be decoded; null where they lie in the file.</param>
/// <param name="Type">How they are stored.</param>
/// <param name="BigEndian">True where the most significant byte is first.</param>
internal readonly record struct StoredNumbers(InputFile File, long Offset, byte[]? Data, ElementType Type, bool BigEndian)
{
    /// <summary>Reads numbers from the <paramref name="first"/> on.</summary>
    public void Read(long first, Span<float> destination)
    {
        int size = ElementConversion.SizeOf(Type);
        byte[] bytes = new byte[destination.Length * size];
        if (Data is null) File.ReadExactly(bytes, Offset + (first * size), "pickled numbers");
        else Data.AsSpan((int)(first * size), bytes.Length).CopyTo(bytes);
        if (BigEndian == BitConverter.IsLittleEndian) ElementConversion.ReverseEndianness(bytes, size);
        ElementConversion.ToSingle(bytes, Type, destination);
    }
}

/// <summary>Makes rows of numbers of what a pickle may hold as one.</summary>
/// <param name="file">The pickle.</param>
/// <param name="storage">Finds the elements of a torch storage; null where there are none.</param>
internal sealed class PickleRows(InputFile file, Func<TorchStorage, StoredNumbers>? storage)
{
    /// <summary>
    /// Components of a value that is a row: a list or a tuple of numbers, a one-dimensional array or tensor. Null for any other value.
    /// </summary>
    public static int? LengthOf(object? value) => value switch
    {
        PickleList { Floats: { } floats } => floats.Count,
        PickleList { Count: > 0 and <= VectorShape.MaxDimension } list when IsNumbers(list) => list.Count,
        object?[] { Length: > 0 and <= VectorShape.MaxDimension } tuple when Array.TrueForAll(tuple, IsNumber) => tuple.Length,
        NumpyArray { Shape: [> 0 and <= int.MaxValue and var length] } array when NpyFormat.TypeOf(array.Descr) is not null => (int)length,
        NumpyArray { Shape: [1, > 0 and <= int.MaxValue and var length] } array when NpyFormat.TypeOf(array.Descr) is not null =>
            (int)length,
        TorchTensor { Shape: [> 0 and <= int.MaxValue and var length], Stride: [1] } tensor when TypeOf(tensor.Storage) is not null =>
            (int)length,
        _ => null,
    };

    /// <summary>Rows and columns of a value that is a matrix as it stands; null for any other value.</summary>
    public static (long Rows, long Columns)? MatrixOf(object? value) => value switch
    {
        NumpyArray { Shape: [var rows, var columns] } array when NpyFormat.TypeOf(array.Descr) is not null => (rows, columns),
        TorchTensor { Shape: [var rows, var columns] } tensor when TypeOf(tensor.Storage) is not null => (rows, columns),
        _ => null,
    };

    /// <summary>How a row's or a matrix's components are stored.</summary>
    public static ElementType TypeOf(object? value) => value switch
    {
        NumpyArray array => NpyFormat.TypeOf(array.Descr) ?? ElementType.Float64,
        TorchTensor tensor => TypeOf(tensor.Storage) ?? ElementType.Float64,
        _ => ElementType.Float64,
    };

    /// <summary>How a torch storage is stored; null where its elements are no components.</summary>
    public static ElementType? TypeOf(TorchStorage storage) => storage.Type switch
    {
        "FloatStorage" => ElementType.Float32,
        "DoubleStorage" => ElementType.Float64,
        "HalfStorage" => ElementType.Float16,
        "BFloat16Storage" => ElementType.BFloat16,
        "ByteStorage" => ElementType.UInt8,
        "CharStorage" => ElementType.Int8,
        _ => null,
    };

    /// <summary>Copies a row.</summary>
    /// <param name="value">A value for which <see cref="LengthOf"/> is not null.</param>
    /// <param name="row">As many floats.</param>
    public void Copy(object? value, Span<float> row)
    {
        switch (value)
        {
            case PickleList { Floats: { } floats }:
                CollectionsMarshal.AsSpan(floats).CopyTo(row);
                break;
            case PickleList list:
                for (int i = 0; i < row.Length; i++) row[i] = ToSingle(list[i]);
                break;
            case object?[] tuple:
                for (int i = 0; i < row.Length; i++) row[i] = ToSingle(tuple[i]);
                break;
            default:
                Locate(value).Read(0, row);
                break;
        }
    }

    /// <summary>Where the numbers of an array or a tensor lie; all of them do lie there.</summary>
    /// <exception cref="VlcFormatException">They do not, or not one after the other.</exception>
    public StoredNumbers Locate(object? value)
    {
        if (value is TorchTensor tensor)
        {
            StoredNumbers stored = (storage ?? throw Damaged("a tensor without storage"))(tensor.Storage);
            Int128 count = 1;
            for (int i = tensor.Shape.Length - 1; i >= 0; i--)
            {
                if (i >= tensor.Stride.Length || (tensor.Shape[i] != 1 && tensor.Stride[i] != count))
                {
                    throw new VlcFormatException(
                        file.Path, "tensor", "rows one after the other", $"strides ({string.Join(", ", tensor.Stride)})",
                        "Save tensor.contiguous().");
                }

                count *= tensor.Shape[i];
            }

            if (count + tensor.Offset > tensor.Storage.Count || count < 0)
            {
                throw Damaged($"a tensor of {count} elements in a storage of {tensor.Storage.Count}");
            }
            return stored with { Offset = stored.Offset + (tensor.Offset * ElementConversion.SizeOf(stored.Type)) };
        }

        NumpyArray array = value as NumpyArray ?? throw Damaged("a value that is no array");
        ElementType type = TypeOf(array);
        Int128 bytes = ElementConversion.SizeOf(type);
        foreach (long extent in array.Shape) bytes *= extent;
        if (array.Data is null || array.Data.Length != bytes) throw Damaged($"{array.Data?.Length ?? 0} bytes for an array of {bytes}");
        if (array.FortranOrder && array.Shape.Count(extent => extent > 1) > 1)
        {
            throw new VlcFormatException(
                file.Path, "array", "rows stored one after the other", "columns stored one after the other (Fortran order)",
                "Save numpy.ascontiguousarray(a).");
        }

        return new StoredNumbers(file, array.Data.Offset, array.Data.Data, type, array.Descr[0] == '>');
    }

    private static bool IsNumbers(PickleList list)
    {
        for (int i = 0; i < list.Count; i++)
        {
            if (!IsNumber(list[i])) return false;
        }

        return true;
    }

    private static bool IsNumber(object? value) => value is double or long;

    private static float ToSingle(object? value) => value is double number ? (float)number : (long)value!;

    private VlcFormatException Damaged(string found) => new(file.Path, "array", "numbers as its shape says", found, "The file is damaged.");
}
