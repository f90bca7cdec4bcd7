namespace Vlc.Gpu;

/// <summary>Buffers of a device that are given back together.</summary>
/// <param name="backend">Whose device.</param>
internal sealed class DeviceBuffers(GpuBackend backend) : IDisposable
{
    private readonly List<IDisposable> _buffers = [];

    /// <summary>A zeroed buffer of so many elements.</summary>
    /// <exception cref="DeviceOutOfMemoryException">There is no room.</exception>
    public DeviceMemory.Buffer<T> Allocate<T>(long length)
        where T : unmanaged => Keep(backend.Memory.Allocate<T>(length));

    /// <summary>A copy of values; at least one element, so that there is something to point to.</summary>
    /// <exception cref="DeviceOutOfMemoryException">There is no room.</exception>
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
