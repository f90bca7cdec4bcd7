using System.IO.Compression;
using System.Runtime.InteropServices;

namespace Vlc.Formats.Hdf5;

/// <summary>
/// The filter pipeline of a chunked dataset, IV.A.2.l, and its way back. A filter that is not in this list is refused before the first
/// chunk is read, by its name.
/// </summary>
internal sealed class Filters
{
    private const int Deflate = 1, Shuffle = 2, Fletcher = 3, Lzf = 32000;

    // The most that a byte of a compressed chunk can stand for: deflate, 258 bytes in two bits; lzf, 264 bytes in three bytes.
    private const long MaxExpansion = 1032;

    private readonly List<(int Id, uint[] Parameters)> _filters = [];

    public int Count => _filters.Count;

    /// <summary>The pipeline in the order of writing, for messages.</summary>
    public string Description => string.Join(", ", _filters.Select(filter => NameOf(filter.Id)));

    public static Filters Read(Cursor? message)
    {
        Filters filters = new();
        if (message is null) return filters;
        int version = message.U8();
        if (version is not (1 or 2)) throw message.Damaged("a filter pipeline of version 1 or 2", $"version {version}");
        int count = message.U8();
        if (version == 1) message.Skip(6);
        for (int i = 0; i < count; i++)
        {
            int id = message.U16();
            int nameLength = version == 1 || id >= 256 ? message.U16() : 0;
            message.Skip(2);
            int parameters = message.U16();
            message.Skip(version == 1 ? (nameLength + 7) / 8 * 8 : nameLength);
            uint[] values = new uint[int.Min(parameters, message.Remaining / sizeof(uint) + 1)];
            for (int j = 0; j < parameters; j++) values[j] = message.U32();
            if (version == 1 && parameters % 2 != 0) message.Skip(sizeof(uint));
            filters._filters.Add((id, values));
        }

        return filters;
    }

    /// <summary>Throws when the pipeline has a filter that this reader does not undo.</summary>
    public void ThrowIfUnsupported(string path, string where)
    {
        foreach ((int id, _) in _filters)
        {
            if (id is not (Deflate or Shuffle or Fletcher or Lzf))
            {
                throw new VlcFormatException(
                    path, where, "chunks with the filters deflate (gzip), shuffle, fletcher32 or lzf", $"the filter {NameOf(id)}",
                    $"Convert it where the filter is installed: h5repack -f GZIP=4 {Path.GetFileName(path)} converted.h5");
            }
        }
    }

    /// <summary>True where <paramref name="stored"/> bytes of a chunk can hold <paramref name="raw"/> bytes of data.</summary>
    public bool CanHold(long stored, long raw, uint mask)
    {
        long expansion = 1;
        for (int i = 0; i < _filters.Count; i++)
        {
            if (!IsSkipped(mask, i) && _filters[i].Id is Deflate or Lzf)
            {
                expansion = long.Min(expansion * MaxExpansion, MaxExpansion * MaxExpansion);
            }
        }

        return raw <= (stored + 1) * expansion;
    }

    /// <summary>Undoes the filters, last first, except those that the chunk's mask says were not applied.</summary>
    /// <param name="stored">The chunk as it lies in the file; its contents are not kept.</param>
    /// <param name="raw">Filled with the chunk's data.</param>
    /// <param name="elementSize">Bytes of an element.</param>
    /// <param name="mask">The chunk's filter mask.</param>
    /// <param name="damaged">Makes the error that names the chunk.</param>
    /// <returns>The buffer with the data: <paramref name="raw"/>, or <paramref name="stored"/> where nothing was copied.</returns>
    public byte[] Undo(byte[] stored, byte[] raw, int elementSize, uint mask, Func<string, string, VlcFormatException> damaged)
    {
        byte[] current = stored, other = raw;
        int length = stored.Length;
        for (int i = _filters.Count - 1; i >= 0; i--)
        {
            if (IsSkipped(mask, i)) continue;
            (int id, uint[] parameters) = _filters[i];
            if (id == Fletcher)
            {
                length -= sizeof(uint);
                if (length < 0) throw damaged("a checksum", "the end of the chunk");
                uint expected = Checksum.Fletcher32(current.AsSpan(0, length));
                uint found = BitConverter.ToUInt32(current, length);
                if (found != expected) throw damaged($"Fletcher-32 checksum {expected:x8} of the chunk", $"{found:x8}");
                continue;
            }

            // What comes out is the chunk's data, and a checksum where one was added before this filter.
            int checksums = _filters.Take(i).Where((_, at) => !IsSkipped(mask, at)).Count(filter => filter.Id == Fletcher);
            int after = raw.Length + (checksums * sizeof(uint));
            if (id == Shuffle)
            {
                if (other.Length < length) other = new byte[length];
                int size = parameters is [> 0 and <= int.MaxValue, ..] ? (int)parameters[0] : elementSize;
                Unshuffle(current.AsSpan(0, length), other.AsSpan(0, length), size);
            }
            else
            {
                if (other.Length < after) other = new byte[after];
                if (id == Deflate) Inflate(current, length, other.AsSpan(0, after), damaged);
                else ExpandLzf(current.AsSpan(0, length), other.AsSpan(0, after), damaged);
                length = after;
            }

            (current, other) = (other, current);
        }

        return length == raw.Length ? current : throw damaged($"a chunk of {raw.Length} bytes", $"{length}");
    }

