namespace Vlc.Formats;

/// <summary>
/// What the path of a file of vectors leaves open. Every property that is null lets the reader decide by evidence, or refuse.
/// </summary>
public sealed record VectorFileOptions
{
    /// <summary>The format to read as, whatever the file is called; null chooses by content, then by extension.</summary>
    public VectorFileFormat? Format { get; init; }

    /// <summary>The tensor of a safetensors file; null takes the only two-dimensional one.</summary>
    public string? Tensor { get; init; }

    /// <summary>The dataset of an HDF5 file, as a path within it; null takes <c>train</c>.</summary>
    public string? Dataset { get; init; }

    /// <summary>The array of an npz file, or the table or collection of a database; null takes the only one that can be vectors.</summary>
    public string? Array { get; init; }

    /// <summary>
    /// The column of a table, or the property of a JSON object, that holds the whole vector; null takes the only one that can, or
    /// <c>embedding</c>.
    /// </summary>
    public string? Column { get; init; }

    /// <summary>The columns of a table that hold one component each.</summary>
    public ColumnRange? Columns { get; init; }

    /// <summary>
    /// The column of a table, or the property of a JSON object, that holds the key, by name or number; an empty string is for "no keys".
    /// </summary>
    public string? KeyColumn { get; init; }

    /// <summary>Whether the first line of a text file names its columns.</summary>
    public bool? Header { get; init; }

    /// <summary>What separates the fields of a text file; a space stands for any run of spaces and tabs.</summary>
    public char? Delimiter { get; init; }

    /// <summary>Where the vectors lie in a JSON document: <c>data[].embedding</c>.</summary>
    public string? JsonPath { get; init; }

    /// <summary>
    /// The formats that a file within another (gzip, a spooled one) may have; set by <see cref="VectorFiles"/>, null for its default.
    /// </summary>
    public IReadOnlyList<VectorFileFormat>? Formats { get; init; }
}
