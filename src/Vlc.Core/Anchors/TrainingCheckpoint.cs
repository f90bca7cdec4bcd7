using System.Diagnostics;
using System.Runtime.InteropServices;
using Vlc.Storage;

namespace Vlc.Anchors;

/// <summary>
/// The state of a training after an iteration, in one file: a header that ties it to the rows and the options, the anchors, the last
/// assignment and the history. A resumed training gives the bytes of an uninterrupted one. The format is private and may change with any
/// version; a checkpoint of another version is refused.
/// </summary>
/// <remarks>
/// Little-endian: magic u32 "VLCC", version u32, key u64, anchor floats u32, rows u32, iterations u32, then anchors f32, assignment i32,
/// iterations of 5 f64 and 3 i32, and the CRC-32C of everything before.
/// </remarks>
internal sealed class TrainingCheckpoint
{
    private const uint Magic = 0x43434C56;
    private const uint Version = 2;
    private const int HeaderBytes = 28;
    private const int IterationBytes = (5 * sizeof(double)) + (3 * sizeof(int));

    private readonly string _path;
    private readonly ulong _key;
    private readonly int _dimension;
    private readonly int _rowCount;
    private readonly TimeSpan _interval;
    private long _lastSave = Stopwatch.GetTimestamp();

    public TrainingCheckpoint(string path, ReadOnlySpan<float> rows, int dimension, int anchorCount, AnchorTrainingOptions options)
    {
        _path = path;
        _dimension = dimension;
        _rowCount = rows.Length / dimension;
        _interval = options.CheckpointInterval;
        // MaxIterations is left out, because a checkpoint serves to continue for longer.
        string described = string.Join(
            '|', dimension, anchorCount, options.Seed, options.PartsFirst, options.Cooling, options.Mean, options.MaintenanceRounds,
            options.Lambda, options.Tolerance);
        _key = ((ulong)Crc32C.Compute(MemoryMarshal.AsBytes(rows)) << 32) | Crc32C.Compute(MemoryMarshal.AsBytes(described.AsSpan()));
    }

    /// <summary>Saves the state after an iteration, unless the last save was too recent.</summary>
    public void Save(ReadOnlySpan<float> anchors, ReadOnlySpan<int> assignments, List<TrainingIteration> iterations)
    {
        if (Stopwatch.GetElapsedTime(_lastSave) < _interval) return;
        using var content = new MemoryStream();
        using var writer = new BinaryWriter(content);
        writer.Write(Magic);
        writer.Write(Version);
        writer.Write(_key);
        writer.Write(anchors.Length);
        writer.Write(assignments.Length);
        writer.Write(iterations.Count);
        writer.Write(MemoryMarshal.AsBytes(anchors));
        writer.Write(MemoryMarshal.AsBytes(assignments));
        foreach (TrainingIteration iteration in iterations)
        {
            writer.Write(iteration.Temperature);
            writer.Write(iteration.Distortion);
            writer.Write(iteration.Energy);
            writer.Write(iteration.ValidationEnergy);
            writer.Write(iteration.Changed);
            writer.Write(iteration.Merged);
            writer.Write(iteration.Split);
            writer.Write(iteration.Rows);
        }

        writer.Write(Crc32C.Compute(content.GetBuffer().AsSpan(0, (int)content.Length)));
        AtomicFile.Write(_path, content.GetBuffer().AsSpan(0, (int)content.Length));
        _lastSave = Stopwatch.GetTimestamp();
    }

    /// <summary>The anchors of the checkpoint, or null where there is none; fills the last assignment and the history.</summary>
    /// <exception cref="VlcFormatException">The file is damaged, or belongs to another training.</exception>
    public float[]? TryLoad(Span<int> assignments, List<TrainingIteration> iterations)
    {
        if (!File.Exists(_path)) return null;
        byte[] bytes = File.ReadAllBytes(_path);
        if (bytes.Length < HeaderBytes + sizeof(uint) || BitConverter.ToUInt32(bytes) != Magic
            || BitConverter.ToUInt32(bytes, 4) != Version)
        {
            throw Refuse("header", "a training checkpoint of this version", $"{bytes.Length} bytes of something else");
        }

        if (Crc32C.Compute(bytes.AsSpan(0, bytes.Length - 4)) != BitConverter.ToUInt32(bytes, bytes.Length - 4))
        {
            throw Refuse("checksum", "the checksum written with it", "another");
        }

        int anchorFloats = BitConverter.ToInt32(bytes, 16), rows = BitConverter.ToInt32(bytes, 20), count = BitConverter.ToInt32(bytes, 24);
        if (BitConverter.ToUInt64(bytes, 8) != _key || rows != _rowCount)
        {
            throw Refuse("key", "a checkpoint of these rows and options", "one of other rows or options");
        }

        long expected = HeaderBytes + (4L * anchorFloats) + (4L * rows) + ((long)count * IterationBytes) + 4;
        if (anchorFloats <= 0 || anchorFloats % _dimension != 0 || count < 0 || bytes.Length != expected)
        {
            throw Refuse("length", $"{expected} bytes", $"{bytes.Length}");
        }

        float[] anchors = MemoryMarshal.Cast<byte, float>(bytes.AsSpan(HeaderBytes, 4 * anchorFloats)).ToArray();
        MemoryMarshal.Cast<byte, int>(bytes.AsSpan(HeaderBytes + (4 * anchorFloats), 4 * rows)).CopyTo(assignments);
        using var reader = new BinaryReader(new MemoryStream(bytes, HeaderBytes + (4 * anchorFloats) + (4 * rows), count * IterationBytes));
        for (int i = 0; i < count; i++)
        {
            iterations.Add(new TrainingIteration(
                i, reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(),
                reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32()));
        }

        return anchors;
    }

    public void Delete() => File.Delete(_path);

    private VlcFormatException Refuse(string where, string expected, string found) =>
        new(_path, where, expected, found, "Delete the checkpoint to start afresh, or name another file.");
}
