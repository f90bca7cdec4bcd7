namespace Vlc.Formats;

/// <summary>What the path of a file of vectors leaves open.</summary>
public sealed record VectorFileOptions
{
    /// <summary>The format to read as, whatever the file is called; null chooses by extension, then by content.</summary>
    public VectorFileFormat? Format { get; init; }

    /// <summary>The tensor of a safetensors file; null takes the only two-dimensional one.</summary>
    public string? Tensor { get; init; }

    /// <summary>The dataset of an HDF5 file, as a path within it; null takes <c>train</c>.</summary>
    public string? Dataset { get; init; }

    /// <summary>
    /// The column of a Parquet file, or the property of a jsonl object, that holds the vector; null takes the only
    /// list-of-number column, or <c>embedding</c>.
    /// </summary>
    public string? Column { get; init; }
}
