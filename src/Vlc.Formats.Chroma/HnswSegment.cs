using System.Buffers.Binary;
using Vlc.Formats.Binary;
using Vlc.Formats.Pickle;

namespace Vlc.Formats.Chroma;

/// <summary>
/// The folder to which Chroma flushes a collection's vectors, in the layout of its fork of hnswlib: header.bin with the extents,
/// data_level0.bin with a record for each vector (links, vector, label), length.bin with the vectors' lengths, and index_metadata.pickle,
/// which knows the labels' ids.
/// </summary>
internal sealed class HnswSegment : IDisposable
{
    private const int HeaderBytes = 100;
    private const int PersistenceVersion = 1;
    private const byte DeleteMark = 1;
    private const string MetadataName = "index_metadata.pickle";

    private readonly InputFile _data;
    private readonly InputFile? _lengths;
    private readonly long _recordBytes;
    private readonly int _vectorOffset;
    private readonly byte[] _stored;

    private HnswSegment(string folder, bool normalized)
    {
        (long count, long recordBytes, long labelOffset, long vectorOffset) = ReadHeader(Path.Combine(folder, "header.bin"));
        string dataPath = Path.Combine(folder, "data_level0.bin");
        _data = new InputFile(dataPath);
        try
        {
            if (labelOffset <= vectorOffset || vectorOffset < sizeof(int) || (labelOffset - vectorOffset) % sizeof(float) != 0
                || recordBytes != labelOffset + sizeof(long)
                || count < 0 || (Int128)count * recordBytes > _data.Length)
            {
                throw new VlcFormatException(
                    dataPath, "file", $"{count} records of {recordBytes} bytes, as header.bin states", $"{_data.Length} bytes",
                    "The folder is incomplete or damaged.");
            }

            VectorShape.ThrowIfAbsurd(dataPath, "header.bin", long.Max(count, 1), (labelOffset - vectorOffset) / sizeof(float));
            Dimension = (int)((labelOffset - vectorOffset) / sizeof(float));
            _recordBytes = recordBytes;
            _vectorOffset = (int)vectorOffset;
            _stored = new byte[Dimension * sizeof(float)];
            Records = ReadLabels(count, labelOffset);
            Labels = ReadMetadata(Path.Combine(folder, MetadataName));
            if (!normalized) return;
            _lengths = new InputFile(Path.Combine(folder, "length.bin"));
            if (_lengths.Length < count * sizeof(float))
            {
                throw new VlcFormatException(
                    _lengths.Path, "file", $"{count} lengths", $"{_lengths.Length} bytes", "The folder is incomplete or damaged.");
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Components of each vector.</summary>
    public int Dimension { get; }

    /// <summary>The label of each id.</summary>
    public IReadOnlyDictionary<string, long> Labels { get; }

    /// <summary>The record of each label that is not deleted.</summary>
    public IReadOnlyDictionary<long, long> Records { get; }

    /// <summary>Opens a segment; null where nothing was flushed yet.</summary>
    /// <param name="folder">The segment's folder.</param>
    /// <param name="normalized">True where the graph's vectors have length 1.</param>
    public static HnswSegment? Open(string folder, bool normalized) =>
        File.Exists(Path.Combine(folder, MetadataName)) ? new HnswSegment(folder, normalized) : null;

    /// <summary>Reads a vector as it was added.</summary>
    /// <param name="record">Number of its record.</param>
    /// <param name="vector">Its components.</param>
    public void Read(long record, Span<float> vector)
    {
        _data.ReadExactly(_stored, (record * _recordBytes) + _vectorOffset, $"record {record}");
        for (int i = 0; i < vector.Length; i++) vector[i] = BinaryPrimitives.ReadSingleLittleEndian(_stored.AsSpan(i * sizeof(float)));
        if (_lengths is null) return;
        float squares = System.Numerics.Tensors.TensorPrimitives.SumOfSquares<float>(vector);
        // The zero vector stays zero; any other has length 1, or the space is another than the configuration says.
        if (squares != 0 && !(float.Abs(squares - 1) <= 1e-3f))
        {
            throw new VlcFormatException(
                _data.Path, $"record {record}", "a vector of length 1, as the space 'cosine' has", $"one of length {float.Sqrt(squares)}",
                "The folder is damaged, or of another collection.");
        }

        Span<byte> bytes = stackalloc byte[sizeof(float)];
        _lengths.ReadExactly(bytes, record * sizeof(float), $"length {record}");
        System.Numerics.Tensors.TensorPrimitives.Multiply(vector, BinaryPrimitives.ReadSingleLittleEndian(bytes), vector);
    }

    public void Dispose()
    {
        _data.Dispose();
        _lengths?.Dispose();
    }

    private static (long Count, long RecordBytes, long LabelOffset, long VectorOffset) ReadHeader(string path)
    {
        using InputFile file = new(path);
        byte[] header = new byte[HeaderBytes];
        file.ReadExactly(header, 0, "the header");
        int version = BinaryPrimitives.ReadInt32LittleEndian(header);
        if (version != PersistenceVersion)
        {
            throw new VlcFormatException(path, "offset 0", $"version {PersistenceVersion} of Chroma's hnswlib", $"version {version}");
        }
        // Behind the version: offsetLevel0, max_elements, then these.
        return (Number(20), Number(28), Number(36), Number(44));

        long Number(int offset) => BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(offset));
    }

    /// <summary>Passes over the records once and remembers where each label is.</summary>
    private Dictionary<long, long> ReadLabels(long count, long labelOffset)
    {
        Dictionary<long, long> records = [];
        byte[] record = new byte[_recordBytes];
        for (long i = 0; i < count; i++)
        {
            _data.ReadExactly(record, i * _recordBytes, $"record {i}");
            // The mark stands in the upper half of the number of links.
            if ((record[2] & DeleteMark) == 0) records[BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan((int)labelOffset))] = i;
        }

        return records;
    }

    private static Dictionary<string, long> ReadMetadata(string path)
    {
        using InputFile file = new(path);
        PickleGlobal[] classes = [new("chromadb.segment.impl.vector.local_persistent_hnsw", "PersistentData")];
        object? root = new PickleMachine(new PickleReader(file, 0, file.Length), persistent: null, classes).Load();
        // Chroma up to 0.6 pickled an object, later versions a dict of the same names.
        PickleDictionary? data = root as PickleDictionary ?? (root as PickleObject)?.State;
        PickleDictionary? labels = null;
        foreach ((object? key, object? value) in data?.Entries ?? [])
        {
            if (PickleMachine.Text(file, key) == "id_to_label") labels = value as PickleDictionary;
        }

        if (labels is null) throw new VlcFormatException(path, "content", "the labels of the ids", "none", "The file is damaged.");
        Dictionary<string, long> result = [];
        foreach ((object? key, object? value) in labels.Entries)
        {
            if (PickleMachine.Text(file, key) is not { } id || value is not long label)
            {
                throw new VlcFormatException(path, "content", "an id and its label", "other values", "The file is damaged.");
            }
            result[id] = label;
        }

        return result;
    }
}
