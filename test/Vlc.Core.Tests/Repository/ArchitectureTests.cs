using System.Xml.Linq;
using Vlc.Tests;

namespace Vlc.Core.Tests.Repository;

public sealed class ArchitectureTests
{
    private static readonly string s_source = Path.Combine(RepositoryPaths.Root, "src");

    /// <summary>What each project may reference, and nothing else: the layers point downwards.</summary>
    private static readonly Dictionary<string, string[]> s_layers = new()
    {
        ["Vlc.Numerics"] = [],
        ["Vlc.Core"] = ["Vlc.Numerics"],
        ["Vlc.Formats"] = ["Vlc.Core"],
        ["Vlc.Formats.Hdf5"] = ["Vlc.Formats"],
        ["Vlc.Formats.Columnar"] = ["Vlc.Formats"],
        ["Vlc.Formats.Zstandard"] = ["Vlc.Formats"],
        ["Vlc.Formats.Chroma"] = ["Vlc.Formats"],
        ["Vlc.Plots"] = ["Vlc.Core"],
        ["Vlc.Gpu"] = ["Vlc.Core"],
        ["Vlc.Cli"] =
        [
            "Vlc.Formats", "Vlc.Formats.Hdf5", "Vlc.Formats.Columnar", "Vlc.Formats.Zstandard", "Vlc.Formats.Chroma",
            "Vlc.Plots", "Vlc.Gpu",
        ],
    };

    private static readonly Dictionary<string, string[]> s_packages = new()
    {
        ["Vlc.Numerics"] = ["System.Numerics.Tensors"],
        ["Vlc.Core"] = ["System.Numerics.Tensors"],
        ["Vlc.Formats"] = [],
        ["Vlc.Formats.Hdf5"] = [],
        ["Vlc.Formats.Columnar"] = ["ZstdSharp.Port"],
        ["Vlc.Formats.Zstandard"] = ["ZstdSharp.Port"],
        ["Vlc.Formats.Chroma"] = ["Microsoft.Data.Sqlite"],
        ["Vlc.Plots"] = ["ScottPlot"],
        ["Vlc.Gpu"] = ["ILGPU"],
        ["Vlc.Cli"] = ["System.CommandLine", "Spectre.Console"],
    };

    [Fact]
    public void Every_project_has_a_place_in_the_layers() =>
        Assert.Equal(s_layers.Keys.Order(StringComparer.Ordinal), Projects().Select(project => project.Name).Order(StringComparer.Ordinal));

    [Fact]
    public void Projects_reference_only_the_layer_below()
    {
        foreach ((string name, XDocument project) in Projects())
        {
            string[] references =
                [.. Included(project, "ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path.Replace('\\', '/')))];
            Assert.True(
                !references.Except(s_layers[name]).Any(), $"{name} references {string.Join(", ", references.Except(s_layers[name]))}");
        }
    }

    [Fact]
    public void Projects_use_only_the_packages_that_they_are_for()
    {
        foreach ((string name, XDocument project) in Projects())
        {
            string[] packages = [.. Included(project, "PackageReference")];
            Assert.True(!packages.Except(s_packages[name]).Any(), $"{name} uses {string.Join(", ", packages.Except(s_packages[name]))}");
        }
    }

    [Fact]
    public void Only_the_numerics_project_allows_unsafe_code()
    {
        string[] allowed =
            [.. Projects().Where(project => project.Project.Descendants("AllowUnsafeBlocks").Any(element => element.Value == "true"))
            .Select(project => project.Name)];
        Assert.Equal(["Vlc.Numerics"], allowed);
        // Without the switch the compiler refuses pointers; these two do the same without pointers.
        IEnumerable<(string, string)> others =
            Sources().Where(file => !Relative(file.Path).StartsWith("Vlc.Numerics/", StringComparison.Ordinal));
        foreach ((string path, string text) in others)
        {
            Assert.False(text.Contains("MemoryMarshal.GetReference", StringComparison.Ordinal), path);
            Assert.False(text.Contains("CompilerServices.Unsafe", StringComparison.Ordinal), path);
        }
    }

    [Fact]
    public void No_folder_is_named_after_nothing_and_no_work_is_left_undone()
    {
        string[] vague = ["Utils", "Util", "Helpers", "Helper", "Common", "Misc"];
        foreach ((string path, string text) in Sources())
        {
            Assert.Empty(Relative(path).Split('/').Intersect(vague, StringComparer.OrdinalIgnoreCase));
            foreach (string mark in (string[])["TO" + "DO", "FIX" + "ME", "HA" + "CK:", nameof(NotImplementedException)])
            {
                Assert.False(text.Contains(mark, StringComparison.Ordinal), $"{path} has {mark}");
            }
        }
    }

    private static IEnumerable<string> Included(XDocument project, string element) =>
        project.Descendants(element).Select(reference => reference.Attribute("Include")!.Value);

    private static (string Name, XDocument Project)[] Projects()
    {
        (string Name, XDocument Project)[] projects =
        [
            .. Directory.GetFiles(s_source, "*.csproj", SearchOption.AllDirectories)
                .Select(path => (Path.GetFileNameWithoutExtension(path), XDocument.Load(path))),
        ];
        Assert.NotEmpty(projects);
        return projects;
    }

    private static (string Path, string Text)[] Sources()
    {
        (string, string)[] sources =
        [
            .. Directory.GetFiles(s_source, "*.cs", SearchOption.AllDirectories)
                .Where(path => !Relative(path).Split('/').Any(folder => folder is "obj" or "bin"))
                .Select(path => (path, File.ReadAllText(path))),
        ];
        Assert.NotEmpty(sources);
        return sources;
    }

    private static string Relative(string path) => Path.GetRelativePath(s_source, path).Replace('\\', '/');
}
