using System.Buffers.Binary;
using Vlc.Formats.Binary;
using Vlc.Formats.Words;
using Vlc.Vectors;

namespace Vlc.Formats.Tables;

/// <summary>
/// What PostgreSQL writes by COPY ... TO ... (FORMAT binary), with a column of pgvector's type vector or halfvec. The file does not say its
/// columns' types: the vector is the column whose values all have that type's own header, the other columns are told by their bytes.
/// </summary>
internal sealed class PgCopyFormat : VectorFileFormat
{
    private const int MaxColumns = 1600;
    private const int RowsPerCheckpoint = 1024;

    public override string Name => "pgcopy-binary";

    public override IReadOnlyList<string> Extensions { get; } = [".copy", ".pgbin"];

    private static ReadOnlySpan<byte> Signature => [(byte)'P', (byte)'G', (byte)'C', (byte)'O', (byte)'P', (byte)'Y', (byte)'\n', 0xFF,
    (byte)'\r', (byte)'\n', 0];

    public override Recognition Recognize(FileSample sample) => sample.Head.StartsWith(Signature) ? Recognition.Certain : Recognition.None;

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        InputFile file = new(path);
        try
        {
            return new PgCopyVectors(file, Survey(file), options);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public override IReadOnlyList<FilePart> List(string path, VectorFileOptions options)
    {
        using InputFile file = new(path);
        PgTable table = Survey(file);
        int vectors = table.Columns.Count(column => column.Vector is not null);
        return
        [
            .. table.Columns.Select(column => new FilePart(
                $"column {column.Number}", column.Description, $"{table.Count}",
                column.Vector is null ? PartUse.Left : vectors == 1 || options.Column == $"{column.Number}" ? PartUse.Vector : PartUse.Left,
                Selector: column.Vector is null ? null : $"--column {column.Number}")),
        ];
    }

    /// <summary>Number of fields of the next row, or -1 at the trailer.</summary>
    internal static int TakeFieldCount(ByteCursor cursor)
    {
        Span<byte> bytes = stackalloc byte[sizeof(short)];
        cursor.Take(bytes, "a row");
        return BinaryPrimitives.ReadInt16BigEndian(bytes);
    }

    /// <summary>Bytes of the next field, or -1 for a null.</summary>
    internal static int TakeLength(ByteCursor cursor) => BinaryPrimitives.ReverseEndianness(cursor.TakeInt32("a field"));

    /// <summary>
    /// Passes over the file once: counts the rows, remembers every 1,024th and what the values of each column show of its type.
    /// </summary>
    private static PgTable Survey(InputFile file)
    {
        ByteCursor cursor = new(file, 0);
        byte[] signature = new byte[Signature.Length];
        cursor.Take(signature, "the signature");
        if (!signature.AsSpan().SequenceEqual(Signature))
        {
            throw new VlcFormatException(
                file.Path, "offset 0", "the signature of COPY BINARY", FileSignature.DescribeOrQuote(signature),
                "Copy with (FORMAT binary); --format pgtext reads the text form.");
        }

        int flags = BinaryPrimitives.ReverseEndianness(cursor.TakeInt32("the flags"));
        if ((flags & 0xFFFF_0000) != 0)
        {
            throw new VlcFormatException(file.Path, "offset 11", "no flags", $"0x{flags:X8}", "Copy without OIDs.");
        }
        cursor.Skip((uint)BinaryPrimitives.ReverseEndianness(cursor.TakeInt32("the header's extension")), "the header's extension");
        List<long> checkpoints = [];
        PgColumn[] columns = [];
        byte[] head = new byte[PgColumn.SampleBytes];
        for (long row = 0; ; row++)
        {
            long at = cursor.Position;
            int fields = TakeFieldCount(cursor);
            if (fields == -1)
            {
                if (cursor.Left != 0)
                {
                    throw new VlcFormatException(
                        file.Path, $"offset {cursor.Position}", "the end of the file", $"{cursor.Left} bytes more", "The file is damaged.");
                }
                return new PgTable(row, columns, checkpoints);
            }

            if (row == 0 && fields is >= 1 and <= MaxColumns) columns = [.. Enumerable.Range(0, fields).Select(i => new PgColumn(i))];
            if (fields != columns.Length || fields == 0)
            {
                throw new VlcFormatException(
                    file.Path, $"row {row}, offset {at}", $"{columns.Length} fields", $"{fields}", "The file is damaged.");
            }
            if (row % RowsPerCheckpoint == 0) checkpoints.Add(at);
            foreach (PgColumn column in columns)
            {
                int length = TakeLength(cursor);
                if (length < -1)
                {
                    throw new VlcFormatException(
                        file.Path, $"row {row}, column {column.Number}", "a length of at least -1", $"{length}", "The file is damaged.");
                }
                Span<byte> sample = head.AsSpan(0, int.Clamp(length, 0, head.Length));
                cursor.Take(sample, $"row {row}");
                column.Observe(length, sample);
                cursor.Skip(int.Max(length, 0) - sample.Length, $"row {row}");
            }
        }
    }
}
