using System.Text.Json.Serialization;

namespace Vlc.Cli.Evaluation;

/// <summary>A bound that a result has to keep.</summary>
/// <param name="Name">What is bounded: "minRecall", "maxRatio".</param>
/// <param name="Required">The bound.</param>
/// <param name="Measured">The result; null where it could not be measured, which counts as missed.</param>
/// <param name="Passed">Whether the bound is kept.</param>
internal sealed record QualityGate(string Name, double Required, double? Measured, bool Passed)
{
    /// <summary>The gates that a command line asks for.</summary>
    public static QualityGate[] Judge(double? minRecall, double? recall, double? maxRatio, double ratio)
    {
        List<QualityGate> gates = [];
        if (minRecall is { } least) gates.Add(new QualityGate("minRecall", least, recall, recall >= least));
        if (maxRatio is { } most) gates.Add(new QualityGate("maxRatio", most, ratio, ratio <= most));
        return [.. gates];
    }

    /// <summary>Says for people what was missed.</summary>
    [JsonIgnore]
    public string Complaint => Measured is { } measured
        ? $"{Name} {Required} missed: {measured:F4}"
        : $"{Name} {Required} missed: too few vectors to measure it";
}
