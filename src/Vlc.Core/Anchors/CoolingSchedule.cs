namespace Vlc.Anchors;

/// <summary>The curve of the temperature over the iterations of training.</summary>
public enum CoolingShape
{
    /// <summary>T(t) = T0 · rate^t.</summary>
    Exponential = 0,

    /// <summary>T(t) = T0 / (1 + rate · t).</summary>
    Inverse = 1,
}

/// <summary>
/// The annealing schedule. At temperature T each updated anchor is moved by Gaussian noise of variance T times the variance of its cell.
/// This is stochastic relaxation, variant SR-C (Zeger, Vaisey and Gersho, "Globally optimal vector quantizer design by stochastic
/// relaxation", 1992). At T = 0 the update is Lloyd's.
/// </summary>
/// <param name="Shape">The curve.</param>
/// <param name="InitialTemperature">T0, dimensionless; 0 is plain Lloyd.</param>
/// <param name="Rate">Factor an iteration (exponential, in (0, 1)) or slope (inverse, above 0).</param>
public sealed record CoolingSchedule(CoolingShape Shape, double InitialTemperature, double Rate)
{
    /// <summary>Below this the temperature counts as 0, so that training ends in exact Lloyd iterations.</summary>
    public const double Frozen = 1e-3;

    /// <summary>No annealing: plain Lloyd.</summary>
    public static CoolingSchedule None { get; } = new(CoolingShape.Exponential, 0, 0.5);

    /// <summary>Temperature of an iteration; 0 once it has fallen below <see cref="Frozen"/>.</summary>
    /// <param name="iteration">0-based.</param>
    public double Temperature(int iteration)
    {
        double temperature = InitialTemperature;
        if (Shape == CoolingShape.Inverse)
        {
            temperature /= 1 + (Rate * iteration);
        }
        else
        {
            // Repeated products instead of Math.Pow, whose last bit depends on the platform.
            for (int i = 0; i < iteration && temperature >= Frozen; i++) temperature *= Rate;
        }

        return temperature < Frozen ? 0 : temperature;
    }

    internal IEnumerable<string> Problems()
    {
        if (!double.IsFinite(InitialTemperature) || InitialTemperature < 0)
        {
            yield return "the initial temperature must be a finite number of at least 0";
        }

        if (Shape == CoolingShape.Exponential && !(Rate > 0 && Rate < 1))
        {
            yield return "the rate of exponential cooling must lie between 0 and 1";
        }

        if (Shape == CoolingShape.Inverse && !(Rate > 0 && double.IsFinite(Rate)))
        {
            yield return "the rate of inverse cooling must be above 0";
        }
    }
}
