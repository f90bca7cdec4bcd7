using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace Vlc.Gpu;

/// <summary>Memory of a device: counts what is in use, and says in one way that there is no more, whoever refuses it.</summary>
/// <param name="accelerator">The device.</param>
/// <param name="budget">Most bytes in use at once.</param>
internal sealed class DeviceMemory(Accelerator accelerator, long budget)
{
    /// <summary>Bytes that buffers hold at present.</summary>
    public long Used { get; private set; }

    /// <summary>Most bytes that were ever held at once.</summary>
    public long Peak { get; private set; }

    /// <summary>Most bytes in use at once.</summary>
    public long Budget => budget;

    /// <summary>Stands in for a driver that has less than it said: asked with the bytes of each buffer, refuses by true.</summary>
    public Func<long, bool>? Refuses { get; set; }

    /// <summary>Allocates, zeroed.</summary>
    /// <exception cref="DeviceOutOfMemoryException">The device has no room, or the budget allows none.</exception>
    public Buffer<T> Allocate<T>(long length)
        where T : unmanaged
    {
        long bytes = length * Interop.SizeOf<T>();
        if (Used + bytes > budget) throw new DeviceOutOfMemoryException(bytes, budget - Used, inner: null);
        if (Refuses?.Invoke(bytes) == true) throw new DeviceOutOfMemoryException(bytes, budget - Used, inner: null);
        MemoryBuffer1D<T, Stride1D.Dense> memory;
        try
        {
            memory = accelerator.Allocate1D<T>(length);
            memory.MemSetToZero();
            accelerator.DefaultStream.Synchronize();
        }
        catch (Exception exception) when (IsOutOfMemory(exception))
        {
            throw new DeviceOutOfMemoryException(bytes, budget - Used, exception);
        }

        Used += bytes;
        Peak = Math.Max(Peak, Used);
        return new Buffer<T>(this, memory, bytes);
    }

    private static bool IsOutOfMemory(Exception exception) => exception switch
    {
        CudaException cuda => cuda.Error == nameof(CudaError.CUDA_ERROR_OUT_OF_MEMORY),
        CLException opencl => opencl.Error is CLError.CL_MEM_OBJECT_ALLOCATION_FAILURE or CLError.CL_OUT_OF_RESOURCES or CLError.CL_OUT_OF_HOST_MEMORY
            or CLError.CL_INVALID_BUFFER_SIZE,
        OutOfMemoryException => true,
        _ => false,
    };

    /// <summary>A buffer that gives its bytes back.</summary>
    internal sealed class Buffer<T>(DeviceMemory owner, MemoryBuffer1D<T, Stride1D.Dense> memory, long bytes) : IDisposable
        where T : unmanaged
    {
        private bool _disposed;

        public ArrayView1D<T, Stride1D.Dense> View => memory.View;

        public long Length => memory.Length;

        public void Dispose()
        {
            if (_disposed) return;
            _disposed = true;
            memory.Dispose();
            owner.Used -= bytes;
        }
    }
}

/// <summary>The device has no room for a buffer.</summary>
/// <param name="bytes">Bytes asked for.</param>
/// <param name="left">Bytes that the budget leaves.</param>
/// <param name="inner">What the driver threw, if it was the driver.</param>
internal sealed class DeviceOutOfMemoryException(long bytes, long left, Exception? inner) : Exception(
    $"The device has no room for {bytes} bytes ({left} left): use a larger memory budget, fewer anchors, or --device cpu.", inner);
