using System.Buffers.Binary;
using System.Text.Json;
using Vlc.Vectors;

namespace Vlc.Formats.Binary;

/// <summary>
/// safetensors: uint64 header length, a JSON object {name: {dtype, shape, data_offsets}}, then the tensors. Treated as
/// hostile: every range has to lie in the file, and together they have to cover it without overlap, as the format demands.
/// </summary>
internal sealed class SafetensorsFormat : VectorFileFormat
{
    // The reference implementation's own limit.
    private const long MaxHeaderBytes = 100_000_000;

    private sealed record Tensor(string Name, string DType, long[] Shape, long Begin, long End);

    public override string Name => "safetensors";

    public override IReadOnlyList<string> Extensions { get; } = [".safetensors"];

    public override Recognition Recognize(FileSample sample) =>
        sample.Head.Length > sizeof(ulong) + 1 && sample.Head[sizeof(ulong)] == (byte)'{'
            && BinaryPrimitives.ReadUInt64LittleEndian(sample.Head) <= (ulong)long.Min(MaxHeaderBytes, sample.Length - sizeof(ulong))
            ? Recognition.Certain
            : Recognition.None;

    public override IReadOnlyList<FilePart> List(string path, VectorFileOptions options)
    {
        using InputFile file = new(path);
        List<Tensor> tensors = Parse(path, ReadHeader(file));
        List<Tensor> matrices = tensors.FindAll(tensor => tensor.Shape.Length == 2);
        return
        [
            .. tensors.Select(tensor => new FilePart(
                tensor.Name, tensor.DType, string.Join(" x ", tensor.Shape),
                tensor.Name == options.Tensor || (options.Tensor is null && matrices is [Tensor only] && only == tensor)
                ? PartUse.Vector
                : PartUse.Left,
                Selector: tensor.Shape.Length == 2 && TypeOf(tensor.DType) is not null ? $"--tensor {tensor.Name}" : null)),
        ];
    }

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        InputFile file = new(path);
        try
        {
            byte[] header = ReadHeader(file);
            long dataOffset = sizeof(ulong) + header.Length;
            List<Tensor> tensors = Parse(path, header);
            ThrowIfNotTiled(path, tensors, file.Length - dataOffset);
            Tensor tensor = Choose(path, tensors, options.Tensor);
            string where = $"tensor '{tensor.Name}'";
            ElementType type = TypeOf(tensor.DType) ?? throw new VlcFormatException(
                path, where, "dtype F16, BF16 or F32", $"'{tensor.DType}'");
            VectorShape.ThrowIfAbsurd(path, where, tensor.Shape[0], tensor.Shape[1]);
            RowLayout layout = new(dataOffset + tensor.Begin, tensor.Shape[0], (int)tensor.Shape[1], type);
            return new FixedStrideVectors(file, layout, where, dataOffset + tensor.End);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static byte[] ReadHeader(InputFile file)
    {
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        file.ReadExactly(prefix, 0, "header length");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxHeaderBytes)
        {
            throw new VlcFormatException(
                file.Path, "offset 0", $"a header of at most {MaxHeaderBytes} bytes", $"{length} bytes", "Is it a safetensors file?");
        }

        if ((long)length > file.Length - sizeof(ulong))
        {
            throw new VlcFormatException(
                file.Path, "offset 0", $"a header within the file's {file.Length} bytes", $"{length} bytes",
                "The file is truncated, or is no safetensors file.");
        }

        byte[] header = new byte[length];
        file.ReadExactly(header, sizeof(ulong), "header");
        return header;
    }

    private static List<Tensor> Parse(string path, byte[] header)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(header, new JsonDocumentOptions { MaxDepth = 8 });
            HashSet<string> names = [];
            List<Tensor> tensors = [];
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (!names.Add(property.Name)) throw new FormatException($"two entries called '{property.Name}'");
                if (property.Name == "__metadata__") continue;
                long[] offsets = ReadIntegers(property.Value.GetProperty("data_offsets"));
                if (offsets is not [>= 0, _] || offsets[0] > offsets[1]) throw new FormatException($"data_offsets of '{property.Name}'");
                tensors.Add(new Tensor(
                    property.Name, property.Value.GetProperty("dtype").GetString() ?? "null",
                    ReadIntegers(property.Value.GetProperty("shape")), offsets[0], offsets[1]));
            }

            return tensors;
        }
        catch (Exception exception) when (exception
            is JsonException or FormatException or InvalidOperationException or KeyNotFoundException)
        {
            // What System.Text.Json throws for bad JSON, for a number out of range, for a value of another kind, for a missing property.
            throw new VlcFormatException(
                path, "header, offset 8", "a JSON object {name: {dtype, shape, data_offsets}}", exception.Message.TrimEnd('.'),
                innerException: exception);
        }
    }

    private static long[] ReadIntegers(JsonElement array) => [.. array.EnumerateArray().Select(element => element.GetInt64())];

    private static void ThrowIfNotTiled(string path, List<Tensor> tensors, long dataLength)
    {
        long end = 0;
        foreach (Tensor tensor in tensors.OrderBy(tensor => tensor.Begin).ThenBy(tensor => tensor.End))
        {
            string where = $"tensor '{tensor.Name}'";
            if (tensor.End > dataLength)
            {
                throw new VlcFormatException(
                    path, where, $"data within the file's {dataLength} bytes of tensors", $"data_offsets [{tensor.Begin}, {tensor.End}]",
                    "The file is truncated.");
            }

            if (tensor.Begin != end)
            {
                throw new VlcFormatException(
                    path, where, $"data from {end}, where the tensor before it ends", $"data_offsets [{tensor.Begin}, {tensor.End}]",
                    "Tensors may neither overlap nor leave a hole.");
            }

            end = tensor.End;
        }

        if (end != dataLength)
        {
            throw new VlcFormatException(
                path, "data", $"{end} bytes, as the header states", $"{dataLength} bytes", "There are trailing bytes.");
        }
    }

    private static Tensor Choose(string path, List<Tensor> tensors, string? name)
    {
        if (name is not null)
        {
            Tensor named = tensors.Find(tensor => tensor.Name == name)
                ?? throw new VlcFormatException(path, "header", $"tensor '{name}'", List(tensors));
            return named.Shape.Length == 2
                ? named
                : throw new VlcFormatException(path, $"tensor '{name}'", "two dimensions", List([named]));
        }

        List<Tensor> matrices = tensors.FindAll(tensor => tensor.Shape.Length == 2);
        return matrices is [Tensor only]
            ? only
            : throw new VlcFormatException(
                path, "header", "one two-dimensional tensor", matrices.Count == 0 ? $"none; {List(tensors)}" : List(matrices),
                "Name the tensor with --tensor.");
    }

    private static string List(List<Tensor> tensors)
    {
        const int shown = 8;
        string names = string.Join(", ", tensors.Take(shown).Select(
            tensor => $"'{tensor.Name}' {tensor.DType}[{string.Join(", ", tensor.Shape)}]"));
        return tensors.Count == 0 ? "no tensor" : tensors.Count > shown ? $"{names} and {tensors.Count - shown} more" : names;
    }

    private static ElementType? TypeOf(string dtype) => dtype switch
    {
        "F16" => ElementType.Float16,
        "BF16" => ElementType.BFloat16,
        "F32" => ElementType.Float32,
        _ => null,
    };
}
