namespace Vlc.Formats;

/// <summary>One array, column, dataset, tensor or table of a file, for whoever asks what the file holds.</summary>
/// <param name="Name">What the file calls it, or "column 3".</param>
/// <param name="Type">Type of its values as the format calls it: "&lt;f4", "F16", "list of float".</param>
/// <param name="Shape">Extents, slowest first, where they are known: "1000 x 384"; null otherwise.</param>
/// <param name="Use">What reading the file with these options makes of it.</param>
/// <param name="First">Its first values, as text; null where they are not shown.</param>
/// <param name="Selector">The option that chooses it as the vectors, "--tensor weights"; null where it cannot be read as vectors.</param>
public sealed record FilePart(string Name, string Type, string? Shape, PartUse Use, string? First = null, string? Selector = null);

/// <summary>What becomes of a part of a file.</summary>
public enum PartUse
{
    /// <summary>Left in the file.</summary>
    Left = 0,

    /// <summary>The vectors, or a component of them.</summary>
    Vector = 1,

    /// <summary>The keys.</summary>
    Key = 2,

    /// <summary>Payload beside the key: text, metadata.</summary>
    Payload = 3,
}
