using ILGPU;
using ILGPU.Runtime;
using Vlc.Gpu.Kernels;
using Vlc.Numerics.Threading;

namespace Vlc.Gpu;

/// <summary>
/// Uploads the words of tiles to a device. There is one buffer for all of them where they fit three quarters of what the budget leaves.
/// Otherwise there are two buffers of the same size, which ranges of tiles use in turn. Two pieces of page-locked memory, each with a
/// stream, carry the words: all threads fill one while the other is copied.
/// </summary>
internal sealed class TileUploader : IDisposable
{
    private const int Tile = ScanKernel.Tile;

    private readonly GpuBackend _backend;
    private readonly int[] _offsets;
    private readonly Filler _fill;
    private readonly DeviceMemory.Buffer<uint>[] _buffers;
    private readonly int _largestTile;
    private Staging[] _stagings = [];
    private int _turn;

    /// <param name="backend">The device.</param>
    /// <param name="offsets">The offset of each tile's words, in units of 64, and the end of the last.</param>
    /// <param name="fill">Writes the words of a tile over zeros.</param>
    /// <exception cref="DeviceOutOfMemoryException">The device has not enough memory even for a tile at a time.</exception>
    public TileUploader(GpuBackend backend, int[] offsets, Filler fill)
    {
        (_backend, _offsets, _fill) = (backend, offsets, fill);
        for (int tile = 0; tile + 1 < offsets.Length; tile++) _largestTile = Math.Max(_largestTile, offsets[tile + 1] - offsets[tile]);
        _buffers = Reserve();
    }

    /// <summary>Writes the words of a tile.</summary>
    public delegate void Filler(int tile, Span<uint> words);

    /// <summary>Whether the words do not fit the device.</summary>
    public bool IsStreamed => _buffers.Length > 1;

    /// <summary>The buffer of a turn.</summary>
    public ArrayView<uint> Words(int turn) => _buffers[turn % _buffers.Length].View;

    /// <summary>The tile after the last that fits a buffer together with <paramref name="first"/>.</summary>
    public int EndOf(int first)
    {
        int end = first + 1;
        while (end + 1 < _offsets.Length && (_offsets[end + 1] - _offsets[first]) * (long)Tile <= _buffers[0].Length) end++;
        return end;
    }

    /// <summary>
    /// Copies the words of a range of tiles to the buffer of a turn. No launch may still read the buffer. The words are there when this
    /// returns.
    /// </summary>
    public void Fill(int turn, int first, int end)
    {
        ArrayView<uint> target = Words(turn);
        int tilesAtOnce = Math.Max(
            (int)Math.Min(_backend.Options.BatchBytes / 4 / (Math.Max(_largestTile, 1) * (long)Tile * sizeof(uint)), end - first), 1);
        for (int tile = first; tile < end; tile += tilesAtOnce)
        {
            int count = Math.Min(tilesAtOnce, end - tile), length = (_offsets[tile + count] - _offsets[tile]) * Tile;
            if (length == 0) continue;
            Staging staging = NextStaging(length);
            int begin = tile;
            BlockScheduler.Run(
                count, Environment.ProcessorCount,
                (i, _) =>
                {
                    int wordsBegin = (_offsets[begin + i] - _offsets[begin]) * Tile;
                    int wordsEnd = (_offsets[begin + i + 1] - _offsets[begin]) * Tile;
                    Span<uint> words = staging.Memory.Span[wordsBegin..wordsEnd];
                    words.Clear();
                    _fill(begin + i, words);
                });
            target.SubView((_offsets[tile] - _offsets[first]) * (long)Tile, length).CopyFrom(
                staging.Stream, staging.Memory.ArrayView.SubView(0, length));
        }

        foreach (Staging staging in _stagings) staging.Stream.Synchronize();
        if (!IsStreamed) Release();
    }

    public void Dispose()
    {
        Release();
        foreach (DeviceMemory.Buffer<uint> buffer in _buffers) buffer.Dispose();
    }

    private void Release()
    {
        foreach (Staging staging in _stagings) staging.Dispose();
        _stagings = [];
    }

    /// <summary>Page-locked memory whose copy has ended.</summary>
    private Staging NextStaging(int length)
    {
        if (_stagings.Length == 0 || _stagings[0].Memory.Length < length)
        {
            Release();
            _stagings = [new Staging(_backend, length), new Staging(_backend, length)];
        }

        Staging staging = _stagings[_turn++ % 2];
        staging.Stream.Synchronize();
        return staging;
    }

    private DeviceMemory.Buffer<uint>[] Reserve()
    {
        long all = Math.Max((long)_offsets[^1] * Tile, 1), least = Math.Max((long)_largestTile * Tile, 1);
        long left = (_backend.Memory.Budget - _backend.Memory.Used) / 4 * 3 / sizeof(uint);
        if (all <= left && TryAllocate(1, all) is { } resident) return resident;
        long most = Math.Clamp(Math.Min(left, all) / 2 / Tile * Tile, least, all);
        for (long length = most; ; length = Math.Max(length / 2 / Tile * Tile, least))
        {
            if (TryAllocate(2, length) is { } alternating) return alternating;
            if (length == least)
            {
                throw new DeviceOutOfMemoryException(2 * length * sizeof(uint), _backend.Memory.Budget - _backend.Memory.Used, inner: null);
            }
        }
    }

    private DeviceMemory.Buffer<uint>[]? TryAllocate(int count, long length)
    {
        var buffers = new List<DeviceMemory.Buffer<uint>>();
        try
        {
            for (int i = 0; i < count; i++) buffers.Add(_backend.Memory.Allocate<uint>(length));
            return [.. buffers];
        }
        catch (DeviceOutOfMemoryException)
        {
            foreach (DeviceMemory.Buffer<uint> buffer in buffers) buffer.Dispose();
            return null;
        }
    }

    /// <summary>Page-locked memory with a stream.</summary>
    private sealed class Staging(GpuBackend backend, int length) : IDisposable
    {
        public PageLockedArray1D<uint> Memory { get; } = backend.AllocatePageLocked<uint>(length);

        public AcceleratorStream Stream { get; } = backend.CreateStream();

        public void Dispose()
        {
            Stream.Synchronize();
            Stream.Dispose();
            Memory.Dispose();
        }
    }
}
