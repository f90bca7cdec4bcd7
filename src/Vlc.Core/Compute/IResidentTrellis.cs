using Vlc.Numerics.Kernels;

namespace Vlc.Compute;

/// <summary>Axes of trellis codes that a backend keeps, to search the codes of rows.</summary>
public interface IResidentTrellis : IDisposable
{
    /// <summary>Finds the best code string of each row, as <see cref="TrellisEncoder.Encode"/> does.</summary>
    /// <param name="codes">Which of the codes each row takes.</param>
    /// <param name="targets">What to approximate, row behind row, a finite float for each axis of the row's code.</param>
    /// <param name="states">Receives the state after each axis; rowOffsets as in <paramref name="targets"/>.</param>
    /// <param name="minima">Receives the squared error of each row.</param>
    /// <param name="cancellationToken">Checked between batches of rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such code, or room for too few axes or rows.</exception>
    /// <exception cref="ArgumentException">A row's minimum is not finite.</exception>
    void Encode(
        ReadOnlyMemory<int> codes, ReadOnlyMemory<float> targets, Memory<byte> states, Memory<float> minima, CancellationToken cancellationToken = default);
}
