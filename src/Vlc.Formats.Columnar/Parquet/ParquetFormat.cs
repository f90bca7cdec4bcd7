using Vlc.Formats.Columnar.Parquet;
using Vlc.Formats.Columnar.Tables;
using Vlc.Vectors;

namespace Vlc.Formats.Columnar;

/// <summary>
/// Parquet, read by this assembly itself: a column of lists of numbers, or one column a dimension, with the columns beside it as keys and
/// payload. Pages of versions 1 and 2, every encoding and compression that DuckDB, polars, pandas and Hugging Face write.
/// </summary>
public sealed class ParquetFormat : VectorFileFormat
{
    private ParquetFormat()
    {
    }

    /// <summary>The format, to add to <see cref="VectorFiles.Default"/>.</summary>
    public static ParquetFormat Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "parquet";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Extensions { get; } = [".parquet", ".pq"];

    /// <inheritdoc/>
    public override Recognition Recognize(FileSample sample)
    {
        ArgumentNullException.ThrowIfNull(sample);
        bool framed = sample.Head.StartsWith(FileSignature.Parquet) && sample.Tail.EndsWith(FileSignature.Parquet);
        return framed ? Recognition.Certain : Recognition.None;
    }

    /// <inheritdoc/>
    public override VectorSource Open(string path, VectorFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ParquetTable table = ParquetTable.Open(path);
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
        using ParquetTable table = ParquetTable.Open(path);
        return TableVectors.List(table, options);
    }
}
