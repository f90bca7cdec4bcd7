using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Vlc.Anchors;
using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Scanning;
using Vlc.Storage;

namespace Vlc.Codecs.Packed;

/// <summary>
/// Codec <c>packed</c>: trellis codes of the residual in its group's basis, list by list. The rows of a list share axes, bits and stride.
/// Their codes are consecutive in the residuals of a segment, in the order of the rows.
/// </summary>
internal sealed partial class PackedCodec : CodecModel
{
    private readonly PackedModel _model;
    private readonly PackedParameters _parameters;
    private readonly TrellisTables _tables;
    private readonly bool _ownsTables;
    private readonly PackedMatrix[] _bases;
    private readonly float[][] _meanCoordinates;

    /// <summary>The first coordinate of each group when those of all groups are consecutive, and the end of the last.</summary>
    private readonly int[] _firstCoordinates;
    private readonly float _meanSquared;
    private readonly float[] _anchorSquared;

    /// <summary>The additional state for coding; null where the index was written without it.</summary>
    private readonly Lazy<(PackedCoder Coder, bool Unbiased)>? _encoder;

    /// <summary>0, 1, 2 ... for the longest list so far: the positions of all its rows.</summary>
    private volatile int[] _positions = [];

    /// <summary>Wraps a model that has just been learned.</summary>
    /// <param name="coder">The model, and the boundaries of its classes.</param>
    /// <param name="tables">The trellis code's tables; must outlive the codec.</param>
    /// <param name="unbiased">Whether rows get unbiased codes.</param>
    public PackedCodec(PackedCoder coder, TrellisTables tables, bool unbiased)
        : this(coder.Model, tables, ownsTables: false, new Lazy<(PackedCoder, bool)>((coder, unbiased)))
    {
    }

    private PackedCodec(PackedModel model, TrellisTables tables, bool ownsTables, Lazy<(PackedCoder Coder, bool Unbiased)>? encoder)
    {
        (_model, _parameters, _tables, _ownsTables, _encoder) = (model, model.Parameters, tables, ownsTables, encoder);
        int d = _parameters.Dimension;
        _bases = [.. _parameters.Groups.Select(group => new PackedMatrix(group.Basis, group.Rank, d))];
        _meanSquared = Distances.Dot(_parameters.Mean, _parameters.Mean);
        _meanCoordinates = new float[_bases.Length][];
        _firstCoordinates = new int[_bases.Length + 1];
        for (int group = 0; group < _bases.Length; group++)
        {
            _meanCoordinates[group] = new float[_parameters.Groups[group].Rank];
            _firstCoordinates[group + 1] = _firstCoordinates[group] + _meanCoordinates[group].Length;
            _bases[group].Multiply(_parameters.Mean, _meanCoordinates[group]);
        }

        // ‖μ + B·z‖² = ‖μ‖² + 2⟨Bᵀμ, z⟩ + ‖z‖².
        _anchorSquared = new float[_parameters.CellCount];
        for (int cell = 0; cell < _anchorSquared.Length; cell++)
        {
            float[] anchor = _parameters.CellAnchors[cell];
            float mean = Distances.Dot(_meanCoordinates[_parameters.CellGroups[cell]], anchor);
            _anchorSquared[cell] = _meanSquared + (2 * mean) + Distances.Dot(anchor, anchor);
        }
    }

    public override CodecKind Kind => CodecKind.Packed;

    public override int Dimension => _parameters.Dimension;

    public override int AnchorCount => _parameters.CellCount;

    public override int ListsPerCell => _parameters.ClassCount;

    public override int CodedDimension => _parameters.Groups.Max(group => group.Rank);

    public override int? AssignmentBits => PackedSections.BitsFor(ListCount);

    public override bool CodesAreByList => true;

    public override bool CanEncode => _encoder is not null;

    public override int CodeBytes(int list) => _model[list].Stride;

