using System.Numerics;
using Vlc.Storage;

namespace Vlc.Segments;

/// <summary>Which rows of an index are deleted: a bit for each, bit i % 8 of byte i / 8.</summary>
internal sealed class DeletedRows
{
    private readonly byte[] _bits;

    private DeletedRows(byte[] bits, int count) => (_bits, Count) = (bits, count);

    /// <summary>How many are deleted.</summary>
    public int Count { get; }

    /// <summary>The bits, as they are stored.</summary>
    public ReadOnlySpan<byte> Bits => _bits;

    /// <summary>Whether a row is deleted.</summary>
    /// <param name="row">Row number in the index.</param>
    public bool Contains(int row) => (_bits[row >> 3] & (1 << (row & 7))) != 0;

    /// <summary>Reads the deleted rows of an index; null where none is deleted.</summary>
    /// <exception cref="VlcFormatException">Bits that do not fit the segments.</exception>
    public static DeletedRows? Read(SectionReader reader)
    {
        Manifest manifest = reader.Manifest;
        if (manifest.DeletedCount == 0)
        {
            return manifest.Find(SectionKind.Deleted) is not { } unexpected ? null : throw new VlcFormatException(
                reader.Files.Path(IndexFile.Manifest), $"section {unexpected.Kind}", "none: no segment has deleted rows", $"{unexpected}");
        }

        IndexSection section = reader.RequireBytes(SectionKind.Deleted);
        long expected = (manifest.Count + 7L) / 8;
        if (section.File != IndexFile.Deleted || section.Length != expected)
        {
            throw new VlcFormatException(
                reader.Files.Path(IndexFile.Manifest), $"section {section.Kind}", $"{expected} bytes in a file of their own",
                section.ToString());
        }

        var deleted = Of(reader.AllBytes(SectionKind.Deleted).ToArray());
        for (int segment = 0, row = 0; segment < manifest.Segments.Count; segment++)
        {
            int found = 0;
            for (int end = row + manifest.Segments[segment].Count; row < end; row++) found += deleted.Contains(row) ? 1 : 0;
            if (found == manifest.Segments[segment].DeletedCount) continue;
            throw new VlcFormatException(
                reader.Files.Path(IndexFile.Deleted), $"segment {segment}", $"{manifest.Segments[segment].DeletedCount} deleted rows",
                $"{found}", "The file is damaged or of another index; restore a copy.");
        }

        int counted = manifest.DeletedCount;
        if (deleted.Count == counted) return deleted;
        throw new VlcFormatException(
            reader.Files.Path(IndexFile.Deleted), $"offset {section.Offset + expected - 1}", "zeros behind the last row's bit",
            $"{deleted.Count - counted} more bits", "The file is damaged; restore a copy.");
    }

    /// <summary>The deleted rows after some more are.</summary>
    /// <param name="old">Those so far; null for none.</param>
    /// <param name="rowCount">n.</param>
    /// <param name="rows">Row numbers; those that are deleted already count once.</param>
    public static DeletedRows Add(DeletedRows? old, int rowCount, ReadOnlySpan<int> rows)
    {
        byte[] bits = new byte[(rowCount + 7) / 8];
        old?.Bits.CopyTo(bits);
        foreach (int row in rows) bits[row >> 3] |= (byte)(1 << (row & 7));
        return Of(bits);
    }

    private static DeletedRows Of(byte[] bits)
    {
        int count = 0;
        foreach (byte eight in bits) count += BitOperations.PopCount(eight);
        return new DeletedRows(bits, count);
    }
}
