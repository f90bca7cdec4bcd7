using System.Globalization;
using System.Numerics;
using System.Text;
using Vlc.Formats.Binary;

namespace Vlc.Formats.Pickle;

/// <summary>
/// Reads a Python pickle as data. A pickle is a program for a stack machine; this one knows how to make numbers, texts, lists and
/// dictionaries, and of the calls only those of <see cref="PickleCalls"/>, which it imitates. Nothing of the file is executed.
/// </summary>
internal sealed class PickleMachine
{
    /// <summary>Components that are held in memory at most: 1 GB of floats.</summary>
    public const long MaxFloats = 1L << 28;

    // Objects other than floats in lists: texts, integers, lists. Each costs some 50 bytes.
    private const long MaxObjects = 1L << 24;

    private static readonly object Mark = new();

    private readonly PickleReader _reader;
    private readonly PickleCalls _calls;
    private readonly Func<object?, object?>? _persistent;
    private readonly List<object?> _stack = [];
    private readonly Dictionary<long, object?> _memo = [];
    private long _objects;
    private long _floats;

    /// <param name="reader">The pickle.</param>
    /// <param name="persistent">Makes an object of a persistent identifier, as torch files have them; null refuses them.</param>
    /// <param name="classes">Classes whose objects are read as a bag of attributes; null for none.</param>
    public PickleMachine(PickleReader reader, Func<object?, object?>? persistent = null, IReadOnlyCollection<PickleGlobal>? classes = null)
    {
        _reader = reader;
        _persistent = persistent;
        _calls = new PickleCalls(reader.File, classes ?? []);
    }

    /// <summary>Reads one pickle, up to its STOP.</summary>
    /// <exception cref="VlcFormatException">It is damaged, too large, or does more than hold data.</exception>
    public object? Load()
    {
        while (true)
        {
            long at = _reader.Position;
            byte code = _reader.TakeByte();
            if (code == (byte)'.') return Pop(at);
            Step((PickleCode)code, at);
        }
    }

    /// <summary>A text of either Python: a str, or bytes of Python 2 that were one; null for anything else.</summary>
    public static string? Text(InputFile file, object? value)
    {
        if (value is string text) return text;
        if (value is not PickleBytes { IsString: true, Length: <= 1 << 20 } bytes) return null;
        return Encoding.UTF8.GetString(Bytes(file, bytes));
    }

    /// <summary>The bytes themselves.</summary>
    public static byte[] Bytes(InputFile file, PickleBytes bytes)
    {
        if (bytes.Data is not null) return bytes.Data;
        byte[] data = new byte[bytes.Length];
        file.ReadExactly(data, bytes.Offset, "pickled bytes");
        return data;
    }

