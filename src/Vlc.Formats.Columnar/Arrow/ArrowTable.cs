using System.Buffers.Binary;
using Vlc.Formats.Binary;
using Vlc.Formats.Columnar.Tables;

namespace Vlc.Formats.Columnar.Arrow;

/// <summary>An open Arrow file, of the form with a footer or of the form of a stream.</summary>
internal sealed class ArrowTable : Table
{
    private const int SchemaMessage = 1, DictionaryMessage = 2, BatchMessage = 3;

    private readonly InputFile _file;
    private readonly List<ArrowBatch> _batches = [];
    private readonly Dictionary<long, ArrowBatch> _dictionaries = [];
    private readonly HashSet<long> _changing = [];
    private readonly List<long> _firstRows = [0];
    private List<ArrowColumn>? _columns;

    private ArrowTable(InputFile file)
    {
        _file = file;
        Guard("metadata", () =>
        {
            if (IsFileForm()) ReadFooter();
            else ReadStream();
        });
        if (_columns is null) throw new VlcFormatException(Path, "metadata", "a schema", "none", "The file is truncated.");
    }

    /// <summary>Both ends of the form with a footer.</summary>
    public static ReadOnlySpan<byte> Signature => "ARROW1"u8;

    public override string Path => _file.Path;

    public override long Rows => _firstRows[^1];

    public override IReadOnlyList<Column> Columns => _columns!;

    public InputFile File => _file;

