using Vlc.Vectors;

namespace Vlc.Cli.Files;

/// <summary>Reads the vectors to search for and refuses those that an index cannot answer.</summary>
internal static class QueryVectors
{
    /// <summary>Throws unless the file's vectors are as long as the index's.</summary>
    /// <exception cref="VlcFormatException">Another dimension.</exception>
    public static void CheckDimension(VectorSource source, int dimension)
    {
        if (source.Dimension != dimension)
        {
            throw new VlcFormatException(
                source.Name, "dimension", $"{dimension}, the index's", $"{source.Dimension}",
                "Embed the queries with the model that made the indexed vectors.");
        }
    }

    /// <summary>Reads rows and refuses zeros where the metric needs a direction.</summary>
    /// <exception cref="VlcFormatException">A row of zeros under the cosine metric, or a damaged file.</exception>
    public static void Read(
        VectorSource source, long start, int count, Metric metric, Span<float> rows, CancellationToken cancellationToken)
    {
        source.Read(start, count, rows, cancellationToken);
        if (metric != Metric.Cosine) return;
        for (int row = 0; row < count; row++)
        {
            if (!rows.Slice(row * source.Dimension, source.Dimension).ContainsAnyExcept(0f))
            {
                throw new VlcFormatException(
                    source.Name, $"row {start + row}", "a direction", "a row of zeros", "The cosine of a zero vector is undefined.");
            }
        }
    }

    /// <summary>Reads every row.</summary>
    /// <exception cref="VlcFormatException">As <see cref="CheckDimension"/> and <see cref="Read"/>; or too many to hold.</exception>
    public static float[] ReadAll(VectorSource source, int dimension, Metric metric, CancellationToken cancellationToken)
    {
        CheckDimension(source, dimension);
        long floats = source.Count * dimension;
        if (floats > Array.MaxLength)
        {
            throw new VlcFormatException(source.Name, "rows", $"at most {Array.MaxLength / dimension} queries", $"{source.Count}");
        }

        float[] rows = new float[floats];
        Read(source, 0, (int)source.Count, metric, rows, cancellationToken);
        return rows;
    }
}
