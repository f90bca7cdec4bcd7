using System.CommandLine;

namespace Vlc.Cli.Commands;

/// <summary>Options that every command has, and those that several share.</summary>
internal static class SharedOptions
{
    public const int DefaultNeighbors = 10;

    public static Option<bool> Json { get; } =
        new("--json") { Description = "Print the result, or the error, as one JSON document.", Recursive = true };

    public static Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "No progress and no warnings.", Recursive = true };

    public static Option<bool> NoColor { get; } =
        new("--no-color") { Description = "No colours; so does the variable NO_COLOR.", Recursive = true };

    public static Option<int?> Threads { get; } = CreateThreads();

    /// <summary>The options of every command.</summary>
    public static IReadOnlyList<Option> All { get; } = [Threads, Json, Quiet, NoColor];

    public static Option<string> Index(bool required = true) =>
        new("--idx") { Description = "BASE, the common part of the names of the index's files.", HelpName = "BASE", Required = required };

    /// <summary>Null stands for <see cref="DefaultNeighbors"/>.</summary>
    public static Option<int?> Neighbors()
    {
        Option<int?> option = NumberOption.Count("-k", 1, $"Neighbours of each query; {DefaultNeighbors} unless given.", "K");
        option.Aliases.Add("--neighbors");
        return option;
    }

    /// <summary>Null stands for auto, the largest number for all.</summary>
    public static Option<int?> Probes() => NumberOption.CountOrWord(
        "--probes", "Cells to scan for a query: a number, all, or auto, the fewest that reach the target recall on held-out rows.",
        ("all", int.MaxValue), ("auto", null));

    /// <summary>Null stands for the recall that the index was built for.</summary>
    public static Option<double?> TargetRecall() => NumberOption.Real(
        "--target-recall", "Recall that --probes auto aims for; the one the index was built for unless given.", "R",
        "above 0 and at most 1", value => value is > 0 and <= 1);

    public static Option<double?> MinRecall(string of) => NumberOption.Real(
        "--min-recall", $"Exit with 4 when {of} is lower.", "R", "a number from 0 to 1", value => value is >= 0 and <= 1);

    public static Option<double?> MaxRatio(string? more = null) => NumberOption.Real(
        "--max-ratio", "Exit with 4 when the ratio is higher." + more, "R", "a number of at least 0", value => value >= 0);

    private static Option<int?> CreateThreads()
    {
        Option<int?> option = NumberOption.Count("--threads", 1, "Threads to use; every processor unless given.");
        option.Recursive = true;
        return option;
    }
}