    public static ArrowTable Open(string path)
    {
        InputFile file = new(path);
        try
        {
            return new ArrowTable(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>True for bytes that begin a stream: a message that is a schema.</summary>
    public static bool BeginsStream(ReadOnlySpan<byte> head)
    {
        if (head.Length < 8 || BinaryPrimitives.ReadUInt32LittleEndian(head) != uint.MaxValue) return false;
        int length = BinaryPrimitives.ReadInt32LittleEndian(head[4..]);
        if (length < 16 || length > head.Length - 8) return false;
        try
        {
            FlatTable message = FlatTable.Root(head.Slice(8, length).ToArray());
            return message.Byte(1) == SchemaMessage && message.Table(2) is { } schema && ArrowField.All(schema).Length > 0;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    public override ColumnCursor Open(Column column) => new ArrowCursor(this, (ArrowColumn)column);

    public ArrowBatch Batch(int index) => _batches[index];

    public long FirstRow(int batch) => _firstRows[batch];

    /// <summary>The batch that holds a row; empty ones are passed over.</summary>
    public int BatchOf(long row)
    {
        int at = _firstRows.BinarySearch(row);
        if (at < 0) return ~at - 1;
        while (at + 1 < _firstRows.Count && _firstRows[at + 1] == row) at++;
        return at;
    }

    /// <summary>The batch with the values of a dictionary.</summary>
    /// <exception cref="InvalidDataException">There is none, or it changes within the file.</exception>
    public ArrowBatch Dictionary(long id)
    {
        if (_changing.Contains(id)) throw new InvalidDataException("a dictionary that changes within the file, which is not read");
        return _dictionaries.TryGetValue(id, out ArrowBatch? batch) ? batch : throw new InvalidDataException($"no dictionary {id}");
    }

    /// <summary>Turns what is wrong with the bytes into what is wrong with the file.</summary>
    public void Guard(string where, Action access)
    {
        try
        {
            access();
        }
        catch (InvalidDataException exception)
        {
            throw new VlcFormatException(
                Path, where, "Arrow data that agree with their schema", exception.Message.TrimEnd('.'),
                "The file is truncated or damaged.", exception);
        }
    }

    public override void Dispose() => _file.Dispose();

    private bool IsFileForm()
    {
        byte[] head = new byte[Signature.Length];
        return _file.Read(head, 0) == head.Length && head.AsSpan().SequenceEqual(Signature);
    }

    private void ReadFooter()
    {
        const int tailLength = 10, schema = 1, dictionaries = 2, batches = 3;
        byte[] tail = new byte[tailLength];
        if (_file.Length < 8 + tailLength) throw new InvalidDataException("no footer");
        _file.ReadExactly(tail, _file.Length - tailLength, "footer");
        int length = BinaryPrimitives.ReadInt32LittleEndian(tail);
        if (!tail.AsSpan(4).SequenceEqual(Signature)) throw new InvalidDataException("no \"ARROW1\" at the end");
        if (length < 0 || length > _file.Length - 8 - tailLength) throw new InvalidDataException($"a footer of {length} bytes");
        byte[] bytes = new byte[length];
        _file.ReadExactly(bytes, _file.Length - tailLength - length, "footer");
        FlatTable footer = FlatTable.Root(bytes);
        ReadSchema(footer.Table(schema) ?? throw new InvalidDataException("no schema"));
        foreach (long offset in Blocks(footer, dictionaries)) ReadMessage(offset, DictionaryMessage);
        foreach (long offset in Blocks(footer, batches)) ReadMessage(offset, BatchMessage);
    }

    /// <summary>Where the messages of a footer's blocks begin: offset, length of the metadata, length of the body.</summary>
    private static long[] Blocks(FlatTable footer, int field)
    {
        const int size = 24;
        ReadOnlySpan<byte> blocks = footer.Structs(field, size);
        long[] offsets = new long[blocks.Length / size];
        for (int i = 0; i < offsets.Length; i++) offsets[i] = BinaryPrimitives.ReadInt64LittleEndian(blocks[(i * size)..]);
        if (offsets.Distinct().Count() != offsets.Length) throw new InvalidDataException("a block that is used twice");
        return offsets;
    }

    private void ReadStream()
    {
        for (long at = 0; ReadMessage(at, expected: null) is { } next;) at = next;
    }

    /// <summary>Reads a message; returns where the next one begins, null at the end of a stream.</summary>
    private long? ReadMessage(long at, int? expected)
    {
        byte[] prefix = new byte[8];
        if (at < 0 || at > _file.Length - sizeof(int))
        {
            return expected is null && at == _file.Length
                ? null
                : throw new InvalidDataException($"a message at {at}, outside of the file");
        }
        int read = _file.Read(prefix, at);

        // Before version 0.15 the length stood alone.
        bool continued = BinaryPrimitives.ReadUInt32LittleEndian(prefix) == uint.MaxValue;
        int length = BinaryPrimitives.ReadInt32LittleEndian(prefix.AsSpan(continued ? 4 : 0));
        long start = at + (continued ? 8 : 4);
        if (length == 0 && expected is null && (!continued || read == prefix.Length)) return null;
        if (length <= 0 || start > _file.Length || length > _file.Length - start)
        {
            throw new InvalidDataException($"a message of {length} bytes at {at}");
        }
        byte[] bytes = new byte[length];
        _file.ReadExactly(bytes, start, "message");
        FlatTable message = FlatTable.Root(bytes);
        int kind = message.Byte(1);
        if (expected is not null && kind != expected) throw new InvalidDataException($"a message of type {kind} in place of {expected}");
        long body = start + length, bodyLength = message.Int64(3);
        if (bodyLength < 0 || bodyLength > _file.Length - body) throw new InvalidDataException($"a body of {bodyLength} bytes at {body}");
        FlatTable header = message.Table(2) ?? throw new InvalidDataException("a message without header");
        switch (kind)
        {
            case SchemaMessage when _columns is null: ReadSchema(header); break;
            case DictionaryMessage: AddDictionary(header, body, bodyLength); break;
            case BatchMessage: AddBatch(new ArrowBatch(header, body, bodyLength)); break;
            default: throw new InvalidDataException($"a message of type {kind}");
        }

        return body + bodyLength;
    }

    private void ReadSchema(FlatTable schema)
    {
        if (schema.Int16(0) != 0) throw new InvalidDataException("values with their most significant byte first, which are not read");
        _columns = ArrowColumn.All(ArrowField.All(schema));
    }

    private void AddDictionary(FlatTable header, long body, long bodyLength)
    {
        long id = header.Int64(0);
        FlatTable data = header.Table(1) ?? throw new InvalidDataException("a dictionary without values");
        if (!_dictionaries.TryAdd(id, new ArrowBatch(data, body, bodyLength))) _changing.Add(id);
    }

    private void AddBatch(ArrowBatch batch)
    {
        if (_columns is null) throw new InvalidDataException("rows before the schema");
        if (batch.Rows > long.MaxValue - Rows) throw new InvalidDataException($"{batch.Rows} rows");
        _batches.Add(batch);
        _firstRows.Add(Rows + batch.Rows);
    }
}
