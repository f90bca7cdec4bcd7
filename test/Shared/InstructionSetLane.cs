using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Xml.Linq;

namespace Vlc.Tests;

/// <summary>
/// Runs tests of this assembly again in a child process whose runtime has instruction sets switched off. The child must contain a test that
/// fails unless <see cref="ExpectedLevel"/> is the level in use: a switch that does nothing would otherwise pass unseen.
/// </summary>
internal static class InstructionSetLane
{
    /// <summary>Name of the environment variable that tells a child the level it must find.</summary>
    public const string ExpectedLevelVariable = "VLC_EXPECTED_LEVEL";

    /// <summary>The level that this process must find, or null where it is no lane.</summary>
    public static string? ExpectedLevel => Environment.GetEnvironmentVariable(ExpectedLevelVariable);

    /// <summary>Runs tests in a child; throws unless some ran, none was skipped and all passed. Returns how many.</summary>
    /// <param name="filter">Switches of the xunit runner that choose the tests, such as "-namespace", "X".</param>
    /// <param name="environment">Variables of the child.</param>
    public static int Run(string[] filter, params (string Name, string Value)[] environment)
    {
        using TemporaryFolder folder = new();
        string report = folder.File("report.xml");
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in (string[])[Assembly.GetExecutingAssembly().Location, .. filter, "-noLogo", "-noColor", "-failSkips",
            "-xml", report])
        {
            start.ArgumentList.Add(argument);
        }

        foreach ((string name, string value) in environment) start.Environment[name] = value;
        using Process child = Process.Start(start)!;
        Task<string> error = child.StandardError.ReadToEndAsync();
        string output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        string said = $"exit code {child.ExitCode}\n{output}\n{error.Result}";
        Assert.True(File.Exists(report), $"the lane wrote no report: {said}");
        XElement assembly = Assert.Single(XDocument.Load(report).Root!.Elements("assembly"));
        int total = Count("total");
        Assert.True(
            child.ExitCode == 0 && total > 0 && Count("passed") == total && Count("errors") == 0,
            $"{Count("passed")} of {total} passed: {said}");
        return total;

        int Count(string attribute) => int.Parse(assembly.Attribute(attribute)!.Value, CultureInfo.InvariantCulture);
    }
}
