namespace Vlc.Gpu;

/// <summary>Options of a backend. The device decides what is null.</summary>
public sealed class GpuOptions
{
    /// <summary>
    /// Most bytes of the device's memory to use; null takes four fifths. Rows that do not fit are streamed in batches at every pass.
    /// </summary>
    public long? MemoryBudget { get; init; }

    /// <summary>Initial bytes of a batch of streamed rows; halved when the device has not enough memory for two of them.</summary>
    public long BatchBytes { get; init; } = 128L << 20;
}
