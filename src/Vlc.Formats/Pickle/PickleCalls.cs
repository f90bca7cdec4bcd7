using System.Globalization;
using System.Text;
using Vlc.Formats.Binary;

namespace Vlc.Formats.Pickle;

/// <summary>
/// The names that a pickle may use, and what a call of each means. Everything else is refused by its name: to unpickle a name is to
/// run code of whoever wrote the file.
/// </summary>
internal sealed class PickleCalls(InputFile file, IReadOnlyCollection<PickleGlobal> classes)
{
    public const string Hint =
        "If you trust the file, convert it: python -c \"import pickle, numpy; "
        + "numpy.save('v.npy', numpy.asarray(pickle.load(open('IN', 'rb')), 'float32'))\".";

    // Bytes that went through a text (protocol 2 and Python 3) have to be decoded in memory.
    private const int MaxDecodedBytes = 1 << 28;

    private static readonly HashSet<string> Names =
    [
        "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct", "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar",
        "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer", "numpy.ndarray", "numpy.dtype",
        "_codecs.encode", "__builtin__.bytes", "builtins.bytes", "__builtin__.bytearray", "builtins.bytearray",
        "__builtin__.set", "builtins.set", "__builtin__.frozenset", "builtins.frozenset", "__builtin__.list", "builtins.list",
        "__builtin__.dict", "builtins.dict",
        "builtins.float", "builtins.int", "collections.OrderedDict", "collections.defaultdict", "array._array_reconstructor", "array.array",
        "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter",
        "torch.FloatStorage", "torch.DoubleStorage", "torch.HalfStorage", "torch.BFloat16Storage", "torch.ByteStorage", "torch.CharStorage",
        "torch.ShortStorage", "torch.IntStorage", "torch.LongStorage", "torch.BoolStorage",
    ];

    /// <summary>An opcode's name for a message.</summary>
    public static string NameOf(PickleCode code) => code switch
    {
        PickleCode.Inst or PickleCode.Obj or PickleCode.NewObjEx => "an opcode that constructs an object of a class",
        PickleCode.Ext1 or PickleCode.Ext2 or PickleCode.Ext4 => "a name of Python's extension registry",
        PickleCode.NextBuffer or PickleCode.ReadOnlyBuffer => "a buffer that was kept outside the pickle",
        _ => $"opcode 0x{(byte)code:X2}",
    };

    /// <summary>A name, where it is one that may be used.</summary>
    public PickleGlobal Find(string module, string name, long at)
    {
        PickleGlobal global = new(module, name);
        return Names.Contains($"{global}") || classes.Contains(global)
            ? global
            : throw new VlcFormatException(
                file.Path, $"offset {at}", "numbers, texts, lists, dicts, numpy arrays and torch tensors",
                $"the Python name {Printable($"{global}")}", Hint);
    }

    /// <summary>What a constructor makes without running.</summary>
    public object New(PickleGlobal global, long at) => global.ToString() switch
    {
        "collections.OrderedDict" or "builtins.dict" => new PickleDictionary(),
        _ when classes.Contains(global) => new PickleObject(global),
        _ => throw Unexpected(at, "a class that is only data", $"{global}"),
    };

    /// <summary>What a call returns.</summary>
    public object? Call(PickleGlobal global, object?[] arguments, long at)
    {
        switch (global.Name)
        {
            case "_reconstruct" when arguments is [PickleGlobal { Name: "ndarray" }, ..]:
                return new NumpyArray();
            case "dtype" when arguments is [var code, ..] && Text(code) is { } text:
                return new NumpyType(text.TrimStart('<', '>', '=', '|')) { Order = text is ['<' or '>' or '=' or '|', ..] ? text[0] : '|' };
            case "scalar" when arguments is [NumpyType type, PickleBytes bytes]:
                return Scalar(type, bytes, at);
            case "_frombuffer" when arguments is [PickleBytes bytes, NumpyType type, object?[] shape, var order]:
                return new NumpyArray { Shape = Extents(shape, at), Descr = type.Descr, FortranOrder = Text(order) == "F", Data = bytes };
            case "encode" when arguments is [string text, ..] && (arguments.Length == 1 || Text(arguments[1]) is "latin1" or "latin-1"):
                return Encode(text, at);
            case "bytes" or "bytearray" when arguments is []:
                return new PickleBytes(0, 0, IsString: false, []);
            case "bytes" or "bytearray" when arguments is [PickleBytes bytes, ..]:
                return bytes;
            case "bytearray" when arguments is [string text, ..]:
                return Encode(text, at);
            case "set" or "frozenset" or "list" when arguments is [PickleList list]:
                return list;
            case "OrderedDict" or "defaultdict" or "dict" when arguments is [] or [PickleGlobal or null]:
                return new PickleDictionary();
            // Protocols 0 to 2 keep the numbers of an array.array as a list.
            case "array" when arguments is [_, PickleList list] && Text(arguments[0]) is "f" or "d":
                return list;
            case "_array_reconstructor" when arguments is [PickleGlobal, _, long format, PickleBytes bytes]:
                return PythonArray(Text(arguments[1]) ?? "", format, bytes, at);
            case "_rebuild_tensor" or "_rebuild_tensor_v2" when arguments is [TorchStorage storage, long offset, object?[] size,
            object?[] stride, ..]:
                return new TorchTensor(storage, offset, Extents(size, at), Extents(stride, at));
            case "_rebuild_parameter" when arguments is [TorchTensor tensor, ..]:
                return tensor;
            default:
                throw Unexpected(at, "a call that makes an array, a tensor, bytes or a dict", $"{global} with other arguments");
        }
    }

