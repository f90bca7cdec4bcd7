using Vlc.Numerics.Memory;

namespace Vlc.Compute;

/// <summary>
/// The trellis codes of an open index in the form that a backend scans. docs/codec.md has the model, docs/format.md the bits.
/// </summary>
/// <remarks>
/// A query comes as its coordinates in the bases of all groups, one group after the other. A list's coordinates begin at
/// <see cref="TrellisList.FirstCoordinate"/>. Let c be those coordinates, z the anchor's, r̂ the decoded residual and o the query's offset
/// for the group. The distance is o + ‖c - z - r̂‖² (l2) or -(o + ⟨c, z + r̂⟩) (product). With <see cref="CountsAsUnitLength"/> it is the
/// squared distance of the two vectors at unit length, computed from the product and the squared length of the reconstruction.
/// </remarks>
public sealed class TrellisCodes
{
    /// <summary>The metric of the index.</summary>
    public required Metric Metric { get; init; }

    /// <summary>True where reconstructions count as vectors of unit length (cosine).</summary>
    public required bool CountsAsUnitLength { get; init; }

    /// <summary>8 x 256 values in units of 1/4096: the table of b bits starts at (b - 1)·256.</summary>
    public required ReadOnlyMemory<short> Tables { get; init; }

    /// <summary>The mean vector in the bases of all groups; its length is the number of coordinates of a query.</summary>
    public required ReadOnlyMemory<float> MeanCoordinates { get; init; }

    /// <summary>Groups of cells, each with a basis.</summary>
    public required int GroupCount { get; init; }

    /// <summary>n, the rows of the index; row numbers are below it.</summary>
    public required int RowCount { get; init; }

    /// <summary>The lists.</summary>
    public required IReadOnlyList<TrellisList> Lists { get; init; }
}

/// <summary>An inverted list: rows that share an anchor, axes, bits and stride, which are those of a class of a cell.</summary>
/// <param name="Group">Group of the cell.</param>
/// <param name="FirstCoordinate">The first coordinate of the group.</param>
/// <param name="Anchor">z, one float for each coordinate of the group.</param>
/// <param name="AnchorSquared">‖anchor‖² in the original axes.</param>
/// <param name="Axes">The coded coordinates of the group, in the order of the code.</param>
/// <param name="Bits">Bits of each, 1 to 8.</param>
/// <param name="Scales">The value of a table's 1 on each axis; may be longer.</param>
/// <param name="Rows">Row numbers, ascending.</param>
/// <param name="Codes">A bit string for each row; null where there are no rows or no axis has bits.</param>
public sealed record TrellisList(
    int Group, int FirstCoordinate, ReadOnlyMemory<float> Anchor, float AnchorSquared, ReadOnlyMemory<int> Axes, ReadOnlyMemory<byte> Bits,
    ReadOnlyMemory<float> Scales,
    ReadOnlyMemory<int> Rows, CodeRows? Codes);
