using System.IO.MemoryMappedFiles;

namespace Vlc.Numerics.Memory;

/// <summary>
/// A file mapped read-only into memory. The operating system reads pages when they are first touched and keeps them in its cache, so an
/// open index costs no managed memory.
/// </summary>
/// <remarks>
/// If another program shortens a mapped file, the next access ends the process. VLC replaces its files by renaming, which leaves the mapped
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
    /// Also runs as a finalizer. The pointer keeps the view's safe handle alive until it is released, and a safe handle is finalized after
    /// all others.
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
