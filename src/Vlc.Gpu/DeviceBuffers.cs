namespace Vlc.Gpu;

/// <summary>Buffers of a device that are freed together.</summary>
/// <param name="backend">The device's backend.</param>
internal sealed class DeviceBuffers(GpuBackend backend) : IDisposable
{
    private readonly List<IDisposable> _buffers = [];

    /// <summary>A zeroed buffer of <paramref name="length"/> elements.</summary>
    /// <exception cref="DeviceOutOfMemoryException">The device has not enough memory.</exception>
    public DeviceMemory.Buffer<T> Allocate<T>(long length)
        where T : unmanaged => Keep(backend.Memory.Allocate<T>(length));

    /// <summary>A copy of values with at least one element, so that its address is valid.</summary>
    /// <exception cref="DeviceOutOfMemoryException">The device has not enough memory.</exception>
    public DeviceMemory.Buffer<T> Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged => Keep(backend.Upload(values));

    public void Dispose()
    {
        foreach (IDisposable buffer in _buffers) buffer.Dispose();
        _buffers.Clear();
    }

    private DeviceMemory.Buffer<T> Keep<T>(DeviceMemory.Buffer<T> buffer)
        where T : unmanaged
    {
        _buffers.Add(buffer);
        return buffer;
    }
}
