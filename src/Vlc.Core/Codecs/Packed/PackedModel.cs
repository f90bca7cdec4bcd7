using Vlc.Numerics.Kernels;

namespace Vlc.Codecs.Packed;

/// <summary>
/// The numbers that writer and reader of packed codes share: K bases (the full Jacobian), spectra, anchors in the basis of their group,
/// scales of each cell, gains of its classes, and the water level. The bits of every list follow from them. docs/codec.md explains it with
/// an example.
/// </summary>
/// <remarks>
/// A vector is x = μ + B_g·(z_c + r), where g is its cell's group, z_c the cell's anchor and r its residual in the group's basis. Each cell
/// is split into classes by the size of its residuals. A class of a cell is an inverted list: its vectors share one allocation of bits and
/// one stride, and are stored together.
/// </remarks>
internal sealed class PackedModel
{
    /// <summary>Weight of an axis in the allocation: its group's variance to the power of this many quarters (0.75).</summary>
    public const int AxisWeightQuarters = 3;

    /// <summary>Eighths of an octave in one step of a cell's scale.</summary>
    public const int ScaleStep = 4;

    /// <summary>Bits of a step of a cell's scale.</summary>
    public const int ScaleBits = 4;

    /// <summary>Bits of a class's gain.</summary>
    public const int GainBits = 6;

    private readonly List[] _lists;
    private readonly double[] _errorWeights;
    private readonly float[][] _axisWeights;

    /// <summary>Derives the allocation of every list.</summary>
    public PackedModel(PackedParameters parameters)
    {
        Parameters = parameters;
        int classes = parameters.ClassCount;
        _lists = new List[parameters.CellCount * classes];
        _errorWeights = new double[_lists.Length];
        // 2^(0.75 · Δ/8 octaves) in parts of 1/32.
        _axisWeights = [.. parameters.Groups.Select(group => Array.ConvertAll(
            group.Spectrum, eighths => (float)Octaves.Power(parameters.Design.AxisWeightQuarters * (eighths - group.Spectrum[0]))))];
        for (int list = 0; list < _lists.Length; list++) _lists[list] = Derive(list / classes, list % classes);
    }

    public PackedParameters Parameters { get; }

    public int ListCount => _lists.Length;

    /// <summary>The number of a list. The lists of a cell are consecutive: cell · classes + class.</summary>
    public List this[int list] => _lists[list];

    /// <summary>Mean energy of a list's residuals, by its amplitudes.</summary>
    public double Energy(int list)
    {
        int cell = list / Parameters.ClassCount, group = Parameters.CellGroups[cell];
        double energy = 0;
        for (int axis = 0; axis < Parameters.Groups[group].Rank; axis++)
        {
            energy += Octaves.PowerOfEighths(2 * AmplitudeEighths(cell, group, axis, Parameters.ClassGains[list]));
        }

        return energy;
    }

    /// <summary>Logarithm, in eighths of an octave, of the amplitude of an axis of a class of a cell.</summary>
    private int AmplitudeEighths(int cell, int group, int axis, int gain) =>
        Parameters.Groups[group].Spectrum[axis] + Parameters.CellLevels[cell]
        + (ScaleStep * Parameters.CellScales[cell][axis]) + gain;

    /// <summary>64 · log2 of the variance of each axis of a list, weighted for the allocation: by the axis and by the list.</summary>
    public int[] WeightedVariances(int list)
    {
        int cell = list / Parameters.ClassCount, group = Parameters.CellGroups[cell];
        int[] amplitudes = Amplitudes(cell, group, Parameters.ClassGains[list]);
        return WeightedVariances(amplitudes, RelativeEighths(amplitudes), Parameters.Groups[group].Spectrum);
    }

    /// <summary>
    /// Squared error of the coded axes of a row in the same weights: the part of <see cref="WeightedVariances(int)"/> that a code of this
    /// many bits leaves.
    /// </summary>
    /// <param name="list">The row's list.</param>
    /// <param name="residual">Residual in the group's basis, rank floats.</param>
    /// <param name="decoded">The same from the code.</param>
    public double WeightedError(int list, ReadOnlySpan<float> residual, ReadOnlySpan<float> decoded)
    {
        List coded = _lists[list];
        float[] weights = _axisWeights[coded.Group];
        double sum = 0;
        foreach (int axis in coded.Axes)
        {
            double error = (double)weights[axis] * (residual[axis] - decoded[axis]);
            sum += error * error;
        }

        return sum * _errorWeights[list];
    }

