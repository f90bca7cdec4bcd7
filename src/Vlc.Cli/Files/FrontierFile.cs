using System.Text;
using Vlc.Formats;
using Vlc.Indexing;
using Vlc.Plots;

namespace Vlc.Cli.Files;

/// <summary>Writes a drawn frontier to a file whose name says how.</summary>
internal static class FrontierFile
{
    /// <summary>What <c>--plot</c> can write.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".svg", ".png", ".html"];

    /// <summary>Refuses a file that could not be written, before minutes of work.</summary>
    /// <exception cref="ArgumentException">Another extension.</exception>
    /// <exception cref="DirectoryNotFoundException">No such folder.</exception>
    public static void Check(string path)
    {
        if (!Extensions.Contains(Path.GetExtension(path)))
        {
            throw new ArgumentException($"--plot must end in {string.Join(", ", Extensions)}, not '{Path.GetExtension(path)}'.");
        }

        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"{path}: the folder {folder} does not exist.");
    }

    /// <summary>Draws and writes; an older file of the name is replaced in one step.</summary>
    /// <exception cref="PlatformNotSupportedException">The drawing library is not there for this platform.</exception>
    public static void Write(string path, Frontier frontier, string title)
    {
        byte[] content;
        try
        {
            content = Draw(path, frontier, title);
        }
        catch (Exception exception) when (exception is DllNotFoundException or TypeInitializationException)
        {
            throw new PlatformNotSupportedException(
                $"{path}: there is no drawing library for this platform; the table and --json have the same figures.", exception);
        }

        using var file = new ReplacingFile(path);
        file.Stream.Write(content);
        file.Complete();
    }

    private static byte[] Draw(string path, Frontier frontier, string title) => Path.GetExtension(path) switch
    {
        ".png" => FrontierPlot.Png(frontier, title),
        ".svg" => Encoding.UTF8.GetBytes(FrontierPlot.Svg(frontier, title)),
        _ => Encoding.UTF8.GetBytes(FrontierPage.Html(frontier, title)),
    };
}