    /// <summary>Opens the model of an index.</summary>
    /// <exception cref="VlcFormatException">Sections contradict one another or the manifest.</exception>
    public static CodecModel Open(SectionReader reader)
    {
        Manifest manifest = reader.Manifest;
        var model = new PackedModel(PackedSections.Read(
            manifest, reader.Files, reader.Inline(reader.RequireBytes(SectionKind.CodecModel).Kind), reader.AllBytes(SectionKind.Bases),
            reader.AllBytes(SectionKind.Anchors), reader.AllBytes(SectionKind.CellScales)));
        byte[] tables = reader.Inline(reader.RequireBytes(SectionKind.TrellisTables).Kind) ?? [];
        const int TableBytes = TrellisTables.MaxBits * TrellisTables.StateCount * sizeof(short);
        if (tables.Length != TableBytes)
        {
            throw new VlcFormatException(
                reader.Files.Path(IndexFile.Manifest), "trellis tables", $"{TableBytes} bytes", $"{tables.Length}");
        }

        Lazy<(PackedCoder, bool)>? encoder = manifest.Find(SectionKind.EncoderState) is null
            ? null
            : new Lazy<(PackedCoder, bool)>(() => PackedEncoderState.Read(model, reader));
        return new PackedCodec(model, new TrellisTables(MemoryMarshal.Cast<byte, short>(tables)), ownsTables: true, encoder);
    }

    public override float[] DecodeAnchors()
    {
        int d = Dimension;
        var anchors = new float[AnchorCount * d];
        for (int cell = 0; cell < AnchorCount; cell++)
        {
            Span<float> anchor = anchors.AsSpan(cell * d, d);
            _parameters.Mean.CopyTo(anchor);
            AddCoordinates(_parameters.Groups[_parameters.CellGroups[cell]], _parameters.CellAnchors[cell], anchor);
        }

        return anchors;
    }

    public override void WriteModel(SectionWriter writer)
    {
        PackedParameters p = _parameters;
        writer.AddInline<byte>(SectionKind.CodecModel, SectionElement.Bytes, PackedSections.WriteHeader(p), 0, 0);
        writer.AddInline(SectionKind.TrellisTables, SectionElement.Bytes, _tables.Values, 0, 0);
        writer.WriteFile(new IndexFileId(IndexFile.Anchors), (SectionKind.Anchors, PackedSections.WriteAnchors(p)));
        writer.WriteFile(
            new IndexFileId(IndexFile.Jacobians), (SectionKind.Bases, PackedSections.WriteBases(p)),
            (SectionKind.CellScales, PackedSections.WriteScales(p)));
    }

    public override void AddTo(InputDigest digest)
    {
        PackedParameters p = _parameters;
        digest.Add<byte>(PackedSections.WriteHeader(p)).Add<byte>(PackedSections.WriteBases(p)).Add<byte>(PackedSections.WriteAnchors(p))
            .Add<byte>(PackedSections.WriteScales(p)).Add<byte>(WriteEncoderState());
    }

    public override byte[] WriteEncoderState() =>
        _encoder is { Value: var encoder } ? PackedEncoderState.Write(encoder.Coder, encoder.Unbiased) : [];

    public override RowEncoder CreateEncoder(IComputeBackend backend, int threads)
    {
        if (_encoder is not { Value: var encoder })
        {
            throw new InvalidOperationException("The index was written without what coding further rows needs.");
        }

        return new PackedRowEncoder(encoder.Coder, _tables, encoder.Unbiased, backend, threads);
    }

    public override SegmentCodes OpenCodes(SectionReader reader, int segment, InvertedLists lists)
    {
        IndexSection section = reader.RequireBytes(SectionKind.Residuals, segment);
        if (section.File != IndexFile.Residuals || section.Offset != 0)
        {
            throw new VlcFormatException(
                reader.Files.Path(IndexFile.Manifest), $"section {section.Kind}", "a file of its own", section.ToString());
        }

        var codes = new CodeRows?[ListCount];
        long expected = 0;
        for (int list = 0; list < codes.Length; list++) expected += (long)_model[list].Stride * lists.Count(list);
        if (section.Length != expected)
        {
            throw new VlcFormatException(
                reader.Files.Path(section.FileId), "length", $"{expected} bytes, by the assignments", $"{section.Length}",
                "The file is damaged; rebuild the index.");
        }

        CodeMemory memory = reader.MemoryOf(section);
        long offset = 0;
        for (int list = 0; list < codes.Length; list++)
        {
            int stride = _model[list].Stride, count = lists.Count(list);
            if (stride == 0 || count == 0) continue;
            codes[list] = new CodeRows(memory, offset, count, stride);
            offset += (long)stride * count;
        }

        return SegmentCodes.ByList(codes);
    }

    public override void Dispose()
    {
        base.Dispose();
        if (_ownsTables) _tables.Dispose();
        foreach (PackedMatrix basis in _bases) basis.Dispose();
    }

    private ReadOnlySpan<int> Positions(int count)
    {
        int[] positions = _positions;
        if (positions.Length < count) _positions = positions = [.. Enumerable.Range(0, count)];
        return positions.AsSpan(0, count);
    }
}