    /// <summary>Weight of a list's errors; those of its axes are <see cref="AxisWeights"/>.</summary>
    public double ErrorWeight(int list) => _errorWeights[list];

    /// <summary>Weight of each axis of a group in the encoder's search.</summary>
    public ReadOnlySpan<float> AxisWeights(int group) => _axisWeights[group];

    private int[] Amplitudes(int cell, int group, int gain)
    {
        var amplitudes = new int[Parameters.Groups[group].Rank];
        for (int axis = 0; axis < amplitudes.Length; axis++) amplitudes[axis] = AmplitudeEighths(cell, group, axis, gain);
        return amplitudes;
    }

    /// <summary>
    /// The noise of a list is a share of its own energy, not the same everywhere: neighbours differ by about the size of residuals.
    /// </summary>
    private int RelativeEighths(int[] amplitudes)
    {
        double energy = 0;
        foreach (int amplitude in amplitudes) energy += Octaves.PowerOfEighths(2 * amplitude);
        return -Octaves.EighthsOf(energy / Parameters.MeanEnergy);
    }

    private int[] WeightedVariances(int[] amplitudes, int relative, int[] spectrum)
    {
        var variances = new int[amplitudes.Length];
        for (int axis = 0; axis < variances.Length; axis++)
        {
            // In 1/64 octave: amplitude eighths x 2 (square) x 8; the same for weights.
            int weight = 2 * Parameters.Design.AxisWeightQuarters * 2 * (spectrum[axis] - spectrum[0]);
            variances[axis] = (16 * amplitudes[axis]) + weight + (Parameters.Design.ListWeights ? 8 * relative : 0);
        }

        return variances;
    }

    private List Derive(int cell, int classNumber)
    {
        PackedParameters p = Parameters;
        int group = p.CellGroups[cell], rank = p.Groups[group].Rank;
        int gain = p.ClassGains[(cell * p.ClassCount) + classNumber];
        int[] spectrum = p.Groups[group].Spectrum;
        int[] amplitudes = Amplitudes(cell, group, gain);
        int relative = RelativeEighths(amplitudes);
        _errorWeights[(cell * p.ClassCount) + classNumber] = p.Design.ListWeights ? Octaves.PowerOfEighths(relative) : 1;
        int[] variances = WeightedVariances(amplitudes, relative, spectrum);
        var bits = new byte[rank];
        int stride = p.EqualStride > 0
            ? BitAllocation.AllocateBytes(variances, p.EqualStride, bits)
            : BitAllocation.Allocate(variances, p.Level, bits);
        int[] order = DescendingBits(bits);
        var ordered = new byte[order.Length];
        var scales = new float[Int8Scan.PaddedLength(order.Length)];
        for (int i = 0; i < order.Length; i++)
        {
            ordered[i] = bits[order[i]];
            scales[i] = (float)Octaves.PowerOfEighths(amplitudes[order[i]]);
        }

        return new List(cell, group, stride, order, ordered, scales);
    }

    /// <summary>
    /// The axes with bits, most bits first, then by number. It sorts by counting, because an index is opened list by list.
    /// </summary>
    private static int[] DescendingBits(ReadOnlySpan<byte> bits)
    {
        Span<int> positions = stackalloc int[TrellisTables.MaxBits + 1];
        positions.Clear();
        foreach (byte b in bits) positions[b]++;
        int coded = 0;
        for (int b = TrellisTables.MaxBits; b > 0; b--) (positions[b], coded) = (coded, coded + positions[b]);
        var order = new int[coded];
        for (int axis = 0; axis < bits.Length; axis++)
        {
            if (bits[axis] > 0) order[positions[bits[axis]]++] = axis;
        }

        return order;
    }

    /// <summary>The coding of the vectors of a class of a cell.</summary>
    /// <param name="Cell">The cell.</param>
    /// <param name="Group">The cell's group.</param>
    /// <param name="Stride">Bytes of a code; 0 where no axis has a bit.</param>
    /// <param name="Axes">The coded axes in the order of the code: most bits first, then by number.</param>
    /// <param name="Bits">Bits of each coded axis.</param>
    /// <param name="Scales">Amplitude of each coded axis, padded with zeros to a multiple of 16.</param>
    internal sealed record List(int Cell, int Group, int Stride, int[] Axes, byte[] Bits, float[] Scales);
}
