using ILGPU;
using ILGPU.Runtime;
using Vlc.Compute;
using Vlc.Gpu.Kernels;

namespace Vlc.Gpu;

/// <content>Searching: the kernels are compiled when the first index is held.</content>
public sealed partial class GpuBackend : ICodeScanBackend
{
    /// <inheritdoc/>
    public ICodeScanner HoldCodes(TrellisCodes codes)
    {
        ArgumentNullException.ThrowIfNull(codes);
        _accelerator.Bind();
        return new GpuCodes(this, codes);
    }

    internal AcceleratorStream DefaultStream => _accelerator.DefaultStream;

    internal Action<AcceleratorStream, KernelConfig, ScanCodes, ScanQueries, ScanWork> LoadScan(Action<ScanCodes, ScanQueries, ScanWork> kernel)
    {
        // Eight groups on a multiprocessor leave each thread 128 registers: 64 hold the lanes of four queries.
        KernelSpecialization specialization = Device.Kind == Devices.GpuKind.Cuda ? new KernelSpecialization(ScanKernel.Tile, 8) : KernelSpecialization.Empty;
        return _kernels.Get(kernel, () => _accelerator.LoadKernel(kernel, specialization, out _));
    }

    internal Action<AcceleratorStream, KernelConfig, NearestWork> LoadNearest() =>
        _kernels.Get(NearestKernel.Run, () => _accelerator.LoadKernel<NearestWork>(NearestKernel.Run));
}
