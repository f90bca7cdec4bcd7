using Vlc.Numerics.Kernels;
using Vlc.Storage;

namespace Vlc.Codecs.Packed;

/// <summary>
/// A model with the state that only a writer needs: the boundaries of the classes. It chooses a row's list and finds its code.
/// </summary>
internal sealed class PackedCoder
{
    private readonly float[][] _whitening;

    /// <summary>Completes a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="thresholds">Boundaries of each cell's classes, in ½ log2 of whitened energy.</param>
    /// <param name="members">Rows of the sample in each list.</param>
    /// <param name="noise">Mean distortion of a coded axis.</param>
    public PackedCoder(PackedModel model, double[][] thresholds, int[] members, double noise)
    {
        Model = model;
        CodeBytes = MeanStride(model, members);
        (Members, Thresholds, Noise) = (members, thresholds, noise);
        PackedParameters p = model.Parameters;
        _whitening = new float[p.CellCount][];
        for (int cell = 0; cell < p.CellCount; cell++)
        {
            _whitening[cell] = WhiteningWeights(p.Groups[p.CellGroups[cell]].Spectrum, p.CellLevels[cell], p.CellScales[cell], noise);
        }
    }

    public PackedModel Model { get; }

    /// <summary>Rows of the sample in each list; empty where the model was read from an index.</summary>
    public int[] Members { get; }

    /// <summary>Boundaries of each cell's classes, in ½ log2 of whitened energy.</summary>
    public double[][] Thresholds { get; }

    /// <summary>Mean distortion of a coded axis.</summary>
    public double Noise { get; }

    /// <summary>Mean bytes of a code, by the rows of the sample.</summary>
    public double CodeBytes { get; }

    /// <summary>Mean bytes of a code for given numbers of vectors in the lists.</summary>
    public static double MeanStride(PackedModel model, int[] members)
    {
        double bytes = 0;
        for (int list = 0; list < members.Length; list++) bytes += (double)members[list] * model[list].Stride;
        return bytes / members.Sum();
    }

    /// <summary>w/s² of each axis over Σ w, with w = s²/(s² + noise): axes below the noise say little about a row's size.</summary>
    public static float[] WhiteningWeights(int[] spectrum, int level, sbyte[] scales, double noise)
    {
        var weights = new float[spectrum.Length];
        double sum = 0;
        for (int axis = 0; axis < weights.Length; axis++)
        {
            double variance = Octaves.PowerOfEighths(2 * (spectrum[axis] + level + (PackedModel.ScaleStep * scales[axis])));
            sum += variance / (variance + noise);
        }

        for (int axis = 0; axis < weights.Length; axis++)
        {
            double variance = Octaves.PowerOfEighths(2 * (spectrum[axis] + level + (PackedModel.ScaleStep * scales[axis])));
            weights[axis] = (float)(1 / ((variance + noise) * sum));
        }

        return weights;
    }

    /// <summary>Mean over the axes of (residual / scale)², weighted.</summary>
    public static double WhitenedEnergy(ReadOnlySpan<float> residual, ReadOnlySpan<float> weights)
    {
        double sum = 0;
        for (int axis = 0; axis < residual.Length; axis++) sum += (double)weights[axis] * residual[axis] * residual[axis];
        return sum;
    }

    /// <summary>Class of a row by ½ log2 of its whitened energy.</summary>
    public static int ClassOf(double logarithm, ReadOnlySpan<double> thresholds)
    {
        int c = 0;
        while (c < thresholds.Length && logarithm > thresholds[c]) c++;
        return c;
    }

    /// <summary>The list of a row.</summary>
    /// <param name="cell">The row's cell.</param>
    /// <param name="residual">Its residual in the group's basis, rank floats.</param>
    public int ListOf(int cell, ReadOnlySpan<float> residual)
    {
        double logarithm = 0.5 * Octaves.Log2(WhitenedEnergy(residual, _whitening[cell]) + 1e-9);
        return (cell * Model.Parameters.ClassCount) + ClassOf(logarithm, Thresholds[cell]);
    }

    /// <summary>
    /// The same model with the bits of another level. Bases, anchors and scales keep their precision, so near the original level the result
    /// is about that of <see cref="PackedTrainer.Build"/>, without its work.
    /// </summary>
    /// <param name="level">64 · log2 of the water level.</param>
    /// <param name="equalBytes">Whether all lists get the bytes that the level gives on average.</param>
    public PackedCoder AtLevel(int level, bool equalBytes)
    {
        var model = new PackedModel(Model.Parameters.WithLevel(level));
        if (equalBytes) model = new PackedModel(Model.Parameters.WithLevel(level, EqualStride(model, Members)));
        return new PackedCoder(model, Thresholds, Members, Noise);
    }

    /// <summary>Bytes of every code where all lists get the average of a model's lists.</summary>
    public static int EqualStride(PackedModel model, int[] members) =>
        Math.Clamp((int)Math.Round(MeanStride(model, members)), 1, ushort.MaxValue);

