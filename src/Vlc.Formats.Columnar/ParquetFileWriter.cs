using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Vlc.Formats.Columnar.Parquet;
using Vlc.Vectors;

namespace Vlc.Formats.Columnar;

/// <summary>
/// Writes Parquet: a column "embedding" of lists of float, and beside it "id" and "payload" as text where the source has keys and payload.
/// Pages of version 1, plain and uncompressed, which every program reads.
/// </summary>
public sealed class ParquetFileWriter : VectorFileWriter
{
    private const string Vectors = "embedding", Keys = "id", Payload = "payload";

    // A page is a block of rows; a row group of this many has some 32 MB of vectors.
    private const int PagesPerGroup = 32;

    private ParquetFileWriter()
    {
    }

    /// <summary>The writer, to add to <see cref="VectorFileWriter.Default"/>.</summary>
    public static ParquetFileWriter Instance { get; } = new();

    /// <inheritdoc/>
    public override string Extension => ".parquet";

    /// <inheritdoc/>
    public override bool KeepsKeys => true;

    /// <inheritdoc/>
    public override void Write(VectorSource source, string path, IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        using ReplacingFile file = new(path);
        file.Stream.Write(FileSignature.Parquet);
        Writing writing = new(file.Stream, source);
        ForEachBlock(source, progress, writing.AddPage, cancellationToken);
        writing.Complete();
        file.Complete();
    }

    /// <summary>A column of text, whose pages wait until those of the vectors before it are written.</summary>
    private sealed record TextColumn(string Name, Action<long, string[]> Read)
    {
        public List<(byte[] Page, int Rows)> Waiting { get; } = [];
    }

    private sealed record Chunk(string[] Path, int Type, long Offset, long Length, long Values);

    private sealed class Writing
    {
        private const int Float = 4, ByteArray = 6, Plain = 0, RunLength = 3, Required = 0, Repeated = 2, Utf8 = 0, ListType = 3;

        private readonly Stream _stream;
        private readonly int _dimension;
        private readonly long _count;
        private readonly TextColumn[] _texts;
        private readonly List<(long Rows, Chunk[] Columns)> _groups = [];
        private long _groupStart;
        private long _groupRows;
        private int _pages;

        public Writing(Stream stream, VectorSource source)
        {
            _stream = stream;
            _dimension = source.Dimension;
            _count = source.Count;
            _groupStart = stream.Position;
            List<TextColumn> texts = [];
            if (source.HasKeys) texts.Add(new TextColumn(Keys, (start, rows) => source.ReadKeys(start, rows)));
            if (source.HasPayload) texts.Add(new TextColumn(Payload, (start, rows) => source.ReadPayload(start, rows)));
            _texts = [.. texts];
        }

        public void AddPage(long start, ReadOnlyMemory<float> block)
        {
            int rows = block.Length / _dimension;
            byte[] levels = Levels(rows);
            WritePage([.. levels, .. LittleEndian(block.Span)], block.Length);
            foreach (TextColumn text in _texts)
            {
                string[] cells = new string[rows];
                text.Read(start, cells);
                text.Waiting.Add((Texts(cells), rows));
            }

            _groupRows += rows;
            if (++_pages == PagesPerGroup) EndGroup();
        }

        public void Complete()
        {
            if (_pages > 0) EndGroup();
            byte[] footer = Footer();
            _stream.Write(footer);
            Span<byte> length = stackalloc byte[sizeof(int)];
            BinaryPrimitives.WriteInt32LittleEndian(length, footer.Length);
            _stream.Write(length);
            _stream.Write(FileSignature.Parquet);
        }

        /// <summary>
        /// Repetition levels 0, 1, 1, ... for each row, and the definition level 1 for all: run lengths, with their size before them.
        /// </summary>
        private byte[] Levels(int rows)
        {
            using MemoryStream repetitions = new(), definitions = new();
            for (int row = 0; row < rows; row++)
            {
                Run(repetitions, 1, 0);
                if (_dimension > 1) Run(repetitions, _dimension - 1, 1);
            }

            Run(definitions, rows * _dimension, 1);
            return [.. Sized(repetitions.ToArray()), .. Sized(definitions.ToArray())];
        }

