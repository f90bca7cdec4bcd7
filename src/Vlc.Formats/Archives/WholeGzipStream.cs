using System.IO.Compression;

namespace Vlc.Formats.Archives;

/// <summary>
/// The content of a gzip file, all of it: <see cref="GZipStream"/> takes the end of a truncated file for the end of the content, and
/// ignores what follows it. So a member of our own is put behind the file: the content is whole where that member comes out at the end.
/// </summary>
internal sealed class WholeGzipStream : Stream
{
    private static readonly byte[] End = [.. "behind the file\0"u8];

    private readonly GZipStream _content;

    // The last bytes that came out, which are either content or the member behind it.
    private readonly byte[] _held = new byte[End.Length];
    private int _heldCount;

    /// <param name="compressed">The file, which is not closed with this.</param>
    public WholeGzipStream(Stream compressed) =>
        _content = new GZipStream(new Concatenation(compressed, new MemoryStream(EndMember())), CompressionMode.Decompress);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <exception cref="InvalidDataException">The content is damaged, truncated, or followed by something else.</exception>
    public override int Read(byte[] buffer, int offset, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        byte[] next = new byte[count];
        while (true)
        {
            int read = _content.Read(next);
            if (read == 0)
            {
                return _held.AsSpan(0, _heldCount).SequenceEqual(End)
                    ? 0
                    : throw new InvalidDataException("The gzip data end too soon, or something follows them.");
            }

            // What is held goes out first; of both together the last bytes are held back.
            byte[] all = [.. _held.AsSpan(0, _heldCount), .. next.AsSpan(0, read)];
            int ready = int.Min(int.Max(all.Length - End.Length, 0), count);
            all.AsSpan(0, ready).CopyTo(buffer.AsSpan(offset));
            _heldCount = all.Length - ready;
            all.AsSpan(ready).CopyTo(_held);
            if (ready > 0) return ready;
        }
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) _content.Dispose();
        base.Dispose(disposing);
    }

    private static byte[] EndMember()
    {
        using MemoryStream member = new();
        using (GZipStream stream = new(member, CompressionLevel.Fastest, leaveOpen: true)) stream.Write(End);
        return member.ToArray();
    }

    /// <summary>Two streams, one after the other.</summary>
    private sealed class Concatenation(Stream first, Stream second) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int read = first.Read(buffer, offset, count);
            return read > 0 ? read : second.Read(buffer, offset, count);
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