    private static bool IsSkipped(uint mask, int filter) => filter < 32 && ((mask >> filter) & 1) != 0;

    private static void Inflate(byte[] stored, int length, Span<byte> destination, Func<string, string, VlcFormatException> damaged)
    {
        const int smallest = 6;
        if (length < smallest) throw damaged("a zlib stream", $"{length} bytes");
        try
        {
            using ZLibStream stream = new(new MemoryStream(stored, 0, length, writable: false), CompressionMode.Decompress);
            int read = stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);
            if (read < destination.Length) throw damaged($"{destination.Length} bytes inflated", $"{read}");

            // The Adler-32 checksum is compared when the stream is read to its end.
            if (stream.ReadByte() >= 0) throw damaged($"{destination.Length} bytes inflated", "more");
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException)
        {
            // The bytes are in memory: an IOException is zlib's own, for a stream that asks for a dictionary.
            throw damaged("a zlib stream with a correct Adler-32 checksum", exception.Message.TrimEnd('.'));
        }
    }

    private static void ExpandLzf(ReadOnlySpan<byte> source, Span<byte> destination, Func<string, string, VlcFormatException> damaged)
    {
        int at = 0, to = 0;
        while (at < source.Length)
        {
            int control = source[at++];
            if (control < 32)
            {
                int run = control + 1;
                if (run > source.Length - at || run > destination.Length - to) throw damaged("an lzf stream", "a run beyond its end");
                source.Slice(at, run).CopyTo(destination[to..]);
                at += run;
                to += run;
                continue;
            }

            int length = control >> 5;
            int extra = length == 7 ? 2 : 1;
            if (extra > source.Length - at) throw damaged("an lzf stream", "the end of the chunk");
            if (length == 7) length += source[at++];
            int back = ((control & 31) << 8) + source[at++] + 1;
            length += 2;
            if (back > to || length > destination.Length - to) throw damaged("an lzf stream", "a reference outside of it");

            // The source may overlap what it makes: byte by byte, in order.
            for (int end = to + length; to < end; to++) destination[to] = destination[to - back];
        }

        if (to != destination.Length) throw damaged($"{destination.Length} bytes from an lzf stream", $"{to}");
    }

    /// <summary>
    /// The filter stores the first bytes of all elements, then the second ones, and so on; a rest that is no element as it is.
    /// </summary>
    private static void Unshuffle(ReadOnlySpan<byte> planes, Span<byte> elements, int size)
    {
        int count = planes.Length / size;
        if (size == sizeof(float))
        {
            Span<uint> words = MemoryMarshal.Cast<byte, uint>(elements[..(count * size)]);
            ReadOnlySpan<byte> p0 = planes[..count], p1 = planes.Slice(count, count);
            ReadOnlySpan<byte> p2 = planes.Slice(2 * count, count), p3 = planes.Slice(3 * count, count);
            for (int i = 0; i < words.Length; i++) words[i] = p0[i] | ((uint)p1[i] << 8) | ((uint)p2[i] << 16) | ((uint)p3[i] << 24);
        }
        else
        {
            for (int plane = 0; plane < size; plane++)
            {
                ReadOnlySpan<byte> source = planes.Slice(plane * count, count);
                for (int i = 0, to = plane; i < count; i++, to += size) elements[to] = source[i];
            }
        }

        planes[(count * size)..].CopyTo(elements[(count * size)..]);
    }

    private static string NameOf(int id) => id switch
    {
        Deflate => "deflate",
        Shuffle => "shuffle",
        Fletcher => "fletcher32",
        4 => "szip",
        5 => "nbit",
        6 => "scaleoffset",
        Lzf => "lzf",
        307 => "bzip2",
        32001 => "blosc",
        32004 => "lz4",
        32008 => "bitshuffle",
        32013 => "zfp",
        32015 => "zstd",
        32026 => "blosc2",
        _ => $"{id}",
    };
}
