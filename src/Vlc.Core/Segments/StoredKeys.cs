using System.Buffers.Binary;
using System.Text;
using Vlc.Storage;

namespace Vlc.Segments;

/// <summary>The keys of an open index, left where they are stored.</summary>
/// <remarks>
/// A section of a segment holds 16 bytes (kind u8, zeros), then for GUIDs 16 bytes each in big-endian order, for integers 8 bytes each
/// little-endian, and for strings the UTF-8 of all of them, followed by where each ends, u32 each.
/// </remarks>
internal sealed class StoredKeys
{
    public const int HeaderBytes = 16;

    /// <summary>UTF-8 that replaces nothing.</summary>
    public static readonly UTF8Encoding Text = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly SectionReader _reader;
    private readonly IndexSection[] _sections;
    private readonly BlockChecks?[] _checks;

    private StoredKeys(SectionReader reader, IndexSection[] sections, KeyKind kind)
    {
        (_reader, _sections, Kind) = (reader, sections, kind);
        _checks = [.. sections.Select(reader.ChecksOf)];
    }

    public KeyKind Kind { get; }

    /// <summary>Bytes of all keys.</summary>
    public long Bytes => _sections.Sum(section => section.Length);

    /// <summary>The keys of an index; null where it has none.</summary>
    /// <exception cref="VlcFormatException">A segment without keys beside one with, other kinds, or another length.</exception>
    public static StoredKeys? Open(SectionReader reader)
    {
        Manifest manifest = reader.Manifest;
        if (manifest.Sections.All(section => section.Kind != SectionKind.Keys)) return null;
        var sections = new IndexSection[manifest.Segments.Count];
        KeyKind kind = KeyKind.None;
        for (int segment = 0; segment < sections.Length; segment++)
        {
            IndexSection section = sections[segment] = reader.RequireBytes(SectionKind.Keys, segment);
            if (section.File != IndexFile.Keys || section.Length < HeaderBytes) throw Bad("a header in a file of its own",
                section.ToString());
            ReadOnlySpan<byte> header = reader.Bytes(section, 0, HeaderBytes);
            var own = (KeyKind)header[0];
            if (header[1..].ContainsAnyExcept((byte)0)) throw Bad("zeros behind the kind", "others");
            if (!Enum.IsDefined(own) || own == KeyKind.None || (segment > 0 && own != kind)) throw Bad("keys of one known kind", $"{own}");
            kind = own;
            long rows = manifest.Segments[segment].Count, bytes = section.Length - HeaderBytes;
            long least = rows * (kind switch { KeyKind.Guid => 16, KeyKind.Int64 => sizeof(long), _ => sizeof(uint) });
            if (bytes < least || (kind != KeyKind.String && bytes != least)) throw Bad($"{least} bytes for {rows} keys", $"{bytes}");

            VlcFormatException Bad(string expected, string found) =>
                new(reader.Files.Path(section.FileId), "keys", expected, found, "The file is damaged or of another index; restore a copy.");
        }

        return new StoredKeys(reader, sections, kind);
    }

    /// <summary>The key of a row: a string, a <see cref="Guid"/>, or a long.</summary>
    /// <param name="row">Row number.</param>
    /// <exception cref="VlcFormatException">The place of the key lies outside the keys.</exception>
    public object this[int row]
    {
        get
        {
            int segment = 0;
            while (row >= _reader.Manifest.Segments[segment].Count) row -= _reader.Manifest.Segments[segment++].Count;
            IndexSection section = _sections[segment];
            switch (Kind)
            {
                case KeyKind.Int64:
                    return BinaryPrimitives.ReadInt64LittleEndian(Read(segment, HeaderBytes + (row * (long)sizeof(long)), sizeof(long)));
                case KeyKind.Guid:
                    return new Guid(Read(segment, HeaderBytes + (row * 16L), 16), bigEndian: true);
                default:
                    long ends = section.Length - (_reader.Manifest.Segments[segment].Count * (long)sizeof(uint));
                    uint start = row == 0 ? 0 : End(row - 1), end = End(row);
                    if (start > end || HeaderBytes + (long)end > ends || end - start > int.MaxValue)
                    {
                        throw new VlcFormatException(
                            _reader.Files.Path(section.FileId), $"key {row}", $"text within {ends - HeaderBytes} bytes",
                                $"{start} to {end}",
                            "The file is damaged; restore a copy.");
                    }

                    try
                    {
                        return Text.GetString(Read(segment, HeaderBytes + start, (int)(end - start)));
                    }
                    catch (DecoderFallbackException exception)
                    {
                        throw new VlcFormatException(
                            _reader.Files.Path(section.FileId), $"key {row}", "UTF-8", exception.Message,
                            "The file is damaged; restore a copy.");
                    }

                    uint End(int key) => BinaryPrimitives.ReadUInt32LittleEndian(Read(segment, ends + (key * (long)sizeof(uint)),
                        sizeof(uint)));
            }
        }
    }

    private ReadOnlySpan<byte> Read(int segment, long offset, int length)
    {
        _checks[segment]?.Touch(offset, length);
        return _reader.Bytes(_sections[segment], offset, length);
    }

    /// <summary>The keys of some rows, in their order, to be written again; each is read when it is written.</summary>
    public KeyColumn Select(IReadOnlyCollection<int> rows) => new(Kind, rows.Count, rows.Select(row => this[row]));
}
