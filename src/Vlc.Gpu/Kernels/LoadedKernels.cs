using System.Reflection;

namespace Vlc.Gpu.Kernels;

/// <summary>The kernels of a device that have been compiled. ILGPU itself forgets those that nobody holds, and compiling one anew takes a driver seconds.</summary>
internal sealed class LoadedKernels
{
    private readonly Dictionary<MethodInfo, Delegate> _launchers = [];

    /// <summary>A kernel's launcher, compiled when it is first asked for.</summary>
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
