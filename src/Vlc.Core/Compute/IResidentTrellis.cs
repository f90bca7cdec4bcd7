using Vlc.Numerics.Kernels;

namespace Vlc.Compute;

/// <summary>Axes of trellis codes that a backend has loaded, to search the codes of rows.</summary>
public interface IResidentTrellis : IDisposable
{
    /// <summary>Finds the best code string of each row, as <see cref="TrellisEncoder.Encode"/> does.</summary>
    /// <param name="codes">The code of each row.</param>
    /// <param name="targets">The values to approximate: a finite float for each axis of a row's code, row after row.</param>
    /// <param name="states">Receives the state after each axis, in the layout of <paramref name="targets"/>.</param>
    /// <param name="minima">Receives the squared error of each row.</param>
    /// <param name="cancellationToken">Checked between batches of rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such code, or a span is too short for the axes or rows.</exception>
    /// <exception cref="ArgumentException">A row's minimum is not finite.</exception>
    void Encode(
        ReadOnlyMemory<int> codes, ReadOnlyMemory<float> targets, Memory<byte> states, Memory<float> minima,
        CancellationToken cancellationToken = default);
}
