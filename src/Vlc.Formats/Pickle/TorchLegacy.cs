using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Pickle;

/// <summary>
/// What torch.save wrote before version 1.6: pickles of a magic number, a protocol version, the system, the object and the storages'
/// keys, one after the other; then each storage, a count of elements and the elements.
/// </summary>
internal static class TorchLegacy
{
    private const long ProtocolVersion = 1001;

    private static readonly BigInteger MagicNumber = BigInteger.Parse(
        "1950a86a20f9469cfc6c", NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    public static bool IsMagicNumber(object? value) => value is BigInteger number && number == MagicNumber;

    /// <summary>The object of a file whose magic number was just read.</summary>
    public static object? LoadRoot(InputFile file, PickleReader reader)
    {
        object? version = new PickleMachine(reader).Load();
        ThrowIfBigEndian(file, new PickleMachine(reader).Load());
        if (version is not ProtocolVersion)
        {
            throw Damaged(file, reader.Position, $"version {ProtocolVersion} of the torch format", "another version");
        }
        return new PickleMachine(reader, TorchStorages.Persistent(file)).Load();
    }

    /// <summary>Opens a file whose magic number was just read; takes ownership of it once it returns.</summary>
    public static VectorSource Open(InputFile file, PickleReader reader, VectorFileOptions options)
    {
        object? root = LoadRoot(file, reader);
        PickleList keys = new PickleMachine(reader).Load() as PickleList
            ?? throw Damaged(file, reader.Position, "a list of storage keys", "another value");
        Dictionary<string, TorchStorage> storages = TorchStorages.In(root);
        Dictionary<string, (long Offset, long Count)> places = [];
        long position = reader.Position;
        Span<byte> count = stackalloc byte[sizeof(long)];
        for (int i = 0; i < keys.Count; i++)
        {
            string key = PickleMachine.Text(file, keys[i]) ?? throw Damaged(file, position, "a storage key", "another value");
            file.ReadExactly(count, position, $"the length of storage '{key}'");
            long elements = BinaryPrimitives.ReadInt64LittleEndian(count);
            position += sizeof(long);
            if (!storages.TryGetValue(key, out TorchStorage? storage))
            {
                throw Damaged(file, position, "a storage that a tensor uses", $"'{key}'");
            }
            int size = TorchStorages.ElementBytes(storage.Type);
            if (elements < 0 || elements > (file.Length - position) / size)
            {
                throw Damaged(file, position, $"storage '{key}' within the file", $"{elements} elements");
            }
            places[key] = (position, elements);
            position += elements * size;
        }

        return PickleOpening.Open(file, root, options, Locate);

        StoredNumbers Locate(TorchStorage storage)
        {
            if (!places.TryGetValue(storage.Key, out (long Offset, long Count) place) || place.Count < storage.Count)
            {
                throw Damaged(file, reader.Position, $"{storage.Count} elements of storage '{storage.Key}'", $"{place.Count}");
            }

            return new StoredNumbers(file, place.Offset, null, PickleRows.TypeOf(storage) ?? ElementType.Float32, BigEndian: false);
        }
    }

    private static void ThrowIfBigEndian(InputFile file, object? system)
    {
        if (system is not PickleDictionary dictionary) return;
        foreach ((object? key, object? value) in dictionary.Entries)
        {
            if (PickleMachine.Text(file, key) == "little_endian" && value is false)
            {
                throw new VlcFormatException(
                    file.Path, "header", "a little-endian file", "a big-endian one", "Save it again on another machine.");
            }
        }
    }

    private static VlcFormatException Damaged(InputFile file, long at, string expected, string found) =>
        new(file.Path, $"offset {at}", expected, found, "The file is damaged.");
}

/// <summary>Storages as the persistent identifiers of torch's pickles state them.</summary>
internal static class TorchStorages
{
    /// <summary>Makes a storage of an identifier: ("storage", type, key, device, count), and in old files a view.</summary>
    public static Func<object?, object?> Persistent(InputFile file) => id =>
    {
        if (id is object?[] { Length: >= 5 } tuple && PickleMachine.Text(file, tuple[0]) == "storage"
            && tuple[1] is PickleGlobal { Module: "torch" } type
            && type.Name.EndsWith("Storage", StringComparison.Ordinal) && PickleMachine.Text(file, tuple[2]) is { } key
            && tuple[4] is long and >= 0)
        {
            if (tuple.Length > 5 && tuple[5] is not null)
            {
                throw new VlcFormatException(
                    file.Path, "content", "whole storages", "a view of a storage", "Load and save it with a current torch.");
            }

            return new TorchStorage(type.Name, key, (long)tuple[4]!);
        }

        throw new VlcFormatException(file.Path, "content", "a reference to a tensor's storage", "another reference", PickleCalls.Hint);
    };

    /// <summary>All storages that tensors use, by key.</summary>
    public static Dictionary<string, TorchStorage> In(object? root)
    {
        Dictionary<string, TorchStorage> storages = [];
        HashSet<object> seen = new(ReferenceEqualityComparer.Instance);
        Stack<object?> left = new([root]);
        while (left.TryPop(out object? value))
        {
            if (value is null || !seen.Add(value)) continue;
            switch (value)
            {
                case TorchTensor tensor: storages[tensor.Storage.Key] = tensor.Storage; break;
                case object?[] tuple: Array.ForEach(tuple, left.Push); break;
                case PickleList { Floats: null } list:
                    for (int i = 0; i < list.Count; i++) left.Push(list[i]);
                    break;
                case PickleDictionary dictionary: dictionary.Entries.ForEach(entry => left.Push(entry.Value)); break;
            }
        }

        return storages;
    }

    /// <summary>Bytes of an element.</summary>
    public static int ElementBytes(string type) => type switch
    {
        "ByteStorage" or "CharStorage" or "BoolStorage" => 1,
        "HalfStorage" or "BFloat16Storage" or "ShortStorage" => 2,
        "FloatStorage" or "IntStorage" => 4,
        _ => 8,
    };
}