        private static void Run(MemoryStream runs, int count, byte level)
        {
            uint header = (uint)count << 1;
            for (; header >= 0x80; header >>= 7) runs.WriteByte((byte)(header | 0x80));
            runs.WriteByte((byte)header);
            runs.WriteByte(level);
        }

        private static byte[] Sized(byte[] bytes)
        {
            byte[] sized = new byte[sizeof(int) + bytes.Length];
            BinaryPrimitives.WriteInt32LittleEndian(sized, bytes.Length);
            bytes.CopyTo(sized, sizeof(int));
            return sized;
        }

        private static byte[] LittleEndian(ReadOnlySpan<float> values)
        {
            if (BitConverter.IsLittleEndian) return MemoryMarshal.AsBytes(values).ToArray();
            byte[] bytes = new byte[values.Length * sizeof(float)];
            for (int i = 0; i < values.Length; i++) BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), values[i]);
            return bytes;
        }

        private static byte[] Texts(string[] cells)
        {
            using MemoryStream bytes = new();
            foreach (string cell in cells) bytes.Write(Sized(Encoding.UTF8.GetBytes(cell)));
            return bytes.ToArray();
        }

        private void WritePage(byte[] body, int values)
        {
            ThriftWriter header = new();
            header.Element(() => header.Int32(1, 0).Int32(2, body.Length).Int32(3, body.Length)
                .Struct(5, () => header.Int32(1, values).Int32(2, Plain).Int32(3, RunLength).Int32(4, RunLength)));
            _stream.Write(header.ToArray());
            _stream.Write(body);
        }

        private void EndGroup()
        {
            long length = _stream.Position - _groupStart;
            List<Chunk> columns = [new([Vectors, "list", "element"], Float, _groupStart, length, _groupRows * _dimension)];
            foreach (TextColumn text in _texts)
            {
                long start = _stream.Position;
                foreach ((byte[] page, int rows) in text.Waiting) WritePage(page, rows);
                text.Waiting.Clear();
                columns.Add(new Chunk([text.Name], ByteArray, start, _stream.Position - start, _groupRows));
            }

            _groups.Add((_groupRows, [.. columns]));
            (_groupStart, _groupRows, _pages) = (_stream.Position, 0, 0);
        }

        private byte[] Footer()
        {
            ThriftWriter footer = new();
            footer.Element(() => footer
                .Int32(1, 1)
                .Structs(2, 4 + _texts.Length, () => WriteSchema(footer))
                .Int64(3, _count)
                .Structs(4, _groups.Count, () =>
                {
                    foreach ((long rows, Chunk[] columns) in _groups) footer.Element(() => WriteGroup(footer, rows, columns));
                })
                .Text(6, "vlc"));
            return footer.ToArray();
        }

        private void WriteSchema(ThriftWriter footer)
        {
            footer.Element(() => footer.Text(4, "schema").Int32(5, 1 + _texts.Length));
            footer.Element(() => footer.Int32(3, Required).Text(4, Vectors).Int32(5, 1).Int32(6, ListType));
            footer.Element(() => footer.Int32(3, Repeated).Text(4, "list").Int32(5, 1));
            footer.Element(() => footer.Int32(1, Float).Int32(3, Required).Text(4, "element"));
            foreach (TextColumn text in _texts)
            {
                footer.Element(() => footer.Int32(1, ByteArray).Int32(3, Required).Text(4, text.Name).Int32(6, Utf8));
            }
        }

        private static void WriteGroup(ThriftWriter footer, long rows, Chunk[] columns) => footer
            .Structs(1, columns.Length, () =>
            {
                foreach (Chunk chunk in columns)
                {
                    footer.Element(() => footer.Int64(2, chunk.Offset).Struct(3, () => footer
                        .Int32(1, chunk.Type).Int32s(2, Plain, RunLength).Texts(3, chunk.Path).Int32(4, 0).Int64(5, chunk.Values)
                        .Int64(6, chunk.Length).Int64(7, chunk.Length).Int64(9, chunk.Offset)));
                }
            })
            .Int64(2, columns.Sum(chunk => chunk.Length))
            .Int64(3, rows);
    }
}
