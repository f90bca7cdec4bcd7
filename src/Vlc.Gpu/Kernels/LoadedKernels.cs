using System.Reflection;

namespace Vlc.Gpu.Kernels;

/// <summary>
/// The compiled kernels of a device. ILGPU forgets kernels without references, and a driver takes seconds to compile one again.
/// </summary>
internal sealed class LoadedKernels
{
    private readonly Dictionary<MethodInfo, Delegate> _launchers = [];

    /// <summary>The launcher of a kernel, compiled on first use.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="load">Compiles it.</param>
    public TLauncher Get<TLauncher>(Delegate kernel, Func<TLauncher> load)
        where TLauncher : Delegate
    {
        lock (_launchers)
        {
            if (!_launchers.TryGetValue(kernel.Method, out Delegate? launcher)) _launchers[kernel.Method] = launcher = load();
            return (TLauncher)launcher;
        }
    }
}
