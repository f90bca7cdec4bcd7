using System.Runtime.InteropServices;

namespace Vlc.Cli.Demo;

/// <summary>
/// The XML documentation of the .NET reference packs that every SDK carries: tens of thousands of members of real
/// English that are on the machine already.
/// </summary>
internal static class ReferencePackDocumentation
{
    /// <summary>Finds the running SDK's <c>packs</c> folder.</summary>
    /// <exception cref="DirectoryNotFoundException">
    /// There is none: only a runtime is installed. The message says where it was looked for.
    /// </exception>
    public static string FindPacks() => FindPacks(CandidateFolders());

    /// <summary>The first of <paramref name="candidates"/> that holds a reference pack.</summary>
    /// <exception cref="DirectoryNotFoundException">None does.</exception>
    public static string FindPacks(IEnumerable<string> candidates)
    {
        List<string> searched = [];
        foreach (string folder in candidates.Select(Path.GetFullPath).Distinct(StringComparer.Ordinal))
        {
            if (Directory.Exists(folder) && Directory.EnumerateDirectories(folder, "*.Ref").Any()) return folder;
            searched.Add(folder);
        }

        throw new DirectoryNotFoundException(
            "No .NET reference packs (*.Ref) found; the demo reads their documentation, and the .NET SDK brings them "
            + $"(a runtime alone does not). Searched: {string.Join(", ", searched)}. "
            + "Install the SDK, or set DOTNET_ROOT to the folder that holds it.");
    }

    /// <summary>Documentation files of the newest version of each pack, in ordinal order of their paths.</summary>
    public static IReadOnlyList<string> Files(string packs)
    {
        List<string> files = [];
        foreach (string pack in Directory.GetDirectories(packs, "*.Ref").Order(StringComparer.Ordinal))
        {
            string? newest = Directory.GetDirectories(pack)
                .OrderBy(VersionOf).ThenBy(static path => path, StringComparer.Ordinal).LastOrDefault();
            if (newest is null) continue;
            files.AddRange(Directory.GetFiles(newest, "*.xml", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
        }

        return files;
    }

    /// <summary>Documented members of every pack under <paramref name="packs"/>, each once and always in the same order.</summary>
    /// <remarks>
    /// The packs hold some 145,000 entries for some 80,000 members: ASP.NET Core's pack repeats the documentation of the
    /// base library. The first entry of a member stands; with both, every answer would come twice.
    /// </remarks>
    public static IEnumerable<DocumentedMember> Read(string packs)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (string file in Files(packs))
        {
            using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16);
            foreach (DocumentedMember member in DocumentationXml.Read(stream))
            {
                if (seen.Add(member.Id)) yield return member;
            }
        }
    }

    private static IEnumerable<string> CandidateFolders()
    {
        // The runtime lies in <root>/shared/Microsoft.NETCore.App/<version>/.
        yield return Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "packs");
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { Length: > 0 } root) yield return Path.Combine(root, "packs");

        string executable = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        string[] path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        foreach (FileInfo dotnet in path.Select(folder => new FileInfo(Path.Combine(folder, executable))).Where(file => file.Exists))
        {
            // Distributions put a link on the PATH; the packs are beside what it points to.
            FileSystemInfo target = dotnet.ResolveLinkTarget(returnFinalTarget: true) ?? dotnet;
            if (Path.GetDirectoryName(target.FullName) is { } home) yield return Path.Combine(home, "packs");
        }
    }

    // "10.0.0-rc.1.25451.107" is older than "10.0.0", and older than anything whose number is higher.
    private static (Version Number, bool Released) VersionOf(string folder)
    {
        string[] parts = Path.GetFileName(folder).Split('-', 2);
        return (Version.TryParse(parts[0], out Version? number) ? number : new Version(0, 0), parts.Length == 1);
    }
}
