using Vlc.Numerics.Kernels;

namespace Vlc.Compute;

/// <summary>
/// Runs the heavy passes of a build: assignment, sums of cells, merge candidates and the search for codes. The reference is
/// <see cref="CpuBackend"/>. A backend whose device has IEEE arithmetic with fused multiply-add gives the same bits, so that the bytes of
/// an index do not depend on where it was built.
/// </summary>
/// <remarks>A backend is used by one thread at a time. Its results are disposed of before it.</remarks>
public interface IComputeBackend : IDisposable
{
    /// <summary>The device for display, such as "cpu, 16 threads" or "cuda, NVIDIA H200".</summary>
    string Name { get; }

    /// <summary>Loads rows for passes over them with changing anchors.</summary>
    /// <param name="rows">Row-major, n x <paramref name="dimension"/>; must not change until the result is disposed of.</param>
    /// <param name="dimension">Components of a row; at least 1.</param>
    IResidentRows LoadRows(ReadOnlyMemory<float> rows, int dimension);

    /// <summary>Loads anchors for passes of one or many sets of rows.</summary>
    /// <param name="anchors">Row-major, m x <paramref name="dimension"/>; copied.</param>
    /// <param name="dimension">Components of an anchor; at least 1.</param>
    IResidentAnchors LoadAnchors(ReadOnlySpan<float> anchors, int dimension);

    /// <summary>Loads the axes of trellis codes for searching the codes of any number of rows.</summary>
    /// <param name="tables">The codes' values; must outlive the result.</param>
    /// <param name="axes">Axes of each code.</param>
    IResidentTrellis LoadTrellis(TrellisTables tables, TrellisAxes axes);

    /// <summary>
    /// Finds for each cell with rows the other such cell that is cheapest to merge with, by n_i·n_j/(n_i + n_j)·‖a_i - a_j‖². Of equal
    /// costs the lowest cell wins. The product a_i·a_j is one chain of fused multiply-adds in float, the rest is double.
    /// </summary>
    /// <param name="anchors">Row-major, m x <paramref name="dimension"/>.</param>
    /// <param name="dimension">Components of an anchor.</param>
    /// <param name="counts">Rows of each cell.</param>
    /// <param name="partners">Receives a cell for each; -1 where there is none.</param>
    /// <param name="costs">Receives the cost; infinite where there is no partner.</param>
    /// <param name="cancellationToken">Checked between steps.</param>
    void FindMergePartners(
        ReadOnlySpan<float> anchors, int dimension, ReadOnlySpan<int> counts, Span<int> partners, Span<double> costs,
        CancellationToken cancellationToken = default);
}

/// <summary>Rows that a backend has loaded.</summary>
public interface IResidentRows : IDisposable
{
    /// <summary>Assigns each row to its nearest anchor; of equal scores the lowest anchor wins.</summary>
    /// <param name="anchors">Anchors of the same backend and dimension.</param>
    /// <param name="nearest">Receives an anchor's number for each row.</param>
    /// <param name="scores">Receives ½‖a‖² - x·a for each row, as <see cref="NearestColumn.Assign"/> defines it.</param>
    /// <param name="cancellationToken">Checked between blocks of rows.</param>
    /// <exception cref="ArgumentException">Anchors of another backend or dimension.</exception>
    void Assign(IResidentAnchors anchors, Span<int> nearest, Span<float> scores, CancellationToken cancellationToken = default);

    /// <summary>
    /// Means of lists of rows, summed in double in the order of the list. A component is a chain of additions, or with weights of fused
    /// multiply-adds.
    /// </summary>
    /// <param name="order">Row numbers, list after list, ascending within a list.</param>
    /// <param name="starts">The start of each list in <paramref name="order"/>, and the end of the last.</param>
    /// <param name="weights">A weight for each entry of <paramref name="order"/>; empty where all are 1.</param>
    /// <param name="means">Row-major, a mean for each list; unchanged where the weights' sum is not above 0.</param>
    /// <param name="cancellationToken">Checked between blocks of lists.</param>
    void Means(
        ReadOnlyMemory<int> order, ReadOnlyMemory<int> starts, ReadOnlyMemory<double> weights, Memory<float> means,
        CancellationToken cancellationToken = default);
}

/// <summary>Anchors that a backend has loaded.</summary>
public interface IResidentAnchors : IDisposable
{
    /// <summary>m.</summary>
    int Count { get; }
}
