using ILGPU;
using ILGPU.Runtime;
using Vlc.Compute;
using Vlc.Gpu.Kernels;

namespace Vlc.Gpu;

/// <content>Searching. The kernels are compiled when the first index is loaded.</content>
public sealed partial class GpuBackend : ICodeScanBackend
{
    /// <inheritdoc/>
    public ICodeScanner LoadCodes(TrellisCodes codes)
    {
        ArgumentNullException.ThrowIfNull(codes);
        _accelerator.Bind();
        return new GpuCodes(this, new TrellisLayout(this, codes));
    }

    /// <inheritdoc/>
    public ICodeScanner LoadCodes(ScalarCodes codes)
    {
        ArgumentNullException.ThrowIfNull(codes);
        _accelerator.Bind();
        return new GpuCodes(this, new ScalarLayout(this, codes));
    }

    internal Action<AcceleratorStream, KernelConfig, ScanCodes, ScanQueries, ScanWork> LoadScan(
        Action<ScanCodes, ScanQueries, ScanWork> kernel) =>
        _kernels.Get(kernel, () => _accelerator.LoadKernel(kernel, ForThreads(ScanKernel.Tile), out _));

    internal Action<AcceleratorStream, KernelConfig, ScalarScanCodes, ScanQueries, ScanWork> LoadScalarScan(
        Action<ScalarScanCodes, ScanQueries, ScanWork> kernel, int parts) =>
        _kernels.Get(kernel, () => _accelerator.LoadKernel(kernel, ForThreads(parts * ScanKernel.Tile), out _));

    internal Action<AcceleratorStream, KernelConfig, NearestWork> LoadNearest() =>
        _kernels.Get(NearestKernel.Run, () => _accelerator.LoadKernel<NearestWork>(NearestKernel.Run));
}