    /// <summary>⟨r, r̂⟩ over the coded axes.</summary>
    /// <param name="coded">The row's list.</param>
    /// <param name="tables">The trellis code's tables.</param>
    /// <param name="residual">r in the group's basis.</param>
    /// <param name="states">State after each coded axis, which is r̂.</param>
    public static double Projection(PackedModel.List coded, TrellisTables tables, ReadOnlySpan<float> residual, ReadOnlySpan<byte> states)
    {
        double projection = 0;
        for (int i = 0; i < states.Length; i++)
        {
            projection += (double)residual[coded.Axes[i]] * coded.Scales[i] * tables.Table(coded.Bits[i])[states[i]];
        }

        return projection;
    }

    /// <summary>The residual that a code represents.</summary>
    /// <param name="coded">The row's list.</param>
    /// <param name="tables">The trellis code's tables.</param>
    /// <param name="states">State after each coded axis.</param>
    /// <param name="decoded">Receives it in the group's basis, rank floats.</param>
    public static void Decode(PackedModel.List coded, TrellisTables tables, ReadOnlySpan<byte> states, Span<float> decoded)
    {
        decoded.Clear();
        for (int i = 0; i < states.Length; i++) decoded[coded.Axes[i]] = coded.Scales[i] * tables.Table(coded.Bits[i])[states[i]];
    }

    /// <summary>One thread's scratch memory for coding.</summary>
    internal sealed class Session(PackedCoder coder, TrellisTables tables) : IDisposable
    {
        private readonly TrellisEncoder _encoder = new(tables, coder.Model.Parameters.Groups.Max(group => group.Rank));
        private readonly float[] _target = new float[coder.Model.Parameters.Dimension];
        private readonly float[] _scaled = new float[coder.Model.Parameters.Dimension];
        private readonly float[] _weightedScale = new float[coder.Model.Parameters.Dimension];
        private readonly byte[] _states = new byte[coder.Model.Parameters.Dimension];
        private readonly byte[] _best = new byte[coder.Model.Parameters.Dimension];

        /// <summary>
        /// Weighted squared error of the nearest code to the residual last coded, in the weights of
        /// <see cref="PackedModel.WeightedError"/>; it is that of the stored code unless that was made unbiased. The additional error of an
        /// unbiased code is no lack of rate: it lengthens the code to make distances right.
        /// </summary>
        public double NearestError { get; private set; }

        /// <summary>
        /// Finds the code of a residual: the path of least weighted error, or the unbiased one. The unbiased code is that of a target
        /// scaled so that ⟨r, r̂⟩ = ‖r‖², so that the squared distance to the reconstruction is right on average without a stored factor.
        /// </summary>
        /// <param name="list">The row's list.</param>
        /// <param name="residual">Residual in the group's basis, rank floats.</param>
        /// <param name="energy">‖r‖² over all d axes.</param>
        /// <param name="unbiased">Whether to find the unbiased code.</param>
        /// <param name="decoded">Receives the decoded residual, rank floats; may be empty.</param>
        /// <returns>State after each coded axis; valid until the next call.</returns>
        public ReadOnlySpan<byte> Code(int list, ReadOnlySpan<float> residual, double energy, bool unbiased, Span<float> decoded)
        {
            PackedModel.List coded = coder.Model[list];
            int axes = coded.Axes.Length;
            ReadOnlySpan<float> weights = coder.Model.AxisWeights(coded.Group);
            for (int i = 0; i < axes; i++)
            {
                int axis = coded.Axes[i];
                _target[i] = residual[axis] * weights[axis];
                _weightedScale[i] = coded.Scales[i] * weights[axis];
            }

            Span<byte> best = _best.AsSpan(0, axes);
            if (!unbiased || !(energy > 0))
            {
                NearestError = _encoder.Encode(_target.AsSpan(0, axes), _weightedScale.AsSpan(0, axes), coded.Bits, best);
            }
            else
            {
                SearchUnbiased(coded, residual, energy, best);
            }

            NearestError *= coder.Model.ErrorWeight(list);

            if (!decoded.IsEmpty) Decode(coded, tables, best, decoded);
            return best;
        }

        public void Dispose() => _encoder.Dispose();

        private void SearchUnbiased(PackedModel.List coded, ReadOnlySpan<float> residual, double energy, Span<byte> best)
        {
            int axes = coded.Axes.Length;
            Span<byte> states = _states.AsSpan(0, axes);
            var search = new UnbiasedSearch();
            while (!search.IsDone)
            {
                float factor = (float)search.Scale;
                for (int i = 0; i < axes; i++) _scaled[i] = _target[i] * factor;
                float cost = _encoder.Encode(_scaled.AsSpan(0, axes), _weightedScale.AsSpan(0, axes), coded.Bits, states);
                // The first target is the residual itself.
                if (search.Pass == 0) NearestError = cost;
                if (search.Update((Projection(coded, tables, residual, states) / energy) - 1)) states.CopyTo(best);
            }
        }
    }
}
