using System.IO.MemoryMappedFiles;

namespace Vlc.Numerics.Memory;

/// <summary>
/// A file mapped read-only into memory. Pages are read when first touched and belong to the operating system's cache, so an open index costs no
/// managed memory.
/// </summary>
/// <remarks>
/// A file that another program shortens while it is mapped ends the process on access. VLC replaces its files by renaming, which leaves the mapped
/// one whole.
/// </remarks>
public sealed unsafe class MappedFile : CodeMemory
{
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _pointer;

    /// <summary>Maps <paramref name="path"/> whole.</summary>
    /// <param name="path">An existing file; may be empty.</param>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public MappedFile(string path)
    {
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            Length = stream.Length;
            if (Length == 0)
            {
                stream.Dispose();
                return;
            }

            _file = MemoryMappedFile.CreateFromFile(
                stream, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        }
        catch
        {
            stream.Dispose();
            throw;
        }

        _view = _file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* pointer = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
        _pointer = pointer + _view.PointerOffset;
    }

    /// <summary>Length of the file in bytes when it was mapped.</summary>
    public override long Length { get; }

    internal override byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer is null, this);
            return _pointer;
        }
    }

    /// <remarks>
    /// Also runs as a finalizer: the pointer keeps the view's safe handle alive until it is released, and a safe handle is finalized after all
    /// others.
    /// </remarks>
    private protected override void Release()
    {
        if (_pointer is not null)
        {
            _pointer = null;
            _view!.SafeMemoryMappedViewHandle.ReleasePointer();
        }

        _view?.Dispose();
        _file?.Dispose();
    }
}
