using System.IO.Compression;

namespace Vlc.Formats.Columnar.Compression;

/// <summary>How a page or a buffer is compressed.</summary>
internal enum Codec
{
    None,
    Snappy,
    Gzip,
    Brotli,
    Zstd,

    /// <summary>One LZ4 block.</summary>
    Lz4Block,

    /// <summary>LZ4 blocks with Hadoop's lengths before them.</summary>
    Lz4Hadoop,

    /// <summary>An LZ4 frame.</summary>
    Lz4Frame,
}

/// <summary>Decompresses with memory for what there is, and not for what a header says there will be.</summary>
internal static class Decompression
{
    // Memory is taken in steps of this factor while data keeps coming.
    private const int FirstGuess = 8;

    /// <summary>The <paramref name="length"/> bytes that <paramref name="source"/> holds.</summary>
    /// <exception cref="InvalidDataException">It holds other than that, or is damaged.</exception>
    public static byte[] Decompress(Codec codec, ReadOnlyMemory<byte> source, int length)
    {
        try
        {
            switch (codec)
            {
                case Codec.None:
                    return source.Length == length
                        ? source.ToArray()
                        : throw new InvalidDataException($"{source.Length} bytes in place of {length}");
                case Codec.Snappy:
                    return Snappy.Decompress(source.Span, length);
                case Codec.Lz4Block:
                    return Lz4.DecompressBlock(source.Span, length);
                case Codec.Lz4Hadoop:
                    return Lz4.DecompressHadoop(source.Span, length);
                case Codec.Lz4Frame:
                    return Lz4.DecompressFrame(source.Span, length);
                default:
                    using (var input = new MemoryStream(source.ToArray(), writable: false))
                    using (Stream stream = Open(codec, input))
                    {
                        return ReadAll(stream, source.Length, length);
                    }
            }
        }
        catch (Exception exception) when (exception is ZstdSharp.ZstdException or IOException or InvalidOperationException)
        {
            throw new InvalidDataException(exception.Message, exception);
        }
    }

    private static Stream Open(Codec codec, Stream input) => codec switch
    {
        Codec.Gzip => new GZipStream(input, CompressionMode.Decompress),
        Codec.Brotli => new BrotliStream(input, CompressionMode.Decompress),
        Codec.Zstd => new ZstdSharp.DecompressionStream(input),
        _ => throw new ArgumentOutOfRangeException(nameof(codec), codec, "not a codec of streams"),
    };

    private static byte[] ReadAll(Stream stream, int compressed, int length)
    {
        byte[] bytes = new byte[(int)long.Min(length, ((long)compressed * FirstGuess) + 64)];
        int filled = 0;
        while (true)
        {
            int read = stream.ReadAtLeast(bytes.AsSpan(filled), bytes.Length - filled, throwOnEndOfStream: false);
            filled += read;
            if (filled < bytes.Length) throw new InvalidDataException($"{filled} bytes in place of {length}");
            if (filled == length) break;
            Array.Resize(ref bytes, (int)long.Min(length, (long)bytes.Length * FirstGuess));
        }

        if (stream.ReadByte() >= 0) throw new InvalidDataException($"more than {length} bytes");
        return bytes;
    }
}
