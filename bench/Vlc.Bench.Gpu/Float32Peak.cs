using System.Globalization;
using System.Text.RegularExpressions;
using Vlc.Gpu.Devices;

namespace Vlc.Bench.Gpu;

/// <summary>
/// The float32 peak of a device: multiprocessors x lanes of each x highest clock x 2, since a fused multiply-add is two operations.
/// </summary>
/// <param name="TeraFlops">Null where it is not known.</param>
/// <param name="Derivation">How it was computed, or why it is unknown.</param>
internal sealed partial record Float32Peak(double? TeraFlops, string Derivation)
{
    /// <summary>
    /// Computed from the driver's report. The lanes of a multiprocessor follow from the compute capability (CUDA C++ Programming Guide,
    /// arithmetic throughput).
    /// </summary>
    public static Float32Peak Of(GpuDevice device)
    {
        if (device.Kind != GpuKind.Cuda) return new Float32Peak(null, "n/a: OpenCL does not say how many lanes a compute unit has");
        Match capability = Capability().Match(device.Version);
        if (!capability.Success) return new Float32Peak(null, $"n/a: compute capability '{device.Version}' is not understood");
        int major = int.Parse(capability.Groups[1].Value, CultureInfo.InvariantCulture);
        int minor = int.Parse(capability.Groups[2].Value, CultureInfo.InvariantCulture);
        int? lanes = (major, minor) switch
        {
            (6, 0) or (7, _) or (8, 0) => 64,
            (6, _) or (8, _) or (9, _) or (10, _) or (12, _) => 128,
            _ => null,
        };
        if (lanes is not { } known) return new Float32Peak(null, $"n/a: lanes of compute capability {major}.{minor} are not known");
        if (device.ClockMegahertz == 0) return new Float32Peak(null, "n/a: the driver does not say the clock");
        return new Float32Peak(
            device.Multiprocessors * known * (device.ClockMegahertz * 1e6) * 2 / 1e12,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{device.Multiprocessors} multiprocessors x {known} lanes (compute {major}.{minor}) x {device.ClockMegahertz} MHz x 2"));
    }

    // "compute SM_90" or "compute 9.0": the last digit is the minor version.
    [GeneratedRegex(@"(\d+)\.?(\d)\D*$")]
    private static partial Regex Capability();
}
