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
    /// True when a file that begins with <paramref name="head"/> can only be of this format; false where the format has no signature.
    /// </summary>
    /// <param name="head">The first bytes of the file, 16 or all of it.</param>
    public virtual bool Recognizes(ReadOnlySpan<byte> head) => false;

    /// <summary>Opens the file and validates its structure; the rows are validated as they are read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">What the path leaves open.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="VlcFormatException">The file is not of this format, or is damaged.</exception>
    public abstract VectorSource Open(string path, VectorFileOptions options);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
