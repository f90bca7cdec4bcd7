using Vlc.Storage;

namespace Vlc.Indexing;

/// <summary>Bytes of an index on disk, by what needs them.</summary>
/// <param name="Search">
/// What every search needs: manifest, anchors, assignments, bases, scales, codes, deletions. The ratio is about these.
/// </param>
/// <param name="Encoder">What only adding rows and measuring recall again need.</param>
/// <param name="Keys">The user's keys.</param>
public readonly record struct IndexBytes(long Search, long Encoder, long Keys)
{
    /// <summary>All files.</summary>
    public long Total => Search + Encoder + Keys;

    /// <summary>From a manifest.</summary>
    internal static IndexBytes Of(Manifest manifest)
    {
        long Sum(Func<IndexSection, bool> which) => manifest.Sections.Where(which).Sum(section => section.Length);
        long encoder = Sum(section => section.File == IndexFile.Encoder), keys = Sum(section => section.File == IndexFile.Keys);
        long others = Sum(section => section.File is not (IndexFile.Encoder or IndexFile.Keys or IndexFile.Manifest));
        return new IndexBytes(manifest.ByteLength + others, encoder, keys);
    }
}
