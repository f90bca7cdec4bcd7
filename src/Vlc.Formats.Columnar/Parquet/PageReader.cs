using System.Buffers.Binary;
using Vlc.Formats.Binary;
using Vlc.Formats.Columnar.Compression;

namespace Vlc.Formats.Columnar.Parquet;

/// <summary>How values are stored in a page, by number in the file.</summary>
internal enum PageEncoding
{
    Plain = 0, PlainDictionary = 2, RunLength = 3, BitPacked = 4, DeltaBinaryPacked = 5, DeltaLengthByteArray = 6, DeltaByteArray = 7,
    RunLengthDictionary = 8, ByteStreamSplit = 9,
}

/// <summary>A page, decompressed: its levels, and the bytes of its values.</summary>
/// <param name="Count">Entries, nulls among them.</param>
/// <param name="Encoding">How the values are stored.</param>
/// <param name="Repetitions">For each entry 0 where it begins a row; empty where the column has no lists.</param>
/// <param name="Definitions">For each entry how much of its path is there; empty where all of it always is.</param>
/// <param name="Values">The values.</param>
internal sealed record Page(int Count, PageEncoding Encoding, int[] Repetitions, int[] Definitions, ReadOnlyMemory<byte> Values);

/// <summary>Reads the pages of one column in one row group, in order.</summary>
internal sealed class PageReader
{
    // Run lengths and dictionaries compress a constant column without bound; beyond this ratio a count is taken for damage,
    // before memory is asked for it.
    private const long MaxValuesPerByte = 1024;

    private readonly InputFile _file;
    private readonly ParquetColumn _column;
    private readonly ColumnChunk _chunk;
    private readonly string _where;
    private readonly Codec _codec;
    private readonly long _end;
    private long _at;
    private long _left;

    public PageReader(InputFile file, ParquetColumn column, ColumnChunk chunk, string where)
    {
        _file = file;
        _column = column;
        _chunk = chunk;
        _where = where;
        _codec = ParquetMetadata.CodecOf(file.Path, where, chunk.Codec);
        _at = chunk.Start;
        _end = chunk.Start + chunk.Length;
        _left = chunk.Values;
        if (chunk.Type != column.Element.Type) throw Damaged(_at, $"values of type {column.Element.Type}", $"{chunk.Type}");
    }

    /// <summary>The dictionary of the column; null before it has been reached, or where there is none.</summary>
    public Page? Dictionary { get; private set; }

    /// <summary>The next page of values; null at the end of the row group.</summary>
    public Page? Next()
    {
        while (_left > 0)
        {
            Header header = ReadHeader();
            ReadOnlyMemory<byte> body = ReadBody(header);
            Page? page = null;
            try
            {
                switch (header.Kind)
                {
                    case PageKind.Data: page = ReadData(header, body); break;
                    case PageKind.Data2: page = ReadData2(header, body); break;
                    case PageKind.Dictionary when Dictionary is null:
                        ThrowIfTooMany(header);
                        Dictionary = new Page(header.Count, header.Encoding, [], [], Decompression.Decompress(_codec, body, header.Raw));
                        break;
                    case PageKind.Dictionary: throw Damaged(header.At, "one dictionary", "a second");
                }
            }
            catch (InvalidDataException exception)
            {
                throw Damaged(header.At, "a page that can be decompressed", exception.Message.TrimEnd('.'));
            }

            if (page is null) continue;
            _left -= page.Count;
            return page;
        }

        return null;
    }

    private enum PageKind
    {
        Data = 0, Index = 1, Dictionary = 2, Data2 = 3,
    }

    private sealed record Header(
        long At, PageKind Kind, int Raw, int Stored, uint? Crc, int Count, PageEncoding Encoding, PageEncoding Levels,
        int Definitions, int Repetitions, bool IsCompressed);

    private Page ReadData(Header header, ReadOnlyMemory<byte> body)
    {
        ThrowIfTooMany(header);
        ReadOnlyMemory<byte> bytes = Decompression.Decompress(_codec, body, header.Raw);
        int[] repetitions = Levels(ref bytes, _column.MaxRepetition, header);
        int[] definitions = Levels(ref bytes, _column.MaxDefinition, header);
        return new Page(header.Count, header.Encoding, repetitions, definitions, bytes);
    }

