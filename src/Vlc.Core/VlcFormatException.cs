namespace Vlc;

/// <summary>
/// A file is not what it says it is: truncated, of another format, with a value out of range, or changed since it was
/// written. The message says what file, where, what was expected, what was found, and what to do.
/// </summary>
public sealed class VlcFormatException : IOException
{
    /// <summary>Creates the exception and its message, "path: where: expected X, found Y. Hint".</summary>
    /// <param name="path">The file, as the user named it.</param>
    /// <param name="where">The place in the file: "offset 12", "line 7", "row 3, column 4", "header".</param>
    /// <param name="expected">What a good file has there.</param>
    /// <param name="found">What this file has there.</param>
    /// <param name="hint">What the user can do; a sentence, or null.</param>
    /// <param name="innerException">The failure underneath, or null.</param>
    public VlcFormatException(
        string path, string where, string expected, string found, string? hint = null, Exception? innerException = null)
        : base($"{path}: {where}: expected {expected}, found {found}." + (hint is null ? "" : $" {hint}"), innerException)
    {
        Path = path;
        Where = where;
        Expected = expected;
        Found = found;
        Hint = hint;
    }

    /// <summary>The file, as the user named it.</summary>
    public string Path { get; }

    /// <summary>The place in the file.</summary>
    public string Where { get; }

    /// <summary>What a good file has there.</summary>
    public string Expected { get; }

    /// <summary>What this file has there.</summary>
    public string Found { get; }

    /// <summary>What the user can do, or null.</summary>
    public string? Hint { get; }
}
