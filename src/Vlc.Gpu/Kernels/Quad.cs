using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Vlc.Gpu.Kernels;

/// <summary>Four neighbouring floats: 16 bytes, which a device loads at once.</summary>
[ExcludeFromCodeCoverage]
internal readonly struct Quad(float x, float y, float z, float w)
{
    /// <summary>Floats in it.</summary>
    public const int Width = 4;

    public readonly float X = x;
    public readonly float Y = y;
    public readonly float Z = z;
    public readonly float W = w;

    /// <summary>sum + scalar · vector, each component rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quad MultiplyAdd(float scalar, Quad vector, Quad sum) => new(
        Fused.MultiplyAdd(scalar, vector.X, sum.X), Fused.MultiplyAdd(scalar, vector.Y, sum.Y),
        Fused.MultiplyAdd(scalar, vector.Z, sum.Z), Fused.MultiplyAdd(scalar, vector.W, sum.W));
}
