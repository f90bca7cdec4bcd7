using System.Runtime.InteropServices;
using Vlc.Anchors;
using Vlc.Codecs.Packed;
using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Scanning;
using Vlc.Storage;

namespace Vlc.Codecs.Parity;

/// <summary>
/// Codec <c>parity</c>: the model of codec <c>packed</c> with a parity trellis code. The highest level bits of the axes of most variance
/// lie apart, so that a scan reads them first and the rest of few rows.
/// </summary>
internal sealed partial class ParityCodec : LocalBasesCodec
{
    private readonly ParityCode _code;
    private readonly ParityTables _tables;
    private readonly ParityPruning _pruning;
    private readonly bool _ownsTables;
    private readonly ParityLayout[] _layouts;

    /// <summary>A model that has just been learned.</summary>
    /// <param name="coder">The model, and the boundaries of its classes.</param>
    /// <param name="pruning">Which rows a scan drops.</param>
    /// <param name="unbiased">Which codes rows get.</param>
    public ParityCodec(PackedCoder coder, ParityPruning pruning, bool unbiased)
        : this(
            coder.Model, new ParityCode(ParityTables.Designed, pruning.Nibbles), pruning, ownsTables: false,
            new Lazy<(PackedCoder, bool)>((coder, unbiased)))
    {
    }

    private ParityCodec(
        PackedModel model, ParityCode code, ParityPruning pruning, bool ownsTables, Lazy<(PackedCoder Coder, bool Unbiased)>? encoder)
        : base(model, encoder)
    {
        (_code, _tables, _pruning, _ownsTables) = (code, code.Tables, pruning, ownsTables);
        _layouts = [.. Enumerable.Range(0, model.ListCount).Select(list => code.Layout(model[list]))];
    }

    public override CodecKind Kind => CodecKind.Parity;

    /// <summary>
    /// A query is prepared for a list once, whatever segments have rows of it: copying codes of blocks together would cost more than it
    /// saves.
    /// </summary>
    public override bool GathersSegments => false;

    public override int CodesPadding => ParityLayout.Padding;

    private protected override TrellisCode Code => _code;

    /// <summary>Opens the model of an index.</summary>
    /// <exception cref="VlcFormatException">Sections that do not fit one another or the manifest.</exception>
    public static CodecModel Open(SectionReader reader)
    {
        ReadOnlySpan<byte> header = reader.Inline(reader.RequireBytes(SectionKind.CodecModel).Kind);
        if (header.Length < ParityPruning.Bytes)
        {
            throw new VlcFormatException(
                reader.Files.Path(IndexFile.Manifest), "codec model", $"at least {ParityPruning.Bytes} bytes", $"{header.Length}",
                "The file is damaged; rebuild the index.");
        }

        ParityPruning pruning = ParityPruning.Read(header[^ParityPruning.Bytes..], reader.Files);
        byte[] stored = ReadTables(reader, 2 * sizeof(short) * ParityTables.ValueCount);
        ReadOnlySpan<short> values = MemoryMarshal.Cast<byte, short>(stored);
        ParityTables tables;
        try
        {
            tables = new ParityTables(
                values[..ParityTables.ValueCount], MemoryMarshal.Cast<short, ushort>(values[ParityTables.ValueCount..]));
        }
        catch (ArgumentException)
        {
            throw new VlcFormatException(
                reader.Files.Path(IndexFile.Manifest), "trellis tables", "values that ascend within a subset", "others",
                "The file is damaged; rebuild the index.");
        }

        var code = new ParityCode(tables, pruning.Nibbles);
        PackedModel model = ReadModel(reader, header[..^ParityPruning.Bytes], code);
        return new ParityCodec(model, code, pruning, ownsTables: true, Encoder(model, reader));
    }

    public override void TakeCode(CodeRows codes, int list, int position, Span<byte> code) =>
        new ParityRows(codes, _layouts[list]).Unpack(position, code);

    public override void PlaceCodes(int list, int count, int first, ReadOnlySpan<byte> codes, PlaceBytes write)
    {
        ParityLayout layout = _layouts[list];
        int coarse = layout.CoarseBytes, rows = codes.Length / layout.RowBytes, end = first + rows;
        var records = new byte[rows * layout.RecordBytes];
        for (int row = 0; row < rows; row++)
        {
            codes.Slice((row * layout.RowBytes) + coarse, layout.RecordBytes).CopyTo(records.AsSpan(row * layout.RecordBytes));
        }

        write(records, ((long)count * coarse) + ((long)first * layout.RecordBytes));
        if (coarse == 0) return;

        // Whole blocks that follow one another are written at once, a block of which others have a part byte by byte.
        var blocks = new List<byte>();
        long blocksStart = 0;
        Span<byte> column = stackalloc byte[ParityLayout.BlockRows];
        for (int block = first & -ParityLayout.BlockRows; block < end; block += ParityLayout.BlockRows)
        {
            int stride = Math.Min(count - block, ParityLayout.BlockRows), from = Math.Max(block, first), to = Math.Min(block + stride, end);
            bool whole = to - from == stride;
            if (whole && blocks.Count == 0) blocksStart = (long)block * coarse;
            for (int i = 0; i < coarse; i++)
            {
                for (int row = from; row < to; row++) column[row - from] = codes[((row - first) * layout.RowBytes) + i];
                if (whole) blocks.AddRange(column[..stride]);
                else write(column[..(to - from)], ((long)block * coarse) + ((long)i * stride) + from - block);
            }
        }

        if (blocks.Count > 0) write(CollectionsMarshal.AsSpan(blocks), blocksStart);
    }

    public override void AddResidual(SegmentCodes codes, int row, int list, int position, Span<float> vector)
    {
        if (codes.Of(list) is not { } own) return;
        PackedModel.List coded = _model[list];
        var code = new byte[coded.Stride];
        TakeCode(own, list, position, code);
        var values = new float[_layouts[list].Axes];
        ParityScan.Decode(_tables, _layouts[list], code, values);
        PackedGroup group = _parameters.Groups[coded.Group];
        var coordinates = new float[group.Rank];
        PackedCoder.Decode(coded, values, coordinates);
        AddCoordinates(group, coordinates, vector);
    }

    public override ICodeScanner LoadOnto(
        ICodeScanBackend backend, SegmentCodes codes, InvertedLists lists, Metric metric, ReadOnlyMemory<float> anchors) =>
        throw new ArgumentException(
            "A device does not scan codec parity: search on the processor (--device cpu), or build the index with codec packed.",
            nameof(backend));

    public override void Dispose()
    {
        base.Dispose();
        if (_ownsTables) _tables.Dispose();
    }

    private protected override byte[] Header()
    {
        byte[] header = base.Header();
        int length = header.Length;
        Array.Resize(ref header, length + ParityPruning.Bytes);
        _pruning.Write(header.AsSpan(length));
        return header;
    }

    private protected override ReadOnlySpan<byte> Tables() =>
        (byte[])[.. MemoryMarshal.AsBytes(_tables.Values), .. MemoryMarshal.AsBytes(_tables.Shares)];
}
