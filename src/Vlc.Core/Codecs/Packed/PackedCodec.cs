using System.Runtime.InteropServices;
using Vlc.Numerics.Kernels;
using Vlc.Storage;

namespace Vlc.Codecs.Packed;

/// <summary>
/// Codec <c>packed</c>: trellis codes of the residual in its group's basis, list by list. The rows of a list share axes, bits and stride.
/// Their codes are consecutive in the residuals of a segment, in the order of the rows.
/// </summary>
internal sealed partial class PackedCodec : LocalBasesCodec
{
    private readonly TrellisTables _tables;
    private readonly bool _ownsTables;

    /// <summary>0, 1, 2 ... for the longest list so far: the positions of all its rows.</summary>
    private volatile int[] _positions = [];

    /// <summary>Wraps a model that has just been learned.</summary>
    /// <param name="coder">The model, and the boundaries of its classes.</param>
    /// <param name="unbiased">Whether rows get unbiased codes.</param>
    public PackedCodec(PackedCoder coder, bool unbiased)
        : this(coder.Model, ownsTables: false, new Lazy<(PackedCoder, bool)>((coder, unbiased)))
    {
    }

    private PackedCodec(PackedModel model, bool ownsTables, Lazy<(PackedCoder Coder, bool Unbiased)>? encoder)
        : base(model, encoder) =>
        (_tables, _ownsTables) = (((BitshiftCode)model.Parameters.Design.Code).Tables, ownsTables);

    public override CodecKind Kind => CodecKind.Packed;

    /// <summary>Opens the model of an index.</summary>
    /// <exception cref="VlcFormatException">Sections contradict one another or the manifest.</exception>
    public static CodecModel Open(SectionReader reader)
    {
        byte[]? header = reader.Inline(reader.RequireBytes(SectionKind.CodecModel).Kind);
        byte[] tables = ReadTables(reader, TrellisTables.MaxBits * TrellisTables.StateCount * sizeof(short));
        PackedModel model = ReadModel(reader, header, new BitshiftCode(new TrellisTables(MemoryMarshal.Cast<byte, short>(tables))));
        return new PackedCodec(model, ownsTables: true, Encoder(model, reader));
    }

    private protected override ReadOnlySpan<byte> Tables() => MemoryMarshal.AsBytes(_tables.Values);

    public override void Dispose()
    {
        base.Dispose();
        if (_ownsTables) _tables.Dispose();
    }

    private ReadOnlySpan<int> Positions(int count)
    {
        int[] positions = _positions;
        if (positions.Length < count) _positions = positions = [.. Enumerable.Range(0, count)];
        return positions.AsSpan(0, count);
    }
}
