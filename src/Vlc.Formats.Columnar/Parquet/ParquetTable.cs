using System.Buffers.Binary;
using Vlc.Formats.Binary;
using Vlc.Formats.Columnar.Tables;

namespace Vlc.Formats.Columnar.Parquet;

/// <summary>An open Parquet file.</summary>
internal sealed class ParquetTable : Table
{
    // The footer of a file with ten thousand row groups has a few megabytes.
    private const uint MaxFooterBytes = 1 << 29;

    private readonly InputFile _file;
    private readonly ParquetMetadata _metadata;
    private readonly List<ParquetColumn> _columns;

    // First row of each row group, and at the end the number of rows.
    private readonly long[] _firstRows;

    private ParquetTable(InputFile file)
    {
        _file = file;
        _metadata = ReadFooter(file);
        _columns = ParquetColumn.All(file.Path, _metadata.Schema);
        _firstRows = new long[_metadata.Groups.Count + 1];
        for (int i = 0; i < _metadata.Groups.Count; i++)
        {
            RowGroup group = _metadata.Groups[i];
            _firstRows[i + 1] = _firstRows[i] + group.Rows;
            if (group.Columns.Length != _columns.Count)
            {
                throw new VlcFormatException(
                    file.Path, $"row group {i}", $"{_columns.Count} columns", $"{group.Columns.Length}", "The file is damaged.");
            }
        }
    }

    public override string Path => _file.Path;

    public override long Rows => _firstRows[^1];

    public override IReadOnlyList<Column> Columns => _columns;

    public static ParquetTable Open(string path)
    {
        InputFile file = new(path);
        try
        {
            return new ParquetTable(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public override ColumnCursor Open(Column column) => new ParquetCursor(this, (ParquetColumn)column);

    /// <summary>The pages of a column in a row group.</summary>
    public PageReader Pages(ParquetColumn column, int group, string where) =>
        new(_file, column, _metadata.Groups[group].Columns[column.Index], where);

    /// <summary>The first row of a row group.</summary>
    public long FirstRow(int group) => _firstRows[group];

    /// <summary>The row group that holds a row. Empty groups share their first row with the next one, and are passed over.</summary>
    public int GroupOf(long row)
    {
        int low = 0, high = _firstRows.Length - 1;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            if (_firstRows[middle] <= row) low = middle;
            else high = middle;
        }

        return low;
    }

    public override void Dispose() => _file.Dispose();

    /// <summary>Both ends carry the signature; between them the footer has to fit.</summary>
    private static ParquetMetadata ReadFooter(InputFile file)
    {
        // "PAR1", then at the end the footer's length and "PAR1" again.
        const int smallest = 12;
        string path = file.Path;
        Span<byte> head = stackalloc byte[FileSignature.Length];
        head = head[..file.Read(head, 0)];
        if (!head.StartsWith(FileSignature.Parquet))
        {
            throw new VlcFormatException(path, "offset 0", "\"PAR1\"", FileSignature.DescribeOrQuote(head));
        }

        if (file.Length < smallest)
        {
            throw new VlcFormatException(path, $"offset {file.Length}", "a footer", "the end of the file", "The file is truncated.");
        }

        Span<byte> tail = stackalloc byte[8];
        file.ReadExactly(tail, file.Length - tail.Length, "footer");
        if (tail[4..].SequenceEqual("PARE"u8))
        {
            throw new VlcFormatException(
                path, $"offset {file.Length - 4}", "a footer that is not encrypted", "\"PARE\"", "Decrypt the file.");
        }

        if (!tail[4..].SequenceEqual(FileSignature.Parquet))
        {
            throw new VlcFormatException(
                path, $"offset {file.Length - 4}", "\"PAR1\" at the end", FileSignature.DescribeOrQuote(tail[4..]),
                "The file is truncated, or has trailing bytes.");
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (length > long.Min(file.Length - smallest, MaxFooterBytes))
        {
            throw new VlcFormatException(
                path, $"offset {file.Length - 8}", $"a footer within the file's {file.Length} bytes, at most {MaxFooterBytes}",
                $"{length} bytes");
        }

        byte[] footer = new byte[length];
        long offset = file.Length - tail.Length - length;
        file.ReadExactly(footer, offset, "footer");
        return ParquetMetadata.Read(path, footer, offset);
    }
}
