using System.Numerics.Tensors;
using Vlc.Anchors;
using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Numerics.Threading;
using Vlc.Scanning;
using Vlc.Storage;

namespace Vlc.Codecs.Scalar;

/// <summary>The codecs that store a number for each coded axis, or none: what they have in common.</summary>
/// <param name="anchors">m x d, in scaled units, as float16 holds them.</param>
/// <param name="axes">The coded axes.</param>
/// <param name="scales">What code 1 is worth; null where that is 1, or nothing.</param>
internal abstract class ScalarCodec(float[] anchors, CodedAxes axes, AxisScales? scales) : CodecModel
{
    public override int Dimension => axes.Dimension;

    public override int AnchorCount => anchors.Length / axes.Dimension;

    public override int CodedDimension => axes.Count;

    public override int CoordinateCount => axes.Dimension;

    protected CodedAxes Axes => axes;

    protected AxisScales? Scales => scales;

    /// <summary>Bytes of a coded axis.</summary>
    protected int AxisBytes => SectionReader.ElementBytes(CodeElement);

    public override int CodeBytes(int list) => axes.Count * AxisBytes;

    public override float[] DecodeAnchors() => [.. anchors];

    public override void WriteModel(SectionWriter writer)
    {
        uint m = (uint)AnchorCount, d = (uint)Dimension;
        var file = new IndexFileId(IndexFile.Anchors);
        writer.WriteSection<Half>(SectionKind.Anchors, file, SectionElement.Float16, Halves(anchors), m, d);
        if (scales is { IsPerCell: true })
        {
            file = new IndexFileId(IndexFile.Jacobians);
            writer.WriteSection<Half>(SectionKind.Jacobians, file, SectionElement.Float16, Halves(scales.Jacobians(axes)), m, d);
        }

        if (!axes.All && CodeElement != SectionElement.Bytes)
        {
            int[] numbers = [.. Enumerable.Range(0, axes.Count).Select(axes.Axis)];
            writer.AddInline<int>(SectionKind.CodedAxes, SectionElement.UInt32, numbers, 1, (uint)numbers.Length);
        }

        if (scales is { IsPerCell: false })
        {
            writer.AddInline(SectionKind.AxisScales, SectionElement.Float32, scales.Of(0)[..axes.Count], 1, (uint)axes.Count);
        }
    }

    public override void AddTo(InputDigest digest)
    {
        digest.Add((int)Kind, axes.Count).Add<float>(anchors);
        for (int i = 0; i < axes.Count; i++) digest.Add(axes.Axis(i));
        if (scales is not null) digest.Add<float>(scales.All.Span);
    }

    public override RowEncoder CreateEncoder(IComputeBackend backend, int threads) => new Encoder(this, anchors, threads);

    public override SegmentCodes OpenCodes(SectionReader reader, int segment, InvertedLists lists)
    {
        IndexSection section = reader.Require(SectionKind.Residuals, CodeElement, (uint)lists.RowCount, (uint)axes.Count, segment);
        return SegmentCodes.ByRow(new CodeRows(reader.MemoryOf(section), section.Offset, lists.RowCount, CodeBytes(0)));
    }

    public override ICodeScanner LoadOnto(
        ICodeScanBackend backend, SegmentCodes codes, InvertedLists lists, Metric metric, ReadOnlyMemory<float> anchors) =>
        backend.LoadCodes(new ScalarCodes
        {
            Codec = Kind, Metric = metric, Dimension = axes.Dimension, Axes = Enumerable.Range(0, axes.Count).Select(axes.Axis).ToArray(),
            Scales = scales?.All ?? default, Anchors = anchors, ListStarts = lists.Starts, Rows = lists.Order, Codes = codes.Of(0),
        });

    public override void Describe(QueryScratch query, int[]? cells, Span<float> coordinates, Span<float> offsets, out float squared)
    {
        query.Vector.CopyTo(coordinates);
        squared = Distances.Dot(query.Vector, query.Vector);
    }

    /// <summary>Codes a residual.</summary>
    /// <param name="residual">d floats.</param>
    /// <param name="cell">The row's cell.</param>
    /// <param name="code">Receives <see cref="CodeBytes(int)"/> bytes.</param>
    /// <returns>True where a component was cut.</returns>
    protected abstract bool Encode(ReadOnlySpan<float> residual, int cell, Span<byte> code);

    private static Half[] Halves(ReadOnlySpan<float> values)
    {
        var halves = new Half[values.Length];
        TensorPrimitives.ConvertToHalf(values, halves);
        return halves;
    }

    private sealed class Encoder(ScalarCodec codec, float[] anchors, int threads) : RowEncoder
    {
        private const int RowsPerTask = 256;

        private byte[] _codes = [];
        private long _clamped;

        public override long ClampedRows => _clamped;

        public override void Encode(
            ReadOnlyMemory<float> rows, ReadOnlyMemory<int> cells, Memory<int> lists, TakeBytes codes, CancellationToken cancellationToken)
        {
            int d = codec.Dimension, rowBytes = codec.CodeBytes(0), count = cells.Length;
            cells.CopyTo(lists);
            if (rowBytes == 0) return;
            if (_codes.Length < count * rowBytes) _codes = new byte[count * rowBytes];
            BlockScheduler.Run(
                BlockScheduler.BlockCount(count, RowsPerTask), threads,
                (task, _) =>
                {
                    var residual = new float[d];
                    int end = Math.Min((task + 1) * RowsPerTask, count), clamped = 0;
                    for (int row = task * RowsPerTask; row < end; row++)
                    {
                        int cell = cells.Span[row];
                        TensorPrimitives.Subtract(rows.Span.Slice(row * d, d), anchors.AsSpan(cell * d, d), residual);
                        if (codec.Encode(residual, cell, _codes.AsSpan(row * rowBytes, rowBytes))) clamped++;
                    }

                    if (clamped > 0) Interlocked.Add(ref _clamped, clamped);
                },
                cancellationToken);
            codes(_codes.AsSpan(0, count * rowBytes));
        }
    }
}
