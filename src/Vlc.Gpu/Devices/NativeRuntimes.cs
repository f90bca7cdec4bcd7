using System.Reflection;
using System.Runtime.InteropServices;

namespace Vlc.Gpu.Devices;

/// <summary>
/// The drivers' libraries. Linux installs them under names with a version. Names without one belong to development packages, but ILGPU
/// looks for those alone.
/// </summary>
public static class NativeRuntimes
{
    internal const string CudaLibrary = "libcuda.so.1";
    internal const string OpenCLLibrary = "libOpenCL.so.1";

    private static readonly Lock s_registering = new();
    private static bool s_registered;

    /// <summary>Whether the CUDA driver's library can be loaded.</summary>
    public static bool HasCuda { get; } = CanLoad(OperatingSystem.IsWindows() ? "nvcuda" : CudaLibrary);

    /// <summary>Whether an OpenCL loader can be loaded.</summary>
    public static bool HasOpenCL { get; } = CanLoad(OperatingSystem.IsWindows() ? "OpenCL" : OpenCLLibrary);

    /// <summary>Makes <paramref name="assembly"/> find the libraries under their installed names.</summary>
    internal static void ResolveFor(Assembly assembly)
    {
        lock (s_registering)
        {
            if (!s_registered) NativeLibrary.SetDllImportResolver(assembly, Resolve);
            s_registered = true;
        }
    }

    private static bool CanLoad(string name)
    {
        if (!NativeLibrary.TryLoad(name, out nint handle)) return false;
        NativeLibrary.Free(handle);
        return true;
    }

    /// <summary>The handle of a library; 0 leaves it to the runtime's own search.</summary>
    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (!OperatingSystem.IsLinux()) return 0;
        string? versioned = name switch
        {
            "cuda" or "libcuda" or "libcuda.so" => CudaLibrary,
            "OpenCL" or "libOpenCL" or "libOpenCL.so" => OpenCLLibrary,
            _ => null,
        };
        return versioned is not null && NativeLibrary.TryLoad(versioned, out nint handle) ? handle : 0;
    }
}
