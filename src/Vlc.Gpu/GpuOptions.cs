namespace Vlc.Gpu;

/// <summary>How a backend uses its device. What is null is chosen by the device.</summary>
public sealed class GpuOptions
{
    /// <summary>Most bytes of the device's memory to use; null takes four fifths. Rows that do not fit are streamed in batches at every pass.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>Bytes of a batch of streamed rows to begin with; halved when the device has no room for two of them.</summary>
    public long BatchBytes { get; init; } = 128L << 20;
}
