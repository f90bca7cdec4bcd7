using System.CommandLine;
using System.Globalization;

namespace Vlc.Cli.Commands;

/// <summary>The option <c>--probes N|all|auto</c>.</summary>
internal static class ProbeCount
{
    /// <summary>Creates the option; its value is null for auto and the largest number for all.</summary>
    public static Option<int?> Option() => new("--probes")
    {
        Description = "Cells to scan for a query: a number, all, or auto, the fewest that reach the target recall on held-out rows.",
        HelpName = "N|all|auto",
        CustomParser = result =>
        {
            string word = result.Tokens[0].Value;
            if (word == "auto") return null;
            if (word == "all") return int.MaxValue;
            if (int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int probes) && probes >= 1) return probes;
            result.AddError($"--probes must be a number of at least 1, all or auto, not '{word}'.");
            return null;
        },
    };
}
