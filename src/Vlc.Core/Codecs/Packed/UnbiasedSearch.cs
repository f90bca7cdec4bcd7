namespace Vlc.Codecs.Packed;

/// <summary>
/// Searches the scale of a row's target at which the projection of the residual on its code is right, between a scale that is too small and
/// one that is too large. It gives the next scale to code, and receives the error of that code.
/// </summary>
internal struct UnbiasedSearch()
{
    private const int Passes = 4;

    /// <summary>A code whose error is below this is good enough.</summary>
    private const double Tolerance = 1e-4;

    private double _leastError = double.PositiveInfinity;
    private double _shortScale, _shortError, _longScale, _longError;
    private bool _hasShort, _hasLong;

    /// <summary>The scale to code next; 1 at first.</summary>
    public double Scale { get; private set; } = 1;

    /// <summary>Codes made.</summary>
    public int Pass { get; private set; }

    /// <summary>Whether the last code that was candidates is final.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Receives the result of coding at <see cref="Scale"/>.</summary>
    /// <param name="error">⟨r, r̂⟩ / ‖r‖² - 1.</param>
    /// <returns>Whether the code is the best so far, to be candidates.</returns>
    public bool Update(double error)
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
            // Overshoots a little, so that the next pass brackets the root: x^1.25 by square roots.
            double ratio = Math.Max(0.3, error + 1);
            Scale = Math.Min(Scale / (ratio * Math.Sqrt(Math.Sqrt(ratio))), 3);
        }

        return best;
    }
}
