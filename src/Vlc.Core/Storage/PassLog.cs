using System.Diagnostics;
using System.Security.Cryptography;

namespace Vlc.Storage;

/// <summary>
/// Says when the next mark of a build is due. One clock goes with all passes of a build: those that are short are kept as well once they
/// add up.
/// </summary>
/// <param name="interval">Least time between two marks.</param>
internal sealed class MarkClock(TimeSpan interval)
{
    private long _last = Stopwatch.GetTimestamp();

    public bool IsDue => Stopwatch.GetElapsedTime(_last) >= interval;

    /// <summary>A mark has been made.</summary>
    public void Restart() => _last = Stopwatch.GetTimestamp();
}

/// <summary>
/// The output of one pass over the rows while it grows, block by block, in a file of its own, with a mark from which a pass that was
/// interrupted goes on. The mark names what the output follows from (a key), how much of it is good (length and checksum), and the state of
/// the pass at that row. No reader of an index looks at either file.
/// </summary>
/// <remarks>
/// The mark lies in PATH.mark: magic u32 "VLCP", version u32, key 32 bytes, rows i64, length i64, CRC-32C of the output so far u32, length
/// of the state i32, the state, and the CRC-32C of everything before. The format is private and may change with any version; a mark that
/// does not fit counts as none.
/// </remarks>
internal sealed class PassLog : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyBytes = SHA256.HashSizeInBytes;

    private const uint Magic = 0x50434C56;
    private const uint Version = 1;
    private const int HeaderBytes = 8 + KeyBytes + 8 + 8 + 4 + 4;
    private const int BufferBytes = 1 << 20;

    private readonly string? _path;
    private readonly byte[] _key;
    private readonly MarkClock? _clock;
    private readonly Stream _stream;
    private SectionDigest _digest = new();
    private bool _marked;

    /// <summary>Opens the output: what a mark of the same key vouches for, or nothing.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">Digest of everything that the output follows from.</param>
    /// <param name="clock">When a mark is due; null makes none and takes none up.</param>
    public PassLog(string path, ReadOnlySpan<byte> key, MarkClock? clock)
    {
        _path = path;
        _key = key.ToArray();
        _clock = clock;
        _stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, BufferBytes);
        try
        {
            if (clock is null || !TryResume()) Restart();
        }
        catch
        {
            _stream.Dispose();
            throw;
        }
    }

    /// <summary>An output in memory, which no mark can vouch for.</summary>
    public PassLog()
    {
        _key = [];
        _stream = new MemoryStream();
    }

    /// <summary>Rows that the mark vouches for; 0 without one.</summary>
    public long Rows { get; private set; }

    /// <summary>The state of the pass at that row.</summary>
    public byte[] State { get; private set; } = [];

    /// <summary>Bytes of output.</summary>
    public long Length => _digest.Length;

    /// <summary>Checksums of the output.</summary>
    public SectionDigest Digest => _digest;

    /// <summary>Appends the output of a block.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        _stream.Position = Length;
        _stream.Write(bytes);
        _digest.Append(bytes);
    }

    /// <summary>Sets a mark after a block if one is due.</summary>
    /// <param name="rows">Rows whose output has been appended.</param>
    /// <param name="end">
    /// True after the last block: a mark is due then if there ever was one, since what follows takes its time too.
    /// </param>
    /// <param name="state">What the pass needs to go on from there, besides its output.</param>
    public void Mark(long rows, bool end, Func<byte[]> state)
    {
        if (_clock is null || !(_clock.IsDue || (end && _marked))) return;
        // The output first: a mark must never vouch for bytes that are not there.
        ((FileStream)_stream).Flush(flushToDisk: true);
        using var content = new MemoryStream();
        using var writer = new BinaryWriter(content);
        byte[] saved = state();
        writer.Write(Magic);
        writer.Write(Version);
        writer.Write(_key);
        writer.Write(rows);
        writer.Write(Length);
        writer.Write(_digest.Checksum);
        writer.Write(saved.Length);
        writer.Write(saved);
        writer.Write(Crc32C.Compute(content.GetBuffer().AsSpan(0, (int)content.Length)));
        AtomicFile.Write(MarkPath(_path!), content.GetBuffer().AsSpan(0, (int)content.Length));
        _marked = true;
        _clock.Restart();
    }

    /// <summary>Reads output from <paramref name="offset"/> on, all of <paramref name="destination"/>.</summary>
    public void Read(long offset, Span<byte> destination)
    {
        _stream.Position = offset;
        _stream.ReadExactly(destination);
    }

    /// <summary>Gives the whole output, which lies in a file, another name and forgets the mark.</summary>
    /// <param name="path">The new name.</param>
    /// <param name="actions">How it is flushed and moved.</param>
    public void MoveTo(string path, FolderActions actions)
    {
        var stream = (FileStream)_stream;
        stream.Flush();
        actions.Flush(stream.SafeFileHandle, _path!);
        stream.Dispose();
        actions.Move(_path!, path);
        Delete(_path!);
    }

    /// <summary>Closes the output; without a mark, nobody can use it, and it is deleted.</summary>
    public void Dispose()
    {
        try
        {
            // What is buffered is written here, which fails on a full disk.
            _stream.Dispose();
        }
        finally
        {
            if (!_marked && _path is not null) Delete(_path);
        }
    }

    /// <summary>Deletes an output and its mark.</summary>
    public static void Delete(string path)
    {
        File.Delete(MarkPath(path));
        File.Delete(path);
    }

    private static string MarkPath(string path) => path + ".mark";

    private bool TryResume()
    {
        string path = MarkPath(_path!);
        if (!File.Exists(path)) return false;
        byte[] mark = File.ReadAllBytes(path);
        if (mark.Length < HeaderBytes + sizeof(uint) || Crc32C.Compute(mark.AsSpan(..^4)) != BitConverter.ToUInt32(mark.AsSpan(^4..)))
            return false;
        using var reader = new BinaryReader(new MemoryStream(mark, writable: false));
        if (reader.ReadUInt32() != Magic || reader.ReadUInt32() != Version || !reader.ReadBytes(KeyBytes).AsSpan().SequenceEqual(_key))
            return false;
        long rows = reader.ReadInt64(), length = reader.ReadInt64();
        uint checksum = reader.ReadUInt32();
        int stateLength = reader.ReadInt32();
        if (rows < 0 || length < 0 || length > _stream.Length || stateLength != mark.Length - HeaderBytes - sizeof(uint)) return false;
        byte[] buffer = new byte[(int)Math.Min(BufferBytes, length)];
        for (long offset = 0; offset < length; offset += buffer.Length)
        {
            Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - offset));
            Read(offset, piece);
            _digest.Append(piece);
        }

        if (_digest.Checksum != checksum) return false;
        (Rows, State, _marked) = (rows, reader.ReadBytes(stateLength), true);
        _stream.SetLength(length);
        return true;
    }

    private void Restart()
    {
        // The mark first: it must not vouch for what is about to be overwritten.
        File.Delete(MarkPath(_path!));
        _stream.SetLength(0);
        _digest = new SectionDigest();
    }
}
