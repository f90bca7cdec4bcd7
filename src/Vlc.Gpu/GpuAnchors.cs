using ILGPU;
using Vlc.Compute;
using Vlc.Gpu.Kernels;
using Vlc.Numerics.Kernels;

namespace Vlc.Gpu;

/// <summary>Anchors on a device, in the layout of <see cref="AssignKernel"/>.</summary>
internal sealed class GpuAnchors : IResidentAnchors
{
    private readonly DeviceMemory.Buffer<float> _columns;
    private readonly DeviceMemory.Buffer<float> _halfNorms;

    public GpuAnchors(GpuBackend backend, ReadOnlySpan<float> anchors, int dimension)
    {
        Backend = backend;
        Dimension = dimension;
        Pitch = GpuBackend.PitchOf(dimension);
        Count = anchors.Length / dimension;
        int padded = GpuBackend.Padded(Count);
        var halfNorms = new float[padded];
        halfNorms.AsSpan(Count).Fill(float.PositiveInfinity);
        NearestColumn.HalfSquaredNorms(anchors, dimension, halfNorms.AsSpan(0, Count));
        var columns = new float[checked(padded * Pitch)];
        for (int i = 0; i < Count; i++) anchors.Slice(i * dimension, dimension).CopyTo(columns.AsSpan(i * Pitch));
        _columns = backend.Upload<float>(columns);
        try
        {
            _halfNorms = backend.Upload<float>(halfNorms);
        }
        catch
        {
            _columns.Dispose();
            throw;
        }
    }

    public GpuBackend Backend { get; }

    public int Dimension { get; }

    public int Pitch { get; }

    public int Count { get; }

    public int Tiles => (int)_halfNorms.Length / AssignKernel.Tile;

    public ArrayView<float> Columns => _columns.View;

    public ArrayView<float> HalfNorms => _halfNorms.View;

    public void Dispose()
    {
        _columns.Dispose();
        _halfNorms.Dispose();
    }
}
