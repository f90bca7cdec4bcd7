using ILGPU;
using ILGPU.Runtime;
using Vlc.Compute;
using Vlc.Gpu.Kernels;
using Vlc.Numerics.Kernels;

namespace Vlc.Gpu;

/// <content>Trellis codes.</content>
public sealed partial class GpuBackend
{
    /// <summary>Compiled on first use, because only the packed codec needs it.</summary>
    internal Action<
        AcceleratorStream, KernelConfig,
        ArrayView<float>, ArrayView<int>, ArrayView<float>, ArrayView<byte>, ArrayView<int>, ArrayView<int>, ArrayView<float>,
        ArrayView<byte>, ArrayView<byte>, ArrayView<float>, int, int> EncodeRows =>
        field ??= _kernels.Get(TrellisKernel.Run, () => _accelerator.LoadKernel<
            ArrayView<float>, ArrayView<int>, ArrayView<float>, ArrayView<byte>, ArrayView<int>, ArrayView<int>, ArrayView<float>,
            ArrayView<byte>, ArrayView<byte>, ArrayView<float>, int, int>(TrellisKernel.Run));

    /// <inheritdoc/>
    public IResidentTrellis LoadTrellis(TrellisTables tables, TrellisAxes axes)
    {
        ArgumentNullException.ThrowIfNull(tables);
        ArgumentNullException.ThrowIfNull(axes);
        _accelerator.Bind();
        return new GpuTrellis(this, tables, axes);
    }
}
