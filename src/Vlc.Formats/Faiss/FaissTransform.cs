using System.Numerics.Tensors;
using Vlc.Numerics.Randomness;

namespace Vlc.Formats.Faiss;

/// <summary>A transform that vectors went through before they were stored, and its inverse.</summary>
internal abstract class FaissTransform
{
    /// <summary>Dimension before and after.</summary>
    public required int Input { get; init; }

    /// <inheritdoc cref="Input"/>
    public required int Output { get; init; }

    /// <summary>True where lengths and the origin stay in place, so that a normalization before or after it means the same.</summary>
    public virtual bool IsRotation => false;

    /// <summary>Takes a vector back.</summary>
    /// <param name="output">As it was stored; may be overwritten.</param>
    /// <param name="input">As it was before.</param>
    public abstract void Invert(Span<float> output, Span<float> input);
}

/// <summary>y = A x + b with orthonormal columns in A, so that x = A^T (y - b).</summary>
internal sealed class OrthogonalTransform : FaissTransform
{
    // FAISS's own test of orthonormality allows 4e-5 in each entry.
    private const double Tolerance = 1e-4;
    private const int Probes = 4;

    private readonly float[] _matrix;
    private readonly float[]? _bias;

    /// <param name="matrix">Output rows of Input floats.</param>
    /// <param name="bias">Output floats, or null.</param>
    public OrthogonalTransform(float[] matrix, float[]? bias)
    {
        _matrix = matrix;
        _bias = bias;
    }

    public override bool IsRotation => _bias is null;

    /// <summary>
    /// Whether A^T A is the identity. Random vectors are sent there and back: for a matrix that is not orthonormal, the vectors that
    /// return unchanged are a subspace, which none of them hits by chance. It costs d^2 rather than d^3.
    /// </summary>
    public bool IsOrthonormal()
    {
        SeededRandom random = new(seed: 13);
        double[] x = new double[Input], back = new double[Input];
        for (int probe = 0; probe < Probes; probe++)
        {
            for (int i = 0; i < Input; i++) x[i] = random.NextDouble() - 0.5;
            Array.Clear(back);
            for (int row = 0; row < Output; row++)
            {
                ReadOnlySpan<float> a = _matrix.AsSpan(row * Input, Input);
                double y = 0;
                for (int i = 0; i < Input; i++) y += a[i] * x[i];
                for (int i = 0; i < Input; i++) back[i] += a[i] * y;
            }

            double worst = 0;
            for (int i = 0; i < Input; i++) worst = double.Max(worst, double.Abs(back[i] - x[i]));
            if (!(worst <= Tolerance)) return false;
        }

        return true;
    }

    public override void Invert(Span<float> output, Span<float> input)
    {
        if (_bias is not null) TensorPrimitives.Subtract(output, _bias, output);
        input.Clear();
        for (int row = 0; row < Output; row++)
        {
            TensorPrimitives.MultiplyAdd(_matrix.AsSpan(row * Input, Input), output[row], input, input);
        }
    }
}

/// <summary>y = x - mean.</summary>
internal sealed class CenteringTransform(float[] mean) : FaissTransform
{
    public override void Invert(Span<float> output, Span<float> input) => TensorPrimitives.Add(output, mean, input);
}

/// <summary>y = x / |x|: what is stored are the directions, and they are handed out.</summary>
internal sealed class NormalizationTransform : FaissTransform
{
    public override bool IsRotation => true;

    public override void Invert(Span<float> output, Span<float> input) => output.CopyTo(input);
}

/// <summary>y[i] = x[map[i]], or 0 where the map has -1; every component of x is in y.</summary>
internal sealed class RemapTransform(int[] map) : FaissTransform
{
    public override bool IsRotation => true;

    public override void Invert(Span<float> output, Span<float> input)
    {
        for (int i = 0; i < map.Length; i++)
        {
            if (map[i] >= 0) input[map[i]] = output[i];
        }
    }
}
