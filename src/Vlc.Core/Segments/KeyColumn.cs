using System.Buffers.Binary;
using System.Text;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Segments;

/// <summary>What the keys of an index are.</summary>
public enum KeyKind
{
    /// <summary>Rows have numbers alone.</summary>
    None = 0,

    /// <summary>Strings.</summary>
    String = 1,

    /// <summary>GUIDs.</summary>
    Guid = 2,

    /// <summary>Signed integers of 64 bits.</summary>
    Int64 = 3,
}

/// <summary>The user's keys of rows that are to be indexed, one for each row, in their order. They need not be unique.</summary>
public sealed class KeyColumn
{
    private const int KeysAtOnce = 4096;

    private readonly IEnumerable<object> _keys;

    /// <summary>Keys of a kind, which are asked for as they are written.</summary>
    internal KeyColumn(KeyKind kind, long count, IEnumerable<object> keys) => (Kind, Count, _keys) = (kind, count, keys);

    /// <summary>What the keys are.</summary>
    public KeyKind Kind { get; }

    /// <summary>Number of keys.</summary>
    public long Count { get; }

    /// <summary>Keys that are strings.</summary>
    public static KeyColumn Of(IReadOnlyList<string> keys) => new(KeyKind.String, Checked(keys).Count, keys);

    /// <summary>Keys that are GUIDs.</summary>
    public static KeyColumn Of(IReadOnlyList<Guid> keys) => new(KeyKind.Guid, Checked(keys).Count, keys.Cast<object>());

    /// <summary>Keys that are integers.</summary>
    public static KeyColumn Of(IReadOnlyList<long> keys) => new(KeyKind.Int64, Checked(keys).Count, keys.Cast<object>());

    /// <summary>The kind of a single key; none where it is no key.</summary>
    internal static KeyKind KindOf(object key) => key switch
    {
        string => KeyKind.String,
        Guid => KeyKind.Guid,
        long => KeyKind.Int64,
        _ => KeyKind.None,
    };

    /// <summary>The keys that a source of vectors carries, as strings; null where it carries none.</summary>
    /// <param name="source">The source; read while the keys are written.</param>
    public static KeyColumn? Of(VectorSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return source.HasKeys ? new KeyColumn(KeyKind.String, source.Count, Read(source)) : null;
    }

    /// <summary>Writes the keys as a section: docs/format.md gives it to the byte.</summary>
    internal void Write(SectionWriter writer, int segment, CancellationToken cancellationToken)
    {
        using SectionWriter.SectionStream stream = writer.OpenSection(
            SectionKind.Keys, new IndexFileId(IndexFile.Keys, segment), SectionElement.Bytes, 0, 0);
        var header = new byte[StoredKeys.HeaderBytes];
        header[0] = (byte)Kind;
        stream.Write(header);
        var ends = new List<uint>();
        Span<byte> fixedKey = stackalloc byte[16];
        long textBytes = 0, written = 0;
        foreach (object key in _keys)
        {
            if ((written++ & (KeysAtOnce - 1)) == 0) cancellationToken.ThrowIfCancellationRequested();
            switch (key)
            {
                case long number:
                    BinaryPrimitives.WriteInt64LittleEndian(fixedKey, number);
                    stream.Write(fixedKey[..sizeof(long)]);
                    break;
                case Guid guid:
                    guid.TryWriteBytes(fixedKey, bigEndian: true, out _);
                    stream.Write(fixedKey);
                    break;
                default:
                    byte[] text = Encode((string?)key, written - 1);
                    textBytes += text.Length;
                    if (textBytes > uint.MaxValue)
                    {
                        throw new ArgumentException("The keys of a segment take more than 4 GiB as UTF-8; use shorter ones.");
                    }

                    stream.Write(text);
                    ends.Add((uint)textBytes);
                    break;
            }
        }

        foreach (uint end in ends)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(fixedKey, end);
            stream.Write(fixedKey[..sizeof(uint)]);
        }

        if (written != Count) throw new ArgumentException($"{written} keys were given for {Count} rows.");
        stream.Complete();
    }

    /// <summary>A string as UTF-8; what UTF-8 cannot hold would come back as another key.</summary>
    private static byte[] Encode(string? key, long row)
    {
        if (key is null) throw new ArgumentException($"The key of row {row} is null; every row needs one.");
        try
        {
            return StoredKeys.Text.GetBytes(key);
        }
        catch (EncoderFallbackException exception)
        {
            throw new ArgumentException($"The key of row {row} has half a surrogate pair, which is no character.", exception);
        }
    }

    private static IReadOnlyList<T> Checked<T>(IReadOnlyList<T> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        return keys;
    }

    private static IEnumerable<object> Read(VectorSource source)
    {
        var block = new string[(int)Math.Min(KeysAtOnce, source.Count)];
        for (long start = 0; start < source.Count; start += block.Length)
        {
            int count = (int)Math.Min(block.Length, source.Count - start);
            source.ReadKeys(start, block.AsSpan(0, count));
            for (int i = 0; i < count; i++) yield return block[i];
        }
    }
}
