namespace Vlc.Codecs.Packed;

/// <summary>
/// Shannon's bound for a code of independent Gaussian components: the fewest bits, whole or not, with which any code of any length can
/// reach a squared error. It follows by reverse water-filling. At the level θ the error is D = Σ c·min(θ, σ²) and the bits are R = Σ
/// c·max(0, ½ log2(σ²/θ)), with c components of each variance.
/// </summary>
/// <remarks>
/// Cover and Thomas, Elements of Information Theory, 10.3.3. These are sums, not means: with lists counted by their vectors, D and R are
/// those of the whole index.
/// </remarks>
internal sealed class GaussianBound
{
    private readonly double[] _variances;

    // For the first i components, which are those of most variance: their number, and Σ log2 σ². For the others: Σ σ².
    private readonly double[] _counts, _logarithms, _rest;

    /// <summary>Sorts the components.</summary>
    /// <param name="components">
    /// Variances, finite and at least 0, and the number of components of each; variances without components are left out.
    /// </param>
    public GaussianBound(IEnumerable<(double Variance, double Count)> components)
    {
        (double Variance, double Count)[] ordered =
            [.. components.Where(c => c.Variance > 0 && c.Count > 0).OrderByDescending(c => c.Variance)];
        _variances = [.. ordered.Select(c => c.Variance)];
        _counts = new double[ordered.Length + 1];
        _logarithms = new double[ordered.Length + 1];
        _rest = new double[ordered.Length + 1];
        for (int i = 0; i < ordered.Length; i++)
        {
            _counts[i + 1] = _counts[i] + ordered[i].Count;
            _logarithms[i + 1] = _logarithms[i] + (ordered[i].Count * Math.Log2(ordered[i].Variance));
        }

        for (int i = ordered.Length - 1; i >= 0; i--) _rest[i] = _rest[i + 1] + (ordered[i].Count * ordered[i].Variance);
    }

    /// <summary>Σ c·σ²: the error of no bits at all.</summary>
    public double Variance => _rest[0];

    /// <summary>
    /// The bound of a packed model: every axis of every list, with the variance of the allocation, which is weighted by axis and list.
    /// Errors must be weighted alike (<see cref="PackedModel.WeightedError"/>), because the code minimises that error.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="listCounts">Vectors of each list.</param>
    public static GaussianBound Of(PackedModel model, ReadOnlySpan<int> listCounts)
    {
        // Variances are whole numbers of 1/64 octave, so few are distinct.
        var counts = new SortedDictionary<int, double>();
        for (int list = 0; list < listCounts.Length; list++)
        {
            if (listCounts[list] == 0) continue;
            foreach (int variance in model.WeightedVariances(list))
            {
                counts[variance] = counts.GetValueOrDefault(variance) + listCounts[list];
            }
        }

        return new GaussianBound(counts.Select(entry => (double.Exp2(entry.Key / 64.0), entry.Value)));
    }

    /// <summary>R(D), in bits; infinite for no error, 0 from <see cref="Variance"/> on.</summary>
    /// <param name="distortion">D, the squared error of all components together; at least 0.</param>
    public double Bits(double distortion)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(distortion);
        if (distortion >= Variance) return 0;
        if (distortion == 0) return double.PositiveInfinity;
        // The components above the level. At the level of component i they are the first i; D falls with the level.
        int above = CountWhere(i => (_counts[i] * _variances[i]) + _rest[i] > distortion);
        double level = (distortion - _rest[above]) / _counts[above];
        return Math.Max(0, 0.5 * (_logarithms[above] - (_counts[above] * Math.Log2(level))));
    }

    /// <summary>D(R), the squared error of all components together.</summary>
    /// <param name="bits">R, at least 0.</param>
    public double Distortion(double bits)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bits);
        if (bits == 0 || _variances.Length == 0) return Variance;
        int above = CountWhere(i => 0.5 * (_logarithms[i] - (_counts[i] * Math.Log2(_variances[i]))) < bits);
        return (_counts[above] * double.Exp2((_logarithms[above] - (2 * bits)) / _counts[above])) + _rest[above];
    }

    /// <summary>
    /// The number of components, from the first, for which a condition holds. Once it fails for one it must fail for all later ones.
    /// </summary>
    private int CountWhere(Func<int, bool> holds)
    {
        int low = 0, high = _variances.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (holds(middle)) low = middle + 1;
            else high = middle;
        }

        return low;
    }
}

/// <summary>The distance of a code to the <see cref="GaussianBound"/> of its model.</summary>
/// <param name="Bits">Bits of a code, on average.</param>
/// <param name="BoundBits">Bits of an ideal code of independent Gaussian axes at the same weighted error.</param>
/// <param name="CodedAxes">Axes with bits, on average.</param>
/// <param name="WeightedError">
/// Weighted squared error of a vector over all axes, on average; axes without bits count with the model's variance.
/// </param>
internal sealed record BoundDistance(double Bits, double BoundBits, double CodedAxes, double WeightedError)
{
    /// <summary>Bits of each coded axis beyond the bound; 0 where no axis has bits.</summary>
    public double BitsPerCodedAxis => CodedAxes > 0 ? (Bits - BoundBits) / CodedAxes : 0;

    /// <summary>Measures a code.</summary>
    /// <param name="model">Its model.</param>
    /// <param name="listCounts">Vectors of each list.</param>
    /// <param name="codedError"><see cref="PackedModel.WeightedError"/> of all those vectors together.</param>
    public static BoundDistance Of(PackedModel model, ReadOnlySpan<int> listCounts, double codedError)
    {
        double vectors = 0, bits = 0, axes = 0, error = codedError;
        for (int list = 0; list < listCounts.Length; list++)
        {
            double count = listCounts[list];
            if (count == 0) continue;
            PackedModel.List coded = model[list];
            vectors += count;
            bits += count * 8 * coded.Stride;
            axes += count * coded.Axes.Length;
            // Axes without bits count with the model's variance, not their own: their scales are clamped, and so both sides have the same
            // energy there.
            var isCoded = new bool[model.Parameters.Groups[coded.Group].Rank];
            foreach (int axis in coded.Axes) isCoded[axis] = true;
            int[] variances = model.WeightedVariances(list);
            for (int axis = 0; axis < variances.Length; axis++)
            {
                if (!isCoded[axis]) error += count * double.Exp2(variances[axis] / 64.0);
            }
        }

        return vectors == 0
            ? new BoundDistance(0, 0, 0, 0)
            : new BoundDistance(bits / vectors, GaussianBound.Of(model, listCounts).Bits(error) / vectors, axes / vectors, error / vectors);
    }
}
