namespace Vlc.Formats.Pickle;

/// <summary>Bytes in a pickle: a place in the file, so that a large array is not held in memory, or bytes that had to be decoded.</summary>
/// <param name="Offset">Offset in the file, where <paramref name="Data"/> is null.</param>
/// <param name="Length">Bytes.</param>
/// <param name="IsString">True for a str of Python 2, which may be text or an array's data.</param>
/// <param name="Data">The decoded bytes, or null.</param>
internal sealed record PickleBytes(long Offset, long Length, bool IsString, byte[]? Data = null);

/// <summary>A list, tuple-like or set. Runs of floats, which is what vectors are made of, are kept as floats and not as objects.</summary>
internal sealed class PickleList
{
    private List<object?> _items = [];
    private List<float>? _floats;

    /// <summary>The elements as numbers, where all of them were floats; null otherwise.</summary>
    public List<float>? Floats => _floats;

    public int Count => _floats?.Count ?? _items.Count;

    public object? this[int index] => _floats is null ? _items[index] : (double)_floats[index];

    /// <summary>Appends elements; returns how many of them are kept as objects.</summary>
    public int Append(ReadOnlySpan<object?> items)
    {
        if (_floats is not null || _items.Count == 0)
        {
            bool all = !items.IsEmpty;
            foreach (object? item in items) all &= item is double;
            if (all)
            {
                _floats ??= [];
                foreach (object? item in items) _floats.Add((float)(double)item!);
                return 0;
            }

            if (_floats is not null)
            {
                _items = [.. _floats.Select(value => (object?)(double)value)];
                _floats = null;
            }
        }

        _items.AddRange(items);
        return items.Length;
    }
}

/// <summary>A dict in its order; keys are not hashed, a later value for a key replaces the earlier when it is looked up.</summary>
internal sealed class PickleDictionary
{
    public List<KeyValuePair<object?, object?>> Entries { get; } = [];
}

/// <summary>A name in a module, which is never imported.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>An object of a class that the caller allowed, with its attributes; no code of it runs.</summary>
internal sealed class PickleObject(PickleGlobal type)
{
    public PickleGlobal Type => type;

    public PickleDictionary? State { get; set; }
}

/// <summary>A numpy dtype: "f4", and the byte order that is set after it.</summary>
internal sealed class NumpyType(string code)
{
    public string Code => code;

    public char Order { get; set; } = '|';

    /// <summary>As an npy header has it: "&lt;f4".</summary>
    public string Descr => $"{Order}{code}";
}

/// <summary>A numpy array, or one of Python's array module.</summary>
internal sealed class NumpyArray
{
    public long[] Shape { get; set; } = [];

    /// <summary>The type as an npy header has it; empty until the array's state was read.</summary>
    public string Descr { get; set; } = "";

    public bool FortranOrder { get; set; }

    public PickleBytes? Data { get; set; }
}

/// <summary>A torch storage: a run of elements in a member of the archive, or behind the pickle.</summary>
internal sealed record TorchStorage(string Type, string Key, long Count);

/// <summary>A torch tensor: a view of a storage. Offset and strides count elements.</summary>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Shape, long[] Stride);
