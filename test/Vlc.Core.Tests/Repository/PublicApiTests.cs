using System.Reflection;
using PublicApiGenerator;
using Vlc.Formats;
using Vlc.Indexing;
using Vlc.Numerics;
using Vlc.Search;
using Vlc.Tests;

namespace Vlc.Core.Tests.Repository;

/// <summary>
/// What users can call, as text under review: a change of it is a change of a file here. VLC_APPROVE=1 writes the files anew.
/// </summary>
public sealed class PublicApiTests
{
    private static readonly ApiGeneratorOptions s_options = new() { IncludeAssemblyAttributes = false };

    [Theory]
    [InlineData(typeof(InstructionSets))]
    [InlineData(typeof(VlcIndex))]
    [InlineData(typeof(VectorFiles))]
    public void The_public_api_is_the_approved_one(Type member)
    {
        Assembly assembly = member.Assembly;
        string path = Path.Combine(RepositoryPaths.Root, "test", "Vlc.Core.Tests", "PublicApi", $"{assembly.GetName().Name}.approved.txt");
        string[] actual = assembly.GeneratePublicApi(s_options).ReplaceLineEndings("\n").TrimEnd().Split('\n');
        if (Environment.GetEnvironmentVariable("VLC_APPROVE") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, string.Join('\n', actual) + "\n");
        }

        string[] approved = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n").TrimEnd().Split('\n') : [];
        if (approved.SequenceEqual(actual)) return;
        IEnumerable<string> difference =
            [.. approved.Except(actual).Select(line => $"- {line.Trim()}"), .. actual.Except(approved).Select(line => $"+ {line.Trim()}")];
        Assert.Fail(
            $"The public API of {assembly.GetName().Name} is not the approved one (order counts too). VLC_APPROVE=1 approves it:\n"
            + string.Join('\n', difference.Take(60)));
    }
}
