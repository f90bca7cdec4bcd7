using System.IO.Compression;

namespace Vlc.Formats.Archives;

/// <summary>A gzip file of one file of vectors.</summary>
internal sealed class GzipFormat : CompressedFormat
{
    public override string Name => "gzip";

    public override IReadOnlyList<string> Extensions { get; } = [".gz", ".gzip"];

    /// <summary>
    /// The four bytes of the signature also begin a count of 559,903 rows of a .fbin file; that its beginning unpacks is what tells a gzip
    /// file.
    /// </summary>
    public override Recognition Recognize(FileSample sample)
    {
        if (sample.Head is not [0x1F, 0x8B, 8, < 32, ..]) return Recognition.None;
        try
        {
            using GZipStream stream = new(new MemoryStream(sample.Head.ToArray()), CompressionMode.Decompress);
            return stream.ReadByte() >= 0 || sample.Length < 64 ? Recognition.Certain : Recognition.None;
        }
        catch (InvalidDataException)
        {
            return Recognition.None;
        }
    }

    protected override Stream Decompress(Stream compressed) => new WholeGzipStream(compressed);
}
