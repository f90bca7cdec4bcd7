using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Vlc.Bench;

/// <summary>The command line as a user runs it, with the JSON of its answer and its peak memory.</summary>
internal static class VlcProcess
{
    /// <summary>Runs the command line built beside this program.</summary>
    /// <param name="arguments">A command and its options; <c>--json --quiet</c> are added.</param>
    /// <returns>The document, and the peak of resident memory.</returns>
    /// <exception cref="InvalidOperationException">It ended with another exit code than 0.</exception>
    public static (JsonElement Result, PeakMemory Peak) Run(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        start.ArgumentList.Add(Path.Combine(RealSet.Root, "src", "Vlc.Cli", "bin", "Release", "net10.0", "vlc.dll"));
        foreach (string argument in (string[])[.. arguments, "--json", "--quiet"]) start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        var peak = default(PeakMemory);
        while (!process.WaitForExit(50)) peak = peak.Or(MemoryOf(process.Id));
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"vlc {arguments[0]} ended with {process.ExitCode}: {output.Result}");
        }

        return (JsonDocument.Parse(output.Result).RootElement, peak);
    }

    private static PeakMemory MemoryOf(int process)
    {
        try
        {
            var kilobytes = File.ReadLines($"/proc/{process}/status").Select(
                line => line.Split([':', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
                .Where(words => words is [.., "kB"]).ToDictionary(
                    words => words[0], words => long.Parse(words[1], CultureInfo.InvariantCulture));
            return new PeakMemory(1024 * kilobytes.GetValueOrDefault("VmHWM"), 1024 * kilobytes.GetValueOrDefault("RssAnon"));
        }
        catch (IOException)
        {
            // The process has ended, or there is no /proc.
            return default;
        }
    }
}

/// <summary>The peak of a process's resident memory, in bytes; 0 where /proc does not report it.</summary>
/// <param name="Resident">All of it, with mapped files, whose pages the system takes back when it needs them.</param>
/// <param name="Anonymous">Its own memory alone, sampled every 50 ms.</param>
internal readonly record struct PeakMemory(long Resident, long Anonymous)
{
    /// <summary>The larger of each.</summary>
    public PeakMemory Or(PeakMemory other) => new(Math.Max(Resident, other.Resident), Math.Max(Anonymous, other.Anonymous));
}
