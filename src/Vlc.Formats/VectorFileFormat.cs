using Vlc.Vectors;

namespace Vlc.Formats;

/// <summary>One kind of file that holds vectors: how it is called, how it is recognised, how it is opened.</summary>
public abstract class VectorFileFormat
{
    /// <summary>Short name, lower case, as the command line spells it: "npy", "fvecs".</summary>
    public abstract string Name { get; }

    /// <summary>File extensions with their dot, lower case.</summary>
    public abstract IReadOnlyList<string> Extensions { get; }

    /// <summary>
    /// True where the file is only the wrapping of another file of vectors, as gzip is: a format that the user names is that of the
    /// content.
    /// </summary>
    public virtual bool IsWrapping => false;

    /// <summary>How surely a file is of this format, by its content. The file's name is no part of the answer.</summary>
    /// <param name="sample">The file, which may be empty, damaged, hostile or a folder.</param>
    public virtual Recognition Recognize(FileSample sample) => Recognition.None;

    /// <summary>Opens the file and validates its structure; the rows are validated as they are read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">What the path leaves open.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="VlcFormatException">The file is not of this format, or is damaged.</exception>
    public abstract VectorSource Open(string path, VectorFileOptions options);

    /// <summary>
    /// What the file holds: its arrays, columns, datasets or tensors, and what <see cref="Open"/> with the same options takes. Empty where
    /// there is nothing to choose from.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="options">
    /// As for <see cref="Open"/>; where that refuses the file for want of an option, this still lists the parts.
    /// </param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="VlcFormatException">The file is not of this format, or is damaged.</exception>
    public virtual IReadOnlyList<FilePart> List(string path, VectorFileOptions options) => [];

    /// <inheritdoc/>
    public override string ToString() => Name;
}
