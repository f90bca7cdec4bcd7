using Vlc.Formats.Binary;

namespace Vlc.Formats;

/// <summary>What recognition looks at: a file's name, length, head and tail, and any place in between.</summary>
public sealed class FileSample : IDisposable
{
    /// <summary>Bytes of <see cref="Head"/>, where the file has as many.</summary>
    public const int HeadLength = 1 << 16;

    /// <summary>Bytes of <see cref="Tail"/>, where the file has as many.</summary>
    public const int TailLength = 64;

    private readonly InputFile? _file;
    private readonly byte[] _head;
    private readonly byte[] _tail;

    private FileSample(string path, InputFile? file)
    {
        Path = path;
        _file = file;
        Length = file?.Length ?? 0;
        _head = new byte[(int)long.Min(Length, HeadLength)];
        _tail = new byte[(int)long.Min(Length, TailLength)];
        file?.ReadExactly(_head, 0, "the head");
        file?.ReadExactly(_tail, Length - _tail.Length, "the tail");
    }

    /// <summary>The file or folder, as the user named it.</summary>
    public string Path { get; }

    /// <summary>The extension with its dot, lower case; empty without one.</summary>
    public string Extension => System.IO.Path.GetExtension(Path).ToLowerInvariant();

    /// <summary>True for a folder, which has no bytes.</summary>
    public bool IsFolder => _file is null;

    /// <summary>Bytes of the file.</summary>
    public long Length { get; }

    /// <summary>The first bytes, <see cref="HeadLength"/> or all of them.</summary>
    public ReadOnlySpan<byte> Head => _head;

    /// <summary>The last bytes, <see cref="TailLength"/> or all of them.</summary>
    public ReadOnlySpan<byte> Tail => _tail;

    /// <summary>Samples a file or a folder.</summary>
    /// <param name="path">The file or folder.</param>
    /// <exception cref="FileNotFoundException">There is neither.</exception>
    /// <exception cref="VlcFormatException">A pipe or a device.</exception>
    public static FileSample Of(string path)
    {
        if (Directory.Exists(path)) return new FileSample(path, file: null);
        var file = new InputFile(path);
        try
        {
            return new FileSample(path, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads up to <c>buffer.Length</c> bytes; fewer only at the end of the file.</summary>
    /// <param name="buffer">Filled from its start.</param>
    /// <param name="offset">First byte, from the start of the file.</param>
    /// <returns>Bytes read.</returns>
    public int Read(Span<byte> buffer, long offset) => _file?.Read(buffer, offset) ?? 0;

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file?.Dispose();
}
