using Microsoft.Win32.SafeHandles;

namespace Vlc.Formats.Binary;

/// <summary>A file read by position: no shared cursor, 64-bit offsets, and a short read is an error that names its place.</summary>
internal sealed class InputFile : IDisposable
{
    private readonly SafeFileHandle _handle;

    /// <summary>Opens a file.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="shownAs">
    /// What messages call it, where that is not <paramref name="path"/>: the archive that a temporary file came out of.
    /// </param>
    public InputFile(string path, string? shownAs = null)
    {
        Path = shownAs ?? path;
        _handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        try
        {
            Length = RandomAccess.GetLength(_handle);
        }
        catch (NotSupportedException exception)
        {
            _handle.Dispose();
            throw new VlcFormatException(
                Path, "file", "a file that can be read by position", "a pipe or a device", "Save it to a file first.", exception);
        }
    }

    /// <summary>What messages call the file.</summary>
    public string Path { get; }

    /// <summary>Bytes, when the file was opened.</summary>
    public long Length { get; }

    /// <summary>Reads up to <c>buffer.Length</c> bytes at <paramref name="offset"/>; fewer only at the end of the file.</summary>
    public int Read(Span<byte> buffer, long offset)
    {
        int total = 0;
        while (total < buffer.Length)
        {
            int read = RandomAccess.Read(_handle, buffer[total..], offset + total);
            if (read == 0) break;
            total += read;
        }

        return total;
    }

    /// <summary>Fills <paramref name="buffer"/> from <paramref name="offset"/>.</summary>
    /// <param name="buffer">Filled whole.</param>
    /// <param name="offset">First byte, from the start of the file.</param>
    /// <param name="what">What lies there, for the message.</param>
    /// <exception cref="VlcFormatException">The file ends first.</exception>
    public void ReadExactly(Span<byte> buffer, long offset, string what)
    {
        int read = Read(buffer, offset);
        if (read < buffer.Length)
        {
            throw new VlcFormatException(
                Path, $"offset {offset}", $"{buffer.Length} bytes of {what}", $"{read} bytes before the end of the file",
                "The file is truncated.");
        }
    }

    public void Dispose() => _handle.Dispose();
}
