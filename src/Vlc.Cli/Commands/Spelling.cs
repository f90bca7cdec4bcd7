using System.CommandLine;
using Vlc.Anchors;
using Vlc.Codecs;

namespace Vlc.Cli.Commands;

/// <summary>How the command line spells the values of an enumeration, in help, parsing and output alike.</summary>
/// <typeparam name="T">The enumeration.</typeparam>
internal sealed class Spelling<T>(params (string Word, T Value)[] words)
    where T : struct, Enum
{
    /// <summary>The word for a value.</summary>
    public string this[T value] => words.First(word => EqualityComparer<T>.Default.Equals(word.Value, value)).Word;

    /// <summary>The value of a word that <see cref="Option"/> has let through.</summary>
    public T Parse(string word) => words.First(candidate => candidate.Word == word).Value;

    /// <summary>The same, null for an option that was not given.</summary>
    public T? ParseOptional(string? word) => word is null ? null : Parse(word);

    /// <summary>An option that takes one of the words; null unless given.</summary>
    public Option<string?> Option(string name, string description)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = string.Join('|', words.Select(word => word.Word)) };
        return option.AcceptOnlyFromAmong([.. words.Select(word => word.Word)]);
    }
}

/// <summary>The spellings, each in one place.</summary>
internal static class Spellings
{
    public static Spelling<Metric> Metric { get; } = new(
        ("l2", Vlc.Metric.L2), ("cosine", Vlc.Metric.Cosine), ("ip", Vlc.Metric.InnerProduct));

    public static Spelling<CodecKind> Codec { get; } = new(
        ("packed", CodecKind.Packed), ("parity", CodecKind.Parity), ("int8", CodecKind.Int8), ("f16", CodecKind.Float16),
        ("none", CodecKind.None));

    public static Spelling<MeanKind> Mean { get; } = new(
        ("arithmetic", MeanKind.Arithmetic), ("trimmed", MeanKind.Trimmed), ("huber", MeanKind.Huber));
}
