using Vlc.Numerics.Kernels;
using Vlc.Numerics.Threading;

namespace Vlc.Compute;

/// <summary>Trellis codes on the processor, with an encoder a thread.</summary>
internal sealed class CpuTrellis : IResidentTrellis
{
    private const int RowsPerBlock = 64;

    private readonly TrellisAxes _axes;
    private readonly TrellisEncoder[] _encoders;

    public CpuTrellis(TrellisTables tables, TrellisAxes axes, int threads)
    {
        _axes = axes;
        _encoders = new TrellisEncoder[threads];
        for (int i = 0; i < threads; i++) _encoders[i] = new TrellisEncoder(tables, axes.MostAxes);
    }

    public void Encode(
        ReadOnlyMemory<int> codes, ReadOnlyMemory<float> targets, Memory<byte> states, Memory<float> minima,
        CancellationToken cancellationToken = default)
    {
        int[] rowOffsets = _axes.RowOffsets(codes.Span);
        ArgumentOutOfRangeException.ThrowIfLessThan(targets.Length, rowOffsets[^1]);
        ArgumentOutOfRangeException.ThrowIfLessThan(states.Length, rowOffsets[^1]);
        ArgumentOutOfRangeException.ThrowIfLessThan(minima.Length, codes.Length);
        BlockScheduler.Run(
            BlockScheduler.BlockCount(codes.Length, RowsPerBlock), _encoders.Length,
            (block, worker) =>
            {
                int end = Math.Min((block + 1) * RowsPerBlock, codes.Length);
                for (int row = block * RowsPerBlock; row < end; row++)
                {
                    Range axes = _axes.Starts[codes.Span[row]].._axes.Starts[codes.Span[row] + 1];
                    Range here = rowOffsets[row]..rowOffsets[row + 1];
                    minima.Span[row] = _encoders[worker].Encode(
                        targets.Span[here], _axes.Scales[axes], _axes.Bits[axes], states.Span[here]);
                }
            },
            cancellationToken);
    }

    public void Dispose()
    {
        foreach (TrellisEncoder encoder in _encoders) encoder.Dispose();
    }
}