    private void Step(PickleCode code, long at)
    {
        switch (code)
        {
            case PickleCode.Proto:
                byte protocol = _reader.TakeByte();
                if (protocol > 5) throw Unexpected(at, "a pickle of protocol 0 to 5", $"protocol {protocol}");
                break;
            case PickleCode.Frame: _reader.TakeInt64(); break;
            case PickleCode.Mark: _stack.Add(Mark); break;
            case PickleCode.Pop: PopAny(at); break;
            case PickleCode.PopMark: PopToMark(at); break;
            case PickleCode.Dup: Push(Peek(at)); break;

            case PickleCode.None: Push(null); break;
            case PickleCode.NewTrue: Push(true); break;
            case PickleCode.NewFalse: Push(false); break;
            case PickleCode.BinInt: Push((long)(int)_reader.TakeUInt32()); break;
            case PickleCode.BinInt1: Push((long)_reader.TakeByte()); break;
            case PickleCode.BinInt2: Push(_reader.TakeByte() | ((long)_reader.TakeByte() << 8)); break;
            case PickleCode.Int or PickleCode.Long: PushInteger(_reader.TakeLine(), at); break;
            case PickleCode.Long1: PushInteger(TakeLong(_reader.TakeByte(), at)); break;
            case PickleCode.Long4: PushInteger(TakeLong((int)_reader.TakeUInt32(), at)); break;
            case PickleCode.Float: Push(ParseFloat(_reader.TakeLine(), at)); break;
            case PickleCode.BinFloat:
                Push(BitConverter.Int64BitsToDouble(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(_reader.TakeInt64())));
                break;

            case PickleCode.BinUnicode: Push(_reader.TakeText(_reader.TakeUInt32())); break;
            case PickleCode.ShortBinUnicode: Push(_reader.TakeText(_reader.TakeByte())); break;
            case PickleCode.BinUnicode8: Push(_reader.TakeText(_reader.TakeInt64())); break;
            case PickleCode.Unicode: Push(PickleEscapes.Unicode(_reader.TakeLine())); break;
            case PickleCode.String:
                Push(PickleEscapes.String(_reader.TakeLine()) ?? throw Unexpected(at, "a quoted string", "another line"));
                break;
            case PickleCode.BinString: Push(_reader.Pass((int)_reader.TakeUInt32(), isString: true)); break;
            case PickleCode.ShortBinString: Push(_reader.Pass(_reader.TakeByte(), isString: true)); break;
            case PickleCode.BinBytes: Push(_reader.Pass(_reader.TakeUInt32(), isString: false)); break;
            case PickleCode.ShortBinBytes: Push(_reader.Pass(_reader.TakeByte(), isString: false)); break;
            case PickleCode.BinBytes8 or PickleCode.ByteArray8: Push(_reader.Pass(_reader.TakeInt64(), isString: false)); break;

            case PickleCode.EmptyList or PickleCode.EmptySet: Push(new PickleList()); break;
            case PickleCode.List or PickleCode.FrozenSet: Push(ListOf(PopToMark(at))); break;
            case PickleCode.Append: AppendOne(at); break;
            case PickleCode.Appends or PickleCode.AddItems: AppendAll(at); break;
            case PickleCode.EmptyTuple: Push(Array.Empty<object?>()); break;
            case PickleCode.Tuple: Push(PopToMark(at)); break;
            case PickleCode.Tuple1: Push(new[] { Pop(at) }); break;
            case PickleCode.Tuple2: PushTuple(2, at); break;
            case PickleCode.Tuple3: PushTuple(3, at); break;
            case PickleCode.EmptyDict: Push(new PickleDictionary()); break;
            case PickleCode.Dict: Push(DictionaryOf(PopToMark(at), at)); break;
            case PickleCode.SetItem: SetOne(at); break;
            case PickleCode.SetItems: SetAll(at); break;

            case PickleCode.Put: _memo[ParseIndex(_reader.TakeLine(), at)] = Peek(at); break;
            case PickleCode.BinPut: _memo[_reader.TakeByte()] = Peek(at); break;
            case PickleCode.LongBinPut: _memo[_reader.TakeUInt32()] = Peek(at); break;
            case PickleCode.Memoize: _memo[_memo.Count] = Peek(at); break;
            case PickleCode.Get: Recall(ParseIndex(_reader.TakeLine(), at), at); break;
            case PickleCode.BinGet: Recall(_reader.TakeByte(), at); break;
            case PickleCode.LongBinGet: Recall(_reader.TakeUInt32(), at); break;

            case PickleCode.Global: Push(_calls.Find(_reader.TakeLine(), _reader.TakeLine(), at)); break;
            case PickleCode.StackGlobal: PushStackGlobal(at); break;
            case PickleCode.Reduce or PickleCode.NewObj: Call(code, at); break;
            case PickleCode.Build: Build(at); break;
            case PickleCode.PersId: PushPersistent(_reader.TakeLine(), at); break;
            case PickleCode.BinPersId: PushPersistent(Pop(at), at); break;
            default: throw Unexpected(at, "an opcode that makes data", PickleCalls.NameOf(code));
        }
    }

    private void Push(object? value)
    {
        // Each value on the way into a list is counted when it stays; a stack that only grows is counted here.
        if (_stack.Count > MaxObjects) throw TooLarge();
        if (value is not double) Count(1);
        _stack.Add(value);
    }

    private void Count(long objects)
    {
        _objects += objects;
        if (_objects > MaxObjects) throw TooLarge();
    }

    private object? PopAny(long at)
    {
        if (_stack.Count == 0) throw Unexpected(at, "a value on the stack", "none");
        object? value = _stack[^1];
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object? Pop(long at)
    {
        object? value = PopAny(at);
        return ReferenceEquals(value, Mark) ? throw Unexpected(at, "a value on the stack", "a mark") : value;
    }

    private object? Peek(long at)
    {
        if (_stack.Count == 0 || ReferenceEquals(_stack[^1], Mark)) throw Unexpected(at, "a value on the stack", "none");
        return _stack[^1];
    }

    private object?[] PopToMark(long at)
    {
        int mark = _stack.LastIndexOf(Mark);
        if (mark < 0) throw Unexpected(at, "a mark on the stack", "none");
        object?[] items = [.. _stack.Skip(mark + 1)];
        _stack.RemoveRange(mark, _stack.Count - mark);
        return items;
    }

    private void PushTuple(int length, long at)
    {
        object?[] items = new object?[length];
        for (int i = length - 1; i >= 0; i--) items[i] = Pop(at);
        Push(items);
    }

    private PickleList ListOf(ReadOnlySpan<object?> items)
    {
        PickleList list = new();
        Append(list, items);
        return list;
    }

