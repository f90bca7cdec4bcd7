using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Threading;

namespace Vlc.Codecs.Packed;

/// <summary>Codes rows: rotation, choice of the list, search for the trellis path, bits.</summary>
internal sealed class PackedRowEncoder : RowEncoder
{
    private readonly PackedModel _model;
    private readonly PackedPass _pass;

    public PackedRowEncoder(PackedCoder coder, TrellisTables tables, bool unbiased, IComputeBackend backend, int threads)
    {
        _model = coder.Model;
        _pass = new PackedPass(coder, tables, unbiased, backend, threads);
    }

    /// <summary>Weighted squared error of the nearest codes of all rows so far.</summary>
    public double NearestError { get; private set; }

    /// <summary>The same for the stored codes.</summary>
    public double StoredError { get; private set; }

    public override void Encode(
        ReadOnlyMemory<float> rows, ReadOnlyMemory<int> cells, Memory<int> lists, TakeBytes codes, CancellationToken cancellationToken)
    {
        int d = _model.Parameters.Dimension;
        var taskCodes = new List<byte>[BlockScheduler.BlockCount(cells.Length, PackedPass.RowsPerTask)];
        double[] nearest = new double[taskCodes.Length], stored = new double[taskCodes.Length];
        _pass.Code(
            cells.Length, i => rows.Span.Slice(i * d, d), cells,
            row =>
            {
                int task = row.Row / PackedPass.RowsPerTask;
                List<byte> own = taskCodes[task] ??= [];
                PackedModel.List coded = _model[row.List];
                lists.Span[row.Row] = row.List;
                nearest[task] += row.NearestError;
                stored[task] += _model.WeightedError(row.List, row.Residual, row.Decoded);
                int offset = own.Count;
                CollectionsMarshal.SetCount(own, offset + coded.Stride);
                TrellisEncoder.Pack(row.States, coded.Bits, CollectionsMarshal.AsSpan(own).Slice(offset, coded.Stride));
            },
            cancellationToken);
        // In the order of the rows, whichever thread was first: the sums are reported, and a report must not depend on threads.
        NearestError += nearest.Sum();
        StoredError += stored.Sum();
        foreach (List<byte> own in taskCodes) codes(CollectionsMarshal.AsSpan(own));
    }

    public override byte[] SaveState() => [.. BitConverter.GetBytes(NearestError), .. BitConverter.GetBytes(StoredError)];

    public override void RestoreState(ReadOnlySpan<byte> state)
    {
        NearestError = BinaryPrimitives.ReadDoubleLittleEndian(state);
        StoredError = BinaryPrimitives.ReadDoubleLittleEndian(state[sizeof(double)..]);
    }

    public override void Dispose()
    {
        base.Dispose();
        _pass.Dispose();
    }
}
