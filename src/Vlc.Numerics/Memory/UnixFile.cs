using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Vlc.Numerics.Memory;

/// <summary>
/// Opens what .NET opens only under a lock of its own, or not at all: a file that another program holds exclusively, and a folder.
/// </summary>
public static partial class UnixFile
{
    private const int ReadOnly = 0;

    /// <summary>Opens a file or a folder for reading; null where it cannot be opened. For Unix alone.</summary>
    /// <param name="path">The file or folder.</param>
    public static SafeFileHandle? TryOpen(string path)
    {
        // The folder's handle must not reach a program that is started meanwhile.
        int closeOnExec = OperatingSystem.IsMacOS() ? 0x1000000 : 0x80000;
        nint descriptor = Open(path, ReadOnly | closeOnExec);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);
}