    private void Append(PickleList list, ReadOnlySpan<object?> items)
    {
        bool boxed = list.Floats is not null;
        int before = list.Count;
        int objects = list.Append(items);
        // A list of floats that meets something else becomes one of objects.
        if (boxed && list.Floats is null) objects += before;
        Count(objects);
        _floats += items.Length - int.Min(objects, items.Length);
        if (_floats > MaxFloats) throw TooLarge();
    }

    private void AppendOne(long at)
    {
        object? item = Pop(at);
        Append(Peek(at) as PickleList ?? throw Unexpected(at, "a list to append to", Kind(Peek(at))), [item]);
    }

    private void AppendAll(long at)
    {
        object?[] items = PopToMark(at);
        Append(Peek(at) as PickleList ?? throw Unexpected(at, "a list to append to", Kind(Peek(at))), items);
    }

    private PickleDictionary DictionaryOf(object?[] items, long at)
    {
        if (items.Length % 2 != 0) throw Unexpected(at, "pairs of key and value", $"{items.Length} values");
        PickleDictionary dictionary = new();
        for (int i = 0; i < items.Length; i += 2) dictionary.Entries.Add(new(items[i], items[i + 1]));
        Count(items.Length);
        return dictionary;
    }

    private void SetOne(long at)
    {
        object? value = Pop(at), key = Pop(at);
        (Peek(at) as PickleDictionary ?? throw Unexpected(at, "a dict to set an item of", Kind(Peek(at)))).Entries.Add(new(key, value));
        Count(2);
    }

    private void SetAll(long at)
    {
        PickleDictionary items = DictionaryOf(PopToMark(at), at);
        (Peek(at) as PickleDictionary ?? throw Unexpected(at, "a dict to set items of", Kind(Peek(at)))).Entries.AddRange(items.Entries);
    }

    private void Recall(long index, long at) =>
        Push(_memo.TryGetValue(index, out object? value) ? value : throw Unexpected(at, "a value that was memoized", $"index {index}"));

    private void PushStackGlobal(long at)
    {
        string? name = Text(_reader.File, Pop(at)), module = Text(_reader.File, Pop(at));
        Push(_calls.Find(module ?? "", name ?? "", at));
    }

    private void Call(PickleCode code, long at)
    {
        object? arguments = Pop(at), callee = Pop(at);
        if (callee is not PickleGlobal global || arguments is not object?[] tuple)
        {
            throw Unexpected(at, "a call of a name with a tuple", $"{Kind(callee)} with {Kind(arguments)}");
        }

        Push(code == PickleCode.NewObj ? _calls.New(global, at) : _calls.Call(global, tuple, at));
    }

    private void Build(long at)
    {
        object? state = Pop(at);
        _calls.Build(Peek(at), state, at);
    }

    private void PushPersistent(object? id, long at) =>
        Push(
            _persistent is null
                ? throw Unexpected(at, "values in the pickle itself", "a reference to a value outside it")
                : _persistent(id));

    private BigInteger TakeLong(int length, long at)
    {
        if (length < 0 || length > 1024) throw Unexpected(at, "an integer of at most 1024 bytes", $"{length} bytes");
        Span<byte> bytes = stackalloc byte[length];
        _reader.Take(bytes);
        return new BigInteger(bytes);
    }

    private void PushInteger(string line, long at)
    {
        // Protocol 0 writes False and True so, which no integer is.
        if (line is "00" or "01") Push(line == "01");
        else if (
            line.Length <= 1024
                && BigInteger.TryParse(line.TrimEnd('L'), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture,
                out BigInteger value))
        {
            PushInteger(value);
        }
        else throw Unexpected(at, "an integer", "another line");
    }

    private long ParseIndex(string line, long at) =>
        long.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out long index)
            ? index
            : throw Unexpected(at, "an index of the memo", "another line");

    private double ParseFloat(string line, long at) =>
        double.TryParse(line, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value
        : line is "nan" ? double.NaN : line is "inf" ? double.PositiveInfinity : line is "-inf" ? double.NegativeInfinity
        : throw Unexpected(at, "a number", "another line");

    private void PushInteger(BigInteger value)
    {
        if (value >= long.MinValue && value <= long.MaxValue) Push((long)value);
        else Push(value);
    }

    private static string Kind(object? value) => value switch
    {
        null => "None",
        string or PickleBytes => "a string",
        PickleList => "a list",
        PickleDictionary => "a dict",
        object?[] => "a tuple",
        PickleGlobal global => $"{global}",
        _ => "another value",
    };

    private VlcFormatException Unexpected(long at, string expected, string found) =>
        new(_reader.File.Path, $"offset {at}", expected, found, PickleCalls.Hint);

    private VlcFormatException TooLarge() =>
        new(_reader.File.Path, $"offset {_reader.Position}", $"at most {MaxFloats} numbers in lists and {MaxObjects} other values", "more",
            PickleCalls.Hint);
}
