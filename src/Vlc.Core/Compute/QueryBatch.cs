namespace Vlc.Compute;

/// <summary>A batch of queries for <see cref="ICodeScanner.Scan"/>: what is known of each, and which lists it scans.</summary>
public sealed class QueryBatch
{
    /// <summary>q.</summary>
    public required int Count { get; init; }

    /// <summary>
    /// q x coordinates. For <see cref="TrellisCodes"/> the query less the mean (l2), or the query, in the bases of all groups; those of groups that no list needs may be anything. For
    /// <see cref="ScalarCodes"/> the query itself, d floats, of unit length for cosine.
    /// </summary>
    public required ReadOnlyMemory<float> Coordinates { get; init; }

    /// <summary>q x groups: squared distance outside the group's basis (l2), or the product with the mean vector. Empty for <see cref="ScalarCodes"/>.</summary>
    public ReadOnlyMemory<float> Offsets { get; init; }

    /// <summary>‖query‖² of each; read where reconstructions count as vectors of unit length.</summary>
    public ReadOnlyMemory<float> SquaredLengths { get; init; }

    /// <summary>Where the queries of each list begin in <see cref="Visitors"/>, and the end of the last; empty where every query scans every list.</summary>
    public ReadOnlyMemory<int> VisitStarts { get; init; }

    /// <summary>Numbers of the queries that scan a list, list after list.</summary>
    public ReadOnlyMemory<int> Visitors { get; init; }

    /// <summary>A bit for each row, row i in bit i % 64 of word i / 64: whether it may be found. Empty allows all.</summary>
    public ReadOnlyMemory<ulong> Allowed { get; init; }

    /// <summary>The same queries for other rows.</summary>
    /// <param name="allowed">See <see cref="Allowed"/>.</param>
    internal QueryBatch Of(ReadOnlyMemory<ulong> allowed) => new()
    {
        Count = Count, Coordinates = Coordinates, Offsets = Offsets, SquaredLengths = SquaredLengths, VisitStarts = VisitStarts, Visitors = Visitors,
        Allowed = allowed,
    };
}
