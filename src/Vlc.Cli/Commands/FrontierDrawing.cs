using Vlc.Indexing;

namespace Vlc.Cli.Commands;

internal static class FrontierDrawing
{
    public static readonly string[] Extensions = [".svg", ".png", ".html"];

    public static void Check(string path)
    {
    }

    public static void Write(string path, Frontier frontier, TuneResult result)
    {
    }
}
