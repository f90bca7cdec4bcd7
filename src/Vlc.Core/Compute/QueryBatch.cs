namespace Vlc.Compute;

/// <summary>A batch of queries for <see cref="ICodeScanner.Scan"/>, and the lists that each of them probes.</summary>
public sealed class QueryBatch
{
    /// <summary>q.</summary>
    public required int Count { get; init; }

    /// <summary>
    /// q x coordinates. For <see cref="TrellisCodes"/>: the query less the mean (l2), or the query, in the bases of all groups; the
    /// coordinates of groups that no list needs are undefined. For <see cref="ScalarCodes"/>: the query itself, d floats, of unit length
    /// for cosine.
    /// </summary>
    public required ReadOnlyMemory<float> Coordinates { get; init; }

    /// <summary>
    /// q x groups: squared distance outside the group's basis (l2), or the product with the mean vector. Empty for
    /// <see cref="ScalarCodes"/>.
    /// </summary>
    public ReadOnlyMemory<float> Offsets { get; init; }

    /// <summary>‖query‖² of each; used where reconstructions count as vectors of unit length.</summary>
    public ReadOnlyMemory<float> SquaredLengths { get; init; }

    /// <summary>
    /// The start of the queries of each list in <see cref="Visitors"/>, and the end of the last; empty where every query scans every list.
    /// </summary>
    public ReadOnlyMemory<int> VisitStarts { get; init; }

    /// <summary>Numbers of the queries that probe a list, list after list.</summary>
    public ReadOnlyMemory<int> Visitors { get; init; }

    /// <summary>The filter, a bit for each row: row i is allowed if bit i % 64 of word i / 64 is set. Empty allows all.</summary>
    public ReadOnlyMemory<ulong> Allowed { get; init; }

    /// <summary>The same queries with another filter.</summary>
    /// <param name="allowed">See <see cref="Allowed"/>.</param>
    internal QueryBatch Of(ReadOnlyMemory<ulong> allowed) => new()
    {
        Count = Count, Coordinates = Coordinates, Offsets = Offsets, SquaredLengths = SquaredLengths, VisitStarts = VisitStarts,
        Visitors = Visitors, Allowed = allowed,
    };
}
