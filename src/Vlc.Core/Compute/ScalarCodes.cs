using Vlc.Numerics.Memory;

namespace Vlc.Compute;

/// <summary>
/// The codes of an open index of codec <c>int8</c>, <c>f16</c> or <c>none</c> in the form that a backend scans: a number for each coded
/// axis of a residual, or none.
/// </summary>
/// <remarks>
/// Let q be the query, a a list's anchor and r̂ a row's code times its scales. The distance is ‖q - a - r̂‖² (l2 and cosine) or -⟨q, a +
/// r̂⟩ (product). It is summed in the order of <c>Int8Codec</c>, <c>Float16Codec</c> and <c>AnchorsOnlyCodec</c>, which docs/gpu.md
/// describes.
/// </remarks>
public sealed class ScalarCodes
{
    /// <summary><see cref="CodecKind.Int8"/>, <see cref="CodecKind.Float16"/> or <see cref="CodecKind.None"/>.</summary>
    public required CodecKind Codec { get; init; }

    /// <summary>The metric of the index.</summary>
    public required Metric Metric { get; init; }

    /// <summary>d, components of a query and of an anchor.</summary>
    public required int Dimension { get; init; }

    /// <summary>The coded axes, ascending; none for <see cref="CodecKind.None"/>.</summary>
    public required ReadOnlyMemory<int> Axes { get; init; }

    /// <summary>
    /// The value of code 1 on each coded axis, padded with zeros to a multiple of 16: a row for each list, or one for all. Empty where
    /// codes are the residual itself.
    /// </summary>
    public required ReadOnlyMemory<float> Scales { get; init; }

    /// <summary>Row-major, lists x d.</summary>
    public required ReadOnlyMemory<float> Anchors { get; init; }

    /// <summary>The start of each list in <see cref="Rows"/>, and the end of the last.</summary>
    public required ReadOnlyMemory<int> ListStarts { get; init; }

    /// <summary>Row numbers, list after list, ascending within a list.</summary>
    public required ReadOnlyMemory<int> Rows { get; init; }

    /// <summary>
    /// The code of each row, by its number: signed bytes or little-endian float16. Null for <see cref="CodecKind.None"/>.
    /// </summary>
    public required CodeRows? Codes { get; init; }
}