    /// <summary>Sets an object's state.</summary>
    public void Build(object? target, object? state, long at)
    {
        switch (target)
        {
            // Version, shape, type, order, data.
            case NumpyArray array when state is object?[] and [long, object?[] shape, NumpyType type, var fortran, var data]:
                array.Shape = Extents(shape, at);
                array.Descr = type.Descr;
                array.FortranOrder = fortran is true or 1L;
                array.Data = data as PickleBytes ?? throw Unexpected(at, "an array of numbers", "an array of Python objects");
                break;
            // Version, byte order, and what only records have.
            case NumpyType type when state is object?[] { Length: > 1 } fields && Text(fields[1]) is [var order]:
                type.Order = order;
                break;
            case PickleObject instance when state is PickleDictionary attributes:
                instance.State = attributes;
                break;
            // Attributes of a dict, such as the versions that torch keeps beside a model's parameters.
            case PickleDictionary:
                break;
            default:
                throw Unexpected(at, "the state of an array or a type", "another state");
        }
    }

    private object Scalar(NumpyType type, PickleBytes bytes, long at)
    {
        byte[] data = PickleMachine.Bytes(file, bytes with { Length = long.Min(bytes.Length, 16) });
        if (type.Order == '>') Array.Reverse(data);
        return (type.Code, data.Length) switch
        {
            ("f4", 4) => (double)BitConverter.ToSingle(data),
            ("f8", 8) => BitConverter.ToDouble(data),
            ("f2", 2) => (double)BitConverter.ToHalf(data),
            ("i8", 8) => BitConverter.ToInt64(data),
            ("i4", 4) => (object)(long)BitConverter.ToInt32(data),
            ("i2", 2) => (object)(long)BitConverter.ToInt16(data),
            ("i1", 1) => (object)(long)(sbyte)data[0],
            ("u1", 1) => (object)(long)data[0],
            ("u2", 2) => (object)(long)BitConverter.ToUInt16(data),
            ("u4", 4) => (object)(long)BitConverter.ToUInt32(data),
            ("b1", 1) => data[0] != 0,
            _ => throw Unexpected(at, "a numpy number", $"one of type '{type.Code}' in {data.Length} bytes"),
        };
    }

    private PickleBytes Encode(string text, long at)
    {
        if (text.Length > MaxDecodedBytes)
        {
            throw Unexpected(at, $"at most {MaxDecodedBytes} bytes that were pickled as text", $"{text.Length}");
        }

        byte[] data = new byte[text.Length];
        for (int i = 0; i < data.Length; i++)
        {
            data[i] = text[i] <= 0xFF ? (byte)text[i] : throw Unexpected(at, "bytes as latin-1 text", $"the character U+{(int)text[i]:X4}");
        }

        return new PickleBytes(0, data.Length, IsString: false, data);
    }

    private NumpyArray PythonArray(string code, long format, PickleBytes bytes, long at)
    {
        // The machine formats of Python's array module: 14 and 15 are binary32, 16 and 17 binary64, the odd ones big-endian.
        (string Descr, int Size) type = format switch
        {
            14 => ("<f4", 4),
            15 => (">f4", 4),
            16 => ("<f8", 8),
            17 => (">f8", 8),
            _ => throw Unexpected(at, "an array of floats or doubles", $"an array of type '{Printable(code)}'"),
        };
        return new NumpyArray { Shape = [bytes.Length / type.Size], Descr = type.Descr, Data = bytes };
    }

    private long[] Extents(object?[] values, long at)
    {
        long[] extents = new long[values.Length];
        for (int i = 0; i < extents.Length; i++)
        {
            extents[i] = values[i] is long extent and >= 0 ? extent : throw Unexpected(at, "extents of at least 0", "another value");
        }

        return extents.Length <= 32 ? extents : throw Unexpected(at, "at most 32 dimensions", $"{extents.Length}");
    }

    private string? Text(object? value) => PickleMachine.Text(file, value);

    /// <summary>A name out of a hostile file, short and without control characters.</summary>
    private static string Printable(string name)
    {
        StringBuilder printable = new();
        foreach (char character in name.AsSpan(0, int.Min(name.Length, 100))) printable.Append(char.IsControl(character) ? '?' : character);
        return printable.ToString();
    }

    private VlcFormatException Unexpected(long at, string expected, string found) =>
        new(file.Path, string.Create(CultureInfo.InvariantCulture, $"offset {at}"), expected, found, Hint);
}
