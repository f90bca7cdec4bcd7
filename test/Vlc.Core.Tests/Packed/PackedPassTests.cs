using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Codecs.Packed;

namespace Vlc.Core.Tests.Packed;

public sealed class PackedPassTests
{
    private const int Cells = 4;

    [Theory]
    [InlineData(1, 1, true, 1)]
    [InlineData(300, 3, true, 1)]
    [InlineData(600, 2, true, 2)]
    [InlineData(512, 1, false, 1)]
    [InlineData(0, 1, true, 1)]
    public void Batches_for_a_device_give_what_threads_give(int count, int threads, bool unbiased, int batchTasks)
    {
        const int Dimension = PackedData.Dimension;
        float[] rows = PackedData.Rows(600, 3);
        // The first rows are the anchors; whichever is nearer.
        float[] anchors = rows[..(Cells * Dimension)];
        int[] cells = [.. Enumerable.Range(0, 600).Select(row => Enumerable.Range(0, Cells).MinBy(
            cell => Distances.SquaredEuclidean(rows.AsSpan(row * Dimension, Dimension), anchors.AsSpan(cell * Dimension, Dimension))))];
        var trainer = new PackedTrainer(
            rows, Dimension, cells, anchors, new PackedOptions(), 600, unitLength: false, 1, CancellationToken.None);
        // About three bits an axis.
        PackedCoder coder = trainer.Build(trainer.MiddleLevel - (2 * 64 * 3), equalBytes: false);
        var elsewhere = new BackendElsewhere(new CpuBackend(2));
        string[] expected = Code(new CpuBackend(1)), actual = Code(elsewhere);
        Assert.Equal(expected, actual);
        Assert.True(count < 64 || expected.Distinct().Count() > 60);
        // Every row once; unbiased, nearly all once more or thrice.
        int batchRows = PackedPass.RowsPerTask * batchTasks, batches = (count + batchRows - 1) / batchRows;
        Assert.InRange(elsewhere.Searches, batches, 4 * batches);
        Assert.InRange(elsewhere.Rows, unbiased ? 2 * count : count, unbiased ? 4 * count : count);

        string[] Code(IComputeBackend backend)
        {
            var coded = new string[count];
            using var pass = new PackedPass(coder, BitshiftCode.Designed, unbiased, backend, threads) { BatchTasks = batchTasks };
            pass.Code(
                count, row => rows.AsSpan(row * Dimension, Dimension), cells.AsMemory(0, count),
                row => coded[row.Row] =
                    $"{row.List} {Convert.ToHexString(row.States)} {row.NearestError:R} " +
                    $"{string.Join(' ', row.Decoded.ToArray())} {row.Residual[0]:R}",
                CancellationToken.None);
            return coded;
        }
    }

    /// <summary>The processor as a stranger, to whom rows are handed in batches.</summary>
    private sealed class BackendElsewhere(CpuBackend processor) : IComputeBackend, IResidentTrellis
    {
        private IResidentTrellis? _trellis;

        public string Name => "elsewhere";

        public int Searches { get; private set; }

        public int Rows { get; private set; }

        public IResidentTrellis LoadTrellis(TrellisTables tables, TrellisAxes axes)
        {
            _trellis = processor.LoadTrellis(tables, axes);
            return this;
        }

        public void Encode(
            ReadOnlyMemory<int> codes, ReadOnlyMemory<float> targets, Memory<byte> states, Memory<float> minima,
            CancellationToken cancellationToken = default)
        {
            Searches++;
            Rows += codes.Length;
            _trellis!.Encode(codes, targets, states, minima, cancellationToken);
        }

        public IResidentRows LoadRows(ReadOnlyMemory<float> rows, int dimension) => throw new NotSupportedException();

        public IResidentAnchors LoadAnchors(ReadOnlySpan<float> anchors, int dimension) => throw new NotSupportedException();

        public void FindMergePartners(
            ReadOnlySpan<float> anchors, int dimension, ReadOnlySpan<int> counts, Span<int> partners, Span<double> costs,
            CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public void Dispose() => _trellis?.Dispose();
    }
}
