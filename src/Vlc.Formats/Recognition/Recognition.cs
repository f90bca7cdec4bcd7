namespace Vlc.Formats;

/// <summary>How surely a format takes a file for its own, by the content alone.</summary>
public enum Recognition
{
    /// <summary>The content speaks against it, or says nothing.</summary>
    None = 0,

    /// <summary>The content fits, as it might fit other formats too: numbers between commas.</summary>
    Possible = 1,

    /// <summary>The content fits well, and hardly fits anything else; no signature proves it.</summary>
    Likely = 2,

    /// <summary>
    /// A signature of six bytes or more, a length that agrees with a header, or a grammar that chance does not meet. It overrules the
    /// file's name.
    /// </summary>
    Certain = 3,
}
