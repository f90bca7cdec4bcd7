using System.Text;
using Vlc.Formats;
using Vlc.Vectors;

namespace Vlc.Cli.Files;

/// <summary>
/// BASE.keys.txt: the user's keys, one a line in the order of the rows, UTF-8, with line breaks and backslashes escaped by a
/// backslash. It lies beside the index and is no part of it: a search needs none of it.
/// </summary>
internal sealed class KeyFile : IDisposable
{
    private const int KeysAtOnce = 4096;

    private readonly ReplacingFile? _file;
    private readonly string _path;

    private KeyFile(string path, ReplacingFile? file) => (_path, _file) = (path, file);

    /// <summary>The keys' file of an index.</summary>
    public static string PathFor(string basePath) =>
        (basePath.EndsWith(".idx", StringComparison.Ordinal) ? basePath[..^".idx".Length] : basePath) + ".keys.txt";

    /// <summary>Writes a source's keys under a temporary name; a source without keys has nothing to write.</summary>
    public static KeyFile Stage(VectorSource source, string basePath, CancellationToken cancellationToken)
    {
        if (!source.HasKeys) return new KeyFile(PathFor(basePath), file: null);
        return Stage(Keys(source), basePath, cancellationToken);
    }

    /// <summary>Writes keys under a temporary name.</summary>
    public static KeyFile Stage(IEnumerable<string> keys, string basePath, CancellationToken cancellationToken)
    {
        string path = PathFor(basePath);
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var staged = new KeyFile(path, new ReplacingFile(path));
        try
        {
            foreach (string[] chunk in keys.Chunk(KeysAtOnce))
            {
                cancellationToken.ThrowIfCancellationRequested();
                staged._file!.Stream.Write(Encoding.UTF8.GetBytes(string.Concat(chunk.Select(key => Escape(key) + "\n"))));
            }

            return staged;
        }
        catch
        {
            staged.Dispose();
            throw;
        }
    }

    /// <summary>Puts the keys in the place of those of an older index; without keys, removes them.</summary>
    public void Complete()
    {
        if (_file is null) File.Delete(_path);
        else _file.Complete();
    }

    /// <summary>Deletes what was written unless <see cref="Complete"/> was reached.</summary>
    public void Dispose() => _file?.Dispose();

    /// <summary>The keys of an index, or null where it has none.</summary>
    /// <exception cref="VlcFormatException">There are not as many as rows: the file belongs to another index.</exception>
    public static string[]? TryRead(string basePath, int count)
    {
        string path = PathFor(basePath);
        if (!File.Exists(path)) return null;
        string[] keys = [.. File.ReadLines(path, Encoding.UTF8).Take(count + 1).Select(Unescape)];
        if (keys.Length != count)
        {
            string found = keys.Length > count ? "more" : $"{keys.Length}";
            throw new VlcFormatException(
                path, "lines", $"{count} keys, one a row", found, "The keys are of another index; rebuild it, or delete them.");
        }

        return keys;
    }

    private static IEnumerable<string> Keys(VectorSource source)
    {
        var block = new string[(int)Math.Min(KeysAtOnce, source.Count)];
        for (long start = 0; start < source.Count; start += block.Length)
        {
            int count = (int)Math.Min(block.Length, source.Count - start);
            source.ReadKeys(start, block.AsSpan(0, count));
            for (int i = 0; i < count; i++) yield return block[i];
        }
    }

    private static string Escape(string key) => key.AsSpan().ContainsAny('\\', '\n', '\r')
        ? key.Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal)
            .Replace("\r", "\\r", StringComparison.Ordinal)
        : key;

    private static string Unescape(string line)
    {
        if (!line.Contains('\\', StringComparison.Ordinal)) return line;
        var key = new StringBuilder(line.Length);
        for (int i = 0; i < line.Length; i++)
        {
            char c = line[i];
            if (c == '\\' && i + 1 < line.Length)
            {
                c = line[++i] switch { 'n' => '\n', 'r' => '\r', char other => other };
            }

            key.Append(c);
        }

        return key.ToString();
    }
}
