namespace Vlc.Codecs.Packed;

/// <summary>
/// Looks for the scale of a row's target at which the projection of the residual on its code fits, between a scale that falls short and one that overshoots. Says which
/// scale to code next; hears how far off that code is.
/// </summary>
internal struct UnbiasedSearch()
{
    private const int Passes = 4;

    /// <summary>Off by less than this, a code is good enough.</summary>
    private const double Tolerance = 1e-4;

    private double _leastError = double.PositiveInfinity;
    private double _shortScale, _shortError, _longScale, _longError;
    private bool _hasShort, _hasLong;

    /// <summary>The scale to code next; 1 at first.</summary>
    public double Scale { get; private set; } = 1;

    /// <summary>Codes made.</summary>
    public int Pass { get; private set; }

    /// <summary>Whether the last code that was kept is the one to take.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Takes what coding at <see cref="Scale"/> gave.</summary>
    /// <param name="error">⟨r, r̂⟩ / ‖r‖² - 1.</param>
    /// <returns>Whether the code is the best so far, to be kept.</returns>
    public bool Offer(double error)
    {
        bool best = Math.Abs(error) < _leastError;
        if (best) _leastError = Math.Abs(error);
        int pass = Pass++;
        IsDone = Math.Abs(error) < Tolerance || Pass == Passes;
        if (IsDone) return best;
        if (error < 0)
        {
            if (!_hasShort || error > _shortError) (_shortScale, _shortError, _hasShort) = (Scale, error, true);
        }
        else if (!_hasLong || error < _longError)
        {
            (_longScale, _longError, _hasLong) = (Scale, error, true);
        }

        if (_hasShort && _hasLong)
        {
            Scale = (pass & 1) == 1
                ? 0.5 * (_shortScale + _longScale)
                : _shortScale + ((_longScale - _shortScale) * -_shortError / (_longError - _shortError));
        }
        else
        {
            // Overshoots a little, so that the next pass brackets: x^1.25 by square roots.
            double ratio = Math.Max(0.3, error + 1);
            Scale = Math.Min(Scale / (ratio * Math.Sqrt(Math.Sqrt(ratio))), 3);
        }

        return best;
    }
}
