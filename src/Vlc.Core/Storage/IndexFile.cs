namespace Vlc.Storage;

/// <summary>What one of an index's files is for.</summary>
public enum IndexFile
{
    /// <summary>BASE.idx, the manifest.</summary>
    Manifest = 0,

    /// <summary>BASE.anchors.bin: the anchors of the model.</summary>
    Anchors = 1,

    /// <summary>BASE.assign.bin, and BASE.s.assign.bin of segment s from 1 on: the list of each row.</summary>
    Assignments = 2,

    /// <summary>BASE.jacobians.bin: local bases or diagonal Jacobians of the model.</summary>
    Jacobians = 3,

    /// <summary>BASE.residuals.bin, and BASE.s.residuals.bin: the codes of a segment.</summary>
    Residuals = 4,

    /// <summary>BASE.encoder.bin: what only coding further rows and measuring recall need. A search reads none of it.</summary>
    Encoder = 5,

    /// <summary>BASE.keys.bin, and BASE.s.keys.bin: the user's keys of a segment's rows.</summary>
    Keys = 6,

    /// <summary>BASE.deleted.bin: which rows are deleted.</summary>
    Deleted = 7,
}

/// <summary>One file of an index.</summary>
/// <param name="File">What it is for.</param>
/// <param name="Segment">The segment it belongs to; 0 for files of the model and of the whole index.</param>
public readonly record struct IndexFileId(IndexFile File, int Segment = 0)
{
    /// <summary>The manifest.</summary>
    public static IndexFileId Manifest { get; } = new(IndexFile.Manifest);

    /// <summary>What follows BASE in the file's name.</summary>
    public string Suffix => (Segment == 0 ? "" : $".{Segment}") + Extension(File);

    /// <summary>Whether each segment has such a file of its own.</summary>
    /// <param name="file">What it is for.</param>
    public static bool IsOfSegment(IndexFile file) => file is IndexFile.Assignments or IndexFile.Residuals or IndexFile.Keys;

    private static string Extension(IndexFile file) => file switch
    {
        IndexFile.Manifest => ".idx",
        IndexFile.Anchors => ".anchors.bin",
        IndexFile.Assignments => ".assign.bin",
        IndexFile.Jacobians => ".jacobians.bin",
        IndexFile.Residuals => ".residuals.bin",
        IndexFile.Encoder => ".encoder.bin",
        IndexFile.Keys => ".keys.bin",
        _ => ".deleted.bin",
    };
}
