using Vlc.Formats.Columnar.Arrow;
using Vlc.Formats.Columnar.Tables;
using Vlc.Vectors;

namespace Vlc.Formats.Columnar;

/// <summary>
/// Arrow IPC, read by this assembly itself: files with a footer (Feather version 2) and streams, as Hugging Face datasets keep them.
/// A column of lists of numbers, or one column a dimension, with the columns beside it as keys and payload.
/// </summary>
public sealed class ArrowFormat : VectorFileFormat
{
    private ArrowFormat()
    {
    }

    /// <summary>The format, to add to <see cref="VectorFiles.Default"/>.</summary>
    public static ArrowFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "arrow";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Extensions { get; } = [".arrow", ".feather", ".ipc", ".arrows"];

    /// <inheritdoc/>
    public override Recognition Recognize(FileSample sample)
    {
        ArgumentNullException.ThrowIfNull(sample);
        return sample.Head.StartsWith(ArrowTable.Signature) || ArrowTable.BeginsStream(sample.Head)
            ? Recognition.Certain
            : Recognition.None;
    }

    /// <inheritdoc/>
    public override VectorSource Open(string path, VectorFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArrowTable table = ArrowTable.Open(path);
        try
        {
            return new TableVectors(table, options);
        }
        catch
        {
            table.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<FilePart> List(string path, VectorFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        using ArrowTable table = ArrowTable.Open(path);
        return TableVectors.List(table, options);
    }
}
