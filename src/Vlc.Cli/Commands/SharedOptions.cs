using System.CommandLine;

namespace Vlc.Cli.Commands;

/// <summary>Options that every command has, and those that several share.</summary>
internal static class SharedOptions
{
    public static Option<bool> Json { get; } = new("--json") { Description = "Print the result, or the error, as one JSON document.", Recursive = true };

    public static Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "No progress and no warnings.", Recursive = true };

    public static Option<bool> NoColor { get; } = new("--no-color") { Description = "No colours; so does the variable NO_COLOR.", Recursive = true };

    public static Option<int?> Threads { get; } = AtLeast(
        1, new Option<int?>("--threads") { Description = "Threads to use; every processor unless given.", HelpName = "N", Recursive = true });

    /// <summary>The options of every command.</summary>
    public static IReadOnlyList<Option> All { get; } = [Threads, Json, Quiet, NoColor];

    public static Option<string> Index(bool required = true) =>
        new("--idx") { Description = "BASE, the common part of the names of the index's files.", HelpName = "BASE", Required = required };

    public static Option<int> Neighbors() => AtLeast(
        1, new Option<int>("-k", "--neighbors") { Description = "Neighbours of each query.", HelpName = "K", DefaultValueFactory = _ => 10 });

    public static Option<double?> MinRecall(string of) => Within(
        0, 1, new Option<double?>("--min-recall") { Description = $"Exit with 4 when {of} is lower.", HelpName = "R" });

    public static Option<double?> MaxRatio() => Within(
        0, double.MaxValue, new Option<double?>("--max-ratio") { Description = "Exit with 4 when the ratio is higher.", HelpName = "R" });

    public static Option<double> TargetRecall()
    {
        var option = new Option<double>("--target-recall")
        {
            Description = "Recall that --probes auto aims for, above 0 and at most 1.", HelpName = "R", DefaultValueFactory = _ => 0.95,
        };
        option.Validators.Add(result =>
        {
            if (result.Errors.Any()) return;
            if (!(result.GetValueOrDefault<double>() is > 0 and <= 1)) result.AddError("--target-recall must be above 0 and at most 1.");
        });
        return option;
    }

    /// <summary>Requires a whole number of at least <paramref name="least"/>.</summary>
    public static Option<T> AtLeast<T>(int least, Option<T> option)
    {
        option.Validators.Add(result =>
        {
            if (!result.Errors.Any() && result.GetValueOrDefault<T>() is int value && value < least)
            {
                result.AddError($"{option.Name} must be at least {least}, not {value}.");
            }
        });
        return option;
    }

    private static Option<double?> Within(double least, double most, Option<double?> option)
    {
        option.Validators.Add(result =>
        {
            if (result.Errors.Any() || result.GetValueOrDefault<double?>() is not { } value) return;
            if (!(value >= least && value <= most)) result.AddError($"{option.Name} must lie in {least} to {most}, not {value}.");
        });
        return option;
    }
}
