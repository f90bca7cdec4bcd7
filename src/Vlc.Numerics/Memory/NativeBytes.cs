using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Vlc.Numerics.Memory;

/// <summary>
/// A block of native memory, 64-byte aligned, for an index that is not in a file and for codes that are gathered before a scan.
/// </summary>
public sealed unsafe class NativeBytes : CodeMemory
{
    private const nuint Alignment = 64;

    private byte* _pointer;

    /// <summary>Allocates bytes of any content.</summary>
    /// <param name="length">How many; may be 0.</param>
    /// <exception cref="OutOfMemoryException">There is not enough memory.</exception>
    public NativeBytes(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        _pointer = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(length, 1), Alignment);
        if (length > 0) GC.AddMemoryPressure(length);
    }

    /// <summary>Reads a file.</summary>
    /// <param name="path">An existing file; may be empty.</param>
    /// <exception cref="IOException">The file cannot be read, or was shortened meanwhile.</exception>
    /// <exception cref="OutOfMemoryException">It does not fit.</exception>
    public static NativeBytes Read(string path)
    {
        const int BytesAtOnce = 1 << 24;
        using SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete,
            FileOptions.SequentialScan);
        var memory = new NativeBytes(RandomAccess.GetLength(handle));
        for (long offset = 0; offset < memory.Length;)
        {
            int read = RandomAccess.Read(handle, memory.Writable(offset, (int)Math.Min(BytesAtOnce, memory.Length - offset)), offset);
            if (read == 0) throw new EndOfStreamException($"{path}: the file was shortened while it was read.");
            offset += read;
        }

        return memory;
    }

    /// <summary>Number of bytes.</summary>
    public override long Length { get; }

    internal override byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer is null, this);
            return _pointer;
        }
    }

    /// <summary>Writable bytes. Only the code that fills the block writes; afterwards the block is read-only.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Number of bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not within the block.</exception>
    public Span<byte> Writable(long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return length == 0 ? [] : new Span<byte>(Pointer + offset, length);
    }

    private protected override void Release()
    {
        if (_pointer is null) return;
        NativeMemory.AlignedFree(_pointer);
        _pointer = null;
        if (Length > 0) GC.RemoveMemoryPressure(Length);
    }
}
