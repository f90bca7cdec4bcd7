namespace Vlc.Codecs.Packed;

/// <summary>
/// A trellis code as the packed model sees it: how bits are allocated to the axes of a list and in which order it codes them, what an axis
/// then loses, and the search for a row's string. Immutable; one for each codec.
/// </summary>
internal abstract class TrellisCode
{
    /// <summary>Allocates bits to the axes of a list.</summary>
    /// <param name="variances">64 · log2 of each axis's weighted variance.</param>
    /// <param name="level">64 · log2 of the least gain a bit must bring.</param>
    /// <param name="equalStride">Bytes of every code; 0 where the level decides.</param>
    /// <param name="bits">Receives the bits of each axis.</param>
    /// <param name="order">Receives the axes that have bits, in the order of the code, most bits first.</param>
    /// <returns>Bytes of a code.</returns>
    public abstract int Allocate(ReadOnlySpan<int> variances, int level, int equalStride, Span<byte> bits, out int[] order);

    /// <summary>Mean squared error of an axis of variance 1 by its bits.</summary>
    public abstract double MeanSquaredError(int bits);

    /// <summary>Symbols of a code of so many axes: those, and what pads them.</summary>
    public virtual int Symbols(int axes) => axes;

    /// <summary>Readies a search for strings; one a thread.</summary>
    /// <param name="axes">Most axes of a string.</param>
    public abstract StringSearch CreateSearch(int axes);

    /// <summary>Writes a row's code, <see cref="PackedModel.List.Stride"/> bytes.</summary>
    /// <param name="coded">The row's list.</param>
    /// <param name="symbols">As <see cref="StringSearch.Encode"/> gives them.</param>
    /// <param name="code">Receives it.</param>
    public abstract void Pack(PackedModel.List coded, ReadOnlySpan<byte> symbols, Span<byte> code);
}

/// <summary>Finds strings of a <see cref="TrellisCode"/>; holds scratch memory.</summary>
internal abstract class StringSearch : IDisposable
{
    /// <summary>The string whose values v make Σ (target[i] - scale[i]·v[i])² least.</summary>
    /// <param name="target">What to approximate, one float a coded axis.</param>
    /// <param name="scale">Value of the code's 1 on each.</param>
    /// <param name="coded">The row's list, which says the bits.</param>
    /// <param name="symbols">Receives <see cref="TrellisCode.Symbols"/> bytes.</param>
    /// <param name="values">Receives v, as many floats.</param>
    /// <returns>The sum.</returns>
    public abstract float Encode(
        ReadOnlySpan<float> target, ReadOnlySpan<float> scale, PackedModel.List coded, Span<byte> symbols, Span<float> values);

    public abstract void Dispose();
}
