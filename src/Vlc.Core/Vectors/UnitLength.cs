using System.Numerics.Tensors;
using Vlc.Numerics.Kernels;

namespace Vlc.Vectors;

/// <summary>Normalises vectors to unit length for the cosine metric.</summary>
internal static class UnitLength
{
    /// <summary>Divides a vector by its length. Returns false and changes nothing where the length is 0.</summary>
    public static bool TryNormalize(Span<float> vector)
    {
        // The vector is divided by its largest component first, because squares of huge or tiny components would overflow or vanish.
        float largest = TensorPrimitives.MaxMagnitude<float>(vector);
        largest = MathF.Abs(largest);
        if (largest == 0) return false;
        if (largest is < 1e-15f or > 1e15f) TensorPrimitives.Divide(vector, largest, vector);
        TensorPrimitives.Divide(vector, MathF.Sqrt(Distances.Dot(vector, vector)), vector);
        return true;
    }
}
