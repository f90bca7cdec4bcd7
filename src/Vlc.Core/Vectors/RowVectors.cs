using System.Runtime.InteropServices;

namespace Vlc.Vectors;

/// <summary>
/// Rows that a program has or makes, one by one, as a <see cref="VectorSource"/>. Rows of a list stay where they are. A build reads rows
/// more than once. Rows of a sequence, which can be read only once, are therefore spooled to a temporary file first; memory is one buffer,
/// however many there are.
/// </summary>
/// <remarks>
/// Keys go beside the rows: <c>IndexOptions.Keys</c> and <c>AddOptions.Keys</c> take them. The vectors of an embedding generator, each a
/// <c>ReadOnlyMemory&lt;float&gt;</c>, are rows as they are.
/// </remarks>
public abstract class RowVectors : VectorSource
{
    private RowVectors(string name, long count, int dimension) => (Name, Count, Dimension) = (name, count, dimension);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override long Count { get; }

    /// <inheritdoc/>
    public override int Dimension { get; }

    /// <inheritdoc/>
    public override ElementType ElementType => ElementType.Float32;

    /// <summary>Rows of arrays, which stay where they are.</summary>
    /// <param name="rows">At least one array; all of the same length, at least 1.</param>
    /// <param name="name">What to call the rows in messages.</param>
    /// <exception cref="ArgumentException">No row, or rows of different lengths.</exception>
    public static RowVectors Of(IReadOnlyList<float[]> rows, string name = "in memory")
    {
        ArgumentNullException.ThrowIfNull(rows);
        return new Listed(rows.Count, row => rows[row], name);
    }

    /// <summary>Rows of a list, which stay where they are.</summary>
    /// <param name="rows">At least one row; all of the same length, at least 1.</param>
    /// <param name="name">What to call the rows in messages.</param>
    /// <exception cref="ArgumentException">No row, or rows of different lengths.</exception>
    public static RowVectors Of(IReadOnlyList<ReadOnlyMemory<float>> rows, string name = "in memory")
    {
        ArgumentNullException.ThrowIfNull(rows);
        return new Listed(rows.Count, row => rows[row], name);
    }

    /// <summary>Reads a sequence to its end into a temporary file, from which a build can read the rows as often as it wants.</summary>
    /// <param name="rows">
    /// At least one row; all of the same length, at least 1. A row is the caller's again when the next one is asked for.
    /// </param>
    /// <param name="folder">
    /// Where the file lies: 4 bytes a component. Null takes the system's folder for temporary files. The file is deleted when the source is
    /// disposed of; a program that is killed may leave it.
    /// </param>
    /// <param name="name">What to call the rows in messages.</param>
    /// <param name="cancellationToken">Checked for each row.</param>
    /// <exception cref="ArgumentException">No row, or rows of different lengths.</exception>
    /// <exception cref="VlcFormatException">A component is not finite.</exception>
    /// <exception cref="IOException">The file could not be written.</exception>
    public static RowVectors Spool(
        IEnumerable<ReadOnlyMemory<float>> rows, string? folder = null, string name = "a sequence",
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var spool = new SpoolFile(folder, name);
        try
        {
            foreach (ReadOnlyMemory<float> row in rows)
            {
                cancellationToken.ThrowIfCancellationRequested();
                spool.Write(row.Span);
            }

            return new Spooled(spool);
        }
        catch
        {
            spool.Dispose();
            throw;
        }
    }

    /// <inheritdoc cref="Spool"/>
    public static async Task<RowVectors> SpoolAsync(
        IAsyncEnumerable<ReadOnlyMemory<float>> rows, string? folder = null, string name = "a sequence",
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var spool = new SpoolFile(folder, name);
        try
        {
            await foreach (ReadOnlyMemory<float> row in rows.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                spool.Write(row.Span);
            }

            return new Spooled(spool);
        }
        catch
        {
            spool.Dispose();
            throw;
        }
    }

    private static ArgumentException None(string name) => new($"{name} has no rows; an index needs at least one.");

    private static ArgumentException OtherLength(string name, long row, int found, int dimension) => new(
        $"{name}: row {row} has {found} components; the rows before have {dimension}, and all need as many, at least 1.");

    /// <summary>Rows that lie in memory by themselves.</summary>
    private sealed class Listed : RowVectors
    {
        private readonly Func<int, ReadOnlyMemory<float>> _row;

        public Listed(int count, Func<int, ReadOnlyMemory<float>> row, string name)
            : base(name, count, count > 0 ? row(0).Length : throw None(name))
        {
            _row = row;
            for (int i = 0; i < count; i++)
            {
                if (row(i).Length != Dimension || Dimension == 0) throw OtherLength(name, i, row(i).Length, Dimension);
            }
        }

        public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
        {
            CheckRange(start, count, destination.Length);
            for (int i = 0; i < count; i++) _row((int)start + i).Span.CopyTo(destination[(i * Dimension)..]);
            FiniteCheck.ThrowIfNotFinite(destination[..(count * Dimension)], Dimension, start, Name);
        }
    }

    /// <summary>Rows in a temporary file.</summary>
    private sealed class Spooled(SpoolFile file) : RowVectors(file.Name, file.Finish(), file.Dimension)
    {
        public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
        {
            CheckRange(start, count, destination.Length);
            cancellationToken.ThrowIfCancellationRequested();
            file.Read(start, destination[..(count * Dimension)]);
        }

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            if (disposing) file.Dispose();
        }
    }

    /// <summary>The temporary file: rows one behind the other, as this machine keeps floats.</summary>
    private sealed class SpoolFile : IDisposable
    {
        private const int BufferBytes = 1 << 20;

        private readonly FileStream _stream;
        private long _rows;

        public SpoolFile(string? folder, string name)
        {
            Name = name;
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = BufferBytes,
                Options = FileOptions.DeleteOnClose,
            };
            // The rows are nobody else's business.
            if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            _stream = new FileStream(Path.Combine(folder ?? Path.GetTempPath(), $"vlc-{Guid.NewGuid():N}.rows"), options);
        }

        public string Name { get; }

        public int Dimension { get; private set; }

        public void Write(ReadOnlySpan<float> row)
        {
            if (_rows == 0) Dimension = row.Length;
            if (row.Length != Dimension || Dimension == 0) throw OtherLength(Name, _rows, row.Length, Dimension);
            FiniteCheck.ThrowIfNotFinite(row, Dimension, _rows, Name);
            _stream.Write(MemoryMarshal.AsBytes(row));
            _rows++;
        }

        /// <summary>Ends the writing; returns the number of rows.</summary>
        public long Finish()
        {
            if (_rows == 0) throw None(Name);
            _stream.Flush();
            return _rows;
        }

        public void Read(long start, Span<float> rows)
        {
            Span<byte> bytes = MemoryMarshal.AsBytes(rows);
            for (long offset = start * Dimension * sizeof(float); !bytes.IsEmpty;)
            {
                int read = RandomAccess.Read(_stream.SafeFileHandle, bytes, offset);
                if (read == 0) throw new IOException($"{_stream.Name}: the file was shortened while it was read.");
                bytes = bytes[read..];
                offset += read;
            }
        }

        public void Dispose() => _stream.Dispose();
    }
}
