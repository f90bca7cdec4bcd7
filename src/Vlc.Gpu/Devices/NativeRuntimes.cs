using System.Reflection;
using System.Runtime.InteropServices;

namespace Vlc.Gpu.Devices;

/// <summary>
/// The drivers' libraries. On Linux they are installed under names that carry a version; those without belong to development packages, and ILGPU asks for these only.
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

    /// <summary>Has <paramref name="assembly"/> find the libraries under the names that they are installed under.</summary>
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

    /// <summary>0 leaves a library to the runtime's own search.</summary>
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
