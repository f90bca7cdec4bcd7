namespace Vlc.Storage;

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

    /// <summary>What the codec needs to code further rows, besides the model.</summary>
    EncoderState = 11,

    /// <summary>Queries with their exact neighbours, on which recall can be measured again.</summary>
    Yardstick = 12,

    /// <summary>The user's key of each row of a segment.</summary>
    Keys = 13,

    /// <summary>A bit for each row of the index: whether it is deleted.</summary>
    Deleted = 14,

    /// <summary>
    /// The checksum of each block of 64 KiB of the sections that are read piece by piece and have several, in the order of the sections.
    /// </summary>
    BlockChecksums = 15,
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
/// <param name="Segment">The segment that it belongs to; 0 for sections of the model and of the whole index.</param>
public sealed record IndexSection(
    SectionKind Kind, IndexFile File, SectionElement Element, uint Checksum, long Offset, long Length, uint Rows, uint Columns,
        int Segment = 0)
{
    /// <summary>The file it lies in.</summary>
    public IndexFileId FileId => new(File, Segment);
}
