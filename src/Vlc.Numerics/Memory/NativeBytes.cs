using System.Runtime.InteropServices;

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
