using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace Vlc.Gpu;

/// <summary>
/// Memory of a device. It counts what is in use, and reports a lack of memory by one exception, from whatever layer it comes.
/// </summary>
/// <param name="accelerator">The device.</param>
/// <param name="budget">Most bytes in use at once.</param>
internal sealed class DeviceMemory(Accelerator accelerator, long budget)
{
    /// <summary>Bytes of the present buffers.</summary>
    public long Used { get; private set; }

    /// <summary>Most bytes that were in use at once.</summary>
    public long Peak { get; private set; }

    /// <summary>Most bytes in use at once.</summary>
    public long Budget => budget;

    /// <summary>
    /// For tests: simulates a driver with less memory than it reports. It gets the bytes of each buffer and refuses by true.
    /// </summary>
    public Func<long, bool>? Refuses { get; set; }

    /// <summary>Allocates, zeroed.</summary>
    /// <exception cref="DeviceOutOfMemoryException">The device has not enough memory, or the budget does not allow it.</exception>
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
        CLException opencl =>
            opencl.Error is CLError.CL_MEM_OBJECT_ALLOCATION_FAILURE or CLError.CL_OUT_OF_RESOURCES or CLError.CL_OUT_OF_HOST_MEMORY
            or CLError.CL_INVALID_BUFFER_SIZE,
        OutOfMemoryException => true,
        _ => false,
    };

    /// <summary>A buffer that returns its bytes to the budget when it is disposed of.</summary>
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

/// <summary>The device has not enough memory for a buffer.</summary>
/// <param name="bytes">Bytes asked for.</param>
/// <param name="left">Bytes left in the budget.</param>
/// <param name="inner">The driver's exception, if the driver refused.</param>
internal sealed class DeviceOutOfMemoryException(long bytes, long left, Exception? inner) : Exception(
    $"The device has no room for {bytes} bytes ({left} left): use a larger memory budget, fewer anchors, or --device cpu.", inner);
