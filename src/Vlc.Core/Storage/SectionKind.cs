namespace Vlc.Storage;

/// <summary>Which of an index's five files.</summary>
public enum IndexFile
{
    /// <summary>BASE.idx, the manifest.</summary>
    Manifest = 0,

    /// <summary>BASE.anchors.bin.</summary>
    Anchors = 1,

    /// <summary>BASE.assign.bin.</summary>
    Assignments = 2,

    /// <summary>BASE.jacobians.bin.</summary>
    Jacobians = 3,

    /// <summary>BASE.residuals.bin.</summary>
    Residuals = 4,
}

/// <summary>What a section of an index holds.</summary>
public enum SectionKind
{
    /// <summary>m x d anchors.</summary>
    Anchors = 1,

    /// <summary>n assignments.</summary>
    Assignments = 2,

    /// <summary>m x d diagonal Jacobians: the value of code 1 on each axis of each cell.</summary>
    Jacobians = 3,

    /// <summary>n x d_r residual codes.</summary>
    Residuals = 4,

    /// <summary>d_r scales for all cells: the value of code 1 on each axis, where there are no Jacobians.</summary>
    AxisScales = 5,

    /// <summary>d_r numbers of the coded axes, ascending, where d_r is below d.</summary>
    CodedAxes = 6,

    /// <summary>Packed codec: numbers of groups and classes, level, ranks, mean.</summary>
    CodecModel = 7,

    /// <summary>Packed codec: the trellis code's tables, 8 x 256 int16 in units of 1/4096.</summary>
    TrellisTables = 8,

    /// <summary>Packed codec: the bases of the groups and their spectra.</summary>
    Bases = 9,

    /// <summary>Packed codec: group, scales and class gains of each cell.</summary>
    CellScales = 10,
}

/// <summary>Element type of a section.</summary>
public enum SectionElement
{
    /// <summary>Bytes with a layout of their own.</summary>
    Bytes = 0,

    /// <summary>IEEE binary16.</summary>
    Float16 = 1,

    /// <summary>IEEE binary32.</summary>
    Float32 = 2,

    /// <summary>Unsigned 32-bit integer.</summary>
    UInt32 = 3,

    /// <summary>Signed byte.</summary>
    Int8 = 4,
}

/// <summary>One section of an index: where it lies and what it holds.</summary>
/// <param name="Kind">What it holds.</param>
/// <param name="File">The file it lies in.</param>
/// <param name="Element">Element type.</param>
/// <param name="Checksum">CRC-32C of its bytes; 0 in version 1, which has none.</param>
/// <param name="Offset">First byte in the file.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Rows">Rows of the matrix it holds.</param>
/// <param name="Columns">Columns of the matrix it holds.</param>
public sealed record IndexSection(
    SectionKind Kind, IndexFile File, SectionElement Element, uint Checksum, long Offset, long Length, uint Rows, uint Columns);
