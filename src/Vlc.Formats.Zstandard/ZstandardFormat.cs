using Vlc.Formats.Archives;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Vlc.Formats.Zstandard;

/// <summary>A Zstandard file of one file of vectors.</summary>
public sealed class ZstandardFormat : CompressedFormat
{
    // What zstd itself accepts without --long: a frame may ask for any window, up to 2 GB.
    private const int MaxWindowLog = 27;

    private ZstandardFormat()
    {
    }

    /// <summary>The format, to add to <see cref="VectorFiles.Default"/>.</summary>
    public static ZstandardFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "zstd";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Extensions { get; } = [".zst", ".zstd"];

    /// <inheritdoc/>
    public override Recognition Recognize(FileSample sample)
    {
        ArgumentNullException.ThrowIfNull(sample);
        return sample.Head is [0x28, 0xB5, 0x2F, 0xFD, ..] ? Recognition.Certain : Recognition.None;
    }

    /// <inheritdoc/>
    protected override Stream Decompress(Stream compressed) => new Frames(compressed);

    /// <summary>Frames, with the library's own exceptions as those of damaged data.</summary>
    private sealed class Frames : Stream
    {
        private readonly DecompressionStream _content;

        public Frames(Stream compressed)
        {
            _content = new DecompressionStream(compressed, checkEndOfStream: true, leaveOpen: true);
            _content.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, MaxWindowLog);
        }

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
            try
            {
                return _content.Read(buffer, offset, count);
            }
            catch (ZstdException exception)
            {
                throw new InvalidDataException(exception.Message, exception);
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
    }
}
