using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Vlc.Numerics.Memory;

/// <summary>
/// Zeroed native memory on a 64-byte boundary. Kernels may read 64 bytes past its end. Managed arrays start at an odd multiple of 8 bytes;
/// arrays of floats that fit in cache are read 1.3 to 1.6 times faster from such a buffer.
/// </summary>
/// <typeparam name="T">Element type without references.</typeparam>
public sealed unsafe class AlignedBuffer<T> : IDisposable
    where T : unmanaged
{
    private const int Alignment = 64;

    private T* _pointer;

    /// <summary>Allocates <paramref name="length"/> zeroed elements.</summary>
    /// <param name="length">Number of elements; at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative length.</exception>
    /// <exception cref="OutOfMemoryException">There is not enough memory.</exception>
    public AlignedBuffer(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        nuint bytes = checked((nuint)length * (nuint)sizeof(T) + Alignment);
        _pointer = (T*)NativeMemory.AlignedAlloc(bytes, Alignment);
        NativeMemory.Clear(_pointer, bytes);
        GC.AddMemoryPressure((long)bytes);
    }

    /// <summary>Frees a buffer that nobody disposed of.</summary>
    ~AlignedBuffer() => Free();

    /// <summary>Number of elements.</summary>
    public long Length { get; }

    /// <summary>All elements. The buffer must outlive the span.</summary>
    /// <exception cref="OverflowException">More than 2^31 - 1 elements: take slices.</exception>
    public Span<T> Span => Slice(0, checked((int)Length));

    /// <summary>First element; 64-byte aligned. The buffer must outlive the pointer.</summary>
    internal T* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer is null, this);
            return _pointer;
        }
    }

    /// <summary>Elements [<paramref name="start"/>, <paramref name="start"/> + <paramref name="length"/>).</summary>
    /// <param name="start">First element.</param>
    /// <param name="length">Number of elements.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not within the buffer.</exception>
    public Span<T> Slice(long start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Length - length);
        return new Span<T>(Pointer + start, length);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        T* pointer = _pointer;
        _pointer = null;
        if (pointer is null) return;
        NativeMemory.AlignedFree(pointer);
        GC.RemoveMemoryPressure((Length * Unsafe.SizeOf<T>()) + Alignment);
    }
}
