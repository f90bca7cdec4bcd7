using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Vlc.Cli.Commands;

/// <summary>Options whose value is a number: a word that is none, or a number out of range, is refused in the option's own terms.</summary>
internal static class NumberOption
{
    /// <summary>A whole number of at least <paramref name="least"/>; null unless given.</summary>
    public static Option<int?> Count(string name, int least, string description, string valueName = "N") => new(name)
    {
        Description = description,
        HelpName = valueName,
        CustomParser = result => Parse<int>(result, name, $"a whole number of at least {least}", value => value >= least),
    };

    /// <summary>What a word that leaves the choice is parsed as: a parser cannot hand out "none given" for a word that is.</summary>
    private const int Chosen = 0;

    /// <summary>What an option of <see cref="CountOrWord"/> says; null where it leaves the choice, or is not there.</summary>
    public static int? ValueOf(ParseResult parsed, Option<int?> option) =>
        parsed.GetValue(option) is { } value and not Chosen ? value : null;

    /// <summary>
    /// A whole number of at least 1, or one of the words, each of which stands for a value; to be read by <see cref="ValueOf"/>.
    /// Null leaves the choice to the program.
    /// </summary>
    public static Option<int?> CountOrWord(string name, string description, params (string Word, int? Value)[] words) => new(name)
    {
        Description = description,
        HelpName = string.Join('|', words.Select(word => word.Word).Prepend("N")),
        CustomParser = result =>
        {
            foreach ((string word, int? value) in words)
            {
                if (result.Tokens[0].Value == word) return value ?? Chosen;
            }

            string range = $"a whole number of at least 1 or {string.Join(" or ", words.Select(word => word.Word))}";
            return Parse<int>(result, name, range, value => value >= 1);
        },
    };

    /// <summary>A number within bounds that <paramref name="range"/> puts in words; null unless given.</summary>
    public static Option<double?> Real(string name, string description, string valueName, string range, Func<double, bool> within) =>
        new(name)
        {
            Description = description,
            HelpName = valueName,
            CustomParser = result => Parse(result, name, range, within),
        };

    /// <summary>Any 64-bit number.</summary>
    public static Option<ulong?> Bits(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result => Parse<ulong>(result, name, "a whole number of at least 0", _ => true),
    };

    private static T? Parse<T>(ArgumentResult result, string name, string range, Func<T, bool> within)
        where T : struct, IParsable<T>
    {
        string word = result.Tokens[0].Value;
        if (T.TryParse(word, CultureInfo.InvariantCulture, out T value) && within(value)) return value;
        result.AddError($"{name} must be {range}, not '{word}'.");
        return null;
    }
}
