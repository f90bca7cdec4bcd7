using System.Numerics.Tensors;
using Vlc.Anchors;
using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Scanning;
using Vlc.Storage;

namespace Vlc.Codecs.Packed;

/// <summary>
/// What codecs of a <see cref="PackedModel"/> share, whatever code their axes have: sections, coding of rows, and the preparation of a
/// query for a list. The rows of a list share axes, bits and stride, and lie together in the residuals of a segment.
/// </summary>
internal abstract class LocalBasesCodec : CodecModel
{
    private protected readonly PackedModel _model;
    private protected readonly PackedParameters _parameters;
    private protected readonly PackedMatrix[] _bases;
    private protected readonly float[][] _meanCoordinates;

    /// <summary>The first coordinate of each group when those of all groups are consecutive, and the end of the last.</summary>
    private protected readonly int[] _firstCoordinates;
    private protected readonly float[] _anchorSquared;

    /// <summary>The additional state for coding; null where the index was written without it.</summary>
    private readonly Lazy<(PackedCoder Coder, bool Unbiased)>? _encoder;

    /// <summary>Takes a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="encoder">The boundaries of its classes and which codes rows get; null where the index was written without.</param>
    private protected LocalBasesCodec(PackedModel model, Lazy<(PackedCoder Coder, bool Unbiased)>? encoder)
    {
        (_model, _parameters, _encoder) = (model, model.Parameters, encoder);
        int d = _parameters.Dimension;
        _bases = [.. _parameters.Groups.Select(group => new PackedMatrix(group.Basis, group.Rank, d))];
        float meanSquared = Distances.Dot(_parameters.Mean, _parameters.Mean);
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
            _anchorSquared[cell] = meanSquared + (2 * mean) + Distances.Dot(anchor, anchor);
        }
    }

    public override int Dimension => _parameters.Dimension;

    public override int AnchorCount => _parameters.CellCount;

    public override int ListsPerCell => _parameters.ClassCount;

    public override int CodedDimension => _parameters.Groups.Max(group => group.Rank);

    public override int? AssignmentBits => PackedSections.BitsFor(ListCount);

    public override bool CodesAreByList => true;

    public override bool CanEncode => _encoder is not null;

    public override int CodeBytes(int list) => _model[list].Stride;

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
        writer.AddInline<byte>(SectionKind.CodecModel, SectionElement.Bytes, Header(), 0, 0);
        writer.AddInline<byte>(SectionKind.TrellisTables, SectionElement.Bytes, Tables(), 0, 0);
        writer.WriteFile(new IndexFileId(IndexFile.Anchors), (SectionKind.Anchors, PackedSections.WriteAnchors(p)));
        writer.WriteFile(
            new IndexFileId(IndexFile.Jacobians), (SectionKind.Bases, PackedSections.WriteBases(p)),
            (SectionKind.CellScales, PackedSections.WriteScales(p)));
    }

    /// <summary>The header as it is stored.</summary>
    private protected virtual byte[] Header() => PackedSections.WriteHeader(_parameters);

    /// <summary>The code of the axes, by which rows are coded.</summary>
    private protected virtual TrellisCode Code => _parameters.Design.Code;

    /// <summary>The code's tables as they are stored.</summary>
    private protected abstract ReadOnlySpan<byte> Tables();

    public override void AddTo(InputDigest digest)
    {
        PackedParameters p = _parameters;
        digest.Add<byte>(Header()).Add<byte>(PackedSections.WriteBases(p)).Add<byte>(PackedSections.WriteAnchors(p))
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

        return new PackedRowEncoder(encoder.Coder, Code, encoder.Unbiased, backend, threads);
    }

    /// <summary>What coding further rows needs, to be read when it is asked for; null where the index was written without it.</summary>
    private protected static Lazy<(PackedCoder, bool)>? Encoder(PackedModel model, SectionReader reader) =>
        reader.Manifest.Find(SectionKind.EncoderState) is null
            ? null
            : new Lazy<(PackedCoder, bool)>(() => PackedEncoderState.Read(model, reader));

    /// <summary>Reads the sections that both codecs have.</summary>
    /// <param name="reader">The files.</param>
    /// <param name="header">The header.</param>
    /// <param name="code">The code of the axes.</param>
    private protected static PackedModel ReadModel(SectionReader reader, ReadOnlySpan<byte> header, TrellisCode code) =>
        new(PackedSections.Read(
            reader.Manifest, reader.Files, header, reader.AllBytes(SectionKind.Bases), reader.AllBytes(SectionKind.Anchors),
            reader.AllBytes(SectionKind.CellScales),
            new PackedDesign { Code = code }));

    /// <summary>The stored tables.</summary>
    /// <param name="reader">The files.</param>
    /// <param name="length">Bytes that they must have.</param>
    private protected static byte[] ReadTables(SectionReader reader, int length)
    {
        byte[] tables = reader.Inline(reader.RequireBytes(SectionKind.TrellisTables).Kind) ?? [];
        return tables.Length == length
            ? tables
            : throw new VlcFormatException(reader.Files.Path(IndexFile.Manifest), "trellis tables", $"{length} bytes", $"{tables.Length}");
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
        long expected = CodesPadding;
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

    /// <summary>Floats of a query in the bases of all groups.</summary>
    public override int CoordinateCount => _firstCoordinates[^1];

    /// <summary>Groups of cells.</summary>
    public override int GroupCount => _bases.Length;

    /// <summary>
    /// A query in the bases of the groups of its cells, as <see cref="PrepareForList"/> computes it; the coordinates of other groups are
    /// not written.
    /// </summary>
    /// <inheritdoc cref="CodecModel.Describe" path="/param"/>
    public override void Describe(QueryScratch query, int[]? cells, Span<float> coordinates, Span<float> offsets, out float squared)
    {
        var state = (LocalBasesQuery)query.CodecState!;
        bool products = query.Metric == Metric.InnerProduct || CountsAsUnitLength(query);
        IEnumerable<int> groups = cells is null
            ? Enumerable.Range(0, GroupCount)
            : cells.Select(cell => _parameters.CellGroups[cell]).Distinct();
        foreach (int group in groups)
        {
            state.Rotate(query.Vector, group, _bases[group], _parameters.Mean, _meanCoordinates[group]);
            (products ? state.Rotated : state.Centred)[group].CopyTo(coordinates[_firstCoordinates[group]..]);
            offsets[group] = products ? state.MeanProduct : state.Outside[group];
        }

        squared = Distances.Dot(query.Vector, query.Vector);
    }

    public override void Dispose()
    {
        base.Dispose();
        foreach (PackedMatrix basis in _bases) basis.Dispose();
    }

    /// <summary>Prepares what the asymmetric distances of a list need of the query, in the order of its codes.</summary>
    private protected ListQuery PrepareForList(QueryScratch query, int list)
    {
        PackedModel.List coded = _model[list];
        int group = coded.Group, axes = coded.Axes.Length, padded = coded.Scales.Length;
        var state = (LocalBasesQuery)query.CodecState!;
        state.Rotate(query.Vector, group, _bases[group], _parameters.Mean, _meanCoordinates[group]);
        ReadOnlySpan<float> z = _parameters.CellAnchors[coded.Cell];
        ReadOnlySpan<int> order = coded.Axes;
        Span<float> factors = Factors(query, padded);
        factors[axes..].Clear();
        if (query.Metric == Metric.InnerProduct || CountsAsUnitLength(query))
        {
            // ⟨q, x̂⟩ = ⟨q, μ⟩ + ⟨Bᵀq, z + r̂⟩.
            ReadOnlySpan<float> rotated = state.Rotated[group];
            if (state.SwitchTo(coded.Cell)) state.CellDistance = state.MeanProduct + Distances.Dot(rotated, z);
            float product = state.CellDistance;
            AxisOrder.Gather(rotated, order, factors);
            if (query.Metric == Metric.InnerProduct)
            {
                TensorPrimitives.Negate(factors, factors);
                return new ListQuery(factors, -product);
            }

            TensorPrimitives.Add(_meanCoordinates[group], z, state.Vector);
            AxisOrder.Gather(state.Vector, order, Centre(query, padded));
            return new ListQuery(factors, product);
        }

        // ‖q - x̂‖² is the part outside the basis plus the axes one by one; an axis without bits has r̂ = 0.
        Span<float> differences = state.Vector.AsSpan(0, z.Length);
        if (state.SwitchTo(coded.Cell))
        {
            TensorPrimitives.Subtract(state.Centred[group], z, differences);
            state.CellDistance = Distances.Dot(differences, differences);
        }

        AxisOrder.Gather(differences, order, factors);
        float rest = state.CellDistance - Distances.Dot(factors[..axes], factors[..axes]);
        return new ListQuery(factors, state.Outside[group] + MathF.Max(rest, 0));
    }

    /// <summary>
    /// ‖q/‖q‖ - x̂/‖x̂‖‖² · ‖q‖² from ⟨q, x̂⟩ and ‖x̂‖²: reconstructions count as vectors of unit length, as the originals are.
    /// </summary>
    private protected static float UnitLengthDistance(QueryScratch query, float product, float squared)
    {
        float querySquared = ((LocalBasesQuery)query.CodecState!).Squared;
        return 2 * querySquared * (1 - (product / (MathF.Sqrt(querySquared) * MathF.Sqrt(MathF.Max(squared, 1e-30f)))));
    }

    private protected bool CountsAsUnitLength(QueryScratch query) => query.Metric == Metric.Cosine && _parameters.UnitLength;

    /// <summary>Memory for the factors of <see cref="ListQuery"/>, in the order of the codes.</summary>
    private protected static Span<float> Factors(QueryScratch query, int padded) => query.Coded(3 * padded)[..padded];

    /// <summary>Memory for the anchor on the coded axes, which only reconstructions of unit length need.</summary>
    private protected static Span<float> Centre(QueryScratch query, int padded) => query.Coded(3 * padded).Slice(padded, padded);

    private protected static void AddCoordinates(PackedGroup group, ReadOnlySpan<float> coordinates, Span<float> vector)
    {
        for (int axis = 0; axis < coordinates.Length; axis++)
        {
            if (coordinates[axis] == 0) continue;
            TensorPrimitives.FusedMultiplyAdd(group.Basis.AsSpan(axis * vector.Length, vector.Length), coordinates[axis], vector, vector);
        }
    }

    /// <summary>A query, prepared for one list.</summary>
    /// <param name="factors">
    /// The factors on the coded axes, padded with zeros as the scales are. They are the query minus the anchor; the query itself, where
    /// reconstructions count as vectors of unit length; or the negated query, for a product.
    /// </param>
    /// <param name="offset">
    /// The contribution of the anchor and of the axes without a code: squared distance, product, or negative product.
    /// </param>
    private protected readonly ref struct ListQuery(ReadOnlySpan<float> factors, float offset)
    {
        public readonly ReadOnlySpan<float> Factors = factors;
        public readonly float Offset = offset;
    }
}