    private int[] Levels(ref ReadOnlyMemory<byte> bytes, int max, Header header)
    {
        if (max == 0) return [];
        if (header.Levels != PageEncoding.RunLength)
        {
            throw new VlcFormatException(
                _file.Path, _where, "levels in run lengths", $"{header.Levels}", "Write the file again with a newer program.");
        }

        uint length = bytes.Length < sizeof(uint) ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span);
        if (length > bytes.Length - sizeof(uint)) throw new InvalidDataException($"levels of {length} bytes");
        int[] levels = Levels(bytes.Span.Slice(sizeof(uint), (int)length), max, header.Count);
        bytes = bytes[(sizeof(uint) + (int)length)..];
        return levels;
    }

    private Page ReadData2(Header header, ReadOnlyMemory<byte> body)
    {
        ThrowIfTooMany(header);
        int levels = header.Repetitions + header.Definitions;
        if (header.Repetitions < 0 || header.Definitions < 0 || levels < 0 || levels > body.Length || levels > header.Raw)
        {
            throw new InvalidDataException($"levels of {header.Repetitions} and {header.Definitions} bytes");
        }

        int[] repetitions = Levels(body.Span[..header.Repetitions], _column.MaxRepetition, header.Count);
        int[] definitions = Levels(body.Span[header.Repetitions..levels], _column.MaxDefinition, header.Count);
        ReadOnlyMemory<byte> values = body[levels..];
        if (header.IsCompressed && !values.IsEmpty) values = Decompression.Decompress(_codec, values, header.Raw - levels);
        return new Page(header.Count, header.Encoding, repetitions, definitions, values);
    }

    private static int[] Levels(ReadOnlySpan<byte> bytes, int max, int count)
    {
        if (max == 0) return [];
        int[] levels = new int[count];
        RunLengths.Decode(bytes, int.Log2(max) + 1, levels);
        int above = levels.AsSpan().IndexOfAnyExceptInRange(0, max);
        return above < 0 ? levels : throw new InvalidDataException($"level {levels[above]} of at most {max}");
    }

    private void ThrowIfTooMany(Header header)
    {
        bool possible = header.Count >= 0 && header.Count / MaxValuesPerByte <= _file.Length
            && (header.Kind == PageKind.Dictionary || header.Count <= _left);
        if (!possible) throw Damaged(header.At, $"a page of at most {_left} values", $"{header.Count}");
    }

    private Header ReadHeader()
    {
        // Enough for a header without statistics; those with long text take another try.
        const int usual = 1 << 10, largest = 1 << 24;
        for (int size = usual; ; size *= 16)
        {
            byte[] bytes = new byte[(int)long.Min(size, _end - _at)];
            _file.ReadExactly(bytes, _at, _where);
            try
            {
                return ParseHeader(bytes);
            }
            catch (VlcFormatException) when (size < largest && bytes.Length == size)
            {
                // Cut off, perhaps.
            }
        }
    }

    private Header ParseHeader(ReadOnlySpan<byte> bytes)
    {
        long start = _at;
        ThriftReader reader = new(bytes, (at, expected, found) => Damaged(start + at, expected, found));
        int id = 0, kind = -1, raw = -1, stored = -1;
        uint? crc = null;
        Detail detail = new();
        while (reader.NextField(ref id, out ThriftType type))
        {
            switch (id)
            {
                case 1: kind = reader.ReadInt32(type); break;
                case 2: raw = reader.ReadInt32(type); break;
                case 3: stored = reader.ReadInt32(type); break;
                case 4: crc = (uint)reader.ReadInt32(type); break;
                case 5 or 7 or 8: detail = ReadDetail(ref reader, type, isVersion2: id == 8, isDictionary: id == 7); break;
                default: reader.SkipValue(type); break;
            }
        }

        if (raw < 0 || stored < 0 || stored > bytes.Length - reader.Position + (_end - start - bytes.Length)
            || (kind is 0 or 2 or 3 && detail.Count < 0))
        {
            throw reader.Damaged("the header of a page within the row group", $"{stored} bytes for {raw}, {detail.Count} values");
        }

        _at = start + reader.Position;
        return new Header(start, (PageKind)kind, raw, stored, crc, detail.Count, detail.Encoding, detail.Levels, detail.Definitions,
            detail.Repetitions, detail.IsCompressed);
    }

    private sealed class Detail
    {
        public int Count { get; set; } = -1;

        public PageEncoding Encoding { get; set; }

        public PageEncoding Levels { get; set; } = PageEncoding.RunLength;

        public int Definitions { get; set; }

        public int Repetitions { get; set; }

        public bool IsCompressed { get; set; } = true;
    }

    private static Detail ReadDetail(ref ThriftReader reader, ThriftType structure, bool isVersion2, bool isDictionary)
    {
        reader.ExpectStruct(structure);
        Detail detail = new();
        int id = 0;
        while (reader.NextField(ref id, out ThriftType type))
        {
            switch (id)
            {
                case 1: detail.Count = reader.ReadInt32(type); break;
                case 2 when !isVersion2: detail.Encoding = (PageEncoding)reader.ReadInt32(type); break;
                case 4 when isVersion2: detail.Encoding = (PageEncoding)reader.ReadInt32(type); break;
                case 3 or 4 when !isVersion2 && !isDictionary:
                    var levels = (PageEncoding)reader.ReadInt32(type);
                    if (levels != PageEncoding.RunLength) detail.Levels = levels;
                    break;
                case 5 when isVersion2: detail.Definitions = reader.ReadInt32(type); break;
                case 6 when isVersion2: detail.Repetitions = reader.ReadInt32(type); break;
                case 7 when isVersion2: detail.IsCompressed = reader.ReadBool(type); break;
                default: reader.SkipValue(type); break;
            }
        }

        return detail;
    }

    private ReadOnlyMemory<byte> ReadBody(Header header)
    {
        byte[] body = new byte[header.Stored];
        _file.ReadExactly(body, _at, _where);
        _at += body.Length;
        if (header.Crc is { } crc && crc != Crc32.Of(body))
        {
            throw Damaged(header.At, $"a page with checksum {crc:x8}", $"{Crc32.Of(body):x8}");
        }
        return body;
    }

    private VlcFormatException Damaged(long at, string expected, string found) =>
        new(_file.Path, $"{_where}, offset {at}", expected, found, "The file is damaged.");
}
