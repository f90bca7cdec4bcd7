using Vlc.Numerics.Memory;
using Vlc.Numerics.Randomness;

namespace Vlc.Bench;

/// <summary>Random codes in a mapped temporary file, as an index has them. Any bytes are valid codes.</summary>
internal sealed class CodeFile : IDisposable
{
    private readonly string _path = Path.GetTempFileName();
    private readonly MappedFile _file;

    public CodeFile(int rows, int rowBytes)
    {
        var random = new SeededRandom(3);
        var bytes = new byte[rows * rowBytes];
        foreach (ref byte value in bytes.AsSpan()) value = (byte)random.NextUInt64();
        File.WriteAllBytes(_path, bytes);
        _file = new MappedFile(_path);
        Codes = new CodeRows(_file, 0, rows, rowBytes);
    }

    public CodeRows Codes { get; }

    public void Dispose()
    {
        _file.Dispose();
        File.Delete(_path);
    }
}
