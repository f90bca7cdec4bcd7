using System.Numerics.Tensors;
using Vlc.Compute;
using Vlc.Numerics.Threading;

namespace Vlc.Anchors;

/// <summary>
/// Assigns blocks of rows to their nearest anchors, relative to a centre: far from the origin, rounding would hide differences.
/// </summary>
internal sealed class CellAssigner : IDisposable
{
    private const int RowsPerTask = 256;

    private readonly float[] _centre;
    private readonly int _threads;
    private readonly IComputeBackend _backend;
    private readonly IResidentAnchors _anchors;
    private float[] _centred = [];
    private float[] _scores = [];

    /// <summary>Loads the anchors.</summary>
    /// <param name="anchors">m x d.</param>
    /// <param name="centre">d floats.</param>
    /// <param name="dimension">d.</param>
    /// <param name="backend">The backend that computes.</param>
    /// <param name="threads">Threads to use.</param>
    public CellAssigner(float[] anchors, float[] centre, int dimension, IComputeBackend backend, int threads)
    {
        (_centre, _threads, _backend) = (centre, threads, backend);
        var centred = new float[anchors.Length];
        for (int offset = 0; offset < anchors.Length; offset += dimension)
        {
            TensorPrimitives.Subtract(anchors.AsSpan(offset, dimension), centre, centred.AsSpan(offset, dimension));
        }

        _anchors = backend.LoadAnchors(centred, dimension);
    }

    /// <summary>Assigns rows; of equally near anchors the lowest wins.</summary>
    /// <param name="rows">Row-major, count x d.</param>
    /// <param name="cells">Receives a cell for each row.</param>
    /// <param name="cancellationToken">Checked between blocks.</param>
    public void Assign(ReadOnlyMemory<float> rows, Span<int> cells, CancellationToken cancellationToken)
    {
        int count = cells.Length, d = _centre.Length;
        if (_centred.Length < count * d) _centred = new float[count * d];
        if (_scores.Length < count) _scores = new float[count];
        BlockScheduler.Run(
            BlockScheduler.BlockCount(count, RowsPerTask), _threads,
            (task, _) =>
            {
                int end = Math.Min((task + 1) * RowsPerTask, count);
                for (int row = task * RowsPerTask; row < end; row++)
                {
                    TensorPrimitives.Subtract(rows.Span.Slice(row * d, d), _centre, _centred.AsSpan(row * d, d));
                }
            },
            cancellationToken);
        using IResidentRows resident = _backend.LoadRows(_centred.AsMemory(0, count * d), d);
        resident.Assign(_anchors, cells, _scores.AsSpan(0, count), cancellationToken);
    }

    public void Dispose() => _anchors.Dispose();
}
