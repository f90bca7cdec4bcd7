using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Vlc.Bench;

/// <summary>The command line as a user runs it, with the JSON that it answers and the most memory that it held.</summary>
internal static class VlcProcess
{
    /// <summary>Runs the command line built beside this program.</summary>
    /// <param name="arguments">A command and its options; <c>--json --quiet</c> are added.</param>
    /// <returns>The document, and the peak of the resident set in bytes where /proc tells it, else 0.</returns>
    /// <exception cref="InvalidOperationException">It ended with another exit code than 0.</exception>
    public static (JsonElement Result, long PeakBytes) Run(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        start.ArgumentList.Add(Path.Combine(RealSet.Root, "src", "Vlc.Cli", "bin", "Release", "net10.0", "vlc.dll"));
        foreach (string argument in (string[])[.. arguments, "--json", "--quiet"]) start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        long peak = 0;
        while (!process.WaitForExit(50)) peak = Math.Max(peak, PeakOf(process.Id));
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"vlc {arguments[0]} ended with {process.ExitCode}: {output.Result}");
        return (JsonDocument.Parse(output.Result).RootElement, peak);
    }

    private static long PeakOf(int process)
    {
        try
        {
            string? line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            // It has ended meanwhile, or there is no /proc.
            return 0;
        }
    }
}
