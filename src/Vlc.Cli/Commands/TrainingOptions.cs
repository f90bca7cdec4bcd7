using System.CommandLine;
using Vlc.Anchors;
using Vlc.Compute;

namespace Vlc.Cli.Commands;

/// <summary>The options that say how anchors are learned.</summary>
internal sealed class TrainingOptions
{
    private const double DefaultTemperature = 0.5;
    private const double DefaultCoolingRate = 0.7;
    private const double DefaultTrimmedShare = 0.05;
    private const double DefaultHuberMultiple = 1.5;

    private readonly Option<int?> _iterations = NumberOption.Count(
        "--iterations", 1, "Most iterations of training; fewer when it converges.");

    private readonly Option<string?> _cooling = new Option<string?>("--cooling")
    {
        Description = "How the temperature of annealing falls; none is plain Lloyd.", HelpName = "none|exponential|inverse",
    }.AcceptOnlyFromAmong("none", "exponential", "inverse");

    private readonly Option<double?> _temperature = NumberOption.Real(
        "--temperature", $"Temperature that cooling starts from; {DefaultTemperature} unless given.", "T",
        "a finite number of at least 0", NotNegative);

    private readonly Option<double?> _coolingRate = NumberOption.Real(
        "--cooling-rate", $"Factor an iteration (exponential) or slope (inverse); {DefaultCoolingRate} unless given.", "R",
        "a finite number above 0", Positive);

    private readonly Option<string?> _mean = Spellings.Mean.Option(
        "--mean", "The mean of a cell; trimmed and huber are robust against outliers.");

    private readonly Option<double?> _meanParameter = NumberOption.Real(
        "--mean-parameter",
        $"trimmed: share of rows left out ({DefaultTrimmedShare}); huber: multiple of the median distance ({DefaultHuberMultiple}).",
        "X", "a finite number of at least 0", NotNegative);

    private readonly Option<int?> _maintenance = NumberOption.Count("--maintenance", 0, "Rounds of merging and splitting cells.");

    private readonly Option<double?> _lambda = NumberOption.Real(
        "--lambda", "Distortion that one byte a vector is worth; above 0, cells may be merged away for it.", "L",
        "a finite number of at least 0", NotNegative);

    private readonly Option<string?> _checkpoint = new("--checkpoint")
    {
        Description = "File that keeps the state of training, so that the same command goes on after an interruption.", HelpName = "FILE",
    };

    public void AddTo(Command command)
    {
        Option[] options = [_iterations, _checkpoint, _cooling, _temperature, _coolingRate, _mean, _meanParameter, _maintenance, _lambda];
        foreach (Option option in options) command.Add(option);
    }

    /// <summary>The options as the library wants them.</summary>
    /// <exception cref="ArgumentException">An option without the one that it belongs to.</exception>
    public AnchorTrainingOptions Read(ParseResult parsed, int? anchors, ulong seed, IComputeBackend? backend) => new()
    {
        AnchorCount = anchors,
        Seed = seed,
        MaxIterations = parsed.GetValue(_iterations) ?? new AnchorTrainingOptions().MaxIterations,
        Cooling = Cooling(parsed),
        Mean = Mean(parsed),
        MaintenanceRounds = parsed.GetValue(_maintenance),
        Lambda = parsed.GetValue(_lambda) ?? 0,
        CheckpointPath = parsed.GetValue(_checkpoint),
        Threads = parsed.GetValue(SharedOptions.Threads),
        Backend = backend,
    };

    private static bool NotNegative(double value) => value >= 0 && double.IsFinite(value);

    private static bool Positive(double value) => value > 0 && double.IsFinite(value);

    private CoolingSchedule? Cooling(ParseResult parsed)
    {
        double? temperature = parsed.GetValue(_temperature), rate = parsed.GetValue(_coolingRate);
        CoolingShape? shape = parsed.GetValue(_cooling) switch
        {
            "exponential" => CoolingShape.Exponential,
            "inverse" => CoolingShape.Inverse,
            _ => null,
        };
        if (shape is { } curve) return new CoolingSchedule(curve, temperature ?? DefaultTemperature, rate ?? DefaultCoolingRate);
        if ((temperature ?? rate) is not null)
        {
            throw new ArgumentException("--temperature and --cooling-rate need --cooling exponential or inverse.");
        }

        return parsed.GetValue(_cooling) is null ? null : CoolingSchedule.None;
    }

    private RobustMean Mean(ParseResult parsed)
    {
        double? parameter = parsed.GetValue(_meanParameter);
        switch (Spellings.Mean.ParseOptional(parsed.GetValue(_mean)) ?? MeanKind.Arithmetic)
        {
            case MeanKind.Trimmed: return new RobustMean(MeanKind.Trimmed, parameter ?? DefaultTrimmedShare);
            case MeanKind.Huber: return new RobustMean(MeanKind.Huber, parameter ?? DefaultHuberMultiple);
            default:
                if (parameter is not null) throw new ArgumentException("--mean-parameter needs --mean trimmed or huber.");
                return RobustMean.Arithmetic;
        }
    }
}
