namespace Vlc.Numerics.Memory;

/// <summary>Bytes that kernels read by address: a mapped file, or a block of native memory. Immutable while an index is open.</summary>
public abstract unsafe class CodeMemory : IDisposable
{
    /// <summary>Number of bytes.</summary>
    public abstract long Length { get; }

    /// <summary>First byte. The memory must outlive the pointer.</summary>
    internal abstract byte* Pointer { get; }

    /// <summary>
    /// Bytes [<paramref name="offset"/>, <paramref name="offset"/> + <paramref name="length"/>). The memory must outlive the span.
    /// </summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Number of bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not within the memory.</exception>
    /// <exception cref="ObjectDisposedException">The memory has been released.</exception>
    public ReadOnlySpan<byte> Slice(long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return length == 0 ? [] : new ReadOnlySpan<byte>(Pointer + offset, length);
    }

    /// <summary>Releases the memory; spans and pointers into it are invalid from then on.</summary>
    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases the memory, once.</summary>
    private protected abstract void Release();

    /// <summary>Releases the memory of an object that was never disposed of.</summary>
    ~CodeMemory() => Release();
}
