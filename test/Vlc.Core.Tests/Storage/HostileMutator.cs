using System.Buffers.Binary;
using Vlc.Numerics.Randomness;
using Vlc.Storage;

namespace Vlc.Core.Tests.Storage;

/// <summary>Changes fields of an index's files to extremes and repairs the checksums.</summary>
internal static class HostileMutator
{
    private const int Header = 64, SectionEntry = 32;

    private static readonly ulong[] Extremes =
        [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7C00, 0x7E00, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7F800000, 0x7FC00000, 0x7FFFFFFF, 0x80000000,
            0xFFFFFFFF, ulong.MaxValue];

    public static Dictionary<IndexFileId, byte[]> Mutate(Dictionary<IndexFileId, byte[]> whole, ulong seed)
    {
        var random = new SeededRandom(seed, 14);
        Dictionary<IndexFileId, byte[]> files = whole.ToDictionary(file => file.Key, file => (byte[])file.Value.Clone());
        byte[] manifest = files[IndexFileId.Manifest];
        long changes = 1 + random.NextInt64(3);
        for (long change = 0; change < changes; change++)
        {
            if (random.NextInt64(3) == 0)
            {
                // Not the table of sections: where they lie is another test's matter.
                Overwrite(manifest, 6, Header, random);
                continue;
            }

            IndexFileId[] ids = [.. files.Keys.Order(Comparer<IndexFileId>.Create((x, y) => x.File.CompareTo(y.File)))];
            IndexFileId id = ids[(int)random.NextInt64(ids.Length)];
            int from = id == IndexFileId.Manifest ? Header + (SectionEntry * BinaryPrimitives.ReadUInt16LittleEndian(manifest.AsSpan(40)))
                : 0;
            Overwrite(files[id], from, files[id].Length, random);
        }

        Repair(files, manifest);
        return files;
    }

    private static void Overwrite(byte[] bytes, int from, int end, SeededRandom random)
    {
        int width = 1 << (int)random.NextInt64(4);
        if (end - from < width) return;
        int place = from + (int)random.NextInt64(end - from - width + 1);
        Span<byte> value = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(value, Extremes[random.NextInt64(Extremes.Length)]);
        value[..width].CopyTo(bytes.AsSpan(place));
    }

    private static void Repair(Dictionary<IndexFileId, byte[]> files, byte[] manifest)
    {
        int sections = BinaryPrimitives.ReadUInt16LittleEndian(manifest.AsSpan(40));
        for (int i = 0; i < sections && Header + (SectionEntry * (i + 1)) <= manifest.Length; i++)
        {
            Span<byte> entry = manifest.AsSpan(Header + (SectionEntry * i), SectionEntry);
            if (!files.TryGetValue(new IndexFileId((IndexFile)entry[1], entry[3]), out byte[]? content)) continue;
            long offset = BinaryPrimitives.ReadInt64LittleEndian(entry[8..]), length = BinaryPrimitives.ReadInt64LittleEndian(entry[16..]);
            if (offset < 0 || length < 0 || offset > content.Length - length) continue;
            BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], Crc32C.Compute(content.AsSpan((int)offset, (int)length)));
        }

        BinaryPrimitives.WriteUInt32LittleEndian(manifest.AsSpan(manifest.Length - 4), Crc32C.Compute(manifest.AsSpan(..^4)));
    }
}
