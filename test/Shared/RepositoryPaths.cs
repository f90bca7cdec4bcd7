namespace Vlc.Tests;

/// <summary>Finds the repository from a test's folder, and the real vectors that may lie beside it.</summary>
internal static class RepositoryPaths
{
    /// <summary>The folder that holds Vlc.slnx.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Path of a file of ../shared/data; skips the running test, saying so, where the data is absent.</summary>
    public static string SharedData(string fileName)
    {
        string path = Path.Combine(Root, "..", "shared", "data", fileName);
        Assert.SkipUnless(File.Exists(path), $"real vectors are absent: ../shared/data/{fileName}");
        return Path.GetFullPath(path);
    }

    /// <summary>Path of a file that a foreign tool wrote, in the fixtures of the format tests.</summary>
    public static string Fixture(string folder, string fileName) =>
        Path.Combine(Root, "test", "Vlc.Formats.Tests", "Fixtures", folder, fileName);

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Vlc.slnx"))) return folder.FullName;
        }

        throw new InvalidOperationException($"No Vlc.slnx above {AppContext.BaseDirectory}.");
    }
}
